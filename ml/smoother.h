/* Smoother: level, trend and seasons of a series by exponential smoothing, in one form, sums or
 * factors, with parameters that are given or fitted on line. The forecaster `holt_winters` has one,
 * or one of each form.
 *
 *   with S = sum of all seasons' values at this step (factors: their product), S/k without the k-th
 *   level     l' = alpha (y - S) + (1 - alpha) (l + phi b)               factors: y / S
 *   trend     b' = beta (l' - l) + (1 - beta) phi b
 *   season    s_k' = gamma_k (y - l - phi b - S/k) + (1 - gamma_k) s_k   y / ((l + phi b) S/k)
 *   forecast  l + (phi + … + phi^h) b + S at t + h                       (…) S
 *
 * Sources: Holt 1957, Winters 1960; damped trend: Gardner and McKenzie 1985; several seasons as
 * Taylor 2003. One owner.
 */
#ifndef KLAMM_ML_SMOOTHER_H
#define KLAMM_ML_SMOOTHER_H

#include "engine/forecaster.h"

enum smoother_init { INIT_DECOMPOSE, INIT_RIVER };

struct smoother_options {
    double alpha, beta, gamma, phi; /* NaN: not given; without alpha all are fitted */
    int init;                       /* enum smoother_init */
    int64_t window;                 /* steps over which parameters are fitted, at least */
};

struct smoother;

/* Setup's arrays and the options outlive it. */
struct smoother *smoother_new(const struct forecaster_setup *setup,
                              const struct smoother_options *options, bool is_factor);
void smoother_free(struct smoother *m); /* NULL: nothing */
/* The next step's value; NaN: it is missing. */
void smoother_learn(struct smoother *m, double y);
/* For all horizons, NaN while it cannot say. */
void smoother_predict(const struct smoother *m, double *out);
/* Mean |error| of a step as of the last fit; infinite before, and where nothing is fitted. */
double smoother_error(const struct smoother *m);
int smoother_io(struct smoother *m, struct snapshot *s);
/* The same of the error, which is not in there. */
void smoother_error_io(struct smoother *m, struct snapshot *s);
uint64_t smoother_size(const struct smoother *m); /* NULL: 0 */

#endif
