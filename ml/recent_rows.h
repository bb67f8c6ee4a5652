/* Recent rows: the window that a learner of batches learns from, and when it is to learn again. */
#ifndef KLAMM_ML_RECENT_ROWS_H
#define KLAMM_ML_RECENT_ROWS_H

#include "engine/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

#define RECENT_ROWS_MOST 1000000

/* `learn: {batch: {window, every, min_rows}}`; of window and every one is set each, rows or ms. */
struct batch_plan {
    int64_t window_rows, window_ms; /* with window_ms at most window_rows, too */
    int64_t every_rows, every_ms;
    int64_t min_rows;
};

struct recent_rows {
    uint32_t columns, n, first, room; /* a ring of `room` rows, grown up to the window */
    double *x, *y;
    int64_t *time;
    int64_t since;      /* rows seen since the last training */
    int64_t trained_at; /* event time of it */
};

void recent_rows_init(struct recent_rows *r, uint32_t columns);
void recent_rows_done(struct recent_rows *r);
uint64_t recent_rows_size(const struct recent_rows *r);
/* Takes a row in, lets go of those that have left the window; true when it is time to learn. */
bool recent_rows_add(struct recent_rows *r, const struct batch_plan *plan, const double *x,
                     double y, int64_t time);
/* As if it had been time to learn at its last row; it has one. */
void recent_rows_trained(struct recent_rows *r);
/* Copies of all rows in order of arrival, row-major; heap arrays, yours. */
uint32_t recent_rows_take(const struct recent_rows *r, double **x, double **y);
int recent_rows_io(struct recent_rows *r, struct snapshot *s);

#endif
