/* The lane's loop.
 *
 *   ┌─> poll ── open the tasks of new partitions, from changelogs ── push runs of records ──┐
 *   └── commit, when due <── tick, every 100 ms <── release <───────────────────────────────┘
 *
 *   tick       idle inputs follow the others of their topic, the tasks' time goes on
 *   commit     flush all tasks; outputs + changelogs + the offsets of ALL partitions in one
 *              transaction; then tell the tasks
 *
 *   revoked    commit, close the tasks that go away
 *   lost       their work must not become visible: abort, rebuild what is left
 *   ABORT      abort, rebuild all tasks from the committed offsets
 *   others     the lane ends; its last commit stands, and after RETRY the runner starts it again
 *
 * An early commit (state changes beyond DIRTY_MOST) never comes sooner than 20 ms after the last
 * one: the broker would still be writing that one's markers.
 */
#include "worker/lane.h"
#include "engine/logger.h"
#include "engine/memory.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define DIRTY_MOST     (16U << 20)
#define TICK_MS        100
#define COMMIT_SOONEST 20
#define METADATA_MOST  4096
#define ASK_EVERY_MS   500
#define ASK_MS         200
#define BOUNDS_MS      10000
#define OTHERS_MOST    1024

/* A partition that we own: where its records go. */
struct route {
    const char *topic; /* the plan's */
    int32_t partition;
    int64_t offset; /* committed when it was assigned */
    char *metadata;
    struct member *member;
};

struct member {        /* a task and its place */
    struct task *task; /* NULL: to be built */
    uint16_t subplan;
    int32_t partition;
    struct task_counts committed; /* as of the last commit: what came after may be read again */
};

struct last_metric {
    const struct node *node;
    const char *name;
    double value;
};

struct lane {
    struct lane_config cfg;
    pthread_t thread;
    atomic_bool stopping, leaving, done;
    _Atomic uint64_t records, rows_out, bad, late, no_key, commits;
    struct lane_counts closed; /* of tasks that are gone */
    struct log *log;
    int nroutes, nmembers;
    struct route *route;
    struct member **member;
    struct route *last; /* of the last run */
    bool rebuild, in_transaction;
    int64_t last_commit, last_tick;
    int result, nmetrics;
    struct last_metric *metric;
    struct err failure;
};

static int64_t now(const struct lane *l)
{
    return clock_now(l->cfg.clock);
}

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

static int32_t lane_tasks(void *ctx, uint16_t subplan)
{
    const struct lane *l = ctx;
    return l->cfg.tasks[subplan];
}

