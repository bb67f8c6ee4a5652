/* The lane's loop.
 *
 *   ┌─> poll ── open the tasks of new partitions, from changelogs ── push runs of records ──┐
 *   └── commit, when due <── tick, every 100 ms <── slices <── release <────────────────────┘
 *
 *   slices     of tasks with much to do at once: lane_slices.c
 *   tick       idle inputs follow the others of their topic, the tasks' time goes on
 *   commit     flush all tasks; outputs + changelogs + the offsets of ALL partitions in one
 *              transaction; then tell the tasks
 *
 *   revoked    commit, close the tasks that go away
 *   lost       their work must not become visible: abort, rebuild what is left
 *   ABORT      abort, rebuild all tasks from the committed offsets
 *   others     the lane ends; its last commit stands, and after RETRY the runner starts it again
 *
 * Tables are read before the streams that look them up, and global ones beside: lane_tables.c.
 * An early commit (state changes beyond dirty_most) never comes sooner than 20 ms after the last
 * one: the broker would still be writing that one's markers.
 */
#include "engine/logger.h"
#include "engine/memory.h"
#include "worker/lane_impl.h"
#include "worker/memory_shares.h"
#include "worker/memory_use.h"

#include <stdio.h>
#include <string.h>

#define TICK_MS        100
#define COMMIT_SOONEST 20
#define CLOGGED_MS     5
#define METADATA_MOST  4096
#define REBUILDS       3 /* a damaged disk is found while its task opens */

/* Of a lane whose last transaction was aborted, only what is committed counts as written. */
static void publish_counts(struct lane *l)
{
    struct lane_counts sum = l->closed;
    for (int i = 0; i < l->nmembers; i++) {
        const struct member *m = l->member[i];
        if (m->task) {
            struct task_counts c = task_counts(m->task);
            c.rows_out = l->result < 0 || l->rebuild ? m->committed.rows_out : c.rows_out;
            lane_add_counts(&sum, &c);
        }
    }
    atomic_store_explicit(&l->records, sum.records, memory_order_relaxed);
    atomic_store_explicit(&l->rows_out, sum.rows_out, memory_order_relaxed);
    atomic_store_explicit(&l->bad, sum.bad, memory_order_relaxed);
    atomic_store_explicit(&l->late, sum.late, memory_order_relaxed);
    atomic_store_explicit(&l->no_key, sum.no_key, memory_order_relaxed);
    atomic_store_explicit(&l->tombstones, sum.tombstones, memory_order_relaxed);
}

/* Least offset of the inputs that read a route's topic, and the metadata of all of them. */
static int64_t position_of(const struct route *r, char *text)
{
    int64_t least = INT64_MAX;
    size_t n = 0;
    text[0] = 0;
    for (int in = -1; (in = task_input(r->member->task, r->topic, in)) >= 0;) {
        if (least != INT64_MAX && n + 1 + strlen(POSITION_BEHIND) < METADATA_MOST) {
            text[n++] = ';';
        }
        size_t room = METADATA_MOST - n - strlen(POSITION_BEHIND);
        int64_t at = task_position(r->member->task, in, text + n, room);
        least = at < least ? at : least;
        n += strlen(text + n);
    }
    if (task_is_behind(r->member->task)) {
        memcpy(text + n, POSITION_BEHIND, sizeof POSITION_BEHIND);
    }
    return least == INT64_MAX ? -1 : least;
}

/* Where each route stands now. Routes without a position are left out. */
static size_t positions(struct lane *l)
{
    size_t n = 0;
    l->commit_at = mem_resize(l->commit_at, (size_t)l->nroutes + 1, sizeof *l->commit_at);
    l->commit_text = mem_resize(l->commit_text, (size_t)l->nroutes + 1, METADATA_MOST);
    for (int i = 0; i < l->nroutes; i++) {
        struct route *r = &l->route[i];
        char *text = l->commit_text + (size_t)i * METADATA_MOST;
        r->stands_at = r->member->task ? position_of(r, text) : r->offset;
        if (r->member->task) { /* else what was committed before is, again */
            r->says_behind = task_is_behind(r->member->task);
        }
        if (r->stands_at >= 0) {
            l->commit_at[n++] =
                (struct log_position){.topic = r->topic,
                                      .partition = r->partition,
                                      .offset = r->stands_at,
                                      .metadata = r->member->task ? text : r->metadata};
        }
    }
    return n;
}

