/* Topics in memory.
 *
 *   broker -- topics -- partitions -- records, ascending offsets (gaps where compacted)
 *          -- groups -- members, owner and committed offset of every partition
 *
 * One mutex guards everything; records are copied in and out, so that nobody keeps a pointer into
 * the broker. A group's partitions are dealt out by number: partition p of every topic goes to
 * member p mod members, hence co-partitioned topics stay together. A partition changes hands only
 * after its old owner has let it go in its own poll().
 */
#include "worker/memory_log.h"
#include "engine/arena.h"
#include "engine/buffer.h"
#include "engine/hash.h"
#include "engine/memory.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#ifdef KLAMM_SMALL
#define POLL_MOST 3
#else
#define POLL_MOST 1000
#endif
#define KEEP      65536 /* newest records of a topic that is not compacted */

struct kept {
    int64_t offset, timestamp;
    uint32_t key_n, value_n, headers_n;
    bool has_key, has_value;
    uint32_t nheaders;
    char bytes[]; /* key, value, then per header: varint name length, name, varint n+1 (0 null),
                     value */
};

struct partition {
    struct kept **record;
    size_t n, cap;
    int64_t next;
    size_t compacted;        /* n after the last compaction */
    int64_t compacted_until; /* deletions before this offset may go with the next one */
};

struct topic {
    char *name;
    bool compact;
    int32_t npartitions;
    struct partition *partition;
};

struct claim { /* what a group knows of one partition */
    struct topic *topic;
    int32_t partition;
    struct memory_log *owner;
    int64_t committed;
    char *metadata;
};

struct group {
    char *name;
    int generation;
    int nmembers;
    struct memory_log **member;
    int nclaims;
    struct claim *claim;
};

struct memory_broker {
    pthread_mutex_t mutex;
    pthread_cond_t change;
    int32_t partitions;
    int ntopics, ngroups;
    struct topic **topic;
    struct group **group;
};

struct held { /* a partition that this handle reads */
    struct topic *topic;
    int32_t partition;
    int64_t position;
    bool paused;
};

struct pending { /* produced in the open transaction */
    struct topic *topic;
    int32_t partition;
    struct kept *record;
};

struct memory_log {
    struct log log;
    struct memory_broker *broker;
    struct log_config cfg;
    struct log_events ev;
    struct group *group;
    char **topics;
    int generation; /* last followed; -1: not complete */
    int nheld;
    struct held *held;
    int turn;
    struct arena out; /* records of the last poll */
    size_t npending, cap_pending;
    struct pending *pending;
    uint32_t spread; /* for records without key */
    uint32_t polls;
};

static struct memory_log *self(struct log *l)
{
    return (struct memory_log *)l;
}

static struct topic *topic_get(struct memory_broker *b, const char *name, int32_t partitions)
{
    for (int i = 0; i < b->ntopics; i++) {
        if (strcmp(b->topic[i]->name, name) == 0) {
            return b->topic[i];
        }
    }
    if (partitions == 0) {
        return NULL;
    }
    struct topic *t = mem_zalloc(sizeof *t);
    t->name = mem_strdup(name);
    t->npartitions = partitions;
    t->partition = mem_zalloc((size_t)partitions * sizeof *t->partition);
    b->topic = mem_resize(b->topic, (size_t)b->ntopics + 1, sizeof(void *));
    b->topic[b->ntopics++] = t;
    for (int i = 0; i < b->ngroups; i++) {
        b->group[i]->generation++;
    }
    return t;
}

