/* ddm: a rise of an error rate above the lowest that it had (Gama, Medas, Castillo and Rodrigues,
 * "Learning with drift detection", SBIA 2004). Formulas and defaults are those of River 0.26's
 * drift.binary.DDM; its warning zone has no column here, hence no option.
 *
 *   rate      p = mean of the errors so far,   s = sqrt(p (1 - p) / n)
 *   lowest    p_min and s_min: where p + s was least, looked for once n > warm_start
 *   alarm     p + s > p_min + drift_threshold * s_min; the next value is the first of a new rate
 *
 *   state     n, p, p_min, s_min: version 1
 *   cost      two divisions and a root a value
 *   constant  no alarm, whether all are errors or none is. A falling rate is never told of
 */
#include "engine/drift.h"
#include "engine/memory.h"

#include <math.h>

struct options {
    int64_t warm_start;
    double drift_threshold;
};

struct ddm {
    const struct options *options;
    int64_t n; /* 0: the next value begins anew */
    double p, p_min, s_min;
};

static const struct config_field fields[] = {
    {"warm_start", CONFIG_LONG, offsetof(struct options, warm_start), .def = "30", .min = 0,
     .max = 1e12, .doc = "values before the first alarm"},
    {"drift_threshold", CONFIG_DOUBLE, offsetof(struct options, drift_threshold), .def = "3",
     .min = 0, .max = 1e6, .doc = "deviations over the lowest error rate that are a change"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"min_num_instances", "warm_start"},
    {"min_instances", "warm_start"},
    {"out_control_level", "drift_threshold"},
    {0},
};

static void begin(struct ddm *d)
{
    d->n = 0;
    d->p = d->s_min = 0;
    d->p_min = INFINITY;
}

static void *ddm_open(const void *options, uint64_t seed)
{
    (void)seed;
    struct ddm *d = mem_zalloc(sizeof(*d));
    d->options = options;
    begin(d);
    return d;
}

static bool ddm_update(void *detector, double x)
{
    struct ddm *d = detector;
    d->n++;
    double n = (double)d->n;
    d->p += 1 / n * (x - d->p);
    if (d->n <= d->options->warm_start) {
        return false;
    }
    double s = sqrt(d->p * (1 - d->p) / n);
    if (d->p + s <= d->p_min + d->s_min) {
        d->p_min = d->p;
        d->s_min = s;
    }
    bool is_drift = d->p + s > d->p_min + d->options->drift_threshold * d->s_min;
    if (is_drift) {
        begin(d);
    }
    return is_drift;
}

static int ddm_io(void *detector, struct snapshot *s)
{
    struct ddm *d = detector;
    snapshot_version(s, 1);
    snapshot_count(s, &d->n);
    snapshot_double(s, &d->p);
    snapshot_double(s, &d->p_min);
    snapshot_double(s, &d->s_min);
    return snapshot_status(s);
}

static uint64_t ddm_size(const void *d)
{
    (void)d;
    return sizeof(struct ddm);
}

static void ddm_close(void *d)
{
    mem_free(d);
}

const struct drift_def drift_ddm = {
    .name = "ddm",
    .doc = "an error rate above the lowest one so far",
    .is_binary = true,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .open = ddm_open,
    .update = ddm_update,
    .io = ddm_io,
    .size = ddm_size,
    .close = ddm_close,
};
