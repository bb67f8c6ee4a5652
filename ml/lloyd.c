/* Lloyd: each point belongs to its nearest centre, each centre is the mean of its points, until
 * nothing moves (Lloyd, "Least squares quantization in PCM", 1982).
 *
 *   seed      k-means++ (Arthur and Vassilvitskii, SODA 2007): the first centre is a random point, each
 *             further one a point drawn with a probability proportional to its weighted squared distance
 *             from the centres so far. Of 2 + ln k draws the one is taken that leaves the least inertia,
 *             as scikit-learn's KMeans does
 *   empty     a centre without points stays where it is
 *   match     the pair (old, new) that is nearest takes the old one's place, then the nearest pair of
 *             those left, and so on: O(k^3), not the least sum, but what is clearly the same cluster keeps
 *             its number
 *   scratch   seed: per point its distance, and that of a trial; run: sums and weights of the centres
 *   equal     points: all distances are 0, the first points are taken
 */
#include "ml/lloyd.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

size_t lloyd_scratch(uint32_t n, uint32_t dims, uint32_t k)
{
    size_t seed = (size_t)n * 3, run = (size_t)k * dims + k,
           match = (size_t)k * dims + 2 * (size_t)k;
    size_t most = seed > run ? seed : run;
    return most > match ? most : match;
}

static double weight_of(const struct lloyd_points *p, uint32_t i)
{
    return p->w ? p->w[i] : 1;
}

static const double *point(const struct lloyd_points *p, uint32_t i)
{
    return p->x + (size_t)i * p->dims;
}

/* A point drawn by share[i] of their sum; the first one when all are 0. */
static uint32_t draw(const double *share, uint32_t n, double sum, struct random *random)
{
    double left = random_unit(random) * sum;
    uint32_t last = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (share[i] > 0) {
            last = i;
            left -= share[i];
            if (left < 0) {
                return i;
            }
        }
    }
    return last;
}

/* into[i] = the weighted squared distance from the nearest centre, i the new one; returns the sum.
 */
static double distances(const struct lloyd_points *p, uint32_t centre, const double *before,
                        double *into)
{
    double sum = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        double d = lloyd_distance2(point(p, i), point(p, centre), p->dims) * weight_of(p, i);
        into[i] = before && before[i] < d ? before[i] : d;
        sum += into[i];
    }
    return sum;
}

void lloyd_seed(const struct lloyd_points *p, uint32_t k, struct random *random, double *centre,
                double *scratch)
{
    double *now = scratch, *trial = now + p->n, *best = trial + p->n;
    size_t bytes = p->dims * sizeof(double);
    uint32_t trials = 2 + (uint32_t)log((double)k);
    double total = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        now[i] = weight_of(p, i);
        total += now[i];
    }
    uint32_t first = draw(now, p->n, total, random);
    memcpy(centre, point(p, first), bytes);
    double sum = distances(p, first, NULL, now);
    for (uint32_t c = 1; c < k; c++) {
        double least = INFINITY;
        uint32_t chosen = 0;
        for (uint32_t t = 0; t < trials; t++) {
            uint32_t i = draw(now, p->n, sum, random);
            double left = distances(p, i, now, trial);
            if (t == 0 || left < least) {
                double *swap = best;
                best = trial;
                trial = swap;
                least = left;
                chosen = i;
            }
        }
        memcpy(centre + (size_t)c * p->dims, point(p, chosen), bytes);
        memcpy(now, best, p->n * sizeof(double));
        sum = least;
    }
}

/* Sums and weights of the points by centre; returns the inertia. */
static double assign(const struct lloyd_points *p, uint32_t k, const double *centre, double *sum,
                     double *weight)
{
    double inertia = 0;
    memset(sum, 0, (size_t)k * p->dims * sizeof(double));
    memset(weight, 0, k * sizeof(double));
    for (uint32_t i = 0; i < p->n; i++) {
        const double *x = point(p, i);
        double d, w = weight_of(p, i);
        uint32_t c = lloyd_nearest(centre, k, p->dims, x, &d);
        double *to = sum + (size_t)c * p->dims;
        for (uint32_t j = 0; j < p->dims; j++) {
            to[j] += w * x[j];
        }
        weight[c] += w;
        inertia += w * d;
    }
    return inertia;
}

double lloyd_run(const struct lloyd_points *p, uint32_t k, double *centre, uint32_t rounds,
                 double *weight, double *scratch)
{
    double *sum = scratch, *own = sum + (size_t)k * p->dims, inertia = INFINITY;
    for (uint32_t round = 0; round <= rounds; round++) {
        double now = assign(p, k, centre, sum, own);
        if (round == rounds || !(now < inertia)) {
            inertia = now;
            break;
        }
        inertia = now;
        for (uint32_t c = 0; c < k; c++) {
            for (uint32_t j = 0; j < p->dims && own[c] > 0; j++) {
                size_t at = (size_t)c * p->dims + j;
                centre[at] = sum[at] / own[c];
            }
        }
    }
    if (weight) {
        memcpy(weight, own, k * sizeof(double));
    }
    return inertia;
}

/* The nearest pair of an old centre that has no new one and a new one that has no place. */
static void nearest_pair(const double *from, const double *to, uint32_t k, uint32_t dims,
                         const double *is_filled, const double *is_placed, uint32_t pair[2])
{
    double least = DBL_MAX;
    bool is_first = true;
    for (uint32_t i = 0; i < k; i++) {
        for (uint32_t j = 0; j < k && is_filled[i] == 0; j++) {
            if (is_placed[j] != 0) {
                continue;
            }
            double d = lloyd_distance2(from + (size_t)i * dims, to + (size_t)j * dims, dims);
            if (is_first || d < least) {
                least = d;
                pair[0] = i;
                pair[1] = j;
            }
            is_first = false;
        }
    }
}

void lloyd_match(const double *from, double *to, uint32_t k, uint32_t dims, double *scratch)
{
    double *ordered = scratch, *is_filled = scratch + (size_t)k * dims, *is_placed = is_filled + k;
    memset(is_filled, 0, 2 * k * sizeof(double));
    for (uint32_t n = 0; n < k; n++) {
        uint32_t pair[2] = {0, 0};
        nearest_pair(from, to, k, dims, is_filled, is_placed, pair);
        memcpy(ordered + (size_t)pair[0] * dims, to + (size_t)pair[1] * dims,
               dims * sizeof(double));
        is_filled[pair[0]] = is_placed[pair[1]] = 1;
    }
    memcpy(to, ordered, (size_t)k * dims * sizeof(double));
}
