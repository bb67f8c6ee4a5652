/* scale: numbers brought to comparable size, by statistics learned on the stream.
 *
 *   standard   (x - mean) / deviation, Welford's recurrence, population variance (River's
 *              StandardScaler); with_std: false only centres
 *   min_max    (x - min) / (max - min), in 0 … 1 (River's MinMaxScaler)
 *   max_abs    x / greatest |x|, in -1 … 1 (River's MaxAbsScaler)
 *   robust     (x - median) / (q_sup quantile - q_inf quantile), by P2 (River's RobustScaler;
 *              ml/p2.c): outliers do not move it; with_centering, with_scaling: without either half
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
#include "ml/p2.h"
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
    double *count;       /* of values learned, per column */
    double *a, *b;       /* mean and variance; least and greatest; magnitude in b */
    struct p2 *quantile; /* of robust: QUANTILES per column */
};

static void quantiles_of(const struct scale_cfg *cfg, double q[QUANTILES])
{
    q[MEDIAN] = 0.5;
    q[LOWER] = cfg->q_inf;
    q[UPPER] = cfg->q_sup;
}

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
        double q[QUANTILES];
        quantiles_of(cfg, q);
        s->quantile = mem_array((size_t)t->n * QUANTILES, sizeof(*s->quantile));
        for (uint32_t i = 0; i < t->n * QUANTILES; i++) {
            p2_init(&s->quantile[i], q[i % QUANTILES]);
        }
    }
    return s;
}

static void scaling_free(void *object)
{
    struct scaling *s = object;
    mem_free(s->count);
    mem_free(s->quantile);
    mem_free(s);
}

static uint64_t scaling_size(const void *object)
{
    const struct scaling *s = object;
    uint64_t quantiles = s->quantile ? QUANTILES * sizeof(*s->quantile) : 0;
    return sizeof(*s) + s->n * (3 * sizeof(double) + quantiles);
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
    for (uint32_t i = 0; x->quantile && i < x->n * QUANTILES; i++) {
        p2_io(&x->quantile[i], s);
    }
    return snapshot_status(s);
}

/* ---- learning ---- */

static void learn_moments(struct scaling *s, const double *x)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (isnan(x[i])) {
            continue;
        }
        double n = ++s->count[i], old = s->a[i];
        double mean = old + (x[i] - old) / n;
        s->a[i] = mean;
        s->b[i] += ((x[i] - old) * (x[i] - mean) - s->b[i]) / n;
    }
}

static void learn_range(struct scaling *s, const double *x)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (isnan(x[i])) {
            continue;
        }
        bool is_first = s->count[i]++ == 0;
        s->a[i] = is_first || x[i] < s->a[i] ? x[i] : s->a[i];
        s->b[i] = is_first || x[i] > s->b[i] ? x[i] : s->b[i];
    }
}

static void learn_magnitude(struct scaling *s, const double *x)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (!isnan(x[i])) {
            s->count[i]++;
            s->b[i] = fabs(x[i]) > s->b[i] ? fabs(x[i]) : s->b[i];
        }
    }
}

static void learn_quantiles(struct scaling *s, const double *x)
{
    double q[QUANTILES];
    quantiles_of(s->cfg, q);
    for (uint32_t i = 0; i < s->n; i++) {
        if (isnan(x[i])) {
            continue;
        }
        s->count[i]++;
        for (uint32_t k = 0; k < QUANTILES; k++) {
            p2_add(&s->quantile[i * QUANTILES + k], q[k], x[i]);
        }
    }
}

static void scale_learn(void *object, const struct transform_row *r)
{
    struct scaling *s = object;
    switch (s->cfg->method) {
    case STANDARD:
        learn_moments(s, r->x);
        break;
    case MIN_MAX:
        learn_range(s, r->x);
        break;
    case MAX_ABS:
        learn_magnitude(s, r->x);
        break;
    default:
        learn_quantiles(s, r->x);
    }
}

/* ---- scaling ---- */

static double divide(double x, double by)
{
    return by != 0 ? x / by : 0;
}

static double scale_robust(const struct scaling *s, uint32_t i, double x)
{
    double q[QUANTILES];
    quantiles_of(s->cfg, q);
    const struct p2 *p = &s->quantile[i * QUANTILES];
    x -= s->cfg->with_centering ? p2_get(&p[MEDIAN], q[MEDIAN]) : 0;
    if (!s->cfg->with_scaling) {
        return x;
    }
    return divide(x, p2_get(&p[UPPER], q[UPPER]) - p2_get(&p[LOWER], q[LOWER]));
}

static double scale_one(const struct scaling *s, uint32_t i, double x)
{
    switch (s->cfg->method) {
    case STANDARD:
        return s->cfg->with_std ? divide(x - s->a[i], sqrt(s->b[i])) : x - s->a[i];
    case MIN_MAX:
        return divide(x - s->a[i], s->b[i] - s->a[i]);
    case MAX_ABS:
        return divide(x, s->b[i]);
    default:
        return scale_robust(s, i, x);
    }
}

static void scale_apply(const void *object, const struct transform_row *r)
{
    const struct scaling *s = object;
    for (uint32_t i = 0; i < s->n; i++) {
        if (!isnan(r->x[i]) && s->count[i] > 0) {
            r->out[i] = scale_one(s, i, r->x[i]);
        }
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
    .learn = scale_learn,
    .apply = scale_apply,
    .layout = scale_layout,
};

static int scale_bind(struct node *n)
{
    const struct scale_cfg *cfg = n->cfg;
    struct transform *t = arena_zalloc(n->mem, sizeof(*t));
    int status = transform_columns(n, t, &scaler, &cfg->common, NULL);
    if (cfg->q_inf >= cfg->q_sup) {
        status = algorithm_problem(n, "q_inf", "q_inf must be less than q_sup");
    }
    if (status < 0) {
        return status;
    }
    transform_out_each(n, t, &type_double);
    return transform_bind(n, t);
}

const struct step_def op_scale = {
    .name = "scale",
    .doc = "brings numbers to comparable size, by statistics learned on the stream",
    .config = fields,
    .config_size = sizeof(struct scale_cfg),
    .stateful = true,
    .state_version = 1,
    .bind = scale_bind,
    .needs = transform_needs,
    .state_codec = transform_codec,
    .state_layout = transform_layout,
    .lazy = transform_lazy,
    .open = transform_open,
    .push = transform_push,
    .flush = transform_flush,
    .describe = transform_describe,
    .close = transform_close,
};
