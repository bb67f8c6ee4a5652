/* Commit probe: the smallest stream processor with state, over kafka_log, for
 * tests/kafka/test_commit.
 *
 *   commit_probe create PREFIX        creates PREFIX-in, PREFIX-out (4 partitions),
 *                                     PREFIX-changelog
 *   commit_probe feed PREFIX N RATE   writes N records at RATE a second: key kNNN, value a number
 *   commit_probe work PREFIX ID       counts per key, until SIGTERM
 *   commit_probe wait PREFIX SECONDS  until the group has committed all of PREFIX-in
 *   commit_probe check PREFIX         every input counted once, in order; says what it found
 *
 * work: one record in gives one out, "key count number", and dirties one count; every 50 ms
 * outputs, the dirty counts (changelog) and the offsets commit in one transaction. A partition's
 * counts are restored from the changelog when it is assigned, and must add up to the number in the
 * metadata of the committed offset: offsets and state that do not belong together end the process
 * with status 9. KLAMM_PROBE_STATIC makes ID a static member. Brokers are taken from $KAFKA.
 *
 *   -ERR_ABORT   abort, forget all counts, restore, seek to the committed offsets
 *   -ERR_FATAL   exit 3: the next process of this id goes on
 *   lost         forget the partition's counts and what the transaction holds
 */
#include "engine/clock.h"
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/kafka_log.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define KEYS       200
#define PARTITIONS 4
#define COMMIT_NS  (50 * 1000000LL)
#define ASK_MS     30000
#define OUT_MOST   1000

struct task {
    bool owned, restored;
    bool suspect;      /* state and offsets did not agree: nothing of it may commit */
    int64_t next;      /* input offset behind the last record counted */
    int64_t committed; /* as assigned */
    int64_t expected;  /* records counted up to there, by the metadata; -1: none */
    int64_t count[KEYS];
    bool dirty[KEYS];
    int64_t read, first, last; /* of the last restore: records, offsets */
};

struct probe {
    struct log *log;
    char in[128], out[128], changelog[128];
    struct task task[PARTITIONS];
    bool reset; /* a transaction failed: begin again from what is committed */
    bool open;  /* something is to be committed */
    int64_t last_commit_ns;
    unsigned long commits, aborts, assigned, revoked, lost;
};

static volatile sig_atomic_t stopping;

static void on_signal(int signal_number)
{
    (void)signal_number;
    stopping = 1;
}

static void die(int status, const struct err *e, const char *what)
{
    fprintf(stderr, "commit_probe: %s: %s\n", what, e != NULL ? e->text : "");
    exit(status);
}

static int key_of(const struct record *r)
{
    char text[16] = "";
    if (r->key_n < 2 || r->key_n >= sizeof text) {
        die(9, NULL, "strange key");
    }
    memcpy(text, r->key, r->key_n);
    int key = atoi(text + 1);
    if (key < 0 || key >= KEYS) {
        die(9, NULL, "strange key");
    }
    return key;
}

static int64_t number_of(const struct record *r)
{
    char text[32] = "";
    if (r->value == NULL || r->value_n >= sizeof text) {
        die(9, NULL, "strange value");
    }
    memcpy(text, r->value, r->value_n);
    return atoll(text);
}

/* ---- work ---- */

static int restore_one(void *ctx, const struct record *r)
{
    struct task *t = ctx;
    t->count[key_of(r)] = number_of(r);
    t->first = t->read++ == 0 ? r->offset : t->first;
    t->last = r->offset;
    return 0;
}

static void restore(struct probe *p, int32_t partition)
{
    struct task *t = &p->task[partition];
    struct err e = {0};
    int64_t next, sum = 0;
    memset(t->count, 0, sizeof t->count);
    memset(t->dirty, 0, sizeof t->dirty);
    t->read = t->first = t->last = 0;
    if (p->log->ops->read_all(p->log, p->changelog, partition, 0, restore_one, t, &next, &e) < 0) {
        die(3, &e, "restore");
    }
    for (int k = 0; k < KEYS; k++) {
        sum += t->count[k];
    }
    t->suspect = sum != (t->expected < 0 ? 0 : t->expected);
    if (t->suspect) {
        fprintf(stderr,
                "commit_probe: partition %d: state has %" PRId64 ", offsets %" PRId64 " at %" PRId64
                "; restored %" PRId64 " records, %" PRId64 " to %" PRId64 ", next %" PRId64 "\n",
                partition, sum, t->expected, t->committed, t->read, t->first, t->last, next);
    }
    t->next = t->committed;
    t->restored = true;
}

