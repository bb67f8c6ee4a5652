/* scale: numbers brought to comparable size, by statistics learned on the stream.
 *
 *   standard   (x - mean) / deviation, Welford's recurrence, population variance (River's
 *              StandardScaler); with_std: false only centres
 *   min_max    (x - min) / (max - min), in 0 … 1 (River's MinMaxScaler)
 *   max_abs    x / greatest |x|, in -1 … 1 (River's MaxAbsScaler)
 *   robust     (x - median) / (q_sup quantile - q_inf quantile), by P2 (River's RobustScaler;
 *              ml/p2_lanes.c): outliers do not move it; with_centering, with_scaling: without either half
 *
 *   in       numbers and booleans; out   doubles, in place or as `as` says
 *   order    a row is scaled by statistics that include it; the first one is therefore 0
 *   null     missing stays null and is not learned; each column counts for itself
 *   odd      a column without spread so far (constant, one row) is 0
 *   state    per column: standard count, mean, variance; min_max least and greatest; max_abs one;
 *            robust three quantiles of 16 numbers: version 1
 *   cost     a few operations a column; robust about 30 ns a column
 */
#include "engine/memory.h"
#include "ml/algorithm.h"
#include "ml/p2_lanes.h"
#include "ml/transform.h"

#include <math.h>

enum { STANDARD, MIN_MAX, MAX_ABS, ROBUST };
static const char *const methods[] = {"standard", "min_max", "max_abs", "robust", NULL};

struct scale_cfg {
    struct transform_cfg common;
    int method;
    bool with_std, with_centering, with_scaling;
    double q_inf, q_sup;
};

static const struct config_field fields[] = {
    TRANSFORM_COLUMNS,
    TRANSFORM_AS,
    {"method", CONFIG_ENUM, offsetof(struct scale_cfg, method), .def = "standard",
     .values = methods, .doc = "by mean and deviation, range, greatest magnitude, or quantiles"},
    {"with_std", CONFIG_BOOLEAN, offsetof(struct scale_cfg, with_std), .def = "true",
     .doc = "standard: false only subtracts the mean"},
    {"with_centering", CONFIG_BOOLEAN, offsetof(struct scale_cfg, with_centering), .def = "true",
     .doc = "robust: subtract the median"},
    {"with_scaling", CONFIG_BOOLEAN, offsetof(struct scale_cfg, with_scaling), .def = "true",
     .doc = "robust: divide by the distance of the quantiles"},
    {"q_inf", CONFIG_DOUBLE, offsetof(struct scale_cfg, q_inf), .def = "0.25", .min = 0.001,
     .max = 0.999, .doc = "robust: the lower quantile"},
    {"q_sup", CONFIG_DOUBLE, offsetof(struct scale_cfg, q_sup), .def = "0.75", .min = 0.001,
     .max = 0.999, .doc = "robust: the upper quantile"},
    TRANSFORM_PER,
    TRANSFORM_LEARN,
    {0},
};

/* ---- statistics ---- */

enum { MEDIAN, LOWER, UPPER, QUANTILES };

struct scaling {
    const struct scale_cfg *cfg;
    uint32_t n;
    double *count;            /* of values learned, per column */
    double *a, *b;            /* mean and variance; least and greatest; magnitude in b */
    struct p2_lanes quantile; /* of robust: QUANTILES per column */
};

static void *scaling_new(const void *plan, uint64_t seed)
{
    (void)seed;
    const struct transform *t = plan;
    const struct scale_cfg *cfg = (const struct scale_cfg *)t->cfg;
    struct scaling *s = mem_zalloc(sizeof(*s));
    s->cfg = cfg;
    s->n = t->n;
    s->count = mem_zalloc(3 * (size_t)t->n * sizeof(double));
    s->a = s->count + t->n;
    s->b = s->a + t->n;
    if (cfg->method == ROBUST) {
        const double q[] = {[MEDIAN] = 0.5, [LOWER] = cfg->q_inf, [UPPER] = cfg->q_sup};
        p2_lanes_init(&s->quantile, t->n * QUANTILES, q, QUANTILES);
    }
    return s;
}

static void scaling_free(void *object)
{
    struct scaling *s = object;
    mem_free(s->count);
    p2_lanes_done(&s->quantile);
    mem_free(s);
}

static uint64_t scaling_size(const void *object)
{
    const struct scaling *s = object;
    return sizeof(*s) + s->n * 3 * sizeof(double) + p2_lanes_size(&s->quantile);
}

static int scaling_io(void *object, struct snapshot *s)
{
    struct scaling *x = object;
    snapshot_version(s, 1);
    snapshot_array(s, x->count, x->n);
    if (x->cfg->method == STANDARD || x->cfg->method == MIN_MAX) {
        snapshot_array(s, x->a, x->n);
    }
    if (x->cfg->method != ROBUST) {
        snapshot_array(s, x->b, x->n);
    }
    for (uint32_t i = 0; i < x->quantile.n; i++) {
        p2_lanes_io(&x->quantile, i, s);
    }
    return snapshot_status(s);
}

/* ---- one column ---- */

/* Each of n numbers is learned, then scaled in its place; NaN stays. */
struct scaled {
    const struct scaling *s;
    uint32_t i;
    bool learns;
    uint16_t n;
    double *x;
};

static double divide(double x, double by)
{
    return by != 0 ? x / by : 0;
}

