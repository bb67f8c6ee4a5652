/* clip: numbers beyond bounds are set to the bound.
 *
 *   bounds     `min` and `max` as given; nothing is learned
 *   quantile   the quantiles `lower` and `upper` of what was seen (P2, ml/p2.c)
 *   mad        median +- threshold * 1.4826 * MAD, MAD being the median of |x - median| (River's
 *              stats.MAD); 1.4826 MAD is the deviation where values are normal
 *
 *   in       numbers; out   doubles, in place or as `as` says
 *   order    a row is learned as it came, unclipped, then clipped: quantiles hardly move for one
 *            row, and a new level is accepted in time
 *   null     missing stays null. Infinite values are never learned; they are set to their bound, and
 *            to null where there is none on their side
 *   warm_up  before so many values of a column were learned, there are no bounds
 *   odd      there are none while MAD, or the distance of the quantiles, is 0: a column that is
 *            nearly always the same would lose the little that it tells
 *   state    per column two quantiles: version 1
 *   cost     about 20 ns a column
 */
#include "engine/memory.h"
#include "ml/algorithm.h"
#include "ml/features.h"
#include "ml/p2.h"
#include "ml/transform.h"

#include <math.h>

enum { BOUNDS, QUANTILE, MAD };
static const char *const methods[] = {"bounds", "quantile", "mad", NULL};

struct clip_cfg {
    struct transform_cfg common;
    int method;
    double min, max, lower, upper, threshold;
    int64_t warm_up;
};

static const struct config_field fields[] = {
    TRANSFORM_COLUMNS,
    TRANSFORM_AS,
    {"method", CONFIG_ENUM, offsetof(struct clip_cfg, method), .def = "quantile", .values = methods,
     .doc = "fixed bounds, quantiles, or the median and deviations from it"},
    {"min", CONFIG_DOUBLE, offsetof(struct clip_cfg, min), .doc = "bounds: the least value"},
    {"max", CONFIG_DOUBLE, offsetof(struct clip_cfg, max), .doc = "bounds: the greatest value"},
    {"lower", CONFIG_DOUBLE, offsetof(struct clip_cfg, lower), .def = "0.01", .min = 0.0001,
     .max = 0.9999, .doc = "quantile: share of the values that are below the least"},
    {"upper", CONFIG_DOUBLE, offsetof(struct clip_cfg, upper), .def = "0.99", .min = 0.0001,
     .max = 0.9999, .doc = "quantile: share of the values that are not above the greatest"},
    {"threshold", CONFIG_DOUBLE, offsetof(struct clip_cfg, threshold), .def = "3.5", .min = 0.01,
     .max = 1e6, .doc = "mad: how many deviations from the median are left as they are"},
    {"warm_up", CONFIG_LONG, offsetof(struct clip_cfg, warm_up), .def = "30", .min = 5, .max = 1e15,
     .doc = "values of a column that are learned before any is clipped"},
    TRANSFORM_PER,
    TRANSFORM_LEARN,
    {0},
};

/* ---- statistics ---- */

struct clipping {
    const struct clip_cfg *cfg;
    uint32_t n;
    struct p2 *quantile; /* two per column: lower and upper, or the median and MAD */
};

static void quantiles_of(const struct clip_cfg *cfg, double q[2])
{
    q[0] = cfg->method == MAD ? 0.5 : cfg->lower;
    q[1] = cfg->method == MAD ? 0.5 : cfg->upper;
}

static void *clipping_new(const void *plan, uint64_t seed)
{
    (void)seed;
    const struct transform *t = plan;
    struct clipping *c = mem_zalloc(sizeof(*c));
    double q[2];
    c->cfg = (const struct clip_cfg *)t->cfg;
    c->n = t->n;
    c->quantile = mem_array(2 * (size_t)t->n, sizeof(*c->quantile));
    quantiles_of(c->cfg, q);
    for (uint32_t i = 0; i < 2 * t->n; i++) {
        p2_init(&c->quantile[i], q[i % 2]);
    }
    return c;
}

static void clipping_free(void *object)
{
    struct clipping *c = object;
    mem_free(c->quantile);
    mem_free(c);
}

static uint64_t clipping_size(const void *object)
{
    const struct clipping *c = object;
    return sizeof(*c) + 2 * c->n * sizeof(*c->quantile);
}

static int clipping_io(void *object, struct snapshot *s)
{
    struct clipping *c = object;
    snapshot_version(s, 1);
    for (uint32_t i = 0; i < 2 * c->n; i++) {
        p2_io(&c->quantile[i], s);
    }
    return snapshot_status(s);
}

