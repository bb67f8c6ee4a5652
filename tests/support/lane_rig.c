/* The failing log stands between a lane and the broker:
 *
 *   poll       fails for now; or the assignment is lost and comes back
 *   produce    the transaction must be aborted; or the process dies
 *   commit     aborted; dies before it; dies just after it
 *   read_all   fails for now; so does read_on
 *
 * A lane that died is started again by lane_rig_settle(), as the runner would.
 */
#include "tests/support/lane_rig.h"

#include "engine/memory.h"
#include "schemas/registry_memory.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANCE 25 /* one call in so many fails */

struct failing {
    struct log log; /* first */
    struct log *inner;
    struct lane_rig *rig;
    struct random random;
};

static struct failing *self(struct log *l)
{
    return (struct failing *)l;
}

static bool strikes(struct failing *f)
{
    if (f->rig->seed == 0 || random_below(&f->random, CHANCE) != 0) {
        return false;
    }
    return atomic_fetch_sub(&f->rig->faults, 1) > 0;
}

static int fault(struct failing *f, struct err *e, enum err_kind a, enum err_kind b)
{
    return err_set(e, random_below(&f->random, 2) ? a : b, "injected");
}

static int poll_log(struct log *l, int timeout_ms, const struct record **r, size_t *n,
                    struct err *e)
{
    struct failing *f = self(l);
    (void)timeout_ms;
    *n = 0;
    if (strikes(f)) {
        if (random_below(&f->random, 2)) {
            return err_set(e, ERR_RETRY, "injected");
        }
        memory_log_evict(f->inner);
    }
    int result = f->inner->ops->poll(f->inner, 0, r, n, e);
    if (*n == 0) {
        sched_yield();
    }
    return result;
}

static void release(struct log *l)
{
    self(l)->inner->ops->release(self(l)->inner);
}

static int seek(struct log *l, const char *topic, int32_t partition, int64_t offset, struct err *e)
{
    return self(l)->inner->ops->seek(self(l)->inner, topic, partition, offset, e);
}

static int begin(struct log *l, struct err *e)
{
    return self(l)->inner->ops->begin(self(l)->inner, e);
}

static int produce(struct log *l, const struct record *r, size_t n, struct err *e)
{
    struct failing *f = self(l);
    if (strikes(f)) {
        return fault(f, e, ERR_ABORT, ERR_FATAL);
    }
    return f->inner->ops->produce(f->inner, r, n, e);
}

static int commit(struct log *l, const struct log_position *p, size_t n, struct err *e)
{
    struct failing *f = self(l);
    if (!strikes(f)) {
        return f->inner->ops->commit(f->inner, p, n, e);
    }
    if (random_below(&f->random, 3) == 0) {
        int r = f->inner->ops->commit(f->inner, p, n, e);
        return r < 0 ? r : err_set(e, ERR_FATAL, "injected");
    }
    return fault(f, e, ERR_ABORT, ERR_FATAL);
}

static int abort_log(struct log *l, struct err *e)
{
    return self(l)->inner->ops->abort(self(l)->inner, e);
}

static int partitions(struct log *l, const char *topic, int32_t *n, int ms, struct err *e)
{
    return self(l)->inner->ops->partitions(self(l)->inner, topic, n, ms, e);
}

static int bounds(struct log *l, const char *topic, int32_t partition, int64_t *from, int64_t *to,
                  int ms, struct err *e)
{
    return self(l)->inner->ops->bounds(self(l)->inner, topic, partition, from, to, ms, e);
}

static int written(struct log *l, const char *topic, int32_t partition, int64_t *end, int ms,
                   struct err *e)
{
    struct failing *f = self(l);
    if (strikes(f)) {
        return err_set(e, ERR_RETRY, "injected");
    }
    return f->inner->ops->written(f->inner, topic, partition, end, ms, e);
}

static int read_all(struct log *l, const char *topic, int32_t partition, int64_t from,
                    int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                    struct err *e)
{
    struct failing *f = self(l);
    if (strikes(f)) {
        return err_set(e, ERR_RETRY, "injected");
    }
    return f->inner->ops->read_all(f->inner, topic, partition, from, each, ctx, next, e);
}

static int read_on(struct log *l, const char *topic, int32_t partition, int64_t from,
                   int (*each)(void *ctx, const struct record *r), void *ctx, int64_t *next,
                   struct err *e)
{
    struct failing *f = self(l);
    if (strikes(f)) {
        return err_set(e, ERR_RETRY, "injected");
    }
    return f->inner->ops->read_on(f->inner, topic, partition, from, each, ctx, next, e);
}

static int pause_log(struct log *l, const char *topic, int32_t partition)
{
    return self(l)->inner->ops->pause(self(l)->inner, topic, partition);
}

