/* mad: how far a row is from the median, in median absolute deviations, at its worst feature. Both
 * over the last window_size rows, so that neither an outlier nor a hundred of them move the measure
 * (Hampel 1974; the factors are those of Iglewicz and Hoaglin 1993).
 *
 *   MAD   = median of |x - median|
 *   score = largest |x - median| / (1.4826 MAD) over the features; 1.4826: as deviations of a normal
 *           distribution. While more than half of the window is one value, MAD is 0 and
 *           1.2533 times the mean of |x - median| takes its place
 *
 * Each feature keeps its window twice: in order of arrival, and sorted. A row moves what lies
 * between its place and that of the row which leaves. The MAD is the median of two sorted
 * sequences, the distances below and above the median: a binary search, exact.
 *
 *   constant as in ml/spread.h: the first other value scores 1e12
 *   state    rows, the windows in order of arrival: version 1; 8 bytes a row and feature
 *   memory   16 bytes a row and feature, for as many rows as there were, up to window_size
 *   cost     two binary searches and a move of up to window_size values a feature
 *   order    rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/spread.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 32

struct options {
    int64_t window_size, grace_period;
};

struct mad {
    const struct options *options;
    uint32_t n, window, used;
    uint32_t room; /* values there is memory for, per feature; grows to the window */
    int64_t rows;
    double *ring;   /* per feature `room` values, the oldest of a full window at rows % window */
    double *sorted; /* per feature `used` of `room` values */
    double *centre, *spread;
};

static const struct config_field fields[] = {
    {"window_size", CONFIG_LONG, offsetof(struct options, window_size), .def = "1000", .min = 3,
     .max = 100000, .doc = "rows that the medians are of"},
    {"grace_period", CONFIG_LONG, offsetof(struct options, grace_period), .def = "100", .min = 1,
     .max = 1e9, .doc = "rows to learn before the first score"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"window", "window_size"}, {"warm_up", "grace_period"}, {"min_periods", "grace_period"}, {0}};

static double *widened(double *old, const struct mad *m, uint32_t room)
{
    double *new = mem_array((size_t)m->n * room + 1, sizeof(double));
    for (uint32_t i = 0; i < m->n && m->used > 0; i++) {
        memcpy(new + (size_t)i *room, old + (size_t)i * m->room, m->used * sizeof(double));
    }
    mem_free(old);
    return new;
}

/* Memory for so many values of each feature, at most a window. */
static void make_room(struct mad *m, uint32_t values)
{
    uint32_t room = m->room > 0 ? m->room : ROOM_LEAST;
    while (room < values) {
        room *= 2;
    }
    room = room < m->window ? room : m->window;
    if (room > m->room) {
        m->ring = widened(m->ring, m, room);
        m->sorted = widened(m->sorted, m, room);
        m->room = room;
    }
}

static void *mad_open(const struct learner_setup *setup)
{
    struct mad *m = mem_zalloc(sizeof(*m));
    m->options = setup->options;
    m->n = setup->ncolumns;
    m->window = (uint32_t)m->options->window_size;
    m->centre = mem_zalloc(2 * sizeof(double) * (m->n > 0 ? m->n : 1));
    m->spread = m->centre + m->n;
    return m;
}

static void mad_close(void *l)
{
    struct mad *m = l;
    mem_free(m->ring);
    mem_free(m->sorted);
    mem_free(m->centre);
    mem_free(m);
}

/* The first of n sorted values that is not below x. */
static uint32_t place_of(const double *sorted, uint32_t n, double x)
{
    uint32_t low = 0;
    while (low < n) {
        uint32_t mid = low + (n - low) / 2;
        if (sorted[mid] < x) {
            low = mid + 1;
        } else {
            n = mid;
        }
    }
    return low;
}

/* The k-th smallest (from 0) distance from the centre: how many of the k + 1 nearest lie below it
 * is found by halving. */
static double kth_distance(const double *sorted, uint32_t n, double centre, uint32_t k)
{
    uint32_t split = place_of(sorted, n, centre); /* sorted[split - 1] < centre <= sorted[split] */
    uint32_t below = split, above = n - split, need = k + 1;
    uint32_t low = need > above ? need - above : 0, high = need < below ? need : below;
    while (low < high) { /* the least number from below that leaves nothing nearer there */
        uint32_t take = (low + high) / 2;
        double next_below = centre - sorted[split - 1 - take];
        double last_above = sorted[split + (need - take) - 1] - centre;
        if (next_below < last_above) {
            low = take + 1;
        } else {
            high = take;
        }
    }
    double last = low > 0 ? centre - sorted[split - low] : 0;
    return need > low ? fmax(last, sorted[split + (need - low) - 1] - centre) : last;
}

