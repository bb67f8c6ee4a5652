/* snarimax: differenced lags, seasonal lags and past errors through a linear regression learned on
 * line. What it computes is River 0.26's time_series.SNARIMAX with its default regressor,
 * StandardScaler | LinearRegression(SGD); so are the names of the options.
 *
 *   differenced  z = (1 - B)^d (1 - B^m)^sd y,   B y_t = y_(t-1)
 *   features     z at lags 1 … p and m, 2m … sp m; errors at lags 1 … q and m, 2m … sq m; as far as
 *                they are known yet
 *   regressor    each feature by its own running mean and deviation; prediction w.x + b;
 *                b <- b - intercept_lr g,  w <- w - lr (g x + l2 w),  g = 2 (prediction - z), clipped
 *   error        z - prediction before the row was learned
 *   forecast     step by step: each is fed back as z, with error 0, and y is summed up again
 *
 *   bounded   a step that would pass its target by more than it was off (2 lr |x|^2 + 2 intercept_lr >
 *             2) is shortened to reach it. Plain descent, as River does it, diverges on series with
 *             bursts; `bounded: false` gives River's numbers there, too
 *   missing   the one-step forecast takes its place, with error 0, and the regression learns nothing;
 *             the last value does while there is no forecast; nothing, before the first value
 *   forecast  none before d + sd m values (River gives the undifferenced prediction there)
 *   odd       a row whose error or weights leave +-1e150 makes it forget all and begin anew
 *   state     lags of values, of z and of errors; per feature count, mean, variance and weight;
 *             intercept: version 1
 *   cost      a pass over the features a row; a forecast: one per step up to the longest horizon
 */
#include "engine/forecaster.h"
#include "engine/memory.h"
#include "ml/lags.h"

#include <math.h>
#include <string.h>

#define ORDER_MAX  1000
#define SEASON_MAX 10 /* seasonal lags: of the longest season, a million values */
#define DIFFER_MAX 4
#define TERMS_MAX  ((DIFFER_MAX + 1) * (DIFFER_MAX + 1))
#define VALUE_MAX  1e150

struct options {
    int64_t p, d, q, m, sp, sd, sq;
    double lr, l2, intercept_init, intercept_lr, clip_gradient;
    bool bounded;
};

struct term { /* of the differencing polynomial, without its first one, 1 */
    uint32_t lag;
    double factor;
};

struct snarimax {
    const struct options *options;
    const uint32_t *horizon;
    uint32_t nhorizons, nterms, need; /* need: values that differencing looks back on */
    struct term term[TERMS_MAX];
    uint32_t n, nlags; /* features; how many of them are lags of z, not errors */
    uint32_t *lag;
    struct lags value, differenced, error;
    double *count, *mean, *var, *weight; /* of each feature; one block */
    double intercept;
    double *x, *deviation; /* of the row at hand */
    double *future_z, *future_y;
};

static const struct config_field fields[] = {
    {"p", CONFIG_LONG, offsetof(struct options, p), .def = "12", .min = 0, .max = ORDER_MAX,
     .doc = "lags of the value"},
    {"d", CONFIG_LONG, offsetof(struct options, d), .def = "0", .min = 0, .max = DIFFER_MAX,
     .doc = "how often neighbours are subtracted first"},
    {"q", CONFIG_LONG, offsetof(struct options, q), .def = "0", .min = 0, .max = ORDER_MAX,
     .doc = "lags of the error"},
    {"m", CONFIG_LONG, offsetof(struct options, m), .min = 1, .max = STEPS_MAX,
     .doc = "steps of a season; default: the shortest season, else 1"},
    {"sp", CONFIG_LONG, offsetof(struct options, sp), .def = "0", .min = 0, .max = SEASON_MAX,
     .doc = "seasonal lags of the value"},
    {"sd", CONFIG_LONG, offsetof(struct options, sd), .def = "0", .min = 0, .max = DIFFER_MAX,
     .doc = "how often values a season apart are subtracted first"},
    {"sq", CONFIG_LONG, offsetof(struct options, sq), .def = "0", .min = 0, .max = SEASON_MAX,
     .doc = "seasonal lags of the error"},
    {"lr", CONFIG_DOUBLE, offsetof(struct options, lr), .def = "0.01", .min = 0, .max = 1e6,
     .doc = "learning rate of the regression"},
    {"l2", CONFIG_DOUBLE, offsetof(struct options, l2), .def = "0", .min = 0, .max = 1e6,
     .doc = "pushes weights towards 0 in proportion to their size"},
    {"intercept_init", CONFIG_DOUBLE, offsetof(struct options, intercept_init), .def = "0",
     .doc = "intercept before the first row"},
    {"intercept_lr", CONFIG_DOUBLE, offsetof(struct options, intercept_lr), .def = "0.01", .min = 0,
     .max = 1e6, .doc = "learning rate of the intercept"},
    {"clip_gradient", CONFIG_DOUBLE, offsetof(struct options, clip_gradient), .def = "1e12",
     .min = 0, .max = 1e300, .doc = "bound on the absolute value of the loss gradient"},
    {"bounded", CONFIG_BOOLEAN, offsetof(struct options, bounded), .def = "true",
     .doc = "shorten steps that would diverge"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"order", "p, d and q"}, {"seasonal_order", "sp, sd, sq and m"},
    {"period", "m"},         {"season_length", "m"},
    {"learning_rate", "lr"}, {0},
};

