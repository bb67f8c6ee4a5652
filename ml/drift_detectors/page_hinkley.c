/* page_hinkley: a sum of deviations from the mean that leaves its extreme behind (Page, "Continuous
 * inspection schemes", Biometrika 1954). Formulas and defaults are those of River 0.26's
 * drift.PageHinkley.
 *
 *   mean      m of all values so far, d = x - m
 *   up        u <- alpha u + d - delta;   alarm when u is more than threshold over its least
 *   down      v <- alpha v + d + delta;   alarm when v is more than threshold under its greatest (which
 *             is -1 at first)
 *   alarm     once there are min_instances values, by `mode`; the next value begins anew
 *
 *   state     n, m, u, v, least u, greatest v: version 1
 *   cost      one division a value
 *   constant  no alarm with delta > 0 (u falls, v rises). Threshold and delta are in units of the
 *             values: scale them, or choose both for the data
 */
#include "engine/drift.h"
#include "engine/memory.h"

#include <math.h>

enum mode { MODE_UP, MODE_DOWN, MODE_BOTH };

struct options {
    int64_t min_instances;
    double delta, threshold, alpha;
    int mode;
};

struct page_hinkley {
    const struct options *options;
    int64_t n;
    double mean, up, down, least, greatest;
};

static const char *const modes[] = {"up", "down", "both", NULL};

static const struct config_field fields[] = {
    {"min_instances", CONFIG_LONG, offsetof(struct options, min_instances), .def = "30", .min = 0,
     .max = 1e12, .doc = "values before the first alarm"},
    {"delta", CONFIG_DOUBLE, offsetof(struct options, delta), .def = "0.005", .min = 0,
     .max = 1e150, .doc = "deviation that is let pass"},
    {"threshold", CONFIG_DOUBLE, offsetof(struct options, threshold), .def = "50", .min = 0,
     .max = 1e300, .doc = "sum of deviations that is a change"},
    {"alpha", CONFIG_DOUBLE, offsetof(struct options, alpha), .def = "0.9999", .min = 0, .max = 1,
     .doc = "share of the sum that stays with each value"},
    {"mode", CONFIG_ENUM, offsetof(struct options, mode), .def = "both", .values = modes,
     .doc = "which changes count: rises of the mean, falls or both"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"min_num_instances", "min_instances"},
    {"lambda", "threshold"},
    {"lambda_", "threshold"},
    {0},
};

static void begin(struct page_hinkley *d)
{
    const struct options *options = d->options;
    *d = (struct page_hinkley){.options = options, .least = INFINITY, .greatest = -1};
}

static void *page_hinkley_open(const void *options, uint64_t seed)
{
    (void)seed;
    struct page_hinkley *d = mem_zalloc(sizeof(*d));
    d->options = options;
    begin(d);
    return d;
}

static bool page_hinkley_update(void *detector, double x)
{
    struct page_hinkley *d = detector;
    const struct options *o = d->options;
    d->n++;
    d->mean += 1 / (double)d->n * (x - d->mean);
    double apart = x - d->mean;
    d->up = o->alpha * d->up + apart - o->delta;
    d->down = o->alpha * d->down + apart + o->delta;
    d->least = d->up < d->least ? d->up : d->least;
    d->greatest = d->down > d->greatest ? d->down : d->greatest;
    bool rises = o->mode != MODE_DOWN && d->up - d->least > o->threshold;
    bool falls = o->mode != MODE_UP && d->greatest - d->down > o->threshold;
    if (d->n < o->min_instances || !(rises || falls)) {
        return false;
    }
    begin(d);
    return true;
}

static int page_hinkley_io(void *detector, struct snapshot *s)
{
    struct page_hinkley *d = detector;
    snapshot_version(s, 1);
    snapshot_count(s, &d->n);
    snapshot_double(s, &d->mean);
    snapshot_double(s, &d->up);
    snapshot_double(s, &d->down);
    snapshot_double(s, &d->least);
    snapshot_double(s, &d->greatest);
    return snapshot_status(s);
}

static uint64_t page_hinkley_size(const void *d)
{
    (void)d;
    return sizeof(struct page_hinkley);
}

static void page_hinkley_close(void *d)
{
    mem_free(d);
}

const struct drift_def drift_page_hinkley = {
    .name = "page_hinkley",
    .doc = "a sum of deviations from the mean that leaves its extreme behind",
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .open = page_hinkley_open,
    .update = page_hinkley_update,
    .io = page_hinkley_io,
    .size = page_hinkley_size,
    .close = page_hinkley_close,
};
