/* Which tasks a lane has: a route for each partition that it was given, a member for each task.
 *
 *   assigned   route, member -> before the next rows: build, restore from the changelogs, open;
 *              its partitions are paused when that takes longer than a slice
 *   revoked    the route goes; a member without routes is closed
 *   aborted    all tasks anew, all partitions back to what is committed
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/lane_impl.h"
#include "worker/memory_use.h"

#include <string.h>

/* A slice of restoring, when other tasks run in the lane, and when none does: it polls after that. */
#define BESIDE_MS 20
#define ALONE_MS  200

#define RECOUNT_MS 2000 /* what is learned of a history is weighed as often */

static int lane_produce(void *ctx, const struct record *r, size_t n, struct err *e)
{
    struct lane *l = ctx;
    if (!l->in_transaction) {
        int result = l->log->ops->begin(l->log, e);
        if (result < 0) {
            return result;
        }
        l->in_transaction = true;
    }
    return l->log->ops->produce(l->log, r, n, e);
}

int32_t lane_tasks(void *ctx, uint16_t subplan)
{
    const struct lane *l = ctx;
    return l->cfg.tasks[subplan];
}

static int past_partitions(void *ctx, const char *topic, int32_t *n, struct err *e)
{
    const struct lane *l = ctx;
    return l->log->ops->partitions(l->log, topic, n, BOUNDS_MS, e);
}

static int past_bounds(void *ctx, const char *topic, int32_t partition, int64_t *begin,
                       int64_t *end, struct err *e)
{
    const struct lane *l = ctx;
    return l->log->ops->bounds(l->log, topic, partition, begin, end, BOUNDS_MS, e);
}

static int past_read(void *ctx, const char *topic, int32_t partition, int64_t from,
                     int (*each)(void *each_ctx, const struct record *r), void *each_ctx,
                     int64_t *next, struct err *e)
{
    const struct lane *l = ctx;
    return l->log->ops->read_on(l->log, topic, partition, from, each, each_ctx, next, e);
}

static const struct task_past lane_past = {past_partitions, past_bounds, past_read};

/* Sub-plan that reads a topic as a member of the group, or -1. *rank: the topic's place among all. */
static int subplan_of(const struct plan *p, const char *topic, const char **name, int *rank)
{
    *rank = 0;
    for (uint16_t i = 0; i < p->nsources; i++) {
        bool is_global = p->subplan[p->vertex[p->source[i]->vertex]->subplan].is_global;
        for (int k = 0; k < p->source[i]->ntopics && !is_global; k++, ++*rank) {
            if (strcmp(p->source[i]->topic[k], topic) == 0) {
                *name = p->source[i]->topic[k];
                return p->vertex[p->source[i]->vertex]->subplan;
            }
        }
    }
    return -1;
}

static struct member *member_get(struct lane *l, uint16_t subplan, int32_t partition)
{
    for (int i = 0; i < l->nmembers; i++) {
        if (l->member[i]->subplan == subplan && l->member[i]->partition == partition) {
            return l->member[i];
        }
    }
    struct member *m = mem_zalloc(sizeof *m);
    m->subplan = subplan;
    m->partition = partition;
    m->next = mem_array(l->cfg.plan->subplan[subplan].nstores + 1U, sizeof *m->next);
    l->member = mem_resize(l->member, (size_t)l->nmembers + 1, sizeof *l->member);
    l->member[l->nmembers++] = m;
    return m;
}

/* Inputs of a task that read this route's topic begin where the group has committed. */
static void restore_route(const struct route *r)
{
    task_topic_restore(r->member->task, r->topic, r->offset, r->metadata);
}

void lane_assigned(void *ctx, struct log_position *p, size_t n)
{
    struct lane *l = ctx;
    for (size_t i = 0; i < n; i++) {
        const char *topic;
        int rank, subplan = subplan_of(l->cfg.plan, p[i].topic, &topic, &rank);
        if (subplan < 0) {
            continue;
        }
        logger(LOG_LEVEL_DEBUG, "lane %d: has %s partition %d", l->cfg.number, topic,
               p[i].partition);
        l->route = mem_resize(l->route, (size_t)l->nroutes + 1, sizeof *l->route);
        l->route[l->nroutes++] = (struct route){
            .topic = topic,
            .partition = p[i].partition,
            .rank = rank,
            .offset = p[i].offset,
            .metadata = p[i].metadata && p[i].metadata[0] ? mem_strdup(p[i].metadata) : NULL,
            .says_behind = position_is_behind(p[i].metadata),
            .member = member_get(l, (uint16_t)subplan, p[i].partition)};
        l->route[l->nroutes - 1].target = -1;
        l->route[l->nroutes - 1].waiting.newest = TIME_MIN;
        if (l->route[l->nroutes - 1].member->task) { /* another input of it came earlier */
            restore_route(&l->route[l->nroutes - 1]);
            l->route[l->nroutes - 1].member->is_changed = true;
        }
        if (!position_is_behind(p[i].metadata)) {
            progress_set(l->cfg.progress, topic, p[i].partition, p[i].offset);
        }
    }
    l->last = NULL;
}

