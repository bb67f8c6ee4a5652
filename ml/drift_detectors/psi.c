/* psi: population stability index of the last `window` values against the `window` values with
 * which the detector began.
 *
 *   bins      the reference's quantiles at 1/n_bins, 2/n_bins, …, each once; a value lies in the first
 *             bin whose upper edge is not below it. Where the lowest edge is the least value itself
 *             (few distinct values, or one), one more bin takes what is below
 *   shares    q of the reference and p of the last values in a bin, each (count + 1/2) / (window +
 *             bins / 2), so that an empty bin has a logarithm
 *   index     PSI = sum over the bins of (p - q) ln(p / q), the symmetric relative entropy of both
 *   alarm     PSI > threshold, once a whole window has come behind the reference; the next value is the
 *             first of a new reference
 *   threshold by convention (Siddiqi, "Credit risk scorecards", 2006) less than 0.1 is no change worth
 *             a look, 0.1 to 0.25 a moderate and more than 0.25 a large one. Chance alone gives about
 *             2 (bins - 1) / window: 0.04 by default. Do not go below three times that
 *
 *   state     phase, values by age; edges and counts of the reference: version 1
 *   cost      two searches among the edges, two logarithms and a sum over the bins a value
 *   constant  values are one bin, and any other value is another: no alarm until many of them come
 *   sees      any change of the distribution, spread and shape too, but not before it makes up much of
 *             a window; adwin is quicker where the mean moves
 */
#include "engine/drift.h"
#include "engine/memory.h"

#include <math.h>
#include <stdlib.h>

struct options {
    int64_t n_bins, window;
    double threshold;
};

struct psi {
    const struct options *options;
    uint32_t window;
    bool has_reference;
    uint32_t n, next; /* values, slot of the next (a ring) */
    uint32_t edges;   /* one less than bins */
    double *value;
    double *edge;
    double *q, *log_q; /* per bin: share of the reference */
    double *term;      /* per bin, of the index */
    uint32_t *reference, *recent;
};

static const struct config_field fields[] = {
    {"n_bins", CONFIG_LONG, offsetof(struct options, n_bins), .def = "10", .min = 2, .max = 1000,
     .doc = "bins, of as many reference values each"},
    {"window", CONFIG_LONG, offsetof(struct options, window), .def = "500", .min = 10,
     .max = 1000000, .doc = "values of the reference, and as many recent ones"},
    {"threshold", CONFIG_DOUBLE, offsetof(struct options, threshold), .def = "0.25", .min = 0,
     .max = 1e6, .doc = "index above which there is a change: 0.1 is moderate, 0.25 large"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"bins", "n_bins"},
    {"window_size", "window"},
    {0},
};

static int psi_check(const void *options, struct err *e)
{
    const struct options *o = options;
    if (o->n_bins > o->window) {
        return err_set(e, ERR_CONFIG, "n_bins is at most window");
    }
    return 0;
}

static void psi_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "n_bins %lld, window %lld\n", (long long)o->n_bins, (long long)o->window);
}

static void begin(struct psi *d)
{
    d->has_reference = false;
    d->n = d->next = d->edges = 0;
}

static void *psi_open(const void *options, uint64_t seed)
{
    (void)seed;
    const struct options *o = options;
    struct psi *d = mem_zalloc(sizeof(*d));
    size_t bins = (size_t)o->n_bins + 1;
    d->options = o;
    d->window = (uint32_t)o->window;
    d->value = mem_array(d->window, sizeof(double));
    d->edge = mem_array(bins * 4, sizeof(double));
    d->q = d->edge + bins;
    d->log_q = d->q + bins;
    d->term = d->log_q + bins;
    d->reference = mem_array(bins * 2, sizeof(uint32_t));
    d->recent = d->reference + bins;
    return d;
}

static void psi_close(void *detector)
{
    struct psi *d = detector;
    mem_free(d->value);
    mem_free(d->edge);
    mem_free(d->reference);
    mem_free(d);
}