static void run_moments(const struct scaled *c)
{
    double n = c->s->count[c->i], mean = c->s->a[c->i], variance = c->s->b[c->i];
    const bool with_std = c->s->cfg->with_std;
    for (uint16_t k = 0; k < c->n; k++) {
        double x = c->x[k];
        if (isnan(x)) {
            continue;
        }
        if (c->learns) {
            double old = mean;
            mean = old + (x - old) / ++n;
            variance += ((x - old) * (x - mean) - variance) / n;
        }
        x = with_std ? divide(x - mean, sqrt(variance)) : x - mean;
        c->x[k] = n > 0 ? x : (double)NAN;
    }
    c->s->count[c->i] = n;
    c->s->a[c->i] = mean;
    c->s->b[c->i] = variance;
}

static void run_range(const struct scaled *c)
{
    double n = c->s->count[c->i], least = c->s->a[c->i], most = c->s->b[c->i];
    for (uint16_t k = 0; k < c->n; k++) {
        double x = c->x[k];
        if (isnan(x)) {
            continue;
        }
        if (c->learns) {
            least = n == 0 || x < least ? x : least;
            most = n == 0 || x > most ? x : most;
            n++;
        }
        c->x[k] = n > 0 ? divide(x - least, most - least) : (double)NAN;
    }
    c->s->count[c->i] = n;
    c->s->a[c->i] = least;
    c->s->b[c->i] = most;
}

static void run_magnitude(const struct scaled *c)
{
    double n = c->s->count[c->i], most = c->s->b[c->i];
    for (uint16_t k = 0; k < c->n; k++) {
        double x = c->x[k];
        if (isnan(x)) {
            continue;
        }
        if (c->learns) {
            most = fabs(x) > most ? fabs(x) : most;
            n++;
        }
        c->x[k] = n > 0 ? divide(x, most) : (double)NAN;
    }
    c->s->count[c->i] = n;
    c->s->b[c->i] = most;
}

/* ---- all columns, row by row: quantiles learn a row at a time ---- */

static double scale_robust(const struct scaling *s, uint32_t i, double x)
{
    const uint32_t lane = i * QUANTILES;
    x -= s->cfg->with_centering ? p2_lanes_get(&s->quantile, lane + MEDIAN) : 0;
    if (!s->cfg->with_scaling) {
        return x;
    }
    return divide(x, p2_lanes_get(&s->quantile, lane + UPPER) -
                         p2_lanes_get(&s->quantile, lane + LOWER));
}

static void learn_quantiles(struct scaling *s, const struct transform_run *r, uint16_t k)
{
    for (uint32_t i = 0; i < s->n; i++) {
        const double x = r->x[(size_t)i * r->n + k];
        double *lane = s->quantile.x + i * QUANTILES;
        lane[MEDIAN] = lane[LOWER] = lane[UPPER] = x;
        s->count[i] += isnan(x) ? 0 : 1;
    }
    p2_lanes_add(&s->quantile);
}

static void run_quantiles(struct scaling *s, const struct transform_run *r)
{
    for (uint16_t k = 0; k < r->n; k++) {
        if (r->learns) {
            learn_quantiles(s, r, k);
        }
        for (uint32_t i = 0; i < s->n; i++) {
            double *x = &r->x[(size_t)i * r->n + k];
            *x = isnan(*x) || s->count[i] == 0 ? (double)NAN : scale_robust(s, i, *x);
        }
    }
}

static void scale_run(const struct transform_run *r)
{
    static void (*const run[])(const struct scaled *c) = {run_moments, run_range, run_magnitude};
    struct scaling *s = r->object;
    if (s->cfg->method == ROBUST) {
        run_quantiles(s, r);
    }
    for (uint32_t i = 0; i < s->n; i++) {
        double *x = r->x + (size_t)i * r->n;
        if (s->cfg->method != ROBUST) {
            run[s->cfg->method](&(struct scaled){s, i, r->learns, r->n, x});
        }
        transform_put(r, i, x);
    }
}

static void scale_layout(const void *cfg, struct buffer *words)
{
    const struct scale_cfg *c = cfg;
    buffer_printf(words, "%s\n", methods[c->method]);
    if (c->method == ROBUST) {
        buffer_printf(words, "%.17g %.17g\n", c->q_inf, c->q_sup);
    }
}

static const struct transform_def scaler = {
    .takes = TAKE_NUMBERS | TAKE_BOOLEANS,
    .what = "numbers",
    .object = {scaling_new, scaling_io, scaling_size, scaling_free, transform_replay},
    .run = scale_run,
    .layout = scale_layout,
};

static const struct method_option only[] = {
    {"with_std", 1U << STANDARD}, {"with_centering", 1U << ROBUST}, {"with_scaling", 1U << ROBUST},
    {"q_inf", 1U << ROBUST},      {"q_sup", 1U << ROBUST},          {0},
};

static int scale_bind(struct node *n)
{
    const struct scale_cfg *cfg = n->cfg;
    struct transform *t = arena_zalloc(n->mem, sizeof(*t));
    int status = transform_columns(n, t, &scaler, &cfg->common, NULL);
    if (cfg->q_inf >= cfg->q_sup) {
        status = algorithm_problem(n, "q_inf", "q_inf must be less than q_sup");
    }
    if (status < 0 || transform_check_options(n, only, methods, cfg->method) < 0) {
        return -ERR_CONFIG;
    }
    transform_out_each(n, t, &type_double);
    return transform_bind(n, t);
}

const struct step_def op_scale = {
    .name = "scale",
    .doc = "brings numbers to comparable size, by statistics learned on the stream",
    .config = fields,
    .config_size = sizeof(struct scale_cfg),
    .state_version = 1,
    .bind = scale_bind,
    TRANSFORM_LEARNS,
};
