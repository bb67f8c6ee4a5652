/* Distance from a centre in spreads, as the detectors by statistics count it: never NaN, and finite
 * for a spread of 0. Pure functions.
 */
#ifndef KLAMM_ML_SPREAD_H
#define KLAMM_ML_SPREAD_H

#include <math.h>

#define SPREAD_VALUE_MAX 1e150 /* squares stay finite */
#define SPREAD_SCORE_MAX 1e12

static inline double spread_bounded(double x)
{
    return fmin(fmax(x, -SPREAD_VALUE_MAX), SPREAD_VALUE_MAX);
}

/* |x - centre| / spread. A spread counts as at least 1e-12 of the centre, so that rounding is no
 * oddity; the result is at most SPREAD_SCORE_MAX, also where the spread is 0. */
static inline double spread_score(double x, double centre, double spread)
{
    double d = fabs(spread_bounded(x) - centre);
    double least = fmax(1e-12 * fabs(centre), 1e-300);
    double score = d / (spread > least ? spread : least);
    return score < SPREAD_SCORE_MAX ? score : SPREAD_SCORE_MAX;
}

#endif
