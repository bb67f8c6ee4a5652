/* Calibration of scores into tail probabilities, on line.
 *
 * Body: a weighted sample, sorted. Each entry stands for the scores near it; from the top down, an
 * entry may hold as much weight as MERGE times what lies above it, at least 1. The highest scores
 * are therefore kept one by one and the resolution of the tail probability is relative (8 %)
 * everywhere. Two entries merge into one of their two values, drawn by weight: ranks stay unbiased,
 * and scores that take few values keep them (t-digests average, and smear them).
 *
 * Tail: a generalised Pareto distribution over the excesses above the threshold u that TAIL_SHARE
 * of the scores exceed (peaks over threshold, as SPOT: Siffer et al., "Anomaly detection in streams
 * with extreme value theory", KDD 2017), by probability-weighted moments (Hosking and Wallis 1987):
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
 *   state   rows, random numbers, entries, scores not yet merged: version 1
 *   memory  12 bytes an entry and 8 a score that waits, for as many as there are; entries are about 13 ln(rows)
 *           up to `memory` rows. They are merged in an array on the stack. Sums of weights are kept for every
 *           32nd entry; what lies between is added up where it is asked for, in the same order
 *   cost    scores are collected and merged 64 at a time (fewer at first): 50 to 150 ns a score; a tail
 *           is a search and at most 32 additions, or one pow()
 */
#include "ml/calibration.h"

#include "engine/memory.h"

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
#define WEIGHT_LEAST   1e-30
#define ROOM_STEP      16 /* entries */
#define SAVED_WAITING  64 /* at most, in a snapshot of any version of klamm */

/* Entries while they change, with room for all that wait. */
struct work {
    uint32_t n;
    double value[CALIBRATION_ENTRIES + CALIBRATION_WAITING];
    double weight[CALIBRATION_ENTRIES + CALIBRATION_WAITING];
    double
        above[CALIBRATION_ENTRIES + CALIBRATION_WAITING + 1]; /* weight of entry i and those over */
};

void calibration_init(struct calibration *c, double memory, uint64_t seed)
{
    memset(c, 0, sizeof(*c));
    c->memory = memory;
    c->ceiling = VALUE_MAX;
    random_seed(&c->random, seed, 29);
}

void calibration_done(struct calibration *c)
{
    mem_free(c->value);
    mem_free(c->weight);
    c->value = NULL;
    c->weight = NULL;
}

uint64_t calibration_size(const struct calibration *c)
{
    return c->room[0] * sizeof(*c->value) + c->room[1] * sizeof(*c->weight);
}

/* How many scores may wait. */
static uint32_t waiting_most(const struct calibration *c)
{
    return c->rows / 8 + 1 < CALIBRATION_WAITING ? (uint32_t)(c->rows / 8 + 1)
                                                 : CALIBRATION_WAITING;
}

static uint32_t rounded(uint32_t n)
{
    return (n + ROOM_STEP - 1) / ROOM_STEP * ROOM_STEP;
}

