/* A view from outside, task by task:
 *
 *   count tasks ──> each: restore from its changelogs ─ ask for its offsets ─ open ─ add to the view
 *
 * State first, offsets then: rows that a worker commits in between are not in the state yet, but
 * the windows that they close are closed, as opening brings the steps to the watermark of the
 * offsets. So nothing is shown as open that is not.
 *
 * A task that is only looked at lets nothing out of its steps (task_env.produce is NULL), so global
 * tables need not be read.
 */
#include "worker/time_read.h"

#include "engine/memory.h"

#include <string.h>

#define ASK_MS         10000
#define LAST_RECORDS   8 /* at the end of a partition: some may be markers of transactions */
#define PROGRESS_EVERY 1000
#define CLOCKS_APART   60000 /* ms: a producer's may be ahead of ours */

struct reading {
    const struct client *client;
    const struct time_read_options *o;
    struct time_view *view;
    const struct plan *plan;
    struct log *log; /* in the group's name, no member of it */
    int32_t *tasks;  /* per sub-plan; 0: there are none yet */
    bool has_committed;
};

/* ---- how many tasks -------------------------------------------------------------------------- */

static int count_source(struct reading *r, const struct plan_source *s, int32_t *most,
                        struct err *e)
{
    for (int k = 0; k < s->ntopics; k++) {
        int32_t n = 0;
        int result = r->log->ops->partitions(r->log, s->topic[k], &n, ASK_MS, e);
        if (result < 0) {
            return result;
        }
        if (n == 0 && s->repartition < 0 && !s->feeder) {
            client_no_topic(r->client, s->topic[k], e);
            return err_prefix(e, "%s:%d:%d: %s", s->end->at.file, s->end->at.line,
                              s->end->at.column, s->end->path);
        }
        *most = n > *most ? n : *most;
    }
    return 0;
}

static int count_tasks(struct reading *r, struct err *e)
{
    const struct plan *p = r->plan;
    for (uint16_t i = 0; i < p->nsubplans; i++) {
        const struct subplan *s = &p->subplan[i];
        for (uint16_t k = 0; k < s->nsources; k++) {
            int result = count_source(r, p->source[s->source[k]], &r->tasks[i], e);
            if (result < 0) {
                return result;
            }
        }
        bool is_one = (s->single || s->is_global) && r->tasks[i] > 0;
        r->tasks[i] = is_one ? 1 : r->tasks[i];
    }
    return 0;
}

static int32_t tasks_of(void *ctx, uint16_t subplan)
{
    const struct reading *r = ctx;
    return r->tasks[subplan];
}

/* ---- state ----------------------------------------------------------------------------------- */

struct restoring {
    struct reading *r;
    struct task *task;
    int store;
    struct time_read_progress at;
    struct err *e;
};

static void tell(const struct time_read_options *o, const struct time_read_progress *at)
{
    if (o && o->progress) {
        o->progress(o->ctx, at);
    }
}

static int restore_record(void *ctx, const struct record *record)
{
    struct restoring *x = ctx;
    if (++x->at.changes % PROGRESS_EVERY == 0) {
        tell(x->r->o, &x->at);
    }
    return task_restore(x->task, x->store, record, x->e);
}

static int learn_record(void *ctx, const struct record *record)
{
    struct restoring *x = ctx;
    return task_learn(x->task, x->store, record, x->e);
}

/* As lane_restore.c does it. */
static int restore_store(struct restoring *x)
{
    const struct log_ops *ops = x->r->log->ops;
    struct log *log = x->r->log;
    int64_t next;
    int result =
        ops->read_all(log, x->at.topic, x->at.partition, 0, restore_record, x, &next, x->e);
    if (result == 0 || !task_is_puzzled(x->task, x->store)) {
        return result;
    }
    err_clear(x->e);
    result = ops->read_all(log, x->at.topic, x->at.partition, 0, learn_record, x, &next, x->e);
    task_has_learned(x->task, x->store);
    return result < 0 ? result
                      : ops->read_all(log, x->at.topic, x->at.partition, 0, restore_record, x,
                                      &next, x->e);
}

static int restore(struct reading *r, struct task *t, struct err *e)
{
    const struct subplan *s = &r->plan->subplan[task_subplan(t)];
    int result = 0;
    for (int i = 0; i < s->nstores && result == 0; i++) {
        struct restoring x = {.r = r, .task = t, .store = i, .e = e};
        x.at = (struct time_read_progress){.topic = s->store[i].changelog,
                                           .partition = task_partition(t)};
        result = r->log->ops->partitions(r->log, x.at.topic, &x.at.partitions, ASK_MS, e);
        if (result == 0 && x.at.partition < x.at.partitions) {
            result = restore_store(&x);
        }
    }
    return result;
}

/* ---- offsets --------------------------------------------------------------------------------- */