static void take_position(struct task *t, const struct log_position *at)
{
    t->committed = at->offset;
    t->expected = at->metadata != NULL ? atoll(at->metadata) : -1;
}

static void on_assigned(void *ctx, struct log_position *at, size_t n)
{
    struct probe *p = ctx;
    for (size_t i = 0; i < n; i++) {
        struct task *t = &p->task[at[i].partition];
        t->owned = true;
        t->restored = false;
        take_position(t, &at[i]);
        p->assigned++;
    }
}

/* Changelog and offsets of all partitions that are ours. */
static void commit(struct probe *p)
{
    const struct log_ops *ops = p->log->ops;
    struct log_position at[PARTITIONS];
    char metadata[PARTITIONS][32], key[KEYS][8], value[KEYS][24];
    struct err e = {0};
    size_t n = 0;
    int rc = 0;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        struct task *t = &p->task[i];
        if (!t->owned || !t->restored) {
            continue;
        }
        struct record dirty[KEYS];
        size_t ndirty = 0;
        int64_t sum = 0;
        for (int k = 0; k < KEYS; k++) {
            sum += t->count[k];
            if (t->dirty[k]) {
                dirty[ndirty++] = (struct record){
                    .topic = p->changelog,
                    .partition = i,
                    .timestamp = -1,
                    .key = key[k],
                    .key_n = (size_t)snprintf(key[k], sizeof key[k], "k%03d", k),
                    .value = value[k],
                    .value_n = (size_t)snprintf(value[k], sizeof value[k], "%" PRId64, t->count[k]),
                };
            }
        }
        rc = rc < 0 ? rc : ops->produce(p->log, dirty, ndirty, &e);
        snprintf(metadata[n], sizeof metadata[n], "%" PRId64, sum);
        at[n++] = (struct log_position){p->in, i, t->next, metadata[n]};
    }
    for (size_t i = 0; i < n; i++) {
        at[i].metadata = metadata[i];
    }
    rc = rc < 0 ? rc : ops->commit(p->log, at, n, &e);
    if (rc == -ERR_ABORT) {
        fprintf(stderr, "commit_probe: %s\n", e.text);
        p->reset = true;
    } else if (rc < 0) {
        die(3, &e, "commit");
    } else {
        p->commits++;
        for (int32_t i = 0; i < PARTITIONS; i++) {
            if (p->task[i].owned && p->task[i].restored && p->task[i].suspect) {
                die(9, NULL, "state that does not agree with the offsets was committed");
            }
            memset(p->task[i].dirty, 0, sizeof p->task[i].dirty);
        }
    }
    p->open = false;
    p->last_commit_ns = clock_monotonic_ns();
}

static void on_revoked(void *ctx, const struct log_position *at, size_t n, bool lost)
{
    struct probe *p = ctx;
    if (lost) {
        p->reset = true;
        p->lost += n;
    } else if (p->open && !p->reset) {
        commit(p);
    }
    p->revoked += n;
    for (size_t i = 0; i < n; i++) {
        p->task[at[i].partition].owned = false;
    }
}

/* The transaction is dropped; every partition that is still ours begins again where it committed.
 */
static void reset(struct probe *p)
{
    struct err e = {0};
    p->reset = false;
    p->open = false;
    p->aborts++;
    if (p->log->ops->abort(p->log, &e) < 0) {
        die(3, &e, "abort");
    }
    for (int32_t i = 0; i < PARTITIONS; i++) {
        struct task *t = &p->task[i];
        if (!t->owned) {
            continue;
        }
        struct log_position at = {.topic = p->in, .partition = i};
        if (p->log->ops->committed(p->log, &at, 1, ASK_MS, &e) < 0 ||
            p->log->ops->seek(p->log, p->in, i, at.offset, &e) < 0) {
            die(3, &e, "reset");
        }
        take_position(t, &at);
        restore(p, i);
    }
}

static void count(struct probe *p, const struct record *records, size_t n)
{
    static struct record out[OUT_MOST];
    static char value[OUT_MOST][64];
    struct err e = {0};
    for (size_t from = 0; from < n; from += OUT_MOST) {
        size_t nout = 0;
        for (size_t i = from; i < n && nout < OUT_MOST; i++) {
            const struct record *r = &records[i];
            struct task *t = &p->task[r->partition];
            int k = key_of(r);
            t->count[k]++;
            t->dirty[k] = true;
            t->next = r->offset + 1;
            out[nout] = (struct record){
                .topic = p->out,
                .partition = -1,
                .timestamp = r->timestamp,
                .key = r->key,
                .key_n = r->key_n,
                .value = value[nout],
                .value_n = (size_t)snprintf(value[nout], sizeof value[nout], "%" PRId64 " %" PRId64,
                                            t->count[k], number_of(r)),
            };
            nout++;
        }
        int rc = p->log->ops->produce(p->log, out, nout, &e);
        if (rc == -ERR_ABORT) {
            p->reset = true;
            return;
        }
        if (rc < 0) {
            die(3, &e, "produce");
        }
    }
    p->open = true;
}