static int resume_log(struct log *l, const char *topic, int32_t partition)
{
    return self(l)->inner->ops->resume(self(l)->inner, topic, partition);
}

static int committed(struct log *l, struct log_position *p, size_t n, int ms, struct err *e)
{
    return self(l)->inner->ops->committed(self(l)->inner, p, n, ms, e);
}

static int position(struct log *l, const char *topic, int32_t partition, int64_t *offset)
{
    return self(l)->inner->ops->position(self(l)->inner, topic, partition, offset);
}

static int has_more(struct log *l, const char *topic, int32_t partition)
{
    return self(l)->inner->ops->has_more(self(l)->inner, topic, partition);
}

static void close_log(struct log *l, bool leave)
{
    self(l)->inner->ops->close(self(l)->inner, leave);
    mem_free(l);
}

static const struct log_ops failing_ops = {
    .poll = poll_log,
    .release = release,
    .pause = pause_log,
    .resume = resume_log,
    .seek = seek,
    .begin = begin,
    .produce = produce,
    .commit = commit,
    .abort = abort_log,
    .partitions = partitions,
    .bounds = bounds,
    .written = written,
    .read_all = read_all,
    .read_on = read_on,
    .committed = committed,
    .position = position,
    .has_more = has_more,
    .close = close_log,
};

static int open_log(void *ctx, struct log **out, const struct log_config *cfg,
                    const struct log_events *ev, struct err *e)
{
    struct lane_rig *r = ctx;
    struct failing *f = mem_zalloc(sizeof *f);
    f->log.ops = &failing_ops;
    f->rig = r;
    random_seed(&f->random, r->seed, (uint64_t)atomic_fetch_add(&r->opened, 1));
    *out = &f->log;
    return memory_log_open(&f->inner, r->broker, cfg, ev, e);
}

/* ---- the rig ---- */

static int64_t run_fast(const struct clock *c)
{
    struct rig_clock *mine = (struct rig_clock *)(uintptr_t)c;
    return atomic_fetch_add(&mine->ms, 3);
}

void lane_rig_init(struct lane_rig *r, const char *topology, int32_t outside)
{
    struct err e = {0};
    struct log_config cfg = {.group = NULL};
    memset(r, 0, sizeof *r);
    r->batch_rows = BATCH_ROWS;
    r->clock.clock.now = run_fast;
    if (plan_rig_init(&r->plan, topology) < 0) {
        fprintf(stderr, "%s\n%s", topology, plan_rig_problems(&r->plan));
        abort();
    }
    r->broker = memory_broker_new(1);
    r->schemas = registry_memory_new();
    r->progress = progress_new();
    if (memory_log_open(&r->log, r->broker, &cfg, NULL, &e) < 0) {
        abort();
    }
    rig_topics_create(&r->topics, r->log, r->plan.plan, outside, &r->plan.mem);
    r->times = time_board_new(r->plan.plan, r->topics.tasks);
}

void lane_rig_change(struct lane_rig *r, const char *topology, int32_t partitions)
{
    plan_rig_done(&r->plan);
    if (plan_rig_init(&r->plan, topology) < 0) {
        fprintf(stderr, "%s\n%s", topology, plan_rig_problems(&r->plan));
        abort();
    }
    rig_topics_create(&r->topics, r->log, r->plan.plan, partitions, &r->plan.mem);
    time_board_free(r->times);
    r->times = time_board_new(r->plan.plan, r->topics.tasks);
}

void lane_rig_send(struct lane_rig *r, const char *topic, int32_t partition, const char *key,
                   const char *value, int64_t timestamp)
{
    struct err e = {0};
    struct record rec = {.topic = topic,
                         .partition = partition,
                         .timestamp = timestamp,
                         .key = key,
                         .key_n = key ? strlen(key) : 0,
                         .value = value,
                         .value_n = value ? strlen(value) : 0};
    if (r->log->ops->produce(r->log, &rec, 1, &e) < 0) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
}

static int open_disk(void *ctx, const char *name, uint16_t nlazy, struct state_disk **out,
                     struct err *e)
{
    (void)nlazy;
    return rig_disks_take(((const struct lane_rig *)ctx)->disks, name, out, e);
}

static void close_disk(void *ctx, struct state_disk *d)
{
    rig_disks_give_back(((const struct lane_rig *)ctx)->disks, d);
}

