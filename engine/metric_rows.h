/* Metric rows: what a step measures of itself, as rows of a stream that reads `from: {metrics: …}`.
 *
 *     bind    metric_rows_bind(n)                 behind setting out[0]
 *     push    if (metric_rows_are_due(n, before, count)) status = metric_rows_emit(op, as, before, …)
 */
#ifndef KLAMM_ENGINE_METRIC_ROWS_H
#define KLAMM_ENGINE_METRIC_ROWS_H

#include "engine/step.h"

/* Where streams read them, they are the outputs from 1 on. */
void metric_rows_bind(struct node *n);
/* count: rows that the step has measured, of all its models in this task, as state remembers it, so
 * that batches and restarts do not matter; before: what it was before the row at hand. */
bool metric_rows_are_due(const struct node *n, int64_t before, int64_t count);
/* One row for each op_metric() so far, with the time of this row of b. */
int metric_rows_emit(struct op *op, const char *as, int64_t before, int64_t count,
                     const struct batch *b, uint16_t row);

#endif