static struct kept *kept_new(const struct record *r)
{
    struct buffer h;
    buffer_init(&h);
    for (size_t i = 0; i < r->nheaders; i++) {
        size_t n = strlen(r->headers[i].name);
        buffer_varint(&h, (int64_t)n);
        buffer_add(&h, r->headers[i].name, n + 1);
        buffer_varint(&h, r->headers[i].value ? (int64_t)r->headers[i].n + 1 : 0);
        buffer_add(&h, r->headers[i].value ? r->headers[i].value : "", r->headers[i].n);
    }
    struct kept *k = mem_alloc(sizeof *k + r->key_n + r->value_n + h.n);
    *k = (struct kept){.timestamp = r->timestamp,
                       .key_n = (uint32_t)r->key_n,
                       .value_n = (uint32_t)r->value_n,
                       .headers_n = (uint32_t)h.n,
                       .has_key = r->key != NULL,
                       .has_value = r->value != NULL,
                       .nheaders = (uint32_t)r->nheaders};
    if (r->key_n) {
        memcpy(k->bytes, r->key, r->key_n);
    }
    if (r->value_n) {
        memcpy(k->bytes + r->key_n, r->value, r->value_n);
    }
    if (h.n) {
        memcpy(k->bytes + r->key_n + r->value_n, h.data, h.n);
    }
    buffer_done(&h);
    return k;
}

static void kept_copy(struct record *r, const struct kept *k, const struct topic *t,
                      int32_t partition, struct arena *a)
{
    char *bytes = arena_alloc(a, (size_t)k->key_n + k->value_n + k->headers_n + 1);
    memcpy(bytes, k->bytes, (size_t)k->key_n + k->value_n + k->headers_n);
    *r = (struct record){.topic = t->name,
                         .partition = partition,
                         .offset = k->offset,
                         .timestamp = k->timestamp,
                         .key = k->has_key ? bytes : NULL,
                         .key_n = k->key_n,
                         .value = k->has_value ? bytes + k->key_n : NULL,
                         .value_n = k->value_n,
                         .nheaders = k->nheaders};
    struct header *h = arena_array(a, k->nheaders + 1U, sizeof *h);
    const uint8_t *p = (const uint8_t *)bytes + k->key_n + k->value_n, *end = p + k->headers_n;
    for (uint32_t i = 0; i < k->nheaders; i++) {
        int64_t n;
        p = varint_read(p, end, &n);
        h[i].name = (const char *)p;
        p = varint_read(p + n + 1, end, &n);
        h[i].value = n ? p : NULL;
        h[i].n = n ? (size_t)n - 1 : 0;
        p += h[i].n;
    }
    r->headers = h;
}

/* Of each key the last record stays; deletions stay until the next round. */
static void compact(struct partition *p)
{
    size_t cap = 16;
    while (cap < p->n * 2) {
        cap *= 2;
    }
    size_t *last = mem_zalloc(cap * sizeof *last), n = 0;
    for (size_t i = 0; i < p->n; i++) {
        const struct kept *k = p->record[i];
        if (!k->has_key) {
            continue;
        }
        size_t at = hash_stable(k->bytes, k->key_n, 0) & (cap - 1);
        for (; last[at]; at = (at + 1) & (cap - 1)) {
            const struct kept *other = p->record[last[at] - 1];
            if (other->key_n == k->key_n && memcmp(other->bytes, k->bytes, k->key_n) == 0) {
                break;
            }
        }
        if (last[at]) {
            mem_free(p->record[last[at] - 1]);
            p->record[last[at] - 1] = NULL;
        }
        last[at] = i + 1;
    }
    mem_free(last);
    for (size_t i = 0; i < p->n; i++) {
        struct kept *k = p->record[i];
        if (k && !k->has_value && k->offset < p->compacted_until) {
            mem_free(k);
        } else if (k) {
            p->record[n++] = k;
        }
    }
    p->n = p->compacted = n;
    p->compacted_until = p->next;
}

/* Old records that every group has passed go away. */
static void trim(const struct memory_broker *b, const struct topic *t, int32_t number)
{
    struct partition *p = &t->partition[number];
    int64_t least = p->next;
    for (int g = 0; g < b->ngroups; g++) {
        for (int c = 0; c < b->group[g]->nclaims; c++) {
            const struct claim *k = &b->group[g]->claim[c];
            if (k->topic == t && k->partition == number && k->committed < least) {
                least = k->committed;
            }
        }
    }
    size_t gone = 0;
    while (gone + KEEP < p->n && p->record[gone]->offset < least) {
        mem_free(p->record[gone++]);
    }
    p->n -= gone;
    memmove(p->record, p->record + gone, p->n * sizeof *p->record);
}

