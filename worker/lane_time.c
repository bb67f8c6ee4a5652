/* Inputs of a lane that have fallen silent: they follow the others of their topic, those of this
 * process by the time board, those of others by what these have committed (docs/time.md).
 */
#include "engine/memory.h"
#include "worker/lane_impl.h"

#define ASK_EVERY_MS 500
#define ASK_MS       200
#define OTHERS_MOST  1024

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
void lane_follow_others(struct lane *l)
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
