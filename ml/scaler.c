/* Standard scaling on line, by Welford's recurrence (1962) for mean and population variance:
 *
 *   n <- n + 1
 *   mean' = mean + (x - mean) / n
 *   var'  = var + ((x - mean)(x - mean') - var) / n
 *   transform(x) = (x - mean) / sqrt(var), 0 while var = 0
 *
 *   state    rows, then means, then variances: version 1
 *   overflow features beyond 1e150 never get here (ml/features.h), so squares stay finite
 *   order    rows one by one: the same bits for any batch size
 */
#include "ml/scaler.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

void scaler_init(struct scaler *s, uint32_t n)
{
    s->n = n;
    s->rows = 0;
    s->mean = mem_array(n > 0 ? n : 1, 2 * sizeof(double));
    s->var = s->mean + n;
    memset(s->mean, 0, n * 2 * sizeof(double));
}

void scaler_done(struct scaler *s)
{
    mem_free(s->mean);
    s->mean = s->var = NULL;
}

void scaler_learn(struct scaler *s, const double *x)
{
    s->rows++;
    double n = (double)s->rows;
    for (uint32_t i = 0; i < s->n; i++) {
        double old = s->mean[i];
        double mean = old + (x[i] - old) / n;
        s->mean[i] = mean;
        s->var[i] += ((x[i] - old) * (x[i] - mean) - s->var[i]) / n;
    }
}

void scaler_transform(const struct scaler *s, const double *x, double *out)
{
    for (uint32_t i = 0; i < s->n; i++) {
        /* Division and root run for every feature, so that the loop needs no branch. */
        double var = s->var[i];
        double scaled = (x[i] - s->mean[i]) / sqrt(var > 0 ? var : 1);
        out[i] = var > 0 ? scaled : 0;
    }
}

int scaler_io(struct scaler *s, struct snapshot *snap)
{
    snapshot_version(snap, 1);
    snapshot_count(snap, &s->rows);
    snapshot_array(snap, s->mean, s->n);
    snapshot_array(snap, s->var, s->n);
    return snapshot_status(snap);
}