static void append(struct memory_broker *b, struct topic *t, int32_t number, struct kept *k)
{
    struct partition *p = &t->partition[number];
    if (p->n == p->cap) {
        p->cap = p->cap * 2 + 64;
        p->record = mem_resize(p->record, p->cap, sizeof *p->record);
    }
    k->offset = p->next++;
    p->record[p->n++] = k;
    if (t->compact && p->n > p->compacted * 2 + 10000) {
        compact(p);
    } else if (!t->compact && p->n > 2 * KEEP && p->n % KEEP == 0) {
        trim(b, t, number);
    }
}

static size_t find_offset(const struct partition *p, int64_t offset)
{
    size_t low = 0, high = p->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (p->record[mid]->offset < offset) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return low;
}

static struct claim *claim_of(struct group *g, const struct topic *t, int32_t partition)
{
    for (int i = 0; i < g->nclaims; i++) {
        if (g->claim[i].topic == t && g->claim[i].partition == partition) {
            return &g->claim[i];
        }
    }
    return NULL;
}

static void follow_topics(struct memory_log *l)
{
    for (int i = 0; l->topics[i]; i++) {
        struct topic *t = topic_get(l->broker, l->topics[i], 0);
        for (int32_t p = 0; t && p < t->npartitions; p++) {
            if (claim_of(l->group, t, p)) {
                continue;
            }
            struct group *g = l->group;
            g->claim = mem_resize(g->claim, (size_t)g->nclaims + 1, sizeof *g->claim);
            g->claim[g->nclaims++] = (struct claim){t, p, NULL, OFFSET_NONE, NULL};
        }
    }
}

static bool is_mine(const struct memory_log *l, const struct claim *c)
{
    bool subscribed = false;
    for (int i = 0; l->topics[i]; i++) {
        subscribed |= strcmp(l->topics[i], c->topic->name) == 0;
    }
    return subscribed && l->group->member[c->partition % l->group->nmembers] == l;
}

static void give_up(struct memory_log *l, bool all)
{
    struct log_position *gone = mem_array((size_t)l->nheld + 1, sizeof *gone);
    size_t n = 0;
    for (int i = 0; i < l->nheld; i++) {
        const struct claim *c = claim_of(l->group, l->held[i].topic, l->held[i].partition);
        if (c && (all || !is_mine(l, c))) {
            gone[n++] = (struct log_position){.topic = c->topic->name, .partition = c->partition};
        }
    }
    if (n == 0) {
        mem_free(gone);
        return;
    }
    pthread_mutex_unlock(&l->broker->mutex);
    l->ev.revoked(l->ev.ctx, gone, n, false);
    pthread_mutex_lock(&l->broker->mutex);
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < l->nheld; k++) {
            if (l->held[k].partition == gone[i].partition &&
                strcmp(l->held[k].topic->name, gone[i].topic) == 0) {
                struct claim *c = claim_of(l->group, l->held[k].topic, l->held[k].partition);
                if (c) {
                    c->owner = NULL;
                }
                l->held[k--] = l->held[--l->nheld];
            }
        }
    }
    mem_free(gone);
    pthread_cond_broadcast(&l->broker->change);
}

