/* adwin: a change of the mean, at any rate, without a parameter for its size. Numbers and defaults
 * are those of River 0.26's drift.ADWIN; the window itself is ml/adwin.c, which see for formulas,
 * cost and memory. Its false alarms are rare and its delay short: the detector to begin with.
 */
#include "ml/adwin.h"
#include "engine/drift.h"
#include "engine/memory.h"

struct options {
    double delta;
    int64_t clock, max_buckets, min_window_length, grace_period;
};

static const struct config_field fields[] = {
    {"delta", CONFIG_DOUBLE, offsetof(struct options, delta), .def = "0.002", .min = 1e-300,
     .max = 1, .doc = "significance: less gives fewer false alarms and later ones"},
    {"clock", CONFIG_LONG, offsetof(struct options, clock), .def = "32", .min = 1, .max = 1e6,
     .doc = "values between two checks"},
    {"max_buckets", CONFIG_LONG, offsetof(struct options, max_buckets), .def = "5", .min = 2,
     .max = 100, .doc = "buckets of each size: more give more places to cut"},
    {"min_window_length", CONFIG_LONG, offsetof(struct options, min_window_length), .def = "5",
     .min = 1, .max = 1e6, .doc = "least number of values on either side of a cut"},
    {"grace_period", CONFIG_LONG, offsetof(struct options, grace_period), .def = "10", .min = 0,
     .max = 1e9, .doc = "values before the first check"},
    {0},
};

static void adwin_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "max_buckets %lld\n", (long long)o->max_buckets);
}

static void *adwin_open(const void *options, uint64_t seed)
{
    (void)seed;
    const struct options *o = options;
    const struct adwin_config config = {
        .delta = o->delta,
        .clock = (uint32_t)o->clock,
        .max_buckets = (uint32_t)o->max_buckets,
        .min_window_length = (uint32_t)o->min_window_length,
        .grace_period = (uint32_t)o->grace_period,
    };
    return adwin_new(&config);
}

static bool update(void *d, double x)
{
    return adwin_update(d, x);
}

static int io(void *d, struct snapshot *s)
{
    return adwin_io(d, s);
}

static uint64_t size(const void *d)
{
    return adwin_size(d);
}

static void close_adwin(void *d)
{
    adwin_free(d);
}

const struct drift_def drift_adwin = {
    .name = "adwin",
    .doc = "a window that grows until the means of its two ends differ",
    .options = fields,
    .options_size = sizeof(struct options),
    .version = 1,
    .layout = adwin_layout,
    .open = adwin_open,
    .update = update,
    .io = io,
    .size = size,
    .close = close_adwin,
};
