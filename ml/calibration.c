/* Calibration of scores into tail probabilities, on line.
 *
 * Body: a weighted sample, sorted. Each entry stands for the scores near it; from the top down, an entry
 * may hold as much weight as MERGE times what lies above it, at least 1. The highest scores are therefore
 * kept one by one and the resolution of the tail probability is relative (8 %) everywhere. Two entries
 * merge into one of their two values, drawn by weight: ranks stay unbiased, and scores that take few
 * values keep them (t-digests average, and smear them).
 *
 * Tail: a generalised Pareto distribution over the excesses above the threshold u that TAIL_SHARE of the
 * scores exceed (peaks over threshold, as SPOT: Siffer et al., "Anomaly detection in streams with extreme
 * value theory", KDD 2017), by probability-weighted moments (Hosking and Wallis 1987):
 *
 *   a0 = mean excess, a1 = mean of excess * (1 - F(excess)), shape = 2 - a0 / (a0 - 2 a1),
 *   shrunk towards PRIOR_SHAPE as if by PRIOR_ROWS excesses; scale = a0 (1 - shape)
 *   P(score >= s) = share * (1 + shape (s - u) / scale)^(-1 / shape)
 *   a tail that ends (shape < 0) goes on as share * exp(-8 (s - u) / a0): a score beyond is very
 *   improbable, but more so the farther it is
 *
 *   few     with fewer than TAIL_DISTINCT distinct values above the threshold (a discrete score, or too
 *           few rows) probabilities are counted: (weight at or above + 1) / (weight + 1)
 *   outlier a score whose tail is under OUTLIER is learned as the score that has just this tail, with
 *           OUTLIER_WEIGHT: single anomalies of any size move nothing, yet a new level is learned in time
 *   forgets weights shrink by exp(-rows / memory) once there are `memory` of them
 *
 *   state   memory, rows, random numbers, entries, scores not yet merged: version 1
 *   cost    scores are collected and merged 64 at a time (fewer at first): 50 to 150 ns a score; a tail
 *           is a binary search or one pow()
 */
#include "ml/calibration.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MERGE          0.08
#define TAIL_SHARE     0.05
#define TAIL_ROWS      20 /* at least; more than TAIL_SHARE of the scores when these are few */
#define TAIL_DISTINCT  16
#define SHAPE_LEAST    -2.0
#define SHAPE_MOST     0.8
#define PRIOR_SHAPE    0.25
#define PRIOR_ROWS     10
#define OUTLIER        1e-5
#define OUTLIER_WEIGHT 0.2
#define VALUE_MAX      1e150
#define WEIGHT_MAX     1e12
#define FORGOTTEN      1e-9 /* an entry of this weight goes to its neighbour */

void calibration_init(struct calibration *c, double memory, uint64_t seed)
{
    memset(c, 0, sizeof(*c));
    c->memory = memory;
    c->ceiling = VALUE_MAX;
    random_seed(&c->random, seed, 29);
}

/* ---- the fitted tail ------------------------------------------------------------------------- */

/* P(score >= s) of the fitted tail, s above its threshold. */
static double pareto_tail(const struct calibration *c, double s)
{
    double x = fmax(s - c->origin, 0), inner = 1 + c->shape * x / c->scale, p = 0;
    if (fabs(c->shape) < 1e-6) {
        p = exp(-x / c->scale);
    } else if (inner > 0) {
        p = pow(inner, -1 / c->shape);
    }
    return fmax(c->share * fmax(p, exp(-8 * x / c->mean)), 1e-300);
}

/* The score above the threshold whose tail is p < share. */
static double pareto_score(const struct calibration *c, double p)
{
    double ratio = c->share / p;
    double x = fabs(c->shape) < 1e-6 ? c->scale * log(ratio)
                                     : c->scale / c->shape * (pow(ratio, c->shape) - 1);
    return fmin(c->origin + fmax(x, c->mean / 8 * log(ratio)), VALUE_MAX);
}