/* Number of edges below x. */
static uint32_t bin_of(const struct psi *d, double x)
{
    uint32_t from = 0;
    for (uint32_t to = d->edges; from < to;) {
        uint32_t middle = (from + to) / 2;
        if (d->edge[middle] < x) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

static double share(const struct psi *d, uint32_t count)
{
    return (count + 0.5) / (d->window + 0.5 * (d->edges + 1));
}

static void set_term(struct psi *d, uint32_t bin)
{
    double p = share(d, d->recent[bin]);
    d->term[bin] = (p - d->q[bin]) * (log(p) - d->log_q[bin]);
}

/* With edges and counts of the reference known: nothing recent yet. */
static void begin_recent(struct psi *d)
{
    d->has_reference = true;
    d->n = d->next = 0;
    for (uint32_t bin = 0; bin <= d->edges; bin++) {
        d->q[bin] = share(d, d->reference[bin]);
        d->log_q[bin] = log(d->q[bin]);
        d->recent[bin] = 0;
        set_term(d, bin);
    }
}

static int compare(const void *a, const void *b)
{
    double x, y;
    x = *(const double *)a;
    y = *(const double *)b;
    return (x > y) - (x < y);
}

static void add_edge(struct psi *d, double x)
{
    if (d->edges == 0 || d->edge[d->edges - 1] < x) {
        d->edge[d->edges++] = x;
    }
}

/* The values gathered are the reference. */
static void make_reference(struct psi *d)
{
    uint32_t bins = (uint32_t)d->options->n_bins;
    qsort(d->value, d->n, sizeof(double), compare);
    d->edges = 0;
    for (uint32_t k = 1; k < bins; k++) {
        double x = d->value[(uint64_t)k * d->n / bins - 1];
        if (k == 1 && x == d->value[0]) {
            add_edge(d, nextafter(x, -INFINITY));
        }
        add_edge(d, x);
    }
    for (uint32_t bin = 0; bin <= d->edges; bin++) {
        d->reference[bin] = 0;
    }
    for (uint32_t i = 0; i < d->n; i++) {
        d->reference[bin_of(d, d->value[i])]++;
    }
    begin_recent(d);
}

static void count_recent(struct psi *d, double x)
{
    if (d->n == d->window) {
        uint32_t old = bin_of(d, d->value[d->next]);
        d->recent[old]--;
        set_term(d, old);
        d->n--;
    }
    uint32_t bin = bin_of(d, x);
    d->recent[bin]++;
    set_term(d, bin);
    d->value[d->next] = x;
    d->next = d->next + 1 < d->window ? d->next + 1 : 0;
    d->n++;
}

static bool psi_update(void *detector, double x)
{
    struct psi *d = detector;
    if (!d->has_reference) {
        d->value[d->n++] = x;
        if (d->n == d->window) {
            make_reference(d);
        }
        return false;
    }
    count_recent(d, x);
    if (d->n < d->window) {
        return false;
    }
    double index = 0;
    for (uint32_t bin = 0; bin <= d->edges; bin++) {
        index += d->term[bin];
    }
    bool is_drift = index > d->options->threshold;
    if (is_drift) {
        begin(d);
    }
    return is_drift;
}

/* ---- snapshot ---- */

static void io_reference(struct psi *d, struct snapshot *s)
{
    uint32_t edges = d->edges;
    int64_t sum = 0;
    snapshot_u32(s, &edges);
    if (edges > (uint32_t)d->options->n_bins) {
        s->status = -ERR_DATA;
        return;
    }
    d->edges = edges;
    snapshot_array(s, d->edge, edges);
    for (uint32_t i = 0; i < edges; i++) {
        if (!isfinite(d->edge[i]) || (i > 0 && d->edge[i - 1] >= d->edge[i])) {
            s->status = -ERR_DATA;
        }
    }
    for (uint32_t bin = 0; bin <= edges; bin++) {
        snapshot_u32(s, &d->reference[bin]);
        sum += d->reference[bin];
    }
    if (sum != d->window) {
        s->status = -ERR_DATA;
    }
    if (s->loading && s->status == 0) {
        begin_recent(d);
    }
}

/* From the oldest on. */
static void io_values(struct psi *d, struct snapshot *s, uint32_t n)
{
    uint32_t oldest = n < d->window ? 0 : d->next;
    for (uint32_t i = 0; i < n && s->status == 0; i++) {
        uint32_t slot = oldest + i < d->window ? oldest + i : oldest + i - d->window;
        double x = d->value[slot];
        snapshot_double(s, &x);
        if (!isfinite(x)) {
            s->status = -ERR_DATA;
        } else if (s->loading && s->status == 0 && d->has_reference) {
            count_recent(d, x);
        } else if (s->loading) {
            d->value[d->n++] = x;
        }
    }
}

static int psi_io(void *detector, struct snapshot *s)
{
    struct psi *d = detector;
    uint32_t n = d->n, has_reference = d->has_reference ? 1 : 0;
    snapshot_version(s, 1);
    snapshot_u32(s, &has_reference);
    snapshot_u32(s, &n);
    if (snapshot_status(s) < 0 || has_reference > 1 || n > d->window ||
        (!has_reference && n == d->window)) {
        s->status = -ERR_DATA;
        return s->status;
    }
    if (s->loading) {
        begin(d);
    }
    if (has_reference) {
        io_reference(d, s);
    }
    io_values(d, s, n);
    return snapshot_status(s);
}

static uint64_t psi_size(const void *detector)
{
    const struct psi *d = detector;
    uint64_t bins = (uint64_t)d->options->n_bins + 1;
    return sizeof(*d) + d->window * sizeof(double) +
           bins * (4 * sizeof(double) + 2 * sizeof(uint32_t));
}

const struct drift_def drift_psi = {
    .name = "psi",
    .doc = "the population stability index of recent values against the first ones",
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = psi_layout,
    .check = psi_check,
    .open = psi_open,
    .update = psi_update,
    .io = psi_io,
    .size = psi_size,
    .close = psi_close,
};