static void step(struct probe *p)
{
    const struct record *records;
    size_t n;
    struct err e = {0};
    int rc = p->log->ops->poll(p->log, 20, &records, &n, &e);
    if (rc < 0) {
        die(3, &e, "poll");
    }
    for (int32_t i = 0; i < PARTITIONS && !p->reset; i++) {
        if (p->task[i].owned && !p->task[i].restored) {
            restore(p, i);
        }
    }
    if (n > 0 && !p->reset) {
        count(p, records, n);
    }
    p->log->ops->release(p->log);
    if (!p->reset && p->open && clock_monotonic_ns() > p->last_commit_ns + COMMIT_NS) {
        commit(p);
    }
    if (p->reset) {
        reset(p);
    }
}

static int open_log(struct probe *p, const char *prefix, const char *group, const char *id)
{
    const char *property[] = {
        "bootstrap.servers", getenv("KAFKA"), "session.timeout.ms", "3000", NULL,
    };
    const char *topics[] = {p->in, NULL};
    struct log_config cfg = {
        .group = group,
        .transactional = id,
        .instance = id != NULL && getenv("KLAMM_PROBE_STATIC") != NULL ? id : NULL,
        .topics = id != NULL ? topics : NULL,
        .property = property,
    };
    struct log_events ev = {.ctx = p, .assigned = on_assigned, .revoked = on_revoked};
    struct err e = {0};
    if (property[1] == NULL) {
        die(2, NULL, "KAFKA is not set");
    }
    snprintf(p->in, sizeof p->in, "%s-in", prefix);
    snprintf(p->out, sizeof p->out, "%s-out", prefix);
    snprintf(p->changelog, sizeof p->changelog, "%s-changelog", prefix);
    if (kafka_log_open(&p->log, &cfg, &ev, &e) < 0) {
        die(3, &e, "open");
    }
    return 0;
}

static int work(struct probe *p)
{
    while (!stopping) {
        step(p);
    }
    if (p->open) {
        commit(p);
    }
    p->log->ops->close(p->log, true);
    fprintf(stderr, "commit_probe: %lu commits, %lu aborts, %lu assigned, %lu revoked (%lu lost)\n",
            p->commits, p->aborts, p->assigned, p->revoked, p->lost);
    return 0;
}

/* ---- around it ---- */

static int create(struct probe *p)
{
    struct err e = {0};
    const struct log_ops *ops = p->log->ops;
    if (ops->create_topic(p->log, p->in, PARTITIONS, -1, false, NULL, ASK_MS, &e) < 0 ||
        ops->create_topic(p->log, p->out, PARTITIONS, -1, false, NULL, ASK_MS, &e) < 0 ||
        ops->create_topic(p->log, p->changelog, PARTITIONS, -1, true, NULL, ASK_MS, &e) < 0) {
        die(1, &e, "create");
    }
    return 0;
}

static int feed(struct probe *p, int64_t n, int64_t rate)
{
    struct err e = {0};
    int64_t begin = clock_monotonic_ns();
    for (int64_t i = 0; i < n; i++) {
        char key[8], value[24];
        struct record r = {
            .topic = p->in,
            .partition = -1,
            .timestamp = 1700000000000 + i,
            .key = key,
            .key_n = (size_t)snprintf(key, sizeof key, "k%03d", (int)((i * 7919) % KEYS)),
            .value = value,
            .value_n = (size_t)snprintf(value, sizeof value, "%" PRId64, i),
        };
        if (p->log->ops->produce(p->log, &r, 1, &e) < 0) {
            die(1, &e, "feed");
        }
        while (clock_monotonic_ns() < begin + i * 1000000000LL / rate) {
            nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
        }
    }
    return p->log->ops->commit(p->log, NULL, 0, &e) < 0 ? (die(1, &e, "feed"), 1) : 0;
}

static int wait_for_group(struct probe *p, int seconds)
{
    struct err e = {0};
    for (int i = 0; i < seconds * 5; i++) {
        int64_t behind = 0;
        for (int32_t k = 0; k < PARTITIONS; k++) {
            struct log_position at = {.topic = p->in, .partition = k};
            int64_t begin, end;
            if (p->log->ops->committed(p->log, &at, 1, ASK_MS, &e) < 0 ||
                p->log->ops->bounds(p->log, p->in, k, &begin, &end, ASK_MS, &e) < 0) {
                die(1, &e, "wait");
            }
            behind += end - (at.offset < 0 ? begin : at.offset);
        }
        if (behind == 0) {
            return 0;
        }
        nanosleep(&(struct timespec){.tv_nsec = 200 * 1000000}, NULL);
    }
    fprintf(stderr, "commit_probe: the group does not come to the end\n");
    return 1;
}

