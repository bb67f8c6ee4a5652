/* Tables of a lane.
 *
 *   of a task   its streams are paused until it has read each of its tables to the end seen when it
 *               was built; a table whose state is of no use is read from its beginning first
 *   global      one task for all tasks of the lane, outside of the group: at the start every
 *               partition is read to its end, later every FOLLOW_MS what is committed since. It has
 *               no changelog: what it reads is all that it is. Asking each partition costs a
 *               request, so following takes at most a tenth of the lane's time
 *
 * Bad records of a global table are counted only: every lane of every worker would write them to
 * the dead letters, at each start.
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/lane_impl.h"

#include <string.h>

#define ADMIN_MS  10000
#define FOLLOW_MS 100
#define ASK_MS    500
#define RUN_MOST  512

/* ---- global tables --------------------------------------------------------------------------- */

static int drop_output(void *ctx, const struct record *r, size_t n, struct err *e)
{
    (void)ctx;
    (void)r;
    (void)n;
    (void)e;
    return 0;
}

struct task *lane_table(void *ctx, uint16_t subplan)
{
    const struct lane *l = ctx;
    for (int i = 0; i < l->nglobals; i++) {
        if (l->global[i].subplan == subplan) {
            return l->global[i].task;
        }
    }
    return NULL;
}

/* Records on their way to a global table, in runs: what read_all hands out lives for a moment. */
struct feeding {
    struct task *task;
    const char *topic;
    struct arena kept;
    size_t n;
    struct record run[RUN_MOST];
    uint64_t total;
    struct err *e;
};

static int feed_run(struct feeding *f)
{
    int r = 0;
    for (int in = -1; r == 0 && f->n > 0 && (in = task_input(f->task, f->topic, in)) >= 0;) {
        r = task_push(f->task, in, f->run, f->n, f->e);
    }
    task_committed(f->task);
    f->total += f->n;
    f->n = 0;
    arena_reset(&f->kept);
    return r;
}

static int feed_record(void *ctx, const struct record *r)
{
    struct feeding *f = ctx;
    struct record *copy = &f->run[f->n++];
    *copy = *r;
    copy->key = r->key ? arena_strndup(&f->kept, r->key, r->key_n) : NULL;
    copy->value = r->value ? arena_strndup(&f->kept, r->value, r->value_n) : NULL;
    copy->headers = NULL;
    copy->nheaders = 0;
    return f->n == RUN_MOST ? feed_run(f) : 0;
}

typedef int (*reader)(struct log *l, const char *topic, int32_t partition, int64_t from,
                      int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                      struct err *e);

static int read_part(struct lane *l, struct global *g, struct table_part *p, reader read,
                     uint64_t *total, struct err *e)
{
    struct feeding *f = mem_alloc(sizeof *f);
    f->task = g->task;
    f->topic = p->topic;
    f->n = 0;
    f->total = 0;
    f->e = e;
    arena_init(&f->kept);
    int r = read(l->log, p->topic, p->partition, p->next, feed_record, f, &p->next, e);
    r = r < 0 ? r : feed_run(f);
    *total += f->total;
    arena_done(&f->kept);
    mem_free(f);
    return r;
}

static int add_parts(struct lane *l, struct global *g, const char *topic, struct err *e)
{
    int32_t n = 0;
    int r = l->log->ops->partitions(l->log, topic, &n, ADMIN_MS, e);
    if (r == 0 && n == 0) {
        return err_set(e, ERR_RETRY, "there is no topic %s", topic);
    }
    g->part = mem_resize(g->part, (size_t)(g->nparts + n) + 1, sizeof *g->part);
    for (int32_t i = 0; r == 0 && i < n; i++) {
        g->part[g->nparts++] = (struct table_part){topic, i, 0};
    }
    return r;
}

static int open_global(struct lane *l, struct global *g, struct err *e)
{
    const struct plan *p = l->cfg.plan;
    const struct subplan *s = &p->subplan[g->subplan];
    struct task_env env = {.ctx = l,
                           .clock = l->cfg.clock,
                           .schemas = l->cfg.schemas,
                           .batch_rows = l->cfg.batch_rows,
                           .limit_ahead = true,
                           .produce = drop_output,
                           .table = lane_table,
                           .tasks = lane_tasks};
    uint64_t total = 0;
    int r = task_new(&g->task, p, g->subplan, 0, &env, e);
    r = r < 0 ? r : task_open(g->task, e);
    for (uint16_t i = 0; r == 0 && i < s->nsources; i++) {
        const struct plan_source *src = p->source[s->source[i]];
        for (int k = 0; r == 0 && k < src->ntopics; k++) {
            r = add_parts(l, g, src->topic[k], e);
        }
    }
    for (int i = 0; r == 0 && i < g->nparts; i++) {
        r = read_part(l, g, &g->part[i], l->log->ops->read_all, &total, e);
    }
    if (r < 0) {
        return err_prefix(e, "table %s", p->source[s->source[0]]->stream);
    }
    logger(LOG_LEVEL_INFO, "lane %d: table %s: %llu record%s read", l->cfg.number,
           p->source[s->source[0]]->stream, (unsigned long long)total, total == 1 ? "" : "s");
    return 0;
}

int lane_open_globals(struct lane *l, struct err *e)
{
    const struct plan *p = l->cfg.plan;
    int r = 0;
    l->global = mem_zalloc(p->nsubplans * sizeof *l->global + 1);
    for (uint16_t i = 0; r == 0 && i < p->nsubplans; i++) {
        if (p->subplan[i].is_global) {
            struct global *g = &l->global[l->nglobals++];
            g->subplan = i;
            r = open_global(l, g, e);
        }
    }
    return r;
}