static void clip_learn(void *object, const struct transform_row *r)
{
    struct clipping *c = object;
    double q[2];
    quantiles_of(c->cfg, q);
    for (uint32_t i = 0; i < c->n; i++) {
        double x = r->x[i];
        struct p2 *p = &c->quantile[2 * i];
        if (!(fabs(x) <= FEATURE_MOST)) {
            continue;
        }
        p2_add(&p[0], q[0], x);
        p2_add(&p[1], q[1], c->cfg->method == MAD ? fabs(x - p2_get(&p[0], q[0])) : x);
    }
}

/* ---- clipping ---- */

static void bounds_of(const struct clipping *c, uint32_t i, double bound[2])
{
    const struct p2 *p = &c->quantile[2 * i];
    double q[2];
    bound[0] = -(double)INFINITY;
    bound[1] = (double)INFINITY;
    if (p->n < c->cfg->warm_up) {
        return;
    }
    quantiles_of(c->cfg, q);
    double first = p2_get(&p[0], q[0]), second = p2_get(&p[1], q[1]);
    bool is_mad = c->cfg->method == MAD;
    if (is_mad ? second > 0 : second > first) {
        double most = c->cfg->threshold * 1.4826 * second;
        bound[0] = is_mad ? first - most : first;
        bound[1] = is_mad ? first + most : second;
    }
}

static double clip_to(double x, const double bound[2])
{
    double clipped = x < bound[0] ? bound[0] : x > bound[1] ? bound[1] : x;
    return isinf(clipped) ? (double)NAN : clipped;
}

static void clip_learned(const void *object, const struct transform_row *r)
{
    const struct clipping *c = object;
    for (uint32_t i = 0; i < c->n; i++) {
        double bound[2];
        bounds_of(c, i, bound);
        r->out[i] = clip_to(r->x[i], bound);
    }
}

/* `object` is NULL: the bounds are those of the configuration, which r->t has. */
static void clip_apply(const void *object, const struct transform_row *r)
{
    if (object) {
        clip_learned(object, r);
        return;
    }
    const struct clip_cfg *cfg = (const struct clip_cfg *)r->t->cfg;
    double bound[2] = {isnan(cfg->min) ? -(double)INFINITY : cfg->min,
                       isnan(cfg->max) ? (double)INFINITY : cfg->max};
    for (uint32_t i = 0; i < r->t->n; i++) {
        r->out[i] = clip_to(r->x[i], bound);
    }
}

static void clip_layout(const void *cfg, struct buffer *words)
{
    const struct clip_cfg *c = cfg;
    buffer_printf(words, "%s\n", methods[c->method]);
    if (c->method == QUANTILE) {
        buffer_printf(words, "%.17g %.17g\n", c->lower, c->upper);
    }
}

static const struct transform_def clipper = {
    .takes = TAKE_NUMBERS,
    .what = "numbers",
    .keeps_infinite = true,
    .object = {clipping_new, clipping_io, clipping_size, clipping_free, transform_replay},
    .learn = clip_learn,
    .apply = clip_apply,
    .layout = clip_layout,
};

static const struct method_option only[] = {
    {"lower", 1U << QUANTILE},
    {"upper", 1U << QUANTILE},
    {"threshold", 1U << MAD},
    {"warm_up", 1U << QUANTILE | 1U << MAD},
    {0},
};

static int check(struct node *n, const struct clip_cfg *cfg)
{
    bool is_given = !isnan(cfg->min) || !isnan(cfg->max);
    if (cfg->method != BOUNDS && is_given) {
        return algorithm_problem(n, isnan(cfg->min) ? "max" : "min",
                                 "min and max belong to `method: bounds`");
    }
    if (cfg->method == BOUNDS && !is_given) {
        return algorithm_problem(n, "method", "bounds needs `min`, `max` or both");
    }
    if (cfg->method == BOUNDS && cfg->min > cfg->max) {
        return algorithm_problem(n, "min", "min is above max");
    }
    if (cfg->lower >= cfg->upper) {
        return algorithm_problem(n, "lower", "lower must be less than upper");
    }
    return transform_check_options(n, only, methods, cfg->method);
}

static int clip_bind(struct node *n)
{
    const struct clip_cfg *cfg = n->cfg;
    struct transform *t = arena_zalloc(n->mem, sizeof(*t));
    int status = transform_columns(n, t, &clipper, &cfg->common, NULL);
    if (check(n, cfg) < 0 || status < 0) {
        return -ERR_CONFIG;
    }
    t->learns = cfg->method != BOUNDS;
    transform_out_each(n, t, &type_double);
    return transform_bind(n, t);
}

const struct step_def op_clip = {
    .name = "clip",
    .doc = "sets outliers to a bound: fixed, a quantile, or so many deviations from the median",
    .config = fields,
    .config_size = sizeof(struct clip_cfg),
    .state_version = 1,
    .bind = clip_bind,
    TRANSFORM_LEARNS,
};