/* What is committed of partitions that have no more to come of it. */
static void publish_progress(struct lane *l)
{
    for (int i = 0; i < l->nroutes; i++) {
        const struct route *r = &l->route[i];
        if (r->stands_at >= 0 && !r->says_behind) {
            progress_set(l->cfg.progress, r->topic, r->partition, r->stands_at);
        }
    }
}

/* The transaction stands. What cannot be written to disk ends the lane; all tasks have to hear of
 * the commit, though. */
static int tell_tasks(struct lane *l, struct err *e)
{
    int r = 0;
    for (int i = 0; i < l->nmembers; i++) {
        struct member *m = l->member[i];
        if (m->task) {
            r = r < 0 ? r : lane_write_checkpoint(m, e);
            task_committed(m->task);
            m->committed = task_counts(m->task);
        }
    }
    return r;
}

/* A task that is no longer behind says so, even where it had nothing left to do after a restart. */
static bool has_caught_up(const struct lane *l)
{
    bool is_any = false;
    for (int i = 0; i < l->nroutes; i++) {
        const struct task *t = l->route[i].member->task;
        is_any |= l->route[i].says_behind && t && !task_is_behind(t);
    }
    return is_any;
}

/* at_end: the lane is about to stop. */
static int commit(struct lane *l, bool at_end, struct err *e)
{
    bool dirty = lane_mark(l, at_end) || l->in_transaction || has_caught_up(l);
    for (int i = 0; i < l->nmembers; i++) {
        dirty |= l->member[i]->task && task_dirty(l->member[i]->task);
    }
    l->last_commit = lane_now(l);
    if (!dirty) {
        return 0;
    }
    for (int i = 0; i < l->nmembers; i++) {
        int r = l->member[i]->task ? task_flush(l->member[i]->task, e) : 0;
        if (r < 0) {
            return r;
        }
    }
    size_t n = positions(l);
    int r = l->log->ops->begin(l->log, e);
    r = r < 0 ? r : l->log->ops->commit(l->log, l->commit_at, n, e);
    if (r == 0) {
        l->in_transaction = false;
        r = tell_tasks(l, e);
        publish_progress(l);
        atomic_fetch_add_explicit(&l->commits, 1, memory_order_relaxed);
    }
    l->last_commit = lane_now(l);
    publish_counts(l);
    return r;
}

static int lane_commit(struct lane *l, struct err *e)
{
    return commit(l, false, e);
}

/* The last commit; behind it, where there are checkpoints, one that marks it as being on disk. */
static int last_commit(struct lane *l, struct err *e)
{
    int r = lane_commit(l, e);
    return r < 0 ? r : commit(l, true, e);
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
    lane_drop_routes(l, p, n);
}

/* Nothing came: positions may still have moved, behind transaction markers. */
static void follow_positions(struct lane *l)
{
    for (int i = 0; i < l->nroutes; i++) {
        const struct route *r = &l->route[i];
        int64_t offset;
        bool waits = r->waiting.head < r->waiting.n; /* the log is ahead of the task */
        if (!r->member->task || waits ||
            l->log->ops->position(l->log, r->topic, r->partition, &offset) < 0) {
            continue;
        }
        for (int in = -1; (in = task_input(r->member->task, r->topic, in)) >= 0;) {
            task_caught_up(r->member->task, in, offset);
        }
    }
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
        struct route *x = route_of(l, &r[at]);
        int takes = x ? lane_takes(l, x, &r[at], e) : 0;
        if (takes < 0) {
            return takes;
        }
        if (takes == 0) {
            continue;
        }
        struct task *t = x->member->task;
        if (x->member->merges) {
            lane_merge_add(l, x, r + at, end - at);
            continue;
        }
        for (int in = -1; (in = task_input(t, x->topic, in)) >= 0;) {
            int result = task_push(t, in, r + at, end - at, e);
            if (result < 0) {
                return result;
            }
        }
    }
    return lane_merge(l, e);
}