static void take_over(struct memory_log *l)
{
    struct log_position *got = mem_array((size_t)l->group->nclaims + 1, sizeof *got);
    size_t n = 0;
    for (int i = 0; i < l->group->nclaims; i++) {
        struct claim *c = &l->group->claim[i];
        if (!is_mine(l, c) || c->owner == l) {
            continue;
        }
        if (c->owner) {
            l->generation = -1; /* not let go yet: look again */
            continue;
        }
        c->owner = l;
        got[n++] = (struct log_position){c->topic->name, c->partition, c->committed, c->metadata};
    }
    if (n == 0) {
        mem_free(got);
        return;
    }
    pthread_mutex_unlock(&l->broker->mutex);
    l->ev.assigned(l->ev.ctx, got, n);
    pthread_mutex_lock(&l->broker->mutex);
    for (size_t i = 0; i < n; i++) {
        struct topic *t = topic_get(l->broker, got[i].topic, 0);
        if (!t) {
            continue;
        }
        int64_t begin = got[i].offset;
        if (begin == OFFSET_NONE) {
            begin = l->cfg.from_latest ? t->partition[got[i].partition].next : 0;
        }
        l->held = mem_resize(l->held, (size_t)l->nheld + 1, sizeof *l->held);
        l->held[l->nheld++] = (struct held){t, got[i].partition, begin, false};
    }
    mem_free(got);
}

static void follow_group(struct memory_log *l)
{
    while (l->group && l->generation != l->group->generation) {
        l->generation = l->group->generation;
        follow_topics(l);
        give_up(l, false);
        take_over(l);
        if (l->generation == -1) {
            return;
        }
    }
}

static size_t gather(struct memory_log *l, struct record *out)
{
    for (int k = 0; k < l->nheld; k++) {
        struct held *h = &l->held[(l->turn + k) % l->nheld];
        const struct partition *p = &h->topic->partition[h->partition];
        size_t n = 0;
        if (h->paused || h->position >= p->next) {
            continue;
        }
        for (size_t at = find_offset(p, h->position); at < p->n && n < POLL_MOST; at++) {
            kept_copy(&out[n++], p->record[at], h->topic, h->partition, &l->out);
        }
        h->position = n == POLL_MOST ? out[n - 1].offset + 1 : p->next;
        l->turn = (l->turn + k + 1) % l->nheld;
        return n;
    }
    return 0;
}

/* In the small preset every third poll has nothing yet. */
static bool is_reluctant(struct memory_log *l)
{
#ifdef KLAMM_SMALL
    return ++l->polls % 3 == 0;
#else
    l->polls++;
    return false;
#endif
}

static int memory_poll(struct log *log, int timeout_ms, const struct record **records, size_t *n,
                       struct err *e)
{
    struct memory_log *l = self(log);
    struct timespec until;
    (void)e;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + (int64_t)timeout_ms * 1000000;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    struct record *out = arena_array(&l->out, POLL_MOST, sizeof *out);
    pthread_mutex_lock(&l->broker->mutex);
    follow_group(l);
    *n = 0;
    while (!is_reluctant(l) && (*n = gather(l, out)) == 0) {
        if (pthread_cond_timedwait(&l->broker->change, &l->broker->mutex, &until) != 0) {
            break;
        }
        follow_group(l);
    }
    pthread_mutex_unlock(&l->broker->mutex);
    *records = out;
    return 0;
}

static void memory_release(struct log *log)
{
    arena_reset(&self(log)->out);
}

static struct held *held_of(struct memory_log *l, const char *topic, int32_t partition)
{
    for (int i = 0; i < l->nheld; i++) {
        if (l->held[i].partition == partition && strcmp(l->held[i].topic->name, topic) == 0) {
            return &l->held[i];
        }
    }
    return NULL;
}

static int memory_pause(struct log *log, const char *topic, int32_t partition)
{
    struct held *h = held_of(self(log), topic, partition);
    if (h) {
        h->paused = true;
    }
    return h ? 0 : -ERR_FATAL;
}

static int memory_resume(struct log *log, const char *topic, int32_t partition)
{
    struct held *h = held_of(self(log), topic, partition);
    if (h) {
        h->paused = false;
    }
    return h ? 0 : -ERR_FATAL;
}

static int memory_seek(struct log *log, const char *topic, int32_t partition, int64_t offset,
                       struct err *e)
{
    struct held *h = held_of(self(log), topic, partition);
    if (!h) {
        return err_set(e, ERR_FATAL, "%s partition %d is not ours", topic, partition);
    }
    h->position = offset;
    return 0;
}