/* Moments of the excesses of the entries from `first` on; 0 when they tell no distribution. */
static int fit_moments(struct calibration *c, uint32_t first)
{
    double sum = c->above[first], a0 = 0, a1 = 0;
    double from = c->threshold / 2 + c->origin / 2; /* matters where values are few */
    for (uint32_t i = first; i < c->n; i++) {
        double x = c->value[i] - from, w = c->weight[i];
        double over = fmax(c->above[i + 1] + (w - 1) / 2, 0) / fmax(sum - 1, 1);
        a0 += w * x;
        a1 += w * x * over;
    }
    a0 /= sum;
    a1 /= sum;
    double spread = a0 - 2 * a1;
    if (!(a0 > 0)) {
        return 0;
    }
    double shape = spread > 0 ? 2 - a0 / spread : SHAPE_LEAST;
    shape = fmin(fmax(shape, SHAPE_LEAST), SHAPE_MOST);
    c->shape = (shape * sum + PRIOR_SHAPE * PRIOR_ROWS) / (sum + PRIOR_ROWS);
    c->mean = a0;
    c->scale = a0 * (1 - c->shape);
    return c->scale > 0 && isfinite(c->scale);
}

/* What follows from the entries. */
static void fit(struct calibration *c)
{
    c->above[c->n] = 0;
    for (uint32_t i = c->n; i-- > 0;) {
        c->above[i] = c->above[i + 1] + c->weight[i];
    }
    c->share = 0;
    c->ceiling = VALUE_MAX;
    double total = c->above[0], most = fmin(fmax(TAIL_SHARE * total, TAIL_ROWS), total / 2);
    uint32_t first = c->n;
    while (first > 0 && c->above[first - 1] <= most) {
        first--;
    }
    if (first == 0 || c->n - first < TAIL_DISTINCT) {
        return;
    }
    c->threshold = c->value[first - 1];
    c->origin = c->value[first];
    if (fit_moments(c, first)) {
        c->share = c->above[first] / total;
        c->ceiling = pareto_score(c, OUTLIER);
    }
}

/* ---- the weighted sample --------------------------------------------------------------------- */

/* Merges neighbours from the top down wherever their weight allows it. Entries are moved to the end of
 * the room while it goes, then back. */
static void compress(struct calibration *c, double merge)
{
    uint32_t to = c->n - 1;
    double above = 0;
    for (uint32_t i = c->n - 1; i-- > 0;) {
        double w = c->weight[to], both = w + c->weight[i];
        if (c->value[i] == c->value[to] || c->weight[i] < FORGOTTEN) {
            c->weight[to] = both;
        } else if (both <= fmax(1, merge * above)) {
            if (random_unit(&c->random) * both >= w) {
                c->value[to] = c->value[i];
            }
            c->weight[to] = both;
        } else {
            above += w;
            to--;
            c->value[to] = c->value[i];
            c->weight[to] = c->weight[i];
        }
    }
    uint32_t n = c->n - to;
    memmove(c->value, c->value + to, n * sizeof(double));
    memmove(c->weight, c->weight + to, n * sizeof(double));
    c->n = n;
}

/* Scores that wait, sorted by insertion: there are 64 at most. */
static void sort_waiting(struct calibration *c)
{
    for (uint32_t i = 1; i < c->nwait; i++) {
        double v = c->wait_value[i], w = c->wait_weight[i];
        uint32_t at = i;
        for (; at > 0 && c->wait_value[at - 1] > v; at--) {
            c->wait_value[at] = c->wait_value[at - 1];
            c->wait_weight[at] = c->wait_weight[at - 1];
        }
        c->wait_value[at] = v;
        c->wait_weight[at] = w;
    }
}

