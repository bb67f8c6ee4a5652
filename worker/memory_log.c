/* Topics in memory.
 *
 *   broker -- topics -- partitions -- records, ascending offsets (gaps where compacted, or aborted)
 *          -- groups -- members, owner and committed offset of every partition
 *
 * One mutex guards everything; records are copied in and out, so that nobody keeps a pointer into
 * the broker. A group's partitions are dealt out by number: partition p of every topic goes to
 * member p mod members, hence co-partitioned topics stay together. A partition changes hands only
 * after its old owner has let it go in its own poll().
 */
#include "engine/clock.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "worker/memory_log_impl.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#ifdef KLAMM_SMALL
#define POLL_MOST 3
#define PIECE     2
#else
#define POLL_MOST 1000
#define PIECE     1000 /* records that a reader copies at once */
#endif
#define UNDECIDED_MS 120000

static struct memory_log *self(struct log *l)
{
    return (struct memory_log *)l;
}

static size_t gather(struct memory_log *l, struct record *out)
{
    for (int k = 0; k < l->nheld; k++) {
        struct held *h = &l->held[(l->turn + k) % l->nheld];
        const struct partition *p = &h->topic->partition[h->partition];
        size_t n = 0;
        if (h->paused || h->position >= p->stable) {
            continue;
        }
        size_t end = memory_find(p, p->stable);
        for (size_t at = memory_find(p, h->position); at < end && n < POLL_MOST; at++) {
            memory_kept_copy(&out[n++], p->record[at], h->topic, h->partition, &l->out);
        }
        h->position = n == POLL_MOST ? out[n - 1].offset + 1 : p->stable;
        if (n == 0) {
            continue; /* markers, or what was aborted */
        }
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

static struct timespec deadline(int timeout_ms)
{
    int64_t end = clock_monotonic_ns() + timeout_ms * INT64_C(1000000);
    return (struct timespec){end / 1000000000, end % 1000000000};
}

static int memory_poll(struct log *log, int timeout_ms, const struct record **records, size_t *n,
                       struct err *e)
{
    struct memory_log *l = self(log);
    struct timespec until = deadline(timeout_ms);
    (void)e;
    struct record *out = arena_array(&l->out, POLL_MOST, sizeof *out);
    pthread_mutex_lock(&l->broker->mutex);
    memory_follow_group(l);
    *n = 0;
    while (!is_reluctant(l) && (*n = gather(l, out)) == 0) {
        if (timeout_ms <= 0 ||
            pthread_cond_timedwait(&l->broker->change, &l->broker->mutex, &until) != 0) {
            break;
        }
        memory_follow_group(l);
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

static int memory_has_more(struct log *log, const char *topic, int32_t partition)
{
    struct memory_log *l = self(log);
    pthread_mutex_lock(&l->broker->mutex);
    const struct held *h = held_of(l, topic, partition);
    bool has_more = h && h->position < h->topic->partition[partition].next;
    pthread_mutex_unlock(&l->broker->mutex);
    return has_more;
}

static int memory_follow(struct log *log, const char *topic, int32_t partition, int64_t from,
                         struct err *e)
{
    struct memory_log *l = self(log);
    pthread_mutex_lock(&l->broker->mutex);
    struct topic *t = memory_topic(l->broker, topic, 0);
    int result =
        t && partition >= 0 && partition < t->npartitions
            ? 0
            : err_set(e, ERR_RETRY, "there is no partition %d of topic %s", partition, topic);
    if (result == 0) {
        l->held = mem_resize(l->held, (size_t)l->nheld + 1, sizeof *l->held);
        l->held[l->nheld++] = (struct held){t, partition, from, false};
    }
    pthread_mutex_unlock(&l->broker->mutex);
    return result;
}

static void memory_unfollow(struct log *log, const char *topic, int32_t partition)
{
    struct memory_log *l = self(log);
    struct held *h = held_of(l, topic, partition);
    if (h) {
        *h = l->held[--l->nheld];
    }
}

static int memory_members(struct log *log, void (*each)(void *ctx, const struct log_member *m),
                          void *ctx, int timeout_ms, struct err *e)
{
    struct memory_log *l = self(log);
    (void)timeout_ms;
    (void)e;
    pthread_mutex_lock(&l->broker->mutex);
    const struct group *g = l->group;
    for (int i = 0; g && i < g->nmembers; i++) {
        struct log_position *owned = mem_array((size_t)g->nclaims + 1, sizeof *owned);
        struct log_member m = {.instance = g->member[i]->cfg.instance, .owned = owned};
        for (int k = 0; k < g->nclaims; k++) {
            if (g->claim[k].owner == g->member[i]) {
                owned[m.n++] = (struct log_position){.topic = g->claim[k].topic->name,
                                                     .partition = g->claim[k].partition};
            }
        }
        each(ctx, &m);
        mem_free(owned);
    }
    pthread_mutex_unlock(&l->broker->mutex);
    return 0;
}

/* The mutex is held. */
static int check_epoch(const struct memory_log *l, struct err *e)
{
    return !l->producer || l->epoch == l->producer->epoch
               ? 0
               : err_set(e, ERR_FATAL, "fenced: another producer has the transactional id %s",
                         l->producer->id);
}

/* What the last transaction still has to write is waited for. */
static int memory_begin(struct log *log, struct err *e)
{
    struct memory_log *l = self(log);
    pthread_mutex_lock(&l->broker->mutex);
    int result = check_epoch(l, e);
    if (result == 0 && l->producer) {
        memory_finish(l->producer);
    }
    pthread_mutex_unlock(&l->broker->mutex);
    return result;
}

static int memory_produce(struct log *log, const struct record *r, size_t n, struct err *e)
{
    struct memory_log *l = self(log);
    struct memory_broker *b = l->broker;
    pthread_mutex_lock(&b->mutex);
    int result = check_epoch(l, e);
    if (result == 0 && l->producer) {
        memory_finish(l->producer);
    }
    for (size_t i = 0; i < n && result == 0; i++) {
        struct topic *t = memory_topic(b, r[i].topic, b->partitions);
        int32_t p = r[i].partition;
        if (p < 0) {
            uint32_t h = r[i].key ? hash_murmur2(r[i].key, r[i].key_n) & 0x7fffffff : l->spread++;
            p = (int32_t)(h % (uint32_t)t->npartitions);
        }
        if (p >= t->npartitions) {
            result = err_set(e, ERR_FATAL, "topic %s has no partition %d", r[i].topic, p);
        } else {
            struct kept *k = memory_kept_new(&r[i]);
            k->producer = l->producer;
            memory_append(b, t, p, k);
            if (l->producer) {
                memory_touch(l->producer, t, p);
            }
        }
    }
    pthread_cond_broadcast(&b->change);
    pthread_mutex_unlock(&b->mutex);
    return result;
}

/* As the group's coordinator judges it. */
static int check_offset(struct memory_log *l, const struct log_position *p, struct err *e)
{
    const struct topic *t = memory_topic(l->broker, p->topic, 0);
    const struct claim *c = l->group && t ? memory_claim(l->group, t, p->partition) : NULL;
    if (l->is_evicted) {
        return err_set(e, ERR_ABORT, "the group has gone on without this member");
    }
    if (t && l->group && !l->topics && l->group->nmembers == 0) {
        return 0; /* as Kafka allows it: a group without members takes offsets */
    }
    return c && c->owner == l
               ? 0
               : err_set(e, ERR_FATAL, "%s partition %d is owned by another member now", p->topic,
                         p->partition);
}

static int send_offsets(struct memory_log *l, const struct log_position *p, size_t n, struct err *e)
{
    int result = check_epoch(l, e);
    for (size_t i = 0; i < n && result == 0; i++) {
        result = check_offset(l, &p[i], e);
    }
    for (size_t i = 0; i < n && result == 0; i++) {
        struct topic *t = memory_topic(l->broker, p[i].topic, 0);
        if (l->producer) {
            memory_offer(l->producer, l->group, t, &p[i]);
        } else {
            memory_store_offset(l->group, t, p[i].partition, p[i].offset, p[i].metadata);
        }
    }
    return result;
}

int memory_log_send_offsets(struct log *log, const struct log_position *p, size_t n, struct err *e)
{
    struct memory_log *l = self(log);
    pthread_mutex_lock(&l->broker->mutex);
    int result = send_offsets(l, p, n, e);
    pthread_mutex_unlock(&l->broker->mutex);
    return result;
}

static int memory_commit(struct log *log, const struct log_position *p, size_t n, struct err *e)
{
    struct memory_log *l = self(log);
    struct memory_broker *b = l->broker;
    pthread_mutex_lock(&b->mutex);
    int result = send_offsets(l, p, n, e);
    if (result == 0 && l->producer) {
        memory_decide(b, l->producer, true);
    }
    pthread_cond_broadcast(&b->change);
    pthread_mutex_unlock(&b->mutex);
    return result;
}

static int memory_abort(struct log *log, struct err *e)
{
    struct memory_log *l = self(log);
    pthread_mutex_lock(&l->broker->mutex);
    int result = check_epoch(l, e);
    if (result == 0 && l->producer) {
        memory_decide(l->broker, l->producer, false);
    }
    pthread_mutex_unlock(&l->broker->mutex);
    return result;
}

static int memory_partitions(struct log *log, const char *topic, int32_t *count, int timeout_ms,
                             struct err *e)
{
    struct memory_broker *b = self(log)->broker;
    (void)timeout_ms;
    (void)e;
    pthread_mutex_lock(&b->mutex);
    const struct topic *t = memory_topic(b, topic, 0);
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
    const struct topic *t = memory_topic(b, topic, 0);
    if (!t || partition < 0 || partition >= t->npartitions) {
        result = err_set(e, ERR_RETRY, "there is no partition %d of topic %s", partition, topic);
    } else {
        const struct partition *p = &t->partition[partition];
        *begin = p->start;
        *end = p->stable;
    }
    pthread_mutex_unlock(&b->mutex);
    return result;
}

static int memory_written(struct log *log, const char *topic, int32_t partition, int64_t *end,
                          int timeout_ms, struct err *e)
{
    struct memory_broker *b = self(log)->broker;
    int64_t begin;
    int result = memory_bounds(log, topic, partition, &begin, end, timeout_ms, e);
    if (result == 0) {
        pthread_mutex_lock(&b->mutex);
        *end = memory_topic(b, topic, 0)->partition[partition].next;
        pthread_mutex_unlock(&b->mutex);
    }
    return result;
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
    struct topic *t = memory_topic(b, topic, partitions > 0 ? partitions : b->partitions);
    if (t) {
        t->compact |= is_compact;
    }
    pthread_mutex_unlock(&b->mutex);
    return 0;
}

/* Copies of at most PIECE records from `from` on that are before `end`; *next is where they end. So
 * that whoever stops at one of many has not paid for all. */
static size_t copy_piece(struct memory_broker *b, const char *topic, int32_t partition,
                         int64_t from, int64_t *end, struct arena *copy, struct record **r,
                         int64_t *next)
{
    size_t n = 0;
    *next = from;
    pthread_mutex_lock(&b->mutex);
    const struct topic *t = memory_topic(b, topic, 0);
    if (t && partition >= 0 && partition < t->npartitions) {
        const struct partition *p = &t->partition[partition];
        *end = *end < p->stable ? *end : p->stable;
        size_t at = memory_find(p, from), last = memory_find(p, *end);
        bool is_last = last <= at || last - at <= PIECE;
        last = is_last ? last : at + PIECE;
        *r = arena_array(copy, at < last ? last - at : 1, sizeof **r);
        for (; at < last; at++) {
            memory_kept_copy(&(*r)[n++], p->record[at], t, partition, copy);
        }
        *next = !is_last ? (*r)[n - 1].offset + 1 : *end > from ? *end : from;
    }
    pthread_mutex_unlock(&b->mutex);
    return n;
}

static int memory_read_on(struct log *log, const char *topic, int32_t partition, int64_t from,
                          int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                          struct err *e)
{
    struct arena copy;
    int64_t end = INT64_MAX;
    int result = 0;
    (void)e;
    arena_init(&copy);
    for (bool is_more = true; is_more && result == 0; from = *next) {
        struct record *r = NULL;
        size_t n = copy_piece(self(log)->broker, topic, partition, from, &end, &copy, &r, next);
        is_more = n > 0 && *next < end;
        for (size_t i = 0; i < n && result == 0; i++) {
            result = each(ctx, &r[i]);
            if (result > 0) {
                *next = i + 1 < n ? r[i].offset + 1 : *next;
                result = i + 1 < n || is_more;
                is_more = false;
                break;
            }
        }
        arena_reset(&copy);
    }
    arena_done(&copy);
    return result;
}

static bool is_any_undecided(const struct memory_log *l, const struct log_position *p, size_t n)
{
    bool is_any = false;
    for (size_t i = 0; l->group && i < n; i++) {
        const struct topic *t = memory_topic(l->broker, p[i].topic, 0);
        is_any |= t && memory_is_undecided(l->broker, l->group, t, p[i].partition);
    }
    return is_any;
}

/* All that is written now must be decided first. */
static int memory_read_all(struct log *log, const char *topic, int32_t partition, int64_t from,
                           int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                           struct err *e)
{
    struct memory_broker *b = self(log)->broker;
    int result = 0;
    pthread_mutex_lock(&b->mutex);
    const struct topic *t = memory_topic(b, topic, 0);
    if (t && partition >= 0 && partition < t->npartitions) {
        const struct partition *p = &t->partition[partition];
        struct timespec until = deadline(UNDECIDED_MS);
        int64_t written = p->next;
        while (p->stable < written && result == 0) {
            result = pthread_cond_timedwait(&b->change, &b->mutex, &until);
        }
        if (result != 0) {
            result = err_set(e, ERR_RETRY, "%s [%d]: a transaction stays open", topic, partition);
        } else if (from > written) {
            result = err_set(e, ERR_DATA, "%s [%d]: ends at %lld, before %lld", topic, partition,
                             (long long)written, (long long)from);
        }
    }
    pthread_mutex_unlock(&b->mutex);
    return result < 0 ? result : memory_read_on(log, topic, partition, from, each, ctx, next, e);
}

/* Undecided offsets are waited for. */
static int memory_committed(struct log *log, struct log_position *p, size_t n, int timeout_ms,
                            struct err *e)
{
    struct memory_log *l = self(log);
    struct timespec until = deadline(timeout_ms);
    int result = 0;
    arena_reset(&l->told);
    pthread_mutex_lock(&l->broker->mutex);
    while (result == 0 && is_any_undecided(l, p, n)) {
        result = timeout_ms <= 0
                     ? -ERR_RETRY
                     : pthread_cond_timedwait(&l->broker->change, &l->broker->mutex, &until);
    }
    for (size_t i = 0; i < n && result == 0; i++) {
        struct topic *t = memory_topic(l->broker, p[i].topic, 0);
        const struct claim *c = l->group && t ? memory_claim(l->group, t, p[i].partition) : NULL;
        p[i].offset = c ? c->committed : OFFSET_NONE;
        p[i].metadata = c && c->metadata ? arena_strdup(&l->told, c->metadata) : NULL;
    }
    pthread_mutex_unlock(&l->broker->mutex);
    return result == 0 ? 0 : err_set(e, ERR_RETRY, "committed offsets: a transaction stays open");
}

static void memory_close(struct log *log, bool is_leaving)
{
    struct memory_log *l = self(log);
    (void)is_leaving;
    pthread_mutex_lock(&l->broker->mutex);
    if (l->topics) {
        memory_leave(l);
    }
    if (l->producer && l->epoch == l->producer->epoch) {
        memory_decide(l->broker, l->producer, false);
    }
    pthread_mutex_unlock(&l->broker->mutex);
    for (int i = 0; l->topics && l->topics[i]; i++) {
        mem_free(l->topics[i]);
    }
    mem_free(l->topics);
    mem_free(l->held);
    arena_done(&l->out);
    arena_done(&l->told);
    mem_free(l);
}

static const struct log_ops memory_ops = {
    .poll = memory_poll,
    .release = memory_release,
    .pause = memory_pause,
    .resume = memory_resume,
    .seek = memory_seek,
    .position = memory_position,
    .has_more = memory_has_more,
    .begin = memory_begin,
    .produce = memory_produce,
    .commit = memory_commit,
    .abort = memory_abort,
    .partitions = memory_partitions,
    .bounds = memory_bounds,
    .written = memory_written,
    .create_topic = memory_create_topic,
    .read_all = memory_read_all,
    .follow = memory_follow,
    .unfollow = memory_unfollow,
    .members = memory_members,
    .read_on = memory_read_on,
    .committed = memory_committed,
    .close = memory_close,
};

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
    arena_init(&l->told);
    pthread_mutex_lock(&b->mutex);
    if (cfg->group) {
        l->group = memory_group(b, cfg->group);
    }
    if (cfg->transactional) {
        l->producer = memory_producer(b, cfg->transactional);
        memory_fence(b, l->producer);
        l->epoch = l->producer->epoch;
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
        memory_join(l);
    }
    pthread_mutex_unlock(&b->mutex);
    *out = &l->log;
    return 0;
}