static void snarimax_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "p %d, d %d, q %d, sp %d, sd %d, sq %d", (int)o->p, (int)o->d, (int)o->q,
                  (int)o->sp, (int)o->sd, (int)o->sq);
    buffer_printf(words, o->m == CONFIG_UNSET ? ", m as the season\n" : ", m %d\n", (int)o->m);
}

static int snarimax_check(const void *options, struct err *e)
{
    const struct options *o = options;
    if (o->p + o->sp + o->q + o->sq == 0) {
        return err_set(e, ERR_CONFIG, "at least one of p, q, sp and sq must be above 0");
    }
    return 0;
}

static double choose(int64_t n, int64_t k)
{
    double c = 1;
    for (int64_t i = 0; i < k; i++) {
        c = c * (double)(n - i) / (double)(i + 1);
    }
    return c;
}

/* Multiplies (1 - B)^d and (1 - B^m)^sd out. */
static void fill_terms(struct snarimax *f, uint32_t m)
{
    const struct options *o = f->options;
    for (int64_t j = 0; j <= o->sd; j++) {
        for (int64_t i = 0; i <= o->d; i++) {
            double factor = choose(o->d, i) * choose(o->sd, j) * ((i + j) % 2 ? -1 : 1);
            if (i + j > 0) {
                f->term[f->nterms++] = (struct term){(uint32_t)(i + j * m), factor};
            }
        }
    }
    f->need = (uint32_t)(o->d + o->sd * m);
}

static void fill_lags(struct snarimax *f, uint32_t m)
{
    const struct options *o = f->options;
    uint32_t *to = f->lag;
    for (int64_t i = 1; i <= o->p; i++) {
        *to++ = (uint32_t)i;
    }
    for (int64_t i = 1; i <= o->sp; i++) {
        *to++ = (uint32_t)i * m;
    }
    f->nlags = (uint32_t)(to - f->lag);
    for (int64_t i = 1; i <= o->q; i++) {
        *to++ = (uint32_t)i;
    }
    for (int64_t i = 1; i <= o->sq; i++) {
        *to++ = (uint32_t)i * m;
    }
}

static uint32_t longest(int64_t p, int64_t sp, uint32_t m)
{
    return (uint32_t)(p > sp * m ? p : sp * m);
}

static void *snarimax_open(const struct forecaster_setup *setup)
{
    const struct options *o = setup->options;
    struct snarimax *f = mem_zalloc(sizeof(*f));
    uint32_t m = setup->nseasons > 0 ? setup->season[0] : 1;
    m = o->m != CONFIG_UNSET ? (uint32_t)o->m : m;
    f->options = o;
    f->horizon = setup->horizon;
    f->nhorizons = setup->nhorizons;
    f->n = (uint32_t)(o->p + o->sp + o->q + o->sq);
    f->lag = mem_array(f->n, sizeof(*f->lag));
    fill_terms(f, m);
    fill_lags(f, m);
    lags_init(&f->value, f->need > 0 ? f->need : 1);
    lags_init(&f->differenced, longest(o->p, o->sp, m));
    lags_init(&f->error, longest(o->q, o->sq, m));
    f->count = mem_zalloc(6 * (size_t)f->n * sizeof(double));
    f->mean = f->count + f->n;
    f->var = f->mean + f->n;
    f->weight = f->var + f->n;
    f->x = f->weight + f->n;
    f->deviation = f->x + f->n;
    f->intercept = o->intercept_init;
    size_t reach = setup->horizon[setup->nhorizons - 1];
    f->future_z = mem_array(2 * reach, sizeof(double));
    f->future_y = f->future_z + reach;
    return f;
}

