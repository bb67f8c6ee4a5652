/* State sum: how much steps keep, over many tasks, as one line for people. */
#ifndef KLAMM_WORKER_STATE_SUM_H
#define KLAMM_WORKER_STATE_SUM_H

#include "engine/task.h"

#include <stdio.h>

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