static int memory_position(struct log *log, const char *topic, int32_t partition, int64_t *offset)
{
    const struct held *h = held_of(self(log), topic, partition);
    *offset = h ? h->position : OFFSET_NONE;
    return h ? 0 : -ERR_FATAL;
}

static int memory_begin(struct log *log, struct err *e)
{
    (void)log;
    (void)e;
    return 0;
}

static int memory_produce(struct log *log, const struct record *r, size_t n, struct err *e)
{
    struct memory_log *l = self(log);
    struct memory_broker *b = l->broker;
    int result = 0;
    pthread_mutex_lock(&b->mutex);
    for (size_t i = 0; i < n && result == 0; i++) {
        struct topic *t = topic_get(b, r[i].topic, b->partitions);
        int32_t p = r[i].partition;
        if (p < 0) {
            uint32_t h = r[i].key ? hash_murmur2(r[i].key, r[i].key_n) & 0x7fffffff : l->spread++;
            p = (int32_t)(h % (uint32_t)t->npartitions);
        }
        if (p >= t->npartitions) {
            result = err_set(e, ERR_FATAL, "topic %s has no partition %d", r[i].topic, p);
        } else if (l->cfg.transactional) {
            if (l->npending == l->cap_pending) {
                l->cap_pending = l->cap_pending * 2 + 256;
                l->pending = mem_resize(l->pending, l->cap_pending, sizeof *l->pending);
            }
            l->pending[l->npending++] = (struct pending){t, p, kept_new(&r[i])};
        } else {
            append(b, t, p, kept_new(&r[i]));
        }
    }
    pthread_cond_broadcast(&b->change);
    pthread_mutex_unlock(&b->mutex);
    return result;
}

static int memory_commit(struct log *log, const struct log_position *p, size_t n, struct err *e)
{
    struct memory_log *l = self(log);
    struct memory_broker *b = l->broker;
    int result = 0;
    pthread_mutex_lock(&b->mutex);
    for (size_t i = 0; i < n && result == 0; i++) {
        struct topic *t = topic_get(b, p[i].topic, 0);
        struct claim *c = l->group && t ? claim_of(l->group, t, p[i].partition) : NULL;
        if (!c || c->owner != l) {
            result = err_set(e, ERR_FATAL, "%s partition %d is owned by another member now",
                             p[i].topic, p[i].partition);
        }
    }
    for (size_t i = 0; i < n && result == 0; i++) {
        struct claim *c = claim_of(l->group, topic_get(b, p[i].topic, 0), p[i].partition);
        if (c) {
            c->committed = p[i].offset;
            mem_free(c->metadata);
            c->metadata = p[i].metadata ? mem_strdup(p[i].metadata) : NULL;
        }
    }
    for (size_t i = 0; i < l->npending; i++) {
        if (result == 0) {
            append(b, l->pending[i].topic, l->pending[i].partition, l->pending[i].record);
        } else {
            mem_free(l->pending[i].record);
        }
    }
    l->npending = 0;
    pthread_cond_broadcast(&b->change);
    pthread_mutex_unlock(&b->mutex);
    return result;
}

static int memory_abort(struct log *log, struct err *e)
{
    struct memory_log *l = self(log);
    (void)e;
    for (size_t i = 0; i < l->npending; i++) {
        mem_free(l->pending[i].record);
    }
    l->npending = 0;
    return 0;
}

static int memory_partitions(struct log *log, const char *topic, int32_t *count, int timeout_ms,
                             struct err *e)
{
    struct memory_broker *b = self(log)->broker;
    (void)timeout_ms;
    (void)e;
    pthread_mutex_lock(&b->mutex);
    const struct topic *t = topic_get(b, topic, 0);
    *count = t ? t->npartitions : 0;
    pthread_mutex_unlock(&b->mutex);
    return 0;
}