void lane_rig_start(struct lane_rig *r, int i)
{
    struct err e = {0};
    snprintf(r->member[i], sizeof r->member[i], "member-%d", i);
    struct lane_config cfg = {
        .number = i,
        .plan = r->plan.plan,
        .clock = &r->clock.clock,
        .schemas = r->schemas,
        .tasks = r->topics.tasks,
        .batch_rows = r->batch_rows,
        .slice = r->slice,
        .progress = r->progress,
        .times = r->times,
        .until_end = r->until_end,
        .open_log = open_log,
        .ctx = r,
        .open_disk = r->disks ? open_disk : NULL,
        .close_disk = close_disk,
        .standby = r->standby[i],
        .trainer = r->trainer,
        .log = {.group = "g",
                .instance = r->member[i],
                .transactional = r->at_least_once ? NULL : r->member[i],
                .topics = r->topics.inputs,
                .copartition = r->topics.copartition},
    };
    if (lane_start(&r->lane[i], &cfg, &e) < 0) {
        abort();
    }
}

static int open_copy(void *ctx, const char *name, uint16_t nlazy, struct state_disk **out,
                     struct err *e)
{
    (void)nlazy;
    return rig_disks_take(((const struct lane_rig *)ctx)->copies, name, out, e);
}

static void close_copy(void *ctx, struct state_disk *d)
{
    rig_disks_give_back(((const struct lane_rig *)ctx)->copies, d);
}

/* Without faults: what fails there is tried again, and would only leave fewer for the lanes. */
static int open_copy_log(void *ctx, struct log **out, const struct log_config *cfg,
                         const struct log_events *ev, struct err *e)
{
    return memory_log_open(out, ((const struct lane_rig *)ctx)->broker, cfg, ev, e);
}

struct standby *lane_rig_standby(struct lane_rig *r, int64_t copies, const char *process)
{
    struct err e = {0};
    struct standby *s;
    struct standby_config cfg = {.plan = r->plan.plan,
                                 .clock = &r->clock.clock,
                                 .schemas = r->schemas,
                                 .tasks = r->topics.tasks,
                                 .copies = copies,
                                 .process = process,
                                 .open_log = open_copy_log,
                                 .ctx = r,
                                 .open_disk = r->copies ? open_copy : NULL,
                                 .close_disk = close_copy,
                                 .log = {.group = "g"}};
    if (standby_start(&s, &cfg, &e) < 0) {
        abort();
    }
    return s;
}

int lane_rig_stop(struct lane_rig *r, int i)
{
    if (!r->lane[i]) {
        return 0;
    }
    lane_stop(r->lane[i], true);
    err_clear(&r->err[i]);
    int result = lane_join(r->lane[i], &r->err[i]);
    r->lane[i] = NULL;
    return result;
}

static bool is_all_committed(struct lane_rig *r)
{
    struct err e = {0};
    for (int t = 0; r->topics.inputs[t]; t++) {
        int32_t n;
        r->log->ops->partitions(r->log, r->topics.inputs[t], &n, 0, &e);
        for (int32_t p = 0; p < n; p++) {
            int64_t from, to;
            r->log->ops->bounds(r->log, r->topics.inputs[t], p, &from, &to, 0, &e);
            if (to > 0 && progress_get(r->progress, r->topics.inputs[t], p) < to) {
                return false;
            }
        }
    }
    return true;
}

int lane_rig_settle(struct lane_rig *r)
{
    int64_t begun = clock_monotonic_ns();
    while (clock_monotonic_ns() - begun < 60000000000) {
        for (int i = 0; i < RIG_LANES; i++) {
            if (r->lane[i] && lane_is_done(r->lane[i])) {
                int result = lane_rig_stop(r, i);
                if (result != -ERR_RETRY && result != -ERR_FATAL) {
                    return result;
                }
                lane_rig_start(r, i);
            }
        }
        /* Topics behind others last, so twice the same answer means that nothing is on its way. */
        if (is_all_committed(r) && is_all_committed(r)) {
            return 0;
        }
        sched_yield();
    }
    return -100;
}

int lane_rig_run(struct lane_rig *r, int n)
{
    for (int i = 0; i < n; i++) {
        lane_rig_start(r, i);
    }
    int result = lane_rig_settle(r);
    atomic_store(&r->faults, 0);
    for (int i = 0; i < n; i++) {
        int q = lane_rig_stop(r, i);
        result = result == 0 && q != -ERR_RETRY && q != -ERR_FATAL ? q : result;
    }
    return result;
}

void lane_rig_output(struct lane_rig *r, const char *topic, struct buffer *out)
{
    rig_topics_print(r->log, topic, out);
}

void lane_rig_done(struct lane_rig *r)
{
    for (int i = 0; i < RIG_LANES; i++) {
        lane_rig_stop(r, i);
    }
    r->log->ops->close(r->log, true);
    memory_broker_free(r->broker);
    time_board_free(r->times);
    progress_free(r->progress);
    r->schemas->free(r->schemas);
    plan_rig_done(&r->plan);
}