/* Sub-plan that reads a topic, or -1. */
static int subplan_of(const struct plan *p, const char *topic, const char **name)
{
    for (uint16_t i = 0; i < p->nsources; i++) {
        for (int k = 0; k < p->source[i]->ntopics; k++) {
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
    l->member = mem_resize(l->member, (size_t)l->nmembers + 1, sizeof *l->member);
    l->member[l->nmembers++] = m;
    return m;
}

/* Inputs of a task that read this route's topic begin where the group has committed. The metadata
 * of several (two streams may read one topic) stand one after the other, between semicolons. */
static void restore_route(const struct route *r)
{
    const char *text = r->metadata;
    for (int in = -1; (in = task_input(r->member->task, r->topic, in)) >= 0;) {
        task_input_restore(r->member->task, in, r->offset, text);
        text = text ? strchr(text, ';') : NULL;
        text = text ? text + 1 : NULL;
    }
}

static void on_assigned(void *ctx, struct log_position *p, size_t n)
{
    struct lane *l = ctx;
    for (size_t i = 0; i < n; i++) {
        const char *topic;
        int subplan = subplan_of(l->cfg.plan, p[i].topic, &topic);
        if (subplan < 0) {
            continue;
        }
        l->route = mem_resize(l->route, (size_t)l->nroutes + 1, sizeof *l->route);
        l->route[l->nroutes++] =
            (struct route){topic, p[i].partition, p[i].offset,
                           p[i].metadata && p[i].metadata[0] ? mem_strdup(p[i].metadata) : NULL,
                           member_get(l, (uint16_t)subplan, p[i].partition)};
        if (l->route[l->nroutes - 1].member->task) { /* another input of it came earlier */
            restore_route(&l->route[l->nroutes - 1]);
        }
        progress_set(l->cfg.progress, topic, p[i].partition, p[i].offset);
    }
    l->last = NULL;
}

static void add_counts(struct lane_counts *sum, const struct task_counts *c)
{
    sum->records += c->records;
    sum->rows_out += c->rows_out;
    sum->bad += c->bad;
    sum->late += c->late;
}

static void member_close(struct lane *l, struct member *m)
{
    if (m->task) {
        add_counts(&l->closed, &m->committed);
        m->committed = (struct task_counts){0};
        task_free(m->task);
        m->task = NULL;
    }
}

/* Forgets routes of these partitions, and tasks that have none left. */
static void drop_routes(struct lane *l, const struct log_position *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < l->nroutes; k++) {
            if (l->route[k].partition == p[i].partition &&
                strcmp(l->route[k].topic, p[i].topic) == 0) {
                time_board_give_up(l->cfg.times, l->route[k].topic, l->route[k].partition, now(l));
                mem_free(l->route[k].metadata);
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
            member_close(l, l->member[i]);
            mem_free(l->member[i]);
            l->member[i--] = l->member[--l->nmembers];
        }
    }
    l->last = NULL;
}

/* Of a lane that failed, only what is committed counts as written. */
static void publish_counts(struct lane *l)
{
    struct lane_counts sum = l->closed;
    for (int i = 0; i < l->nmembers; i++) {
        const struct member *m = l->member[i];
        if (m->task) {
            struct task_counts c = task_counts(m->task);
            c.rows_out = l->result < 0 ? m->committed.rows_out : c.rows_out;
            add_counts(&sum, &c);
        }
    }
    atomic_store_explicit(&l->records, sum.records, memory_order_relaxed);
    atomic_store_explicit(&l->rows_out, sum.rows_out, memory_order_relaxed);
    atomic_store_explicit(&l->bad, sum.bad, memory_order_relaxed);
    atomic_store_explicit(&l->late, sum.late, memory_order_relaxed);
    atomic_store_explicit(&l->no_key, sum.no_key, memory_order_relaxed);
}

/* Least offset of the inputs that read a route's topic, and the metadata of all of them. */
static int64_t position_of(const struct route *r, char *text)
{
    int64_t least = INT64_MAX;
    size_t n = 0;
    text[0] = 0;
    for (int in = -1; (in = task_input(r->member->task, r->topic, in)) >= 0;) {
        if (least != INT64_MAX && n + 1 < METADATA_MOST) {
            text[n++] = ';';
        }
        int64_t at = task_position(r->member->task, in, text + n, METADATA_MOST - n);
        least = at < least ? at : least;
        n += strlen(text + n);
    }
    return least == INT64_MAX ? -1 : least;
}

/* Where each route stands now; metadata in `text`. Routes without a position are left out. */
static size_t positions(const struct lane *l, struct log_position *p, char (*text)[METADATA_MOST])
{
    size_t n = 0;
    for (int i = 0; i < l->nroutes; i++) {
        const struct route *r = &l->route[i];
        int64_t offset = r->offset;
        p[n].metadata = r->metadata;
        if (r->member->task) {
            offset = position_of(r, text[i]);
            p[n].metadata = text[i];
        }
        if (offset >= 0) {
            p[n].topic = r->topic;
            p[n].partition = r->partition;
            p[n++].offset = offset;
        }
    }
    return n;
}

static int lane_commit(struct lane *l, struct err *e)
{
    bool dirty = l->in_transaction;
    for (int i = 0; i < l->nmembers; i++) {
        dirty |= l->member[i]->task && task_dirty(l->member[i]->task);
    }
    l->last_commit = now(l);
    if (!dirty) {
        return 0;
    }
    for (int i = 0; i < l->nmembers; i++) {
        int r = l->member[i]->task ? task_flush(l->member[i]->task, e) : 0;
        if (r < 0) {
            return r;
        }
    }
    struct log_position *p = mem_array((size_t)l->nroutes + 1, sizeof *p);
    char(*text)[METADATA_MOST] = mem_array((size_t)l->nroutes + 1, METADATA_MOST);
    size_t n = positions(l, p, text);
    int r = l->log->ops->begin(l->log, e);
    r = r < 0 ? r : l->log->ops->commit(l->log, p, n, e);
    if (r == 0) {
        l->in_transaction = false;
        for (int i = 0; i < l->nmembers; i++) {
            if (l->member[i]->task) {
                task_committed(l->member[i]->task);
                l->member[i]->committed = task_counts(l->member[i]->task);
            }
        }
        for (size_t i = 0; i < n; i++) {
            progress_set(l->cfg.progress, p[i].topic, p[i].partition, p[i].offset);
        }
        atomic_fetch_add_explicit(&l->commits, 1, memory_order_relaxed);
    }
    mem_free(p);
    mem_free(text);
    l->last_commit = now(l);
    publish_counts(l);
    return r;
}

static void on_revoked(void *ctx, const struct log_position *p, size_t n, bool lost)
{
    struct lane *l = ctx;
    if (lost || l->rebuild) { /* after a failed commit only an abort may follow */
        l->rebuild = true;
    } else if (lane_commit(l, &l->failure) < 0) {
        logger(LOG_LEVEL_WARN, "lane %d: commit while giving up partitions: %s", l->cfg.number,
               l->failure.text);
        err_clear(&l->failure);
        l->rebuild = true;
    }
    drop_routes(l, p, n);
}

/* Nothing came: positions may still have moved, behind transaction markers. */
static void follow_positions(struct lane *l)
{
    for (int i = 0; i < l->nroutes; i++) {
        const struct route *r = &l->route[i];
        int64_t offset;
        if (!r->member->task ||
            l->log->ops->position(l->log, r->topic, r->partition, &offset) < 0) {
            continue;
        }
        for (int in = -1; (in = task_input(r->member->task, r->topic, in)) >= 0;) {
            task_caught_up(r->member->task, in, offset);
        }
    }
}

struct restoring {
    struct task *task;
    int store;
    struct err *e;
    uint64_t n;
};

static int restore_record(void *ctx, const struct record *r)
{
    struct restoring *x = ctx;
    x->n++;
    return task_restore(x->task, x->store, r, x->e);
}

/* A partition that never had a record need not be waited for when there will be none. */
static int find_empty(struct lane *l, const struct route *r, struct err *e)
{
    int64_t begin, end;
    if (r->offset != OFFSET_NONE) {
        return 0;
    }
    int result = l->log->ops->bounds(l->log, r->topic, r->partition, &begin, &end, BOUNDS_MS, e);
    for (int in = -1;
         result == 0 && begin == end && (in = task_input(r->member->task, r->topic, in)) >= 0;) {
        if (task_input_source(r->member->task, in)->repartition < 0) {
            task_expect_nothing(r->member->task, in);
        }
    }
    return result;
}

static int build_task(struct lane *l, struct member *m, struct err *e)
{
    const struct subplan *s = &l->cfg.plan->subplan[m->subplan];
    struct task_env env = {.ctx = l,
                           .clock = l->cfg.clock,
                           .schemas = l->cfg.schemas,
                           .batch_rows = l->cfg.batch_rows,
                           .limit_ahead = true,
                           .produce = lane_produce,
                           .tasks = lane_tasks};
    int r = task_new(&m->task, l->cfg.plan, m->subplan, m->partition, &env, e);
    for (int i = 0; r == 0 && i < s->nstores; i++) {
        struct restoring x = {m->task, i, e, 0};
        int64_t next;
        r = l->log->ops->read_all(l->log, s->store[i].changelog, m->partition, 0, restore_record,
                                  &x, &next, e);
        if (r == 0 && x.n > 0) {
            logger(LOG_LEVEL_INFO, "restored %s partition %d: %llu changes", s->store[i].changelog,
                   m->partition, (unsigned long long)x.n);
        }
    }
    for (int i = 0; r == 0 && i < l->nroutes; i++) {
        if (l->route[i].member == m) {
            restore_route(&l->route[i]);
            r = l->cfg.until_end ? find_empty(l, &l->route[i], e) : 0;
        }
    }
    return r < 0 ? r : task_open(m->task, e);
}

static int build_tasks(struct lane *l, struct err *e)
{
    for (int i = 0; i < l->nmembers; i++) {
        if (!l->member[i]->task) {
            int r = build_task(l, l->member[i], e);
            if (r < 0) {
                return r;
            }
        }
    }
    return 0;
}

/* After an abort: every task anew, every partition back to its committed offset. */
static int rebuild(struct lane *l, struct err *e)
{
    l->rebuild = false;
    int r = l->log->ops->abort(l->log, e);
    l->in_transaction = false;
    for (int i = 0; i < l->nmembers; i++) {
        member_close(l, l->member[i]);
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
        mem_free(l->route[i].metadata);
        l->route[i].metadata = p[i].metadata ? mem_strdup(p[i].metadata) : NULL;
        l->route[i].offset = p[i].offset;
        int64_t begin = p[i].offset, end;
        if (begin < 0) {
            r = l->log->ops->bounds(l->log, p[i].topic, p[i].partition, &begin, &end, 10000, e);
            begin = l->cfg.log.from_latest ? end : begin;
        }
        r = r < 0 ? r : l->log->ops->seek(l->log, p[i].topic, p[i].partition, begin, e);
    }
    mem_free(p);
    return r < 0 ? r : build_tasks(l, e);
}

static struct route *route_of(struct lane *l, const struct record *r)
{
    struct route *x = l->last;
    if (x && x->partition == r->partition && strcmp(x->topic, r->topic) == 0) {
        return x;
    }
    for (int i = 0; i < l->nroutes; i++) {
        x = &l->route[i];
        if (x->partition == r->partition && strcmp(x->topic, r->topic) == 0) {
            l->last = x;
            return x;
        }
    }
    return NULL;
}

static int push_runs(struct lane *l, const struct record *r, size_t n, struct err *e)
{
    for (size_t at = 0, end; at < n; at = end) {
        for (end = at + 1; end < n && r[end].partition == r[at].partition &&
                           (r[end].topic == r[at].topic || strcmp(r[end].topic, r[at].topic) == 0);
             end++) {
        }
        const struct route *x = route_of(l, &r[at]);
        if (!x) {
            continue;
        }
        struct task *t = x->member->task;
        for (int in = -1; (in = task_input(t, x->topic, in)) >= 0;) {
            int result = task_push(t, in, r + at, end - at, e);
            if (result < 0) {
                return result;
            }
        }
    }
    return 0;
}

/* What other members have committed of the topics that idle inputs of ours read. */
static void ask_others(struct lane *l)
{
    struct log_position *p = NULL;
    size_t n = 0;
    for (int i = 0; i < l->nroutes; i++) {
        const char *topic = l->route[i].topic;
        bool is_known = false;
        for (size_t k = 0; k < n; k++) {
            is_known |= p[k].topic == topic;
        }
        int32_t other[OTHERS_MOST];
        int m = is_known ? 0 : time_board_others(l->cfg.times, topic, other, OTHERS_MOST);
        for (int k = 0; k < m; k++) {
            p = mem_resize(p, n + 1, sizeof *p);
            p[n++] = (struct log_position){.topic = topic, .partition = other[k]};
        }
    }
    struct err ignored = {0};
    if (n > 0 && l->log->ops->committed(l->log, p, n, ASK_MS, &ignored) == 0) {
        for (size_t i = 0; i < n; i++) {
            time_board_heard(l->cfg.times, p[i].topic, p[i].partition, p[i].metadata, l->last_tick);
        }
    }
    mem_free(p);
}

/* Inputs of a route: each says how far it is, or (later, when all have) an idle one follows.
 * Returns whether any is idle. */
static bool follow_route(struct lane *l, const struct route *r, bool says)
{
    struct task *t = r->member->task;
    bool is_any_idle = false;
    for (int in = -1; t && (in = task_input(t, r->topic, in)) >= 0;) {
        const struct plan_source *source = task_input_source(t, in);
        bool is_idle = source->repartition < 0 && task_idle(t, in, l->last_tick);
        is_any_idle |= is_idle;
        if (source->repartition < 0 && says) {
            time_board_set(l->cfg.times, source, r->topic, r->partition,
                           (struct part_time){task_watermark(t, in), is_idle},
                           task_last_record(t, in));
        } else if (is_idle) {
            task_others(t, in, time_board_read(l->cfg.times, source, r->topic));
        }
    }
    return is_any_idle;
}

/* Idle inputs follow the others of their topic, wherever these are. */
static void follow_others(struct lane *l)
{
    bool is_any_idle = false;
    for (int i = 0; i < l->nroutes; i++) {
        is_any_idle |= follow_route(l, &l->route[i], true);
    }
    if (is_any_idle && time_board_asks(l->cfg.times, l->last_tick, ASK_EVERY_MS)) {
        ask_others(l);
    }
    for (int i = 0; is_any_idle && i < l->nroutes; i++) {
        follow_route(l, &l->route[i], false);
    }
}

static int tick(struct lane *l, struct err *e)
{
    l->last_tick = now(l);
    follow_others(l);
    for (int i = 0; i < l->nmembers; i++) {
        int r = l->member[i]->task ? task_tick(l->member[i]->task, l->last_tick, e) : 0;
        if (r < 0) {
            return r;
        }
    }
    publish_counts(l);
    return 0;
}

static bool commit_is_due(const struct lane *l)
{
    int64_t since = now(l) - l->last_commit;
    if (since >= l->cfg.plan->topology->commit_interval) {
        return true;
    }
    uint64_t dirty = 0;
    for (int i = 0; since >= COMMIT_SOONEST && i < l->nmembers; i++) {
        dirty += l->member[i]->task ? task_dirty_bytes(l->member[i]->task) : 0;
    }
    return dirty > DIRTY_MOST;
}

static int once(struct lane *l, struct err *e)
{
    const struct record *r;
    size_t n = 0;
    int64_t wait = l->last_commit + l->cfg.plan->topology->commit_interval - now(l);
    wait = wait < 0 ? 0 : wait > TICK_MS ? TICK_MS : wait;
    int result = l->log->ops->poll(l->log, (int)wait, &r, &n, e);
    if (result == 0 && !l->rebuild) {
        result = build_tasks(l, e);
        if (result == 0) {
            result = push_runs(l, r, n, e);
        }
    }
    l->log->ops->release(l->log);
    if (result == 0 && n == 0 && !l->rebuild) {
        follow_positions(l);
    }
    if (result == 0 && l->rebuild) {
        result = -ERR_ABORT;
    }
    if (result == 0 && now(l) - l->last_tick >= TICK_MS) {
        result = tick(l, e);
    }
    if (result == 0 && commit_is_due(l)) {
        result = lane_commit(l, e);
    }
    return result;
}

static int run(struct lane *l, struct err *e)
{
    struct log_events ev = {l, on_assigned, on_revoked};
    int r = l->cfg.open_log(l->cfg.ctx, &l->log, &l->cfg.log, &ev, e);
    if (r < 0) {
        return r;
    }
    l->last_commit = l->last_tick = now(l);
    while (r == 0 && !atomic_load(&l->stopping)) {
        r = once(l, e);
        if (r == -ERR_ABORT) {
            logger(LOG_LEVEL_WARN,
                   "lane %d: transaction aborted%s%s; going on from the last commit", l->cfg.number,
                   e->text[0] ? ": " : "", e->text);
            err_clear(e);
            r = rebuild(l, e);
        }
    }
    r = r == 0 ? lane_commit(l, e) : r;
    if (r < 0) { /* closing gives up the partitions: nothing may commit then */
        struct err ignored = {0};
        l->rebuild = true;
        l->log->ops->abort(l->log, &ignored);
        l->in_transaction = false;
    }
    return r;
}

static void keep_metric(void *ctx, const struct node *n, const char *name, double value)
{
    struct lane *l = ctx;
    l->metric = mem_resize(l->metric, (size_t)l->nmetrics + 1, sizeof *l->metric);
    l->metric[l->nmetrics++] = (struct last_metric){n, name, value};
}

static void *lane_main(void *arg)
{
    struct lane *l = arg;
    struct err e = {0};
    l->result = run(l, &e);
    publish_counts(l);
    logger(LOG_LEVEL_DEBUG, "lane %d: %llu records, %llu allocations", l->cfg.number,
           (unsigned long long)atomic_load(&l->records), (unsigned long long)mem_count());
    for (int i = 0; i < l->nmembers; i++) {
        if (l->member[i]->task) {
            task_metrics(l->member[i]->task, keep_metric, l);
        }
        member_close(l, l->member[i]);
    }
    if (l->log) {
        l->log->ops->close(l->log, atomic_load(&l->leaving) && l->result == 0);
    }
    l->failure = e;
    atomic_store(&l->done, true);
    return NULL;
}

int lane_start(struct lane **out, const struct lane_config *cfg, struct err *e)
{
    struct lane *l = mem_zalloc(sizeof *l);
    l->cfg = *cfg;
    if (pthread_create(&l->thread, NULL, lane_main, l) != 0) {
        mem_free(l);
        return err_set(e, ERR_FATAL, "cannot start a thread");
    }
    *out = l;
    return 0;
}

void lane_stop(struct lane *l, bool leave)
{
    atomic_store(&l->leaving, leave);
    atomic_store(&l->stopping, true);
}

bool lane_is_done(const struct lane *l)
{
    return atomic_load(&l->done);
}

struct lane_counts lane_counts(const struct lane *l)
{
    return (struct lane_counts){atomic_load(&l->records), atomic_load(&l->rows_out),
                                atomic_load(&l->bad),     atomic_load(&l->late),
                                atomic_load(&l->no_key),  atomic_load(&l->commits)};
}

void lane_metrics(const struct lane *l,
                  void (*each)(void *ctx, const struct node *n, const char *name, double value),
                  void *ctx)
{
    for (int i = 0; i < l->nmetrics; i++) {
        each(ctx, l->metric[i].node, l->metric[i].name, l->metric[i].value);
    }
}

int lane_join(struct lane *l, struct err *e)
{
    pthread_join(l->thread, NULL);
    int r = l->result;
    if (r < 0) {
        err_set(e, l->failure.kind, "%s", l->failure.text);
    }
    for (int i = 0; i < l->nroutes; i++) {
        mem_free(l->route[i].metadata);
    }
    for (int i = 0; i < l->nmembers; i++) {
        mem_free(l->member[i]);
    }
    mem_free(l->metric);
    mem_free(l->route);
    mem_free(l->member);
    mem_free(l);
    return r;
}