void lane_add_counts(struct lane_counts *sum, const struct task_counts *c)
{
    sum->records += c->records;
    sum->rows_out += c->rows_out;
    sum->bad += c->bad;
    sum->late += c->late;
    sum->no_key += c->no_key;
    sum->tombstones += c->tombstones;
}

void lane_close_member(struct lane *l, struct member *m)
{
    if (!m->task) {
        m->task = m->restoring.task;
    }
    mem_free(m->restoring.from);
    m->restoring = (struct restoring){0};
    if (m->task) {
        lane_add_counts(&l->closed, &m->committed);
        m->committed = (struct task_counts){0};
        task_free(m->task);
        m->task = NULL;
    }
    lane_close_disk(l, m);
}

/* Forgets routes of these partitions, and tasks that have none left. */
void lane_drop_routes(struct lane *l, const struct log_position *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < l->nroutes; k++) {
            if (l->route[k].partition == p[i].partition &&
                strcmp(l->route[k].topic, p[i].topic) == 0) {
                logger(LOG_LEVEL_DEBUG, "lane %d: gives up %s partition %d", l->cfg.number,
                       l->route[k].topic, l->route[k].partition);
                time_board_give_up(l->cfg.times, l->route[k].topic, l->route[k].partition,
                                   lane_now(l));
                mem_free(l->route[k].metadata);
                lane_merge_drop(&l->route[k]);
                l->route[k--] = l->route[--l->nroutes];
            }
        }
    }
    for (int i = 0; i < l->nmembers; i++) {
        bool used = false;
        for (int k = 0; k < l->nroutes; k++) {
            used |= l->route[k].member == l->member[i];
        }
        if (!used) {
            lane_close_member(l, l->member[i]);
            lane_give_back(l, l->member[i]);
            mem_free(l->member[i]->next);
            mem_free(l->member[i]);
            l->member[i--] = l->member[--l->nmembers];
        }
    }
    l->last = NULL;
}

/* A partition that never had a record need not be waited for when there will be none. */
static int find_empty(struct lane *l, const struct route *r, struct err *e)
{
    struct task *t = r->member->task;
    int64_t begin, end;
    int in = task_input(t, r->topic, -1);
    if (r->offset != OFFSET_NONE || task_input_source(t, in)->repartition >= 0) {
        return 0;
    }
    int result = l->log->ops->bounds(l->log, r->topic, r->partition, &begin, &end, BOUNDS_MS, e);
    for (; result == 0 && begin == end && in >= 0; in = task_input(t, r->topic, in)) {
        task_expect_nothing(t, in);
    }
    return result;
}

int lane_new_task(struct lane *l, struct member *m, struct err *e)
{
    struct task_env env = {.ctx = l,
                           .clock = l->cfg.clock,
                           .schemas = l->cfg.schemas,
                           .batch_rows = l->cfg.batch_rows,
                           .limit_ahead = true,
                           .most_bytes = l->cfg.most_bytes,
                           .most_state = memory_use_most(l->cfg.memory),
                           .pauses = true,
                           .slice = l->cfg.slice,
                           .trainer = l->cfg.trainer,
                           .produce = lane_produce,
                           .table = lane_table,
                           .tasks = lane_tasks,
                           .past = &lane_past};
    return task_new(&m->task, l->cfg.plan, m->subplan, m->partition, &env, e);
}

static int begin_task(struct lane *l, struct member *m, struct err *e)
{
    const struct subplan *s = &l->cfg.plan->subplan[m->subplan];
    if (s->nstores > 0 && m->partition >= l->cfg.tasks[m->subplan]) {
        return err_set(e, ERR_CONFIG,
                       "changelog %s has %d partitions, but the input has more now: state is bound "
                       "to partitions; put a key_by (repartition) before the step, or delete the "
                       "changelog to begin anew",
                       s->store[0].changelog, l->cfg.tasks[m->subplan]);
    }
    return lane_new_task(l, m, e);
}

/* Its streams wait for it. */
static int pause_routes(struct lane *l, const struct member *m)
{
    int result = 0;
    for (int i = 0; i < l->nroutes && result == 0; i++) {
        struct route *r = &l->route[i];
        if (r->member == m && !r->is_paused) {
            r->is_paused = true;
            result = r->rests ? 0 : l->log->ops->pause(l->log, r->topic, r->partition);
        }
    }
    return result;
}

