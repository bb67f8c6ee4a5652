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

/* Four features at a time: loops of a fixed length become vector instructions, with the same bits. */
#define PIECE 4

__attribute__((always_inline)) static inline void learn_piece(double *restrict mean,
                                                              double *restrict var,
                                                              const double *restrict x, double n,
                                                              uint32_t features)
{
    for (uint32_t i = 0; i < features; i++) {
        double old = mean[i], now = old + (x[i] - old) / n;
        mean[i] = now;
        var[i] += ((x[i] - old) * (x[i] - now) - var[i]) / n;
    }
}

void scaler_learn(struct scaler *s, const double *x)
{
    s->rows++;
    double n = (double)s->rows;
    uint32_t i = 0;
    for (; i + PIECE <= s->n; i += PIECE) {
        learn_piece(s->mean + i, s->var + i, x + i, n, PIECE);
    }
    learn_piece(s->mean + i, s->var + i, x + i, n, s->n - i);
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

void scaler_transform_odd(const struct scaler *s, const double *x, double far, double *out)
{
    for (uint32_t i = 0; i < s->n; i++) {
        double off = x[i] - s->mean[i], var = s->var[i];
        double none = s->rows >= SCALER_FEW && off != 0 ? copysign(far, off) : 0;
        out[i] = var > 0 ? off / sqrt(var) : none;
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
