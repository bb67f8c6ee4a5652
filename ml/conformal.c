/* Conformal intervals: prediction +- q s, where s is the running mean of |error| and q a quantile
 * of recent |error| / s, so that an interval widens at once when errors grow (normalised scores:
 * Lei et al. 2018), and on average the stated share is covered though errors of a series hang
 * together and drift (adaptive conformal inference: Gibbs and Candes 2021).
 *
 *   score     r = |y - predicted| / s, with the s that stood when it was predicted: an interval, too,
 *             knows nothing of the errors in between;   then s <- s + RATE (|y - predicted| - s)
 *   quantile  the ceil((n + 1)(1 - miss))-th of the last CONFORMAL_ROOM scores, at most the largest,
 *             which is widened where even that is too small
 *   miss      <- miss + STEP ((1 - coverage) - [y was not covered]), from 1 - coverage
 *   begins    with the first n for which (n + 1)(1 - coverage) >= 1, but at least LEAST
 *   odd       errors 0 for ever: the interval is the prediction, and covers it. A score is at most 1e6
 *   state     all fields; the sorted scores are made anew from the ring: version 1
 *   cost      a search and a move of at most CONFORMAL_ROOM doubles
 */
#include "ml/conformal.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define RATE       0.05
#define STEP       0.01
#define LEAST      5
#define SCORE_MOST 1e6
#define BOUND_MOST 1e300

void conformal_init(struct conformal *c, double coverage)
{
    *c = (struct conformal){.coverage = coverage, .miss = 1 - coverage};
}

bool conformal_interval(const struct conformal *c, double predicted, double *lower, double *upper)
{
    *lower = *upper = NAN;
    if (c->n < LEAST || (c->n + 1) * (1 - c->coverage) < 1 - 1e-9 || !isfinite(predicted)) {
        return false;
    }
    double miss = fmin(fmax(c->miss, 0), 1), rank = ceil((c->n + 1) * (1 - miss) - 1e-9), q;
    if (rank > c->n) {
        /* Beyond what was seen: in proportion to how far beyond. */
        q = c->sorted[c->n - 1] * (1 + (rank - c->n) / c->n - fmin(c->miss, 0));
    } else {
        q = rank < 1 ? 0 : c->sorted[(uint32_t)rank - 1];
    }
    double half = q * c->scale;
    *lower = fmax(predicted - half, -BOUND_MOST);
    *upper = fmin(predicted + half, BOUND_MOST);
    return true;
}

/* Place of the first score that is not less than r. */
static uint32_t place_of(const struct conformal *c, double r)
{
    uint32_t from = 0, to = c->n;
    while (from < to) {
        uint32_t middle = (from + to) / 2;
        if (c->sorted[middle] < r) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static void add_score(struct conformal *c, double r)
{
    if (c->n == CONFORMAL_ROOM) {
        uint32_t gone = place_of(c, c->ring[c->at]);
        c->n--;
        memmove(c->sorted + gone, c->sorted + gone + 1, (c->n - gone) * sizeof(double));
    }
    uint32_t place = place_of(c, r);
    memmove(c->sorted + place + 1, c->sorted + place, (c->n - place) * sizeof(double));
    c->sorted[place] = r;
    c->ring[c->at] = r;
    c->at = (c->at + 1) % CONFORMAL_ROOM;
    c->n++;
}

void conformal_learn(struct conformal *c, double predicted, double lower, double upper, double y)
{
    conformal_learn_late(c, predicted, lower, upper, y, c->scale);
}

void conformal_learn_late(struct conformal *c, double predicted, double lower, double upper,
                          double y, double scale)
{
    double error = fmin(fabs(y - predicted), BOUND_MOST);
    if (!isnan(lower)) {
        bool is_covered = y >= lower && y <= upper;
        c->intervals++;
        c->covered += is_covered;
        /* Bounded: a long run of hits or misses must be made good for in as short a time. */
        double miss = c->miss + STEP * ((1 - c->coverage) - (is_covered ? 0 : 1));
        c->miss = fmin(fmax(miss, -0.5), 2 * (1 - c->coverage) + STEP);
    }
    if (c->n == 0 && c->scale == 0) {
        c->scale = error;
    }
    double by = scale > 0 ? scale : c->scale;
    double r = error > 0 ? fmin(by > 0 ? error / by : SCORE_MOST, SCORE_MOST) : 0;
    add_score(c, r);
    c->scale += RATE * (error - c->scale);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int conformal_io(struct conformal *c, struct snapshot *s)
{
    snapshot_version(s, 1);
    snapshot_u32(s, &c->n);
    snapshot_u32(s, &c->at);
    snapshot_double(s, &c->miss);
    snapshot_double(s, &c->scale);
    snapshot_count(s, &c->intervals);
    snapshot_count(s, &c->covered);
    if (c->n > CONFORMAL_ROOM || c->at >= CONFORMAL_ROOM ||
        (c->n < CONFORMAL_ROOM && c->at != c->n) || c->covered > c->intervals) {
        s->status = -ERR_DATA;
        c->n = 0;
        return s->status;
    }
    snapshot_array(s, c->ring, c->n);
    if (s->loading) {
        memcpy(c->sorted, c->ring, c->n * sizeof(double));
        qsort(c->sorted, c->n, sizeof(double), ascending);
        bool is_sound = c->scale >= 0 && c->scale <= BOUND_MOST && fabs(c->miss) <= 10;
        for (uint32_t i = 0; i < c->n; i++) {
            is_sound = is_sound && c->ring[i] >= 0 && c->ring[i] <= SCORE_MOST;
        }
        s->status = is_sound ? s->status : -ERR_DATA;
    }
    return snapshot_status(s);
}