static int restore_routes(struct lane *l, struct member *m, struct err *e)
{
    int r = 0;
    for (int i = 0; r == 0 && i < l->nroutes; i++) {
        if (l->route[i].member == m) {
            restore_route(&l->route[i]);
            r = l->cfg.until_end ? find_empty(l, &l->route[i], e) : 0;
        }
    }
    return r;
}

/* Histories are read in slices too, like changelogs; 1: there is more. */
static int study(struct lane *l, struct member *m, int64_t until, struct err *e)
{
    struct restoring *x = &m->restoring;
    int r;
    if (x->task) {
        m->task = x->task;
        for (int i = 0; i < l->nroutes; i++) { /* some may have come since */
            if (l->route[i].member == m) {
                restore_route(&l->route[i]);
            }
        }
        r = task_study(m->task, until, e);
    } else {
        r = task_open(m->task, e);
        r = r == 0 && task_is_studying(m->task) ? 1 : r;
        x->told_at = lane_now(l);
    }
    x->is_studying = r > 0;
    x->task = r > 0 ? m->task : NULL;
    if (r > 0 && lane_now(l) - x->told_at >= RECOUNT_MS) {
        task_recount(m->task);
        x->told_at = lane_now(l);
    }
    m->task = r > 0 ? NULL : m->task;
    if (r > 0 && lane_hold_memory(l, e) < 0) {
        return err_prefix(e, "what is learned of a history stays in memory until it is read");
    }
    return r;
}

/* 1: until then it is restored in part. */
static int build_task(struct lane *l, struct member *m, int64_t until, struct err *e)
{
    int r = m->restoring.task ? 0 : begin_task(l, m, e);
    if (r == 0 && !m->restoring.is_studying) {
        r = lane_restore(l, m, until, e);
        r = r == 0 ? restore_routes(l, m, e) : r;
    }
    lane_gap_begin(l); /* restoring is another matter */
    r = r == 0 ? study(l, m, until, e) : r;
    if (r > 0) {
        int paused = pause_routes(l, m);
        return paused < 0 ? paused : r;
    }
    return r < 0 ? r : lane_begin_tables(l, m, e);
}

/* Where there is nobody else to wait, only the group has to hear of the lane. */
static int64_t slice_ms(const struct lane *l)
{
    for (int i = 0; i < l->nmembers; i++) {
        if (l->member[i]->task) {
            return BESIDE_MS;
        }
    }
    return ALONE_MS;
}

/* One after the other: those behind one that takes long wait for it. */
int lane_build_tasks(struct lane *l, struct err *e)
{
    int64_t until = lane_now(l) + slice_ms(l);
    int r = 0;
    for (int i = 0; i < l->nmembers && r >= 0; i++) {
        struct member *m = l->member[i];
        if (m->task) {
            int begun = m->is_changed ? lane_begin_tables(l, m, e) : 0;
            r = begun < 0 ? begun : r;
        } else if (r == 0) {
            r = build_task(l, m, until, e);
        } else {
            int paused = pause_routes(l, m);
            r = paused < 0 ? paused : r;
        }
    }
    return r < 0 ? r : 0;
}

/* After an abort: every task anew, every partition back to its committed offset. */
int lane_rebuild(struct lane *l, struct err *e)
{
    l->rebuild = false;
    int r = l->log->ops->abort(l->log, e);
    l->in_transaction = false;
    for (int i = 0; i < l->nmembers; i++) {
        lane_close_member(l, l->member[i]);
    }
    struct log_position *p = mem_array((size_t)l->nroutes + 1, sizeof *p);
    for (int i = 0; i < l->nroutes; i++) {
        p[i] =
            (struct log_position){.topic = l->route[i].topic, .partition = l->route[i].partition};
    }
    if (r == 0 && l->nroutes) {
        r = l->log->ops->committed(l->log, p, (size_t)l->nroutes, 10000, e);
    }
    for (int i = 0; i < l->nroutes && r == 0; i++) {
        lane_merge_drop(&l->route[i]);
        mem_free(l->route[i].metadata);
        l->route[i].metadata = p[i].metadata ? mem_strdup(p[i].metadata) : NULL;
        l->route[i].says_behind = position_is_behind(p[i].metadata);
        l->route[i].offset = p[i].offset;
        int64_t begin = p[i].offset, end;
        if (begin < 0) {
            r = l->log->ops->bounds(l->log, p[i].topic, p[i].partition, &begin, &end, 10000, e);
            begin = l->cfg.log.from_latest ? end : begin;
        }
        r = r < 0 ? r : l->log->ops->seek(l->log, p[i].topic, p[i].partition, begin, e);
    }
    mem_free(p);
    return r < 0 ? r : lane_build_tasks(l, e);
}
