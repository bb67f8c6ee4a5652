/* Summary: what a run says at its end of rows that were left out, of what its steps measured, and
 * of how much they keep. */
#ifndef KLAMM_WORKER_SUMMARY_H
#define KLAMM_WORKER_SUMMARY_H

#include "engine/task.h"

#include <stdio.h>

/* ", 2 without key, 1 null value": of rows left out, if there are any. */
void summary_left_out(uint64_t no_key, uint64_t tombstones, struct buffer *b);

/* "  load classify busy: accuracy 0.93\n": stream, step, its `as`, if it has one, and a metric. */
/* partition: of the task; -1: there is one task only. */
void summary_metric(int32_t partition, const struct node *n, const char *name, double value,
                    struct buffer *b);

struct state_sum {
    uint64_t entries, bytes;
};

/* For task_steps(): sum is a struct state_sum. */
void state_sum_add(void *sum, const struct task_step *s);
/* "state: 120 entries, 14 KB\n"; nothing when there is none. */
void state_sum_print(const struct state_sum *sum, struct buffer *b);
/* The same below a summary, indented. */
void state_sum_report(const struct state_sum *sum, FILE *f);
/* "14 KB" */
void state_bytes_print(uint64_t bytes, struct buffer *b);

#endif
