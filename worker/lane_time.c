/* Inputs of a lane that have fallen silent: they follow the others of their topic, those of this
 * process by the time board, those of others by what these have committed (docs/time.md).
 */
#include "engine/memory.h"
#include "worker/lane_impl.h"

#define ASK_MS        100
#define ASK_SILENT_MS 1000

struct asking {
    const char *topic;
    struct log_position *p;
    size_t n, cap;
};

static void ask_one(void *ctx, int32_t partition)
{
    struct asking *a = ctx;
    if (a->n == a->cap) {
        a->cap = a->cap * 2 + 64;
        a->p = mem_resize(a->p, a->cap, sizeof *a->p);
    }
    a->p[a->n++] = (struct log_position){.topic = a->topic, .partition = partition};
}

static bool is_idle(const struct lane *l, const struct route *r)
{
    bool is = false;
    const struct task *t = r->member->task;
    for (int in = -1; t && (in = task_input(t, r->topic, in)) >= 0;) {
        is |= task_input_source(t, in)->repartition < 0 && task_idle(t, in, l->last_tick);
    }
    return is;
}

/* What other members have committed of the topics in which inputs of ours are idle. */
static void ask_others(struct lane *l)
{
    struct asking a = {.topic = NULL};
    for (int i = 0; i < l->nroutes; i++) {
        bool is_known = !is_idle(l, &l->route[i]);
        for (int k = 0; k < i && !is_known; k++) {
            is_known = l->route[k].topic == l->route[i].topic && is_idle(l, &l->route[k]);
        }
        if (!is_known) {
            a.topic = l->route[i].topic;
            time_board_others(l->cfg.times, a.topic, ask_one, &a);
        }
    }
    struct err ignored = {0};
    if (a.n > 0 && l->log->ops->committed(l->log, a.p, a.n, ASK_MS, &ignored) == 0) {
        for (size_t i = 0; i < a.n; i++) {
            time_board_heard(l->cfg.times, a.p[i].topic, a.p[i].partition, a.p[i].metadata,
                             l->last_tick);
        }
    }
    mem_free(a.p);
}

static int stop_at_first(void *ctx, const struct record *r)
{
    (void)r;
    *(bool *)ctx = true;
    return -ERR_RETRY;
}

/* Whether records of a route are there that its task has not got. Where the log does not know for
 * sure it is asked, once in time.idle. */
static bool has_backlog(struct lane *l, struct route *r, int64_t idle)
{
    int64_t at, next, now = l->last_tick;
    struct err ignored = {0};
    if (r->waiting.head < r->waiting.n) {
        return true;
    }
    if (l->log->ops->has_more(l->log, r->topic, r->partition) != 1 ||
        l->log->ops->position(l->log, r->topic, r->partition, &at) < 0 || at < 0) {
        return false;
    }
    if (now - r->silent_at >= (idle > ASK_SILENT_MS ? idle : ASK_SILENT_MS)) {
        r->silent_at = now;
        r->has_backlog = false;
        l->log->ops->read_on(l->log, r->topic, r->partition, at, stop_at_first, &r->has_backlog,
                             &next, &ignored);
    }
    return r->has_backlog;
}

/* An input is not silent while its records wait for those of others, or for a slow lane. */
static void note_backlog(struct lane *l)
{
    for (int i = 0; i < l->nroutes; i++) {
        struct route *r = &l->route[i];
        struct task *t = r->member->task;
        for (int in = -1; t && (in = task_input(t, r->topic, in)) >= 0;) {
            const struct plan_source *source = task_input_source(t, in);
            if (source->repartition < 0 && task_idle(t, in, l->last_tick) &&
                has_backlog(l, r, source->time.idle)) {
                task_expect_more(t, in, l->last_tick);
            }
        }
    }
}

void lane_follow_others(struct lane *l)
{
    bool is_any_idle = false;
    note_backlog(l);
    for (int i = 0; i < l->nmembers; i++) {
        struct task *t = l->member[i]->task;
        for (int in = 0; t && in < task_inputs(t); in++) {
            is_any_idle |= time_board_say(l->cfg.times, t, in, l->last_tick);
        }
    }
    if (is_any_idle && time_board_asks(l->cfg.times, l->last_tick)) {
        ask_others(l);
    }
    for (int i = 0; is_any_idle && i < l->nmembers; i++) {
        struct task *t = l->member[i]->task;
        for (int in = 0; t && in < task_inputs(t); in++) {
            time_board_follow(l->cfg.times, t, in, l->last_tick);
        }
    }
}