/* What the group has committed for the inputs of a task. */
static int ask_offsets(struct reading *r, struct task *t, struct log_position *p, struct err *e)
{
    int n = task_inputs(t);
    for (int i = 0; i < n; i++) {
        p[i] =
            (struct log_position){.topic = task_input_topic(t, i), .partition = task_partition(t)};
    }
    int result = n > 0 ? r->log->ops->committed(r->log, p, (size_t)n, ASK_MS, e) : 0;
    for (int i = 0; i < n && result == 0; i++) {
        bool is_first = task_input(t, p[i].topic, -1) == i;
        if (is_first && p[i].offset != OFFSET_NONE) {
            task_topic_restore(t, p[i].topic, p[i].offset, p[i].metadata);
            r->has_committed = true;
        }
    }
    for (int i = 0; i < n && result == 0; i++) { /* lives until the log is asked again */
        p[i].metadata = p[i].metadata ? mem_strdup(p[i].metadata) : NULL;
    }
    return result;
}

static int keep_time(void *ctx, const struct record *record)
{
    *(int64_t *)ctx = record->timestamp >= 0 ? record->timestamp : INT64_MIN;
    return 0;
}

/* Its last record's timestamp, where that looks like one of the clock. */
static int64_t last_record(struct reading *r, const char *topic, int32_t partition, int64_t begin,
                           int64_t end)
{
    struct err ignored = {0};
    int64_t last = INT64_MIN, next, from = end - LAST_RECORDS;
    from = from > begin ? from : begin;
    if (from < end) {
        r->log->ops->read_on(r->log, topic, partition, from, keep_time, &last, &next, &ignored);
    }
    int64_t now = clock_now(&clock_system);
    return last > now + CLOCKS_APART ? INT64_MIN : last < now ? last : now;
}

static int look_at_input(struct reading *r, const struct task *t, int i, struct view_input *in,
                         const struct log_position *p, struct err *e)
{
    int64_t begin = 0, end = 0;
    int32_t n = 0, partition = task_partition(t);
    int nth = 0;
    int result = r->log->ops->partitions(r->log, in->topic, &n, ASK_MS, e);
    in->is_missing = partition >= n;
    if (result == 0 && !in->is_missing) {
        result = r->log->ops->bounds(r->log, in->topic, partition, &begin, &end, ASK_MS, e);
    }
    if (result < 0) {
        return result;
    }
    for (int k = -1; (k = task_input(t, in->topic, k)) >= 0 && k < i;) {
        nth++;
    }
    int64_t next = p->offset == OFFSET_NONE ? begin : p->offset;
    in->offset = p->offset;
    in->lag = end > next ? end - next : 0;
    in->is_idle = in->nparts ? in->is_idle : task_time_of(p->metadata, nth).is_idle;
    in->last_at = last_record(r, in->topic, partition, begin, end);
    return 0;
}

/* ---- tasks ----------------------------------------------------------------------------------- */

static int look_at(struct reading *r, struct task *t, struct err *e)
{
    int n = task_inputs(t);
    tell(r->o, &(struct time_read_progress){.topic = n > 0 ? task_input_topic(t, 0) : "",
                                            .partition = task_partition(t),
                                            .partitions = r->tasks[task_subplan(t)]});
    struct log_position *p = mem_zalloc(((size_t)n + 1) * sizeof *p);
    int result = restore(r, t, e);
    bool has_metadata = result == 0 && (result = ask_offsets(r, t, p, e)) == 0;
    result = result < 0 ? result : task_open(t, e);
    struct view_task *x = result < 0 ? NULL : time_view_add(r->view, t);
    for (int i = 0; x && i < x->ninputs && result == 0; i++) {
        result = look_at_input(r, t, i, &x->input[i], &p[i], e);
    }
    for (int i = 0; i < n && has_metadata; i++) {
        mem_free((void *)(uintptr_t)p[i].metadata);
    }
    mem_free(p);
    return result;
}

static int look_at_all(struct reading *r, struct err *e)
{
    const struct task_env env = {.ctx = r,
                                 .clock = &clock_system,
                                 .schemas = r->client->schemas,
                                 .batch_rows = 1,
                                 .tasks = tasks_of};
    for (uint16_t i = 0; i < r->plan->nsubplans; i++) {
        for (int32_t k = 0; k < r->tasks[i] && !r->plan->subplan[i].is_global; k++) {
            struct task *t = NULL;
            int result = task_new(&t, r->plan, i, k, &env, e);
            result = result < 0 ? result : look_at(r, t, e);
            if (t) {
                task_free(t);
            }
            if (result < 0) {
                return result;
            }
        }
    }
    const struct topology *t = r->plan->topology;
    return r->has_committed
               ? 0
               : err_set(e, ERR_DATA,
                         "group %s has committed no offsets: topology %s has not run on these "
                         "brokers yet, has read nothing, or runs under another name",
                         t->group, t->name);
}

int time_read(struct time_view *v, const struct client *c, const struct time_read_options *o,
              struct err *e)
{
    struct reading r = {.client = c, .o = o, .view = v, .plan = v->plan};
    struct log_config cfg = {.group = v->plan->topology->group,
                             .property = (const char *const *)c->property};
    r.tasks = mem_zalloc(v->plan->nsubplans * sizeof *r.tasks + 1);
    int result = client_log(c, &r.log, &cfg, NULL, e);
    result = result < 0 ? result : count_tasks(&r, e);
    result = result < 0 ? result : look_at_all(&r, e);
    v->at = clock_now(&clock_system);
    if (r.log) {
        r.log->ops->close(r.log, true);
    }
    mem_free(r.tasks);
    return result;
}