/* Room for n entries and the scores that are to wait behind them. */
static void make_room(struct calibration *c, uint32_t n)
{
    uint32_t values = rounded(n + waiting_most(c)), weights = rounded(n);
    if (values > c->room[0]) {
        c->value = mem_resize(c->value, values, sizeof(*c->value));
        c->room[0] = values;
    }
    if (weights > c->room[1]) {
        c->weight = mem_resize(c->weight, weights, sizeof(*c->weight));
        c->room[1] = weights;
    }
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
static int fit_moments(struct calibration *c, const struct work *k, uint32_t first)
{
    double sum = k->above[first], a0 = 0, a1 = 0;
    double from = c->threshold / 2 + c->origin / 2; /* matters where values are few */
    for (uint32_t i = first; i < k->n; i++) {
        double x = k->value[i] - from, w = k->weight[i];
        double over = fmax(k->above[i + 1] + (w - 1) / 2, 0) / fmax(sum - 1, 1);
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

/* What follows from the entries, with their weights as they are kept. */
static void fit(struct calibration *c, struct work *k)
{
    k->above[k->n] = 0;
    c->above[0] = 0;
    for (uint32_t i = k->n; i-- > 0;) {
        k->above[i] = k->above[i + 1] + k->weight[i];
        if ((k->n - i) % CALIBRATION_STRIDE == 0) {
            c->above[(k->n - i) / CALIBRATION_STRIDE] = k->above[i];
        }
    }
    c->share = 0;
    c->ceiling = VALUE_MAX;
    c->total = k->above[0];
    double most = fmin(fmax(TAIL_SHARE * c->total, TAIL_ROWS), c->total / 2);
    uint32_t first = k->n;
    while (first > 0 && k->above[first - 1] <= most) {
        first--;
    }
    if (first == 0 || k->n - first < TAIL_DISTINCT) {
        return;
    }
    c->threshold = k->value[first - 1];
    c->origin = k->value[first];
    if (fit_moments(c, k, first)) {
        c->share = k->above[first] / c->total;
        c->ceiling = pareto_score(c, OUTLIER);
    }
}

/* ---- the weighted sample --------------------------------------------------------------------- */

/* Merges neighbours from the top down wherever their weight allows it. Entries are moved to the end
 * of the room while it goes, then back. */
static void compress(struct work *k, double merge, struct random *random)
{
    uint32_t to = k->n - 1;
    double above = 0;
    for (uint32_t i = k->n - 1; i-- > 0;) {
        double w = k->weight[to], both = w + k->weight[i];
        if (k->value[i] == k->value[to] || k->weight[i] < FORGOTTEN) {
            k->weight[to] = both;
        } else if (both <= fmax(1, merge * above)) {
            if (random_unit(random) * both >= w) {
                k->value[to] = k->value[i];
            }
            k->weight[to] = both;
        } else {
            above += w;
            to--;
            k->value[to] = k->value[i];
            k->weight[to] = k->weight[i];
        }
    }
    uint32_t n = k->n - to;
    memmove(k->value, k->value + to, n * sizeof(double));
    memmove(k->weight, k->weight + to, n * sizeof(double));
    k->n = n;
}

static double waiting_weight(const struct calibration *c, uint32_t i)
{
    return c->outlier >> i & 1 ? OUTLIER_WEIGHT : 1;
}

/* Puts a score that waited in its place; scores of equal value stand in order of arrival. */
static void insert(struct work *k, double value, double weight)
{
    uint32_t low = 0, high = k->n;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        if (k->value[mid] > value) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    memmove(k->value + low + 1, k->value + low, (k->n - low) * sizeof(double));
    memmove(k->weight + low + 1, k->weight + low, (k->n - low) * sizeof(double));
    k->value[low] = value;
    k->weight[low] = weight;
    k->n++;
}

static void load_work(const struct calibration *c, struct work *k)
{
    k->n = c->n;
    for (uint32_t i = 0; i < c->n; i++) {
        k->value[i] = c->value[i];
        k->weight[i] = (double)c->weight[i];
    }
}

/* Weights are rounded before anything is computed from them, so that a restart changes nothing. */
static void store_work(struct calibration *c, struct work *k)
{
    make_room(c, k->n);
    c->n = k->n;
    for (uint32_t i = 0; i < k->n; i++) {
        c->value[i] = k->value[i];
        c->weight[i] = (float)k->weight[i];
        k->weight[i] = (double)c->weight[i];
    }
}

static void merge_waiting(struct calibration *c)
{
    struct work k;
    load_work(c, &k);
    if (c->n > 0 && c->total > c->memory) {
        double keep = exp(-(double)c->nwait / c->memory);
        for (uint32_t i = 0; i < k.n; i++) {
            k.weight[i] *= keep;
        }
    }
    for (uint32_t i = 0; i < c->nwait; i++) {
        insert(&k, c->value[c->n + i], waiting_weight(c, i));
    }
    c->nwait = 0;
    c->outlier = 0;
    compress(&k, MERGE, &c->random);
    for (double merge = 2 * MERGE; k.n > CALIBRATION_ENTRIES; merge *= 2) {
        compress(&k, merge, &c->random);
    }
    store_work(c, &k);
    fit(c, &k);
}

void calibration_learn(struct calibration *c, double score)
{
    if (isnan(score)) {
        return;
    }
    double s = fmin(fmax(score, -VALUE_MAX), VALUE_MAX);
    bool is_outlier = s > c->ceiling;
    make_room(c, c->n);
    c->value[c->n + c->nwait] = is_outlier ? c->ceiling : s;
    c->outlier |= (uint64_t)is_outlier << c->nwait;
    c->nwait++;
    c->rows++;
    if (c->nwait == CALIBRATION_WAITING || (int64_t)c->nwait > c->rows / 8) {
        merge_waiting(c);
    }
}

/* ---- questions ------------------------------------------------------------------------------- */

/* Weight of entry i and those over it. */
static double weight_from(const struct calibration *c, uint32_t i)
{
    uint32_t known = (c->n - i) / CALIBRATION_STRIDE, at = c->n - known * CALIBRATION_STRIDE;
    double sum = c->above[known];
    while (at > i) {
        sum += (double)c->weight[--at];
    }
    return sum;
}

/* Weight of the scores that wait and are not below s; *total gains that of all. */
static double waiting_from(const struct calibration *c, double s, double *total)
{
    double sum = 0;
    for (uint32_t i = 0; i < c->nwait; i++) {
        double weight = waiting_weight(c, i);
        *total += weight;
        sum += c->value[c->n + i] >= s ? weight : 0;
    }
    return sum;
}

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
    double above = weight_from(c, low), total = c->total;
    if (c->share == 0) {
        above += waiting_from(c, s, &total);
    }
    return fmin((above + 1) / (total + 1), 1);
}

double calibration_quantile(const struct calibration *c, double q)
{
    if (c->n == 0) {
        return NAN;
    }
    if (c->share > 0 && 1 - q < c->share) {
        return pareto_score(c, fmax(1 - q, 1e-300));
    }
    double over = (1 - q) * c->total, sum = 0;
    uint32_t i = c->n - 1;
    for (; i > 0; i--) {
        sum += (double)c->weight[i];
        if (sum > over) {
            break;
        }
    }
    return c->value[i];
}

/* ---- snapshot -------------------------------------------------------------------------------- */

static bool is_valid(const double *value, const double *weight, uint32_t n, bool is_sorted)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!(fabs(value[i]) <= VALUE_MAX) ||
            !(weight[i] >= WEIGHT_LEAST && weight[i] <= WEIGHT_MAX) ||
            (is_sorted && i > 0 && value[i] <= value[i - 1])) {
            return false;
        }
    }
    return true;
}