static double mean_distance(const double *sorted, uint32_t n, double centre)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += fabs(sorted[i] - centre) / n;
    }
    return sum;
}

static void measure(struct mad *m, uint32_t feature)
{
    const double *sorted = m->sorted + (size_t)feature * m->room;
    uint32_t n = m->used, mid = n / 2;
    int is_odd = n % 2 == 1;
    double centre = is_odd ? sorted[mid] : sorted[mid - 1] / 2 + sorted[mid] / 2;
    double distance = kth_distance(sorted, n, centre, mid);
    if (!is_odd) {
        distance = distance / 2 + kth_distance(sorted, n, centre, mid - 1) / 2;
    }
    m->centre[feature] = centre;
    m->spread[feature] =
        distance > 0 ? 1.4826 * distance : 1.2533 * mean_distance(sorted, n, centre);
}

static void mad_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct mad *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        double score = 0;
        for (uint32_t i = 0; i < m->n; i++) {
            score = fmax(score, spread_score(x[i], m->centre[i], m->spread[i]));
        }
        out[(size_t)r * stride] = m->rows < m->options->grace_period ? (double)NAN : score;
        x += m->n;
    }
}

/* Puts x in and takes `old` out, where the window is full. */
static void replace(double *sorted, uint32_t n, double old, double x)
{
    uint32_t from = place_of(sorted, n, old), to = place_of(sorted, n, x);
    if (to > from) {
        to--;
        memmove(sorted + from, sorted + from + 1, (to - from) * sizeof(double));
    } else {
        memmove(sorted + to + 1, sorted + to, (from - to) * sizeof(double));
    }
    sorted[to] = x;
}

static void learn_row(struct mad *m, const double *x)
{
    uint32_t at = (uint32_t)(m->rows % m->window);
    bool is_full = m->used == m->window;
    make_room(m, m->used + !is_full);
    for (uint32_t i = 0; i < m->n; i++) {
        double *ring = m->ring + (size_t)i * m->room, *sorted = m->sorted + (size_t)i * m->room;
        double v = spread_bounded(x[i]);
        if (is_full) {
            replace(sorted, m->used, ring[at], v);
        } else {
            uint32_t to = place_of(sorted, m->used, v);
            memmove(sorted + to + 1, sorted + to, (m->used - to) * sizeof(double));
            sorted[to] = v;
        }
        ring[at] = v;
    }
    m->used += is_full ? 0 : 1;
    m->rows++;
    for (uint32_t i = 0; i < m->n; i++) {
        measure(m, i);
    }
}

static void mad_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    (void)y;
    (void)w;
    struct mad *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        learn_row(m, x + (size_t)r * m->n);
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int are_values(const double *v, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!(fabs(v[i]) <= SPREAD_VALUE_MAX)) {
            return 0;
        }
    }
    return 1;
}

static int mad_io(void *l, struct snapshot *s)
{
    struct mad *m = l;
    uint32_t window = m->window;
    snapshot_version(s, 1);
    snapshot_u32(s, &window);
    if (window != m->window) {
        s->status = -ERR_DATA; /* saved with another window */
        return s->status;
    }
    snapshot_count(s, &m->rows);
    uint32_t used = m->rows < window ? (uint32_t)m->rows : window;
    if (s->loading) {
        size_t left = (size_t)(s->end - s->p) / sizeof(double);
        if (snapshot_status(s) < 0 || (size_t)used * m->n > left) {
            s->status = -ERR_DATA;
            return s->status;
        }
        make_room(m, used);
        m->used = used;
    }
    for (uint32_t i = 0; i < m->n; i++) {
        double *ring = m->ring + (size_t)i * m->room, *sorted = m->sorted + (size_t)i * m->room;
        snapshot_array(s, ring, m->used);
        if (s->loading && s->status == 0 && !are_values(ring, m->used)) {
            s->status = -ERR_DATA;
        }
        if (s->loading && s->status == 0 && m->used > 0) {
            memcpy(sorted, ring, m->used * sizeof(double));
            qsort(sorted, m->used, sizeof(double), compare);
            measure(m, i);
        }
    }
    return snapshot_status(s);
}

static uint64_t mad_size(const void *l)
{
    const struct mad *m = l;
    return sizeof(*m) + (2 * (uint64_t)m->room + 2) * m->n * sizeof(double);
}

const struct learner_def learner_mad = {
    .name = "mad",
    .doc = "median absolute deviations from the median, at the worst feature",
    .tasks = LEARN_SCORES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .open = mad_open,
    .predict = mad_predict,
    .learn = mad_learn,
    .io = mad_io,
    .size = mad_size,
    .close = mad_close,
};