static void snarimax_close(void *p)
{
    struct snarimax *f = p;
    lags_done(&f->value);
    lags_done(&f->differenced);
    lags_done(&f->error);
    mem_free(f->lag);
    mem_free(f->count);
    mem_free(f->future_z);
    mem_free(f);
}

/* What it was `lag` steps before step `ahead` of the future (0: the next one). NaN: not known. */
static double look_back(const struct lags *l, const double *future, uint32_t ahead, uint32_t lag)
{
    if (lag <= ahead) {
        return future ? future[ahead - lag] : 0; /* of errors: none in the future */
    }
    return lag - ahead <= l->n ? lags_at(l, lag - ahead) : (double)NAN;
}

/* Sum of the terms over values before step `ahead`. */
static double past_sum(const struct snarimax *f, uint32_t ahead)
{
    double sum = 0;
    for (uint32_t i = 0; i < f->nterms; i++) {
        double y = look_back(&f->value, f->future_y, ahead, f->term[i].lag);
        sum += f->term[i].factor * y;
    }
    return sum;
}

/* NaN where a lag is not known yet. */
static void gather(const struct snarimax *f, uint32_t ahead, double *x)
{
    for (uint32_t i = 0; i < f->nlags; i++) {
        x[i] = look_back(&f->differenced, f->future_z, ahead, f->lag[i]);
    }
    for (uint32_t i = f->nlags; i < f->n; i++) {
        x[i] = look_back(&f->error, NULL, ahead, f->lag[i]);
    }
}

static void measure(const struct snarimax *f, double *deviation)
{
    for (uint32_t i = 0; i < f->n; i++) {
        deviation[i] = sqrt(f->var[i]);
    }
}

/* In place; what is unknown or has no spread becomes 0. */
static void scale(const struct snarimax *f, double *x)
{
    for (uint32_t i = 0; i < f->n; i++) {
        bool is_flat = isnan(x[i]) || !(f->deviation[i] > 0);
        x[i] = is_flat ? 0 : (x[i] - f->mean[i]) / f->deviation[i];
    }
}

static double regress(const struct snarimax *f, const double *x)
{
    double sum = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        sum += f->weight[i] * x[i];
    }
    return sum + f->intercept;
}

/* z and y of `steps` steps into the future. */
static void look_ahead(const struct snarimax *f, uint32_t steps)
{
    measure(f, f->deviation);
    for (uint32_t s = 0; s < steps; s++) {
        gather(f, s, f->x);
        scale(f, f->x);
        f->future_z[s] = regress(f, f->x);
        f->future_y[s] = f->future_z[s] - past_sum(f, s);
    }
}

static void snarimax_predict(const void *p, double *out)
{
    const struct snarimax *f = p;
    bool is_ready = f->value.n >= f->need && f->value.n > 0;
    if (is_ready) {
        look_ahead(f, f->horizon[f->nhorizons - 1]);
    }
    for (uint32_t k = 0; k < f->nhorizons; k++) {
        double y = is_ready ? f->future_y[f->horizon[k] - 1] : (double)NAN;
        out[k] = fabs(y) <= VALUE_MAX ? y : (double)NAN;
    }
}

/* Welford's recurrence, for each feature that is known. */
static void learn_scale(struct snarimax *f, const double *x)
{
    for (uint32_t i = 0; i < f->n; i++) {
        if (isnan(x[i])) {
            continue;
        }
        double old = f->mean[i];
        f->count[i] += 1;
        f->mean[i] += (x[i] - old) / f->count[i];
        f->var[i] += ((x[i] - old) * (x[i] - f->mean[i]) - f->var[i]) / f->count[i];
    }
}

/* How far a step of descent goes, of the way to its target. */
static double step_length(const struct snarimax *f, const double *x)
{
    const struct options *o = f->options;
    double squares = 0;
    for (uint32_t i = 0; i < f->n; i++) {
        squares += x[i] * x[i];
    }
    double way = 2 * (o->lr * squares + o->intercept_lr);
    return o->bounded && way > 2 ? 1 / way : 1;
}