struct audit {
    int64_t in[KEYS], out[KEYS], last[KEYS], state[KEYS];
    int64_t records, wrong;
    signed char *seen; /* by number */
    int64_t nseen;
};

static int audit_in(void *ctx, const struct record *r)
{
    struct audit *a = ctx;
    int64_t number = number_of(r);
    a->in[key_of(r)]++;
    a->records++;
    if (number >= a->nseen) {
        a->seen = mem_resize(a->seen, (size_t)number * 2 + 1024, 1);
        memset(a->seen + a->nseen, 0, (size_t)(number * 2 + 1024 - a->nseen));
        a->nseen = number * 2 + 1024;
    }
    return 0;
}

static int audit_out(void *ctx, const struct record *r)
{
    struct audit *a = ctx;
    char text[64] = "", *end;
    int k = key_of(r);
    memcpy(text, r->value, r->value_n < sizeof text ? r->value_n : sizeof text - 1);
    int64_t n = strtoll(text, &end, 10), number = strtoll(end, NULL, 10);
    if (n != a->last[k] + 1 || number < 0 || number >= a->nseen || a->seen[number]++ != 0) {
        if (a->wrong++ < 10) {
            fprintf(stderr, "commit_probe: k%03d: after %" PRId64 " came \"%s\"\n", k, a->last[k],
                    text);
        }
    }
    a->last[k] = n;
    a->out[k]++;
    return 0;
}

static int audit_state(void *ctx, const struct record *r)
{
    ((struct audit *)ctx)->state[key_of(r)] = number_of(r);
    return 0;
}

static int check(struct probe *p)
{
    static struct audit a;
    struct err e = {0};
    int64_t next;
    const struct log_ops *ops = p->log->ops;
    for (int32_t i = 0; i < PARTITIONS; i++) {
        if (ops->read_all(p->log, p->in, i, 0, audit_in, &a, &next, &e) < 0) {
            die(1, &e, "check");
        }
    }
    for (int32_t i = 0; i < PARTITIONS; i++) {
        if (ops->read_all(p->log, p->out, i, 0, audit_out, &a, &next, &e) < 0 ||
            ops->read_all(p->log, p->changelog, i, 0, audit_state, &a, &next, &e) < 0) {
            die(1, &e, "check");
        }
    }
    int64_t outputs = 0;
    for (int k = 0; k < KEYS; k++) {
        outputs += a.out[k];
        if (a.in[k] != a.out[k] || a.in[k] != a.state[k]) {
            fprintf(stderr,
                    "commit_probe: k%03d: %" PRId64 " in, %" PRId64 " out, state %" PRId64 "\n", k,
                    a.in[k], a.out[k], a.state[k]);
            a.wrong++;
        }
    }
    printf("%" PRId64 " records in, %" PRId64 " out, %" PRId64 " wrong\n", a.records, outputs,
           a.wrong);
    mem_free(a.seen);
    return a.wrong == 0 && a.records > 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct probe p;
    const char *command = argc > 2 ? argv[1] : "";
    char group[160], id[160];
    snprintf(group, sizeof group, "%s-group", argc > 2 ? argv[2] : "");
    snprintf(id, sizeof id, "%s-%s", argc > 2 ? argv[2] : "", argc > 3 ? argv[3] : "");
    int rc = 2;
    if (strcmp(command, "work") == 0 && argc == 4) {
        signal(SIGTERM, on_signal);
        signal(SIGINT, on_signal);
        open_log(&p, argv[2], group, id);
        return work(&p);
    }
    if (argc > 2) {
        open_log(&p, argv[2], group, NULL);
    }
    if (strcmp(command, "create") == 0) {
        rc = create(&p);
    } else if (strcmp(command, "feed") == 0 && argc == 5) {
        rc = feed(&p, atoll(argv[3]), atoll(argv[4]));
    } else if (strcmp(command, "wait") == 0 && argc == 4) {
        rc = wait_for_group(&p, atoi(argv[3]));
    } else if (strcmp(command, "check") == 0) {
        rc = check(&p);
    } else {
        fprintf(stderr, "commit_probe create|feed|work|wait|check PREFIX ...\n");
    }
    if (p.log != NULL) {
        p.log->ops->close(p.log, true);
    }
    return rc;
}