int lane_hold_memory(struct lane *l, struct err *e)
{
    uint64_t bytes = 0;
    for (int i = 0; i < l->nmembers && l->cfg.memory; i++) {
        const struct member *m = l->member[i];
        const struct task *t = m->task ? m->task : m->restoring.task;
        bytes += t ? task_kept_bytes(t) : 0;
    }
    for (int i = 0; i < l->nglobals && l->cfg.memory; i++) {
        bytes += l->global[i].task ? task_kept_bytes(l->global[i].task) : 0;
    }
    return l->cfg.memory ? memory_use_set(l->cfg.memory, &l->held, bytes, e) : 0;
}

static int tick(struct lane *l, struct err *e)
{
    l->last_tick = lane_now(l);
    lane_follow_others(l);
    for (int i = 0; i < l->nmembers; i++) {
        if (l->member[i]->waits) { /* for its tables: nothing may look them up */
            continue;
        }
        int r = l->member[i]->task ? task_tick(l->member[i]->task, l->last_tick, e) : 0;
        if (r < 0) {
            return r;
        }
    }
    publish_counts(l);
    return lane_hold_memory(l, e);
}

static bool commit_is_due(struct lane *l)
{
    int64_t since = lane_now(l) - l->last_commit;
    if (lane_is_behind(l) && lane_is_clogged(l)) {
        return false;
    }
    if (since >= l->cfg.plan->topology->commit_interval) {
        return true;
    }
    uint64_t dirty = 0;
    for (int i = 0; since >= COMMIT_SOONEST && i < l->nmembers; i++) {
        dirty += l->member[i]->task ? task_dirty_bytes(l->member[i]->task) : 0;
    }
    return dirty > (l->cfg.dirty_most > 0 ? l->cfg.dirty_most : DIRTY_MOST);
}

static int once(struct lane *l, struct err *e)
{
    const struct record *r;
    size_t n = 0;
    int64_t wait = l->last_commit + l->cfg.plan->topology->commit_interval - lane_now(l);
    int64_t due = lane_merge_due(l) - lane_now(l);
    wait = due < wait ? due : wait;
    wait = wait < 0 ? 0 : wait > TICK_MS ? TICK_MS : wait;
    wait = lane_is_behind(l) ? (lane_is_clogged(l) ? CLOGGED_MS : 0) : wait;
    wait = lane_is_restoring(l) ? 0 : wait;
    l->polls++;
    lane_gap_end(l);
    int result = l->log->ops->poll(l->log, (int)wait, &r, &n, e);
    l->quiet_at = n > 0 ? 0 : l->quiet_at ? l->quiet_at : lane_now(l);
    lane_gap_begin(l);
    if (result == 0 && !l->rebuild) {
        result = lane_build_tasks(l, e);
        if (result == 0) {
            result = push_runs(l, r, n, e);
        }
    }
    l->log->ops->release(l->log);
    if (result == 0 && !l->rebuild) {
        result = lane_go_on(l, e);
    }
    if (result == 0 && !l->rebuild) {
        result = lane_watch_tables(l, e);
    }
    if (result == 0 && n == 0 && !l->rebuild) {
        follow_positions(l);
    }
    if (result == 0 && l->rebuild) {
        result = -ERR_ABORT;
    }
    if (result == 0 && lane_now(l) - l->last_tick >= TICK_MS) {
        result = tick(l, e);
    }
    if (result == 0) {
        result = lane_follow_globals(l, e);
    }
    if (result == 0 && commit_is_due(l)) {
        result = lane_commit(l, e);
    }
    return result;
}

static int run(struct lane *l, struct err *e)
{
    struct log_events ev = {l, lane_assigned, on_revoked};
    int r = l->cfg.open_log(l->cfg.ctx, &l->log, &l->cfg.log, &ev, e);
    if (r < 0) {
        return r;
    }
    r = lane_open_globals(l, e);
    l->last_commit = l->last_tick = lane_now(l);
    while (r == 0 && !atomic_load(&l->stopping)) {
        r = once(l, e);
        for (int tries = 0; r == -ERR_ABORT && tries < REBUILDS; tries++) {
            logger(LOG_LEVEL_WARN,
                   "lane %d: transaction aborted%s%s; going on from the last commit", l->cfg.number,
                   e->text[0] ? ": " : "", e->text);
            err_clear(e);
            r = lane_rebuild(l, e);
        }
    }
    r = r == 0 ? last_commit(l, e) : r;
    if (r < 0) { /* closing gives up the partitions: nothing may commit then */
        struct err ignored = {0};
        l->rebuild = true;
        l->log->ops->abort(l->log, &ignored);
        l->in_transaction = false;
    }
    if (r == -ERR_ABORT && atomic_load(&l->stopping)) { /* as others come or go just now */
        logger(
            LOG_LEVEL_INFO,
            "lane %d: its last transaction was aborted (%s): whoever gets its partitions goes on "
            "from the one before",
            l->cfg.number, e->text);
        err_clear(e);
        r = 0;
    }
    return r;
}