static void learn_row(struct snarimax *f, double z)
{
    const struct options *o = f->options;
    learn_scale(f, f->x);
    measure(f, f->deviation);
    scale(f, f->x);
    double g = 2 * (regress(f, f->x) - z);
    g = fmax(fmin(g, o->clip_gradient), -o->clip_gradient);
    double length = step_length(f, f->x);
    f->intercept -= o->intercept_lr * length * g;
    for (uint32_t i = 0; i < f->n; i++) {
        f->weight[i] -= o->lr * length * (g * f->x[i] + o->l2 * f->weight[i]);
    }
}

static bool is_lost(const struct snarimax *f)
{
    double most = fabs(f->intercept);
    for (uint32_t i = 0; i < f->n; i++) {
        most = fmax(most, fmax(fabs(f->weight[i]), fabs(f->mean[i])));
        if (!isfinite(f->var[i]) || isnan(f->weight[i])) {
            return true;
        }
    }
    return !(most <= VALUE_MAX) || isnan(f->intercept);
}

static void forget(struct snarimax *f)
{
    lags_clear(&f->value);
    lags_clear(&f->differenced);
    lags_clear(&f->error);
    memset(f->count, 0, 4 * (size_t)f->n * sizeof(double));
    f->intercept = f->options->intercept_init;
}

/* The missing value: as forecast. */
static void learn_gap(struct snarimax *f)
{
    if (f->value.n == 0) {
        return;
    }
    if (f->value.n < f->need) {
        lags_add(&f->value, lags_at(&f->value, 1));
        return;
    }
    look_ahead(f, 1);
    if (!(fabs(f->future_y[0]) <= VALUE_MAX) || !(fabs(f->future_z[0]) <= VALUE_MAX)) {
        forget(f);
        return;
    }
    lags_add(&f->differenced, f->future_z[0]);
    lags_add(&f->error, 0);
    lags_add(&f->value, f->future_y[0]);
}

static void snarimax_learn(void *p, double y)
{
    struct snarimax *f = p;
    if (isnan(y)) {
        learn_gap(f);
        return;
    }
    if (f->value.n < f->need) {
        lags_add(&f->value, y);
        return;
    }
    double z = y + past_sum(f, 0);
    measure(f, f->deviation);
    gather(f, 0, f->x);
    scale(f, f->x);
    double error = z - regress(f, f->x);
    if (!(fabs(z) <= VALUE_MAX) || !(fabs(error) <= VALUE_MAX)) {
        forget(f);
        lags_add(&f->value, y);
        return;
    }
    gather(f, 0, f->x); /* the scale changes with the row */
    learn_row(f, z);
    lags_add(&f->differenced, z);
    lags_add(&f->error, error);
    lags_add(&f->value, y);
    if (is_lost(f)) {
        forget(f);
    }
}

static int snarimax_io(void *p, struct snapshot *s)
{
    struct snarimax *f = p;
    snapshot_version(s, 1);
    lags_io(&f->value, s);
    lags_io(&f->differenced, s);
    lags_io(&f->error, s);
    snapshot_array(s, f->count, 4 * (size_t)f->n);
    snapshot_double(s, &f->intercept);
    for (uint32_t i = 0; s->loading && i < f->n; i++) {
        if (!(f->count[i] >= 0) || !(f->var[i] >= 0)) {
            s->status = -ERR_DATA;
        }
    }
    if (s->loading && is_lost(f)) {
        s->status = -ERR_DATA;
    }
    return snapshot_status(s);
}

static uint64_t snarimax_size(const void *p)
{
    const struct snarimax *f = p;
    uint64_t doubles = (uint64_t)f->value.capacity + f->differenced.capacity + f->error.capacity;
    doubles += 6 * (uint64_t)f->n + 2 * (uint64_t)f->horizon[f->nhorizons - 1];
    return sizeof(*f) + doubles * sizeof(double) + f->n * sizeof(*f->lag);
}

const struct forecaster_def forecaster_snarimax = {
    .name = "snarimax",
    .doc = "lags, seasonal lags and errors of the differenced series, weighted on line",
    .most_seasons = 1,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = snarimax_layout,
    .check = snarimax_check,
    .open = snarimax_open,
    .predict = snarimax_predict,
    .learn = snarimax_learn,
    .io = snarimax_io,
    .size = snarimax_size,
    .close = snarimax_close,
};
