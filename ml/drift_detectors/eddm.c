/* eddm: errors that come at shorter distances than they did (Baena-Garcia and others, "Early drift
 * detection method", 2006). Formulas and defaults are those of River 0.26's drift.binary.EDDM; its
 * warning zone (alpha) has no column here, hence no option.
 *
 *   distance  values from one error to the next; m their mean, s their sample deviation
 *   greatest  the largest m + 2 s so far, looked for once warm_start values have come
 *   alarm     after warm_start errors: (m + 2 s) / greatest < beta; the next value begins anew
 *
 *   state     values, errors, place of the last error, m, sum of squares, greatest: version 1
 *   cost      nothing without an error, else two divisions and a root
 *   constant  no alarm: all distances are equal. Many false alarms where errors are mere chance (28 in
 *             10,000 values at a rate of 0.2): adwin or ddm are better unless a change creeps in
 */
#include "engine/drift.h"
#include "engine/memory.h"

#include <math.h>

struct options {
    int64_t warm_start;
    double beta;
};

struct eddm {
    const struct options *options;
    int64_t n, errors, last;
    double mean, squares; /* of the distances */
    double greatest;
};

static const struct config_field fields[] = {
    {"warm_start", CONFIG_LONG, offsetof(struct options, warm_start), .def = "30", .min = 0,
     .max = 1e12, .doc = "errors before the first alarm"},
    {"beta", CONFIG_DOUBLE, offsetof(struct options, beta), .def = "0.9", .min = 0, .max = 1,
     .doc = "share of the greatest distance below which there is a change"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"min_num_instances", "warm_start"},
    {"min_instances", "warm_start"},
    {"drift_threshold", "beta"},
    {0},
};

static void begin(struct eddm *d)
{
    const struct options *options = d->options;
    *d = (struct eddm){.options = options, .greatest = -1};
}

static void *eddm_open(const void *options, uint64_t seed)
{
    (void)seed;
    struct eddm *d = mem_zalloc(sizeof(*d));
    d->options = options;
    begin(d);
    return d;
}

static void add_distance(struct eddm *d, double distance)
{
    double before = d->mean;
    d->errors++;
    d->mean += 1 / (double)d->errors * (distance - d->mean);
    d->squares += (distance - before) * (distance - d->mean);
}

static bool eddm_update(void *detector, double x)
{
    struct eddm *d = detector;
    d->n++;
    if (x != 1) {
        return false;
    }
    add_distance(d, (double)(d->n - d->last));
    d->last = d->n;
    if (d->n <= d->options->warm_start) {
        return false;
    }
    double variance = d->errors > 1 ? d->squares / (double)(d->errors - 1) : 0;
    double level = d->mean + 2 * sqrt(variance);
    if (level > d->greatest) {
        d->greatest = level;
        return false;
    }
    bool is_drift = d->errors > d->options->warm_start && level / d->greatest < d->options->beta;
    if (is_drift) {
        begin(d);
    }
    return is_drift;
}

static int eddm_io(void *detector, struct snapshot *s)
{
    struct eddm *d = detector;
    snapshot_version(s, 1);
    snapshot_count(s, &d->n);
    snapshot_count(s, &d->errors);
    snapshot_count(s, &d->last);
    snapshot_double(s, &d->mean);
    snapshot_double(s, &d->squares);
    snapshot_double(s, &d->greatest);
    return snapshot_status(s);
}

static uint64_t eddm_size(const void *d)
{
    (void)d;
    return sizeof(struct eddm);
}

static void eddm_close(void *d)
{
    mem_free(d);
}

const struct drift_def drift_eddm = {
    .name = "eddm",
    .doc = "errors that come at shorter distances than before",
    .is_binary = true,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .open = eddm_open,
    .update = eddm_update,
    .io = eddm_io,
    .size = eddm_size,
    .close = eddm_close,
};