static int memory_bounds(struct log *log, const char *topic, int32_t partition, int64_t *begin,
                         int64_t *end, int timeout_ms, struct err *e)
{
    struct memory_broker *b = self(log)->broker;
    int result = 0;
    (void)timeout_ms;
    pthread_mutex_lock(&b->mutex);
    const struct topic *t = topic_get(b, topic, 0);
    if (!t || partition < 0 || partition >= t->npartitions) {
        result = err_set(e, ERR_RETRY, "there is no partition %d of topic %s", partition, topic);
    } else {
        const struct partition *p = &t->partition[partition];
        *begin = p->n ? p->record[0]->offset : p->next;
        *end = p->next;
    }
    pthread_mutex_unlock(&b->mutex);
    return result;
}

/* Transactions are appended when they commit: nothing is undecided. */
static int memory_written(struct log *log, const char *topic, int32_t partition, int64_t *end,
                          int timeout_ms, struct err *e)
{
    int64_t begin;
    return memory_bounds(log, topic, partition, &begin, end, timeout_ms, e);
}

static int memory_create_topic(struct log *log, const char *topic, int32_t partitions,
                               int16_t replication, bool is_compact, const char *const *config,
                               int timeout_ms, struct err *e)
{
    struct memory_broker *b = self(log)->broker;
    (void)replication;
    (void)config;
    (void)timeout_ms;
    (void)e;
    pthread_mutex_lock(&b->mutex);
    struct topic *t = topic_get(b, topic, partitions > 0 ? partitions : b->partitions);
    if (t) {
        t->compact |= is_compact;
    }
    pthread_mutex_unlock(&b->mutex);
    return 0;
}

static int memory_read_all(struct log *log, const char *topic, int32_t partition, int64_t from,
                           int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                           struct err *e)
{
    struct memory_broker *b = self(log)->broker;
    struct arena copy;
    int result = 0;
    (void)e;
    arena_init(&copy);
    pthread_mutex_lock(&b->mutex);
    const struct topic *t = topic_get(b, topic, 0);
    size_t n = 0;
    struct record *r = NULL;
    if (t && partition >= 0 && partition < t->npartitions) {
        const struct partition *p = &t->partition[partition];
        size_t at = find_offset(p, from);
        r = arena_array(&copy, p->n - at + 1, sizeof *r);
        for (; at < p->n; at++) {
            kept_copy(&r[n++], p->record[at], t, partition, &copy);
        }
        *next = p->next;
    } else {
        *next = from;
    }
    pthread_mutex_unlock(&b->mutex);
    for (size_t i = 0; i < n && result == 0; i++) {
        result = each(ctx, &r[i]);
    }
    arena_done(&copy);
    return result;
}

static int memory_committed(struct log *log, struct log_position *p, size_t n, int timeout_ms,
                            struct err *e)
{
    struct memory_log *l = self(log);
    (void)timeout_ms;
    (void)e;
    pthread_mutex_lock(&l->broker->mutex);
    for (size_t i = 0; i < n; i++) {
        struct topic *t = topic_get(l->broker, p[i].topic, 0);
        const struct claim *c = l->group && t ? claim_of(l->group, t, p[i].partition) : NULL;
        p[i].offset = c ? c->committed : OFFSET_NONE;
        p[i].metadata = c ? c->metadata : NULL;
    }
    pthread_mutex_unlock(&l->broker->mutex);
    return 0;
}

static void leave(struct memory_log *l)
{
    struct group *g = l->group;
    give_up(l, true);
    for (int i = 0; i < g->nmembers; i++) {
        if (g->member[i] == l) {
            memmove(&g->member[i], &g->member[i + 1],
                    (size_t)(g->nmembers - i - 1) * sizeof(void *));
            g->nmembers--;
            break;
        }
    }
    g->generation++;
    pthread_cond_broadcast(&l->broker->change);
}

