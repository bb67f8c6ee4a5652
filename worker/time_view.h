/* Time view: how far event time is in every partition that a topology reads, what its steps keep
 * open, and which partition that waits for. Made of tasks, at work or restored for this; printed
 * for people and as JSON. One owner.
 *
 *     time_view_init(&v, plan, now);
 *     x = time_view_add(&v, task);      and what only the caller knows: offsets, ends
 *     time_view_text(&v, &b);  time_view_json(&v, &b);
 *     time_view_done(&v);
 */
#ifndef KLAMM_WORKER_TIME_VIEW_H
#define KLAMM_WORKER_TIME_VIEW_H

#include "engine/task.h"

/* An input partition of a task. */
struct view_input {
    const struct plan_source *source; /* the plan's, as the topic */
    const char *topic;
    int64_t offset;    /* committed, OFFSET_NONE: nothing yet */
    int64_t lag;       /* records behind it; -1: unknown */
    int64_t watermark; /* TIME_MIN: none yet */
    int64_t last_at;   /* time of its last record by the clock, INT64_MIN: unknown */
    bool is_idle;
    bool is_missing; /* the topic has fewer partitions than others that are read with it */
    int nparts;      /* behind a repartition: source partitions */
    struct part_time *part;
};

struct view_task {
    uint16_t subplan;
    int32_t partition;
    int ninputs, nsteps;
    struct view_input *input;
    struct task_step *step;
    int *
        sink_held_by; /* by number of the plan's sinks: the input that one of this task waits for */
};

struct time_view {
    const struct plan *plan;
    int64_t at; /* wall clock */
    struct arena mem;
    int ntasks, cap;
    struct view_task **task; /* by sub-plan and partition, in order */
};

/* The outside partition that a step waits for. */
struct holder {
    const char *topic; /* NULL: nothing is known of it */
    int32_t partition;
    int64_t watermark; /* of that partition */
    int64_t heard;     /* how far the step's task knows of it; less when it has yet to read that */
    int64_t last_at;
    bool is_idle;
};

/* The plan must outlive the view. */
void time_view_init(struct time_view *v, const struct plan *p, int64_t now);
void time_view_done(struct time_view *v);
/* Looks at a task, in its thread, and keeps nothing of it. The answer is the view's: offset, lag
 * and last_at of its inputs are unknown yet. */
struct view_task *time_view_add(struct time_view *v, struct task *t);
struct holder time_view_holder(const struct time_view *v, const struct view_task *x,
                               const struct task_step *s);

/* time_view_print.c */
void time_view_text(const struct time_view *v, struct buffer *b);
void time_view_json(const struct time_view *v, struct buffer *b);

#endif