/* What was read, if it can be; what waited for more than this does now is merged at once. */
static int take(struct calibration *c, struct work *k, const struct work *waiting)
{
    if (!is_valid(k->value, k->weight, k->n, true) ||
        !is_valid(waiting->value, waiting->weight, waiting->n, false)) {
        return -ERR_DATA;
    }
    store_work(c, k);
    fit(c, k);
    for (uint32_t i = 0; i < waiting->n; i++) {
        c->value[c->n + c->nwait] = waiting->value[i];
        c->outlier |= (uint64_t)(waiting->weight[i] < 1) << c->nwait;
        c->nwait++;
        if (c->nwait == waiting_most(c)) {
            merge_waiting(c);
        }
    }
    return 0;
}

int calibration_io(struct calibration *c, struct snapshot *s)
{
    struct work k = {0}, waiting = {.n = c->nwait};
    int64_t state = (int64_t)c->random.state; /* inc follows from the stream */
    load_work(c, &k);
    for (uint32_t i = 0; i < c->nwait; i++) {
        waiting.value[i] = c->value[c->n + i];
        waiting.weight[i] = waiting_weight(c, i);
    }
    snapshot_version(s, 1);
    snapshot_count(s, &c->rows);
    snapshot_long(s, &state);
    snapshot_u32(s, &k.n);
    snapshot_u32(s, &waiting.n);
    if (snapshot_status(s) < 0 || k.n > CALIBRATION_ENTRIES || waiting.n > SAVED_WAITING) {
        s->status = -ERR_DATA;
        return s->status;
    }
    snapshot_array(s, k.value, k.n);
    snapshot_array(s, k.weight, k.n);
    snapshot_array(s, waiting.value, waiting.n);
    snapshot_array(s, waiting.weight, waiting.n);
    if (s->loading && snapshot_status(s) == 0) {
        c->random.state = (uint64_t)state;
        s->status = take(c, &k, &waiting);
    }
    return snapshot_status(s);
}