static void memory_close(struct log *log, bool is_leaving)
{
    struct memory_log *l = self(log);
    (void)is_leaving;
    pthread_mutex_lock(&l->broker->mutex);
    if (l->topics) {
        leave(l);
    }
    pthread_mutex_unlock(&l->broker->mutex);
    memory_abort(log, NULL);
    for (int i = 0; l->topics && l->topics[i]; i++) {
        mem_free(l->topics[i]);
    }
    mem_free(l->topics);
    mem_free(l->held);
    mem_free(l->pending);
    arena_done(&l->out);
    mem_free(l);
}

static const struct log_ops memory_ops = {
    .poll = memory_poll,
    .release = memory_release,
    .pause = memory_pause,
    .resume = memory_resume,
    .seek = memory_seek,
    .position = memory_position,
    .begin = memory_begin,
    .produce = memory_produce,
    .commit = memory_commit,
    .abort = memory_abort,
    .partitions = memory_partitions,
    .bounds = memory_bounds,
    .written = memory_written,
    .create_topic = memory_create_topic,
    .read_all = memory_read_all,
    .committed = memory_committed,
    .close = memory_close,
};

static struct group *group_get(struct memory_broker *b, const char *name)
{
    for (int i = 0; i < b->ngroups; i++) {
        if (strcmp(b->group[i]->name, name) == 0) {
            return b->group[i];
        }
    }
    struct group *g = mem_zalloc(sizeof *g);
    g->name = mem_strdup(name);
    b->group = mem_resize(b->group, (size_t)b->ngroups + 1, sizeof(void *));
    b->group[b->ngroups++] = g;
    return g;
}

int memory_log_open(struct log **out, struct memory_broker *b, const struct log_config *cfg,
                    const struct log_events *ev, struct err *e)
{
    struct memory_log *l = mem_zalloc(sizeof *l);
    (void)e;
    l->log.ops = &memory_ops;
    l->broker = b;
    l->cfg = *cfg;
    l->generation = -1;
    if (ev) {
        l->ev = *ev;
    }
    arena_init(&l->out);
    pthread_mutex_lock(&b->mutex);
    if (cfg->group) {
        l->group = group_get(b, cfg->group);
    }
    if (cfg->topics) {
        int n = 0;
        while (cfg->topics[n]) {
            n++;
        }
        l->topics = mem_zalloc(((size_t)n + 1) * sizeof(char *));
        for (int i = 0; i < n; i++) {
            l->topics[i] = mem_strdup(cfg->topics[i]);
        }
        struct group *g = l->group;
        g->member = mem_resize(g->member, (size_t)g->nmembers + 1, sizeof(void *));
        g->member[g->nmembers++] = l;
        g->generation++;
        pthread_cond_broadcast(&b->change);
    }
    pthread_mutex_unlock(&b->mutex);
    *out = &l->log;
    return 0;
}

struct memory_broker *memory_broker_new(int32_t partitions)
{
    struct memory_broker *b = mem_zalloc(sizeof *b);
    pthread_mutex_init(&b->mutex, NULL);
    pthread_cond_init(&b->change, NULL);
    b->partitions = partitions;
    return b;
}

void memory_broker_free(struct memory_broker *b)
{
    for (int i = 0; i < b->ntopics; i++) {
        struct topic *t = b->topic[i];
        for (int32_t p = 0; p < t->npartitions; p++) {
            for (size_t k = 0; k < t->partition[p].n; k++) {
                mem_free(t->partition[p].record[k]);
            }
            mem_free(t->partition[p].record);
        }
        mem_free(t->partition);
        mem_free(t->name);
        mem_free(t);
    }
    for (int i = 0; i < b->ngroups; i++) {
        for (int c = 0; c < b->group[i]->nclaims; c++) {
            mem_free(b->group[i]->claim[c].metadata);
        }
        mem_free(b->group[i]->claim);
        mem_free(b->group[i]->member);
        mem_free(b->group[i]->name);
        mem_free(b->group[i]);
    }
    mem_free(b->topic);
    mem_free(b->group);
    pthread_cond_destroy(&b->change);
    pthread_mutex_destroy(&b->mutex);
    mem_free(b);
}
