/* Lloyd: k-means of weighted points that are all at hand, and the search for the nearest of them.
 * Distances are Euclidean. Points and centres lie row by row; no function allocates.
 */
#ifndef KLAMM_ML_LLOYD_H
#define KLAMM_ML_LLOYD_H

#include "engine/random.h"

#include <stddef.h>
#include <stdint.h>

struct lloyd_points {
    const double *x;
    const double *w; /* NULL: all 1 */
    uint32_t n, dims;
};

static inline double lloyd_distance2(const double *a, const double *b, uint32_t dims)
{
    double s0 = 0, s1 = 0;
    uint32_t i = 0;
    for (; i + 2 <= dims; i += 2) {
        double d0 = a[i] - b[i], d1 = a[i + 1] - b[i + 1];
        s0 += d0 * d0;
        s1 += d1 * d1;
    }
    if (i < dims) {
        s0 += (a[i] - b[i]) * (a[i] - b[i]);
    }
    return s0 + s1;
}

/* The first of n > 0 points that is nearest to x; *distance2 (may be NULL): squared. */
static inline uint32_t lloyd_nearest(const double *points, uint32_t n, uint32_t dims,
                                     const double *x, double *distance2)
{
    double least = lloyd_distance2(points, x, dims);
    uint32_t nearest = 0;
    for (uint32_t i = 1; i < n; i++) {
        double d = lloyd_distance2(points + (size_t)i * dims, x, dims);
        nearest = d < least ? i : nearest;
        least = d < least ? d : least;
    }
    if (distance2) {
        *distance2 = least;
    }
    return nearest;
}

/* Doubles of scratch that the two functions below want. */
size_t lloyd_scratch(uint32_t n, uint32_t dims, uint32_t k);
/* k <= n centres among the points, far from each other. */
void lloyd_seed(const struct lloyd_points *p, uint32_t k, struct random *random, double *centre,
                double *scratch);
/* Moves the centres until they rest, or `rounds` times; weight (k of them, may be NULL) is that of
 * the points nearest to each. Returns the inertia: the weighted sum of squared distances. */
double lloyd_run(const struct lloyd_points *p, uint32_t k, double *centre, uint32_t rounds,
                 double *weight, double *scratch);
/* Puts the k centres of `to` into the order of those of `from`, the nearest pairs first. */
void lloyd_match(const double *from, double *to, uint32_t k, uint32_t dims, double *scratch);

#endif
