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
#include "engine/clock.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "worker/memory_log_impl.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#ifdef KLAMM_SMALL
#define POLL_MOST 3
#else
#define POLL_MOST 1000
#endif

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
        if (h->paused || h->position >= p->next) {
            continue;
        }
        for (size_t at = memory_find(p, h->position); at < p->n && n < POLL_MOST; at++) {
            memory_kept_copy(&out[n++], p->record[at], h->topic, h->partition, &l->out);
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
    int64_t end = clock_now(&clock_system) + timeout_ms;
    struct timespec until = {end / 1000, end % 1000 * 1000000};
    (void)e;
    struct record *out = arena_array(&l->out, POLL_MOST, sizeof *out);
    pthread_mutex_lock(&l->broker->mutex);
    memory_follow_group(l);
    *n = 0;
    while (!is_reluctant(l) && (*n = gather(l, out)) == 0) {
        if (pthread_cond_timedwait(&l->broker->change, &l->broker->mutex, &until) != 0) {
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
        struct topic *t = memory_topic(b, r[i].topic, b->partitions);
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
            l->pending[l->npending++] = (struct pending){t, p, memory_kept_new(&r[i])};
        } else {
            memory_append(b, t, p, memory_kept_new(&r[i]));
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
        struct topic *t = memory_topic(b, p[i].topic, 0);
        struct claim *c = l->group && t ? memory_claim(l->group, t, p[i].partition) : NULL;
        bool is_alone = l->group && t && !l->topics && l->group->nmembers == 0;
        if (!c && is_alone) { /* as Kafka allows it: a group without members takes offsets */
            c = memory_claim_new(l->group, t, p[i].partition);
        }
        if (!c || (c->owner != l && !is_alone)) {
            result = err_set(e, ERR_FATAL, "%s partition %d is owned by another member now",
                             p[i].topic, p[i].partition);
        }
    }
    for (size_t i = 0; i < n && result == 0; i++) {
        struct claim *c = memory_claim(l->group, memory_topic(b, p[i].topic, 0), p[i].partition);
        if (c) {
            c->committed = p[i].offset;
            mem_free(c->metadata);
            c->metadata = p[i].metadata ? mem_strdup(p[i].metadata) : NULL;
        }
    }
    for (size_t i = 0; i < l->npending; i++) {
        if (result == 0) {
            memory_append(b, l->pending[i].topic, l->pending[i].partition, l->pending[i].record);
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
    struct topic *t = memory_topic(b, topic, partitions > 0 ? partitions : b->partitions);
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
    const struct topic *t = memory_topic(b, topic, 0);
    size_t n = 0;
    struct record *r = NULL;
    if (t && partition >= 0 && partition < t->npartitions) {
        const struct partition *p = &t->partition[partition];
        size_t at = memory_find(p, from);
        r = arena_array(&copy, p->n - at + 1, sizeof *r);
        for (; at < p->n; at++) {
            memory_kept_copy(&r[n++], p->record[at], t, partition, &copy);
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
    arena_reset(&l->told);
    pthread_mutex_lock(&l->broker->mutex);
    for (size_t i = 0; i < n; i++) {
        struct topic *t = memory_topic(l->broker, p[i].topic, 0);
        const struct claim *c = l->group && t ? memory_claim(l->group, t, p[i].partition) : NULL;
        p[i].offset = c ? c->committed : OFFSET_NONE;
        p[i].metadata = c && c->metadata ? arena_strdup(&l->told, c->metadata) : NULL;
    }
    pthread_mutex_unlock(&l->broker->mutex);
    return 0;
}

static void memory_close(struct log *log, bool is_leaving)
{
    struct memory_log *l = self(log);
    (void)is_leaving;
    pthread_mutex_lock(&l->broker->mutex);
    if (l->topics) {
        memory_leave(l);
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
    .read_on = memory_read_all, /* what is not committed is not there yet */
    .follow = memory_follow,
    .unfollow = memory_unfollow,
    .members = memory_members,
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