static void merge_waiting(struct calibration *c)
{
    sort_waiting(c);
    if (c->n > 0 && c->above[0] > c->memory) {
        double keep = exp(-(double)c->nwait / c->memory);
        for (uint32_t i = 0; i < c->n; i++) {
            c->weight[i] *= keep;
        }
    }
    uint32_t old = c->n, new = c->nwait, at = c->n + c->nwait;
    c->n = at;
    while (new > 0) {
        if (old > 0 && c->value[old - 1] > c->wait_value[new - 1]) {
            old--;
            at--;
            c->value[at] = c->value[old];
            c->weight[at] = c->weight[old];
        } else {
            new --;
            at--;
            c->value[at] = c->wait_value[new];
            c->weight[at] = c->wait_weight[new];
        }
    }
    c->nwait = 0;
    compress(c, MERGE);
    for (double merge = 2 * MERGE; c->n > CALIBRATION_ENTRIES; merge *= 2) {
        compress(c, merge);
    }
    fit(c);
}

void calibration_learn(struct calibration *c, double score)
{
    if (isnan(score)) {
        return;
    }
    double s = fmin(fmax(score, -VALUE_MAX), VALUE_MAX);
    int is_outlier = s > c->ceiling;
    c->wait_value[c->nwait] = is_outlier ? c->ceiling : s;
    c->wait_weight[c->nwait] = is_outlier ? OUTLIER_WEIGHT : 1;
    c->nwait++;
    c->rows++;
    if (c->nwait == CALIBRATION_WAITING || (int64_t)c->nwait > c->rows / 8) {
        merge_waiting(c);
    }
}

/* ---- questions ------------------------------------------------------------------------------- */

double calibration_tail(const struct calibration *c, double s)
{
    if (c->n == 0 || isnan(s)) {
        return 1;
    }
    if (c->share > 0 && s > c->threshold) {
        return fmin(pareto_tail(c, fmin(s, VALUE_MAX)), 1);
    }
    uint32_t low = 0, high = c->n; /* the first entry that is not below s */
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (c->value[mid] < s) {
            low = mid + 1;
        } else {
            high = mid;
        }
    }
    return fmin((c->above[low] + 1) / (c->above[0] + 1), 1);
}

double calibration_quantile(const struct calibration *c, double q)
{
    if (c->n == 0) {
        return NAN;
    }
    if (c->share > 0 && 1 - q < c->share) {
        return pareto_score(c, fmax(1 - q, 1e-300));
    }
    double over = (1 - q) * c->above[0];
    uint32_t i = 0;
    while (i + 1 < c->n && c->above[i + 1] > over) {
        i++;
    }
    return c->value[i];
}

/* ---- snapshot -------------------------------------------------------------------------------- */

static int is_valid(const double *value, const double *weight, uint32_t n, int is_sorted)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!(fabs(value[i]) <= VALUE_MAX) || !(weight[i] > 0 && weight[i] <= WEIGHT_MAX) ||
            (is_sorted && i > 0 && value[i] <= value[i - 1])) {
            return 0;
        }
    }
    return 1;
}

int calibration_io(struct calibration *c, struct snapshot *s)
{
    int64_t state = (int64_t)c->random.state; /* inc follows from the stream */
    snapshot_version(s, 1);
    snapshot_count(s, &c->rows);
    snapshot_long(s, &state);
    snapshot_u32(s, &c->n);
    snapshot_u32(s, &c->nwait);
    if (c->n > CALIBRATION_ENTRIES || c->nwait >= CALIBRATION_WAITING) {
        c->n = c->nwait = 0;
        s->status = -ERR_DATA;
        return s->status;
    }
    snapshot_array(s, c->value, c->n);
    snapshot_array(s, c->weight, c->n);
    snapshot_array(s, c->wait_value, c->nwait);
    snapshot_array(s, c->wait_weight, c->nwait);
    if (s->loading) {
        if (snapshot_status(s) < 0 || !is_valid(c->value, c->weight, c->n, 1) ||
            !is_valid(c->wait_value, c->wait_weight, c->nwait, 0)) {
            c->n = c->nwait = 0;
            s->status = -ERR_DATA;
            return s->status;
        }
        c->random.state = (uint64_t)state;
        fit(c);
    }
    return snapshot_status(s);
}