struct keeping {
    struct lane *lane;
    int32_t partition;
};

static void keep_metric(void *ctx, const struct node *n, const char *name, double value)
{
    struct keeping *k = ctx;
    struct lane *l = k->lane;
    l->metric = mem_resize(l->metric, (size_t)l->nmetrics + 1, sizeof *l->metric);
    l->metric[l->nmetrics++] = (struct last_metric){k->partition, n, name, value};
}

void lane_run(struct lane *l)
{
    struct err e = {0};
    l->result = run(l, &e);
    publish_counts(l);
    logger(LOG_LEVEL_DEBUG,
           "lane %d: %llu records, %llu allocations, at most %.1f ms between two polls, %.1f ms "
           "while it was behind",
           l->cfg.number, (unsigned long long)atomic_load(&l->records),
           (unsigned long long)mem_count(), (double)l->longest_gap / 1e6,
           (double)l->longest_behind / 1e6);
    for (int i = 0; i < l->nmembers; i++) {
        if (l->member[i]->task) {
            const struct member *m = l->member[i];
            struct keeping k = {l, l->cfg.tasks[m->subplan] > 1 ? m->partition : -1};
            task_metrics(m->task, keep_metric, &k);
            task_steps(l->member[i]->task, state_sum_add, &l->state);
        }
        lane_close_member(l, l->member[i]);
        lane_give_back(l, l->member[i]);
    }
    for (int i = 0; i < l->nglobals; i++) {
        if (l->global[i].task) {
            task_steps(l->global[i].task, state_sum_add, &l->state);
        }
    }
    lane_close_globals(l);
    if (l->log) {
        l->log->ops->close(l->log, atomic_load(&l->leaving) && l->result == 0);
    }
    if (l->cfg.memory) {
        struct err ignored = {0};
        memory_use_set(l->cfg.memory, &l->held, 0, &ignored);
    }
    l->failure = e;
    atomic_store(&l->done, true);
}

struct lane *lane_new(const struct lane_config *cfg)
{
    struct lane *l = mem_zalloc(sizeof *l);
    l->cfg = *cfg;
    l->cfg.log.stopping = &l->stopping;
    return l;
}

static void *lane_main(void *arg)
{
    struct lane *l = arg;
    char name[16]; /* as top -H and a crash report show it */
    snprintf(name, sizeof name, "lane %d", l->cfg.number);
    pthread_setname_np(pthread_self(), name);
    lane_run(l);
    return NULL;
}

int lane_start(struct lane **out, const struct lane_config *cfg, struct err *e)
{
    struct lane *l = lane_new(cfg);
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
                                atomic_load(&l->no_key),  atomic_load(&l->tombstones),
                                atomic_load(&l->commits)};
}

void lane_metrics(const struct lane *l,
                  void (*each)(void *ctx, int32_t partition, const struct node *n, const char *name,
                               double value),
                  void *ctx)
{
    for (int i = 0; i < l->nmetrics; i++) {
        const struct last_metric *m = &l->metric[i];
        each(ctx, m->partition, m->node, m->name, m->value);
    }
}

struct state_sum lane_state(const struct lane *l)
{
    return l->state;
}

int lane_free(struct lane *l, struct err *e)
{
    int r = l->result;
    if (r < 0) {
        err_set(e, l->failure.kind, "%s", l->failure.text);
    }
    for (int i = 0; i < l->nroutes; i++) {
        mem_free(l->route[i].metadata);
        lane_merge_drop(&l->route[i]);
    }
    for (int i = 0; i < l->nmembers; i++) {
        mem_free(l->member[i]->next);
        mem_free(l->member[i]);
    }
    mem_free(l->commit_at);
    mem_free(l->commit_text);
    mem_free(l->metric);
    mem_free(l->route);
    mem_free(l->member);
    mem_free(l);
    return r;
}

int lane_join(struct lane *l, struct err *e)
{
    pthread_join(l->thread, NULL);
    return lane_free(l, e);
}
