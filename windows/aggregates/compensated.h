/* A compensated sum of doubles (Neumaier 1974): s is the plain sum, c what was lost in rounding.
 *
 *   add x:  t = s + x;  c += |s| >= |x| ? (s - t) + x : (x - t) + s;  s = t
 *   sum:    s + c, or s alone once that is infinite or NaN (c is NaN then)
 */
#ifndef KLAMM_WINDOWS_AGGREGATES_COMPENSATED_H
#define KLAMM_WINDOWS_AGGREGATES_COMPENSATED_H

#include <math.h>
#include <stdint.h>

struct compensated {
    double s, c;
    int64_t n; /* values added */
};

static inline void compensated_add(struct compensated *a, double x)
{
    double t = a->s + x;
    a->c += fabs(a->s) >= fabs(x) ? (a->s - t) + x : (x - t) + a->s;
    a->s = t;
}

static inline void compensated_combine(struct compensated *a, const struct compensated *b)
{
    compensated_add(a, b->s);
    a->c += b->c;
    a->n += b->n;
}

static inline double compensated_sum(const struct compensated *a)
{
    return isfinite(a->s) ? a->s + a->c : a->s;
}

#endif