int lane_follow_globals(struct lane *l, struct err *e)
{
    int64_t begin = lane_now(l);
    uint64_t total = 0;
    if (l->nglobals == 0 || begin < l->follow_at) {
        return 0;
    }
    int r = 0;
    for (int i = 0; i < l->nglobals && r == 0; i++) {
        struct global *g = &l->global[i];
        for (int k = 0; k < g->nparts && r == 0; k++) {
            r = read_part(l, g, &g->part[k], l->log->ops->read_on, &total, e);
        }
        r = r < 0 ? r : task_tick(g->task, begin, e);
    }
    int64_t end = lane_now(l), pause = 9 * (end - begin);
    l->follow_at = end + (pause > FOLLOW_MS ? pause : FOLLOW_MS);
    return r;
}

void lane_close_globals(struct lane *l)
{
    for (int i = 0; i < l->nglobals; i++) {
        if (l->global[i].task) {
            task_free(l->global[i].task);
        }
        mem_free(l->global[i].part);
    }
    mem_free(l->global);
    l->global = NULL;
    l->nglobals = 0;
}

/* ---- tables of a task ------------------------------------------------------------------------ */

static bool is_table(const struct route *r)
{
    int in = task_input(r->member->task, r->topic, -1);
    return in >= 0 && task_input_is_table(r->member->task, in);
}

static bool must_rewind(const struct lane *l, const struct route *r)
{
    bool rewinds = l->cfg.log.from_latest && r->offset < 0;
    for (int in = -1; (in = task_input(r->member->task, r->topic, in)) >= 0;) {
        rewinds |= r->offset > 0 && task_input_rewinds(r->member->task, in);
    }
    return rewinds;
}

/* Notes where a table ends now, and begins anew where its state is of no use. */
static int begin_table(struct lane *l, struct route *r, struct err *e)
{
    int64_t begin, end;
    int result = l->log->ops->bounds(l->log, r->topic, r->partition, &begin, &end, ADMIN_MS, e);
    r->target = result == 0 && begin < end ? end : -1;
    if (result < 0 || !must_rewind(l, r)) {
        return result;
    }
    logger(LOG_LEVEL_INFO, "lane %d: table topic %s partition %d is read from its beginning",
           l->cfg.number, r->topic, r->partition);
    for (int in = -1; (in = task_input(r->member->task, r->topic, in)) >= 0;) {
        task_input_restore(r->member->task, in, begin, NULL);
    }
    r->skipped = l->polls;
    return l->log->ops->seek(l->log, r->topic, r->partition, begin, e);
}

static int go_on(struct lane *l, struct route *r)
{
    bool was_paused = r->is_paused && !r->rests;
    r->is_paused = false;
    return was_paused ? l->log->ops->resume(l->log, r->topic, r->partition) : 0;
}

int lane_begin_tables(struct lane *l, struct member *m, struct err *e)
{
    int result = 0;
    m->is_changed = m->waits = false;
    lane_merge_begin(l, m);
    for (int i = 0; i < l->nroutes && result == 0; i++) {
        struct route *r = &l->route[i];
        if (r->member == m && is_table(r)) {
            result = begin_table(l, r, e);
            result = result < 0 ? result : go_on(l, r);
            m->waits |= r->target >= 0;
        }
    }
    for (int i = 0; i < l->nroutes && result == 0 && m->waits; i++) {
        struct route *r = &l->route[i];
        if (r->member == m && !r->is_paused && !is_table(r)) {
            result = r->rests ? 0 : l->log->ops->pause(l->log, r->topic, r->partition);
            r->is_paused = true;
        }
    }
    return result;
}

static int count_one(void *ctx, const struct record *r)
{
    (void)r;
    ++*(uint64_t *)ctx;
    return 0;
}

/* Whether the lane has handed all before the target to the task. Where compaction has emptied the
 * end of the partition, only reading on tells. */
static int is_reached(struct lane *l, struct route *r, struct err *e)
{
    int64_t at, now = lane_now(l), next;
    uint64_t left = 0;
    if (l->log->ops->position(l->log, r->topic, r->partition, &at) < 0 || at < 0) {
        return 0;
    }
    if (at >= r->target || now < r->asked_at + ASK_MS) {
        return at >= r->target;
    }
    r->asked_at = now;
    int result =
        l->log->ops->read_on(l->log, r->topic, r->partition, at, count_one, &left, &next, e);
    return result < 0 ? result : left == 0 && next >= r->target;
}

static int watch_member(struct lane *l, struct member *m, struct err *e)
{
    m->waits = false;
    for (int i = 0; i < l->nroutes; i++) {
        struct route *r = &l->route[i];
        if (r->member == m && r->target >= 0) {
            int result = is_reached(l, r, e);
            if (result < 0) {
                return result;
            }
            r->target = result ? -1 : r->target;
            m->waits |= !result;
        }
    }
    return 0;
}

int lane_watch_tables(struct lane *l, struct err *e)
{
    int result = 0;
    for (int i = 0; i < l->nmembers && result == 0; i++) {
        if (l->member[i]->waits) {
            result = watch_member(l, l->member[i], e);
        }
    }
    for (int i = 0; i < l->nroutes && result == 0; i++) {
        struct route *r = &l->route[i];
        if (r->is_paused && r->member->task && !r->member->waits) {
            result = go_on(l, r);
        }
    }
    return result;
}

int lane_takes(struct lane *l, struct route *r, const struct record *first, struct err *e)
{
    if (r->skipped == l->polls) {
        return 0;
    }
    if (!r->is_paused) {
        return 1;
    }
    r->skipped = l->polls;
    return l->log->ops->seek(l->log, r->topic, r->partition, first->offset, e);
}
