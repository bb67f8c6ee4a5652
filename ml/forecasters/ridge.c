/* ridge: every horizon is a linear function of recent values and of those around the same step one
 * season ago, found by penalised least squares (direct forecasting: one equation per horizon).
 *
 *   features  relative to the last value y(t): y(t - i), i = 1 … lags - 1; for each season of m steps
 *             y(t + h + o - k m), o = -around … around, k the fewest seasons that lead back to t
 *   forecast  y(t) + w(h) . x, so that a shift of the whole series changes nothing
 *   fit       when y(t + h) is learned: G <- forget G + u x x', g <- forget g + u x (y(t + h) - y(t));
 *             every `refit` rows w = argmin of w'Gw - 2 g'w + alpha w'diag(G)w by Cholesky (LAPACKE
 *             dppsv; G is scaled to ones on its diagonal first)
 *   huber     u = min(1, huber s / |error|) min(1, LEVERAGE r / |x|), s and r running means of |error|
 *             and |x|: between squared and absolute error, and no single row decides (Huber 1964;
 *             the second factor: Mallows 1975). huber 0: u = 1
 *
 *     stage 0            stage 1                 stage 2          a stage has its own equations and
 *     lags ------------- and a day ------------- and a week       takes over once it has learned
 *     0      3 f rows         day + 3 f rows                      STAGE_ROWS rows a feature
 *
 *   missing   a value that is missing is not learned as a target; as a feature it is the one of a
 *             season ago, shifted as the last value was (without seasons: the last value)
 *   odd       a constant series: all x are 0, w stays 0, the forecast is the constant. Forecasts are
 *             within +-1e150
 *   state     options as in layout; the values back to the longest lag; per stage and horizon G as a
 *             triangle, g and w: version 1
 *   cost      horizons times features squared / 2 per step, bytes: four times that
 */
#include "engine/forecaster.h"
#include "engine/memory.h"
#include "ml/blas.h"
#include "ml/linalg.h"

#include <math.h>
#include <string.h>

#define FEATURES_MAX 512
#define VALUES_MAX   1e150
#define STAGE_ROWS   3
#define LEVERAGE     20
#define RUNNING      0.01 /* what a new value weighs in a running mean, at least */

struct options {
    double alpha, forget, huber;
    int64_t lags, around, refit;
};

/* Equations of all horizons over the first seasons; gram NULL: not begun, or over. */
struct stage {
    uint32_t features, seasons;
    bool is_over;
    int64_t rows, next; /* learned; when to solve again */
    double unit;        /* what a new row weighs, so that forgetting costs nothing */
    double *gram;       /* one block: triangles, moments, weights, scales */
    double *moment, *weight, *error, *reach;
};

struct ridge {
    const struct options *options;
    struct forecaster_setup setup;
    uint32_t room;
    int64_t steps; /* since the first value; the one of step i is at i % room */
    double *value;
    struct stage stage[SEASONS_MAX + 1];
};

static const struct config_field fields[] = {
    {"alpha", CONFIG_DOUBLE, offsetof(struct options, alpha), .def = "0.001", .min = 1e-9,
     .max = 1e9, .doc = "penalty, as a share of each feature's own sum of squares"},
    {"lags", CONFIG_LONG, offsetof(struct options, lags), .def = "12", .min = 1, .max = 256,
     .doc = "recent values that a forecast looks at"},
    {"around", CONFIG_LONG, offsetof(struct options, around), .def = "6", .min = 0, .max = 24,
     .doc = "values on either side of the same step a season ago; at most a quarter of the season"},
    {"forget", CONFIG_DOUBLE, offsetof(struct options, forget), .def = "1", .min = 0.9, .max = 1,
     .doc = "what a row weighs a step later; below 1, old rows fade"},
    {"huber", CONFIG_DOUBLE, offsetof(struct options, huber), .def = "1", .min = 0, .max = 1e9,
     .doc = "errors beyond this many mean errors count by size, not by square; 0: all by square"},
    {"refit", CONFIG_LONG, offsetof(struct options, refit), .def = "24", .min = 1, .max = 100000,
     .doc = "rows between two solutions of the equations"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"l2", "alpha"}, {"p", "lags"}, {"forgetting_factor", "forget"}, {"epsilon", "huber"}, {0}};

static void ridge_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "lags %lld, around %lld\n", (long long)o->lags, (long long)o->around);
}

/* Values on either side that are looked at in a season of m steps. */
static uint32_t around_of(const struct options *o, uint32_t m)
{
    return o->around < m / 4 ? (uint32_t)o->around : m / 4;
}

static size_t triangle(uint32_t n)
{
    return (size_t)n * (n + 1) / 2;
}

static size_t doubles_of(const struct ridge *m, const struct stage *s)
{
    return m->setup.nhorizons * (triangle(s->features) + 2 * (size_t)s->features + 1) + 1;
}

static void begin_stage(const struct ridge *m, struct stage *s)
{
    size_t n = doubles_of(m, s), horizons = m->setup.nhorizons;
    s->gram = mem_array(n, sizeof(double));
    memset(s->gram, 0, n * sizeof(double));
    s->moment = s->gram + horizons * triangle(s->features);
    s->weight = s->moment + horizons * s->features;
    s->error = s->weight + horizons * s->features;
    s->reach = s->error + horizons;
    s->unit = 1;
}

static void end_stage(struct stage *s)
{
    mem_free(s->gram);
    s->gram = NULL;
    s->is_over = true;
}

static void *ridge_open(const struct forecaster_setup *setup)
{
    struct ridge *m = mem_zalloc(sizeof(*m));
    m->options = setup->options;
    m->setup = *setup;
    uint32_t features = (uint32_t)m->options->lags - 1, back = (uint32_t)m->options->lags;
    for (uint32_t i = 0; i <= setup->nseasons; i++) {
        m->stage[i].features = features;
        m->stage[i].seasons = i;
        if (i < setup->nseasons) {
            uint32_t around = around_of(m->options, setup->season[i]);
            features += 2 * around + 1;
            back = setup->season[i] + around + 1 > back ? setup->season[i] + around + 1 : back;
        }
    }
    m->room = back + setup->horizon[setup->nhorizons - 1] + 1;
    m->value = mem_array(m->room, sizeof(double));
    return m;
}

static void ridge_close(void *f)
{
    struct ridge *m = f;
    for (int i = 0; i <= SEASONS_MAX; i++) {
        mem_free(m->stage[i].gram);
    }
    mem_free(m->value);
    mem_free(m);
}

static double value_at(const struct ridge *m, int64_t step)
{
    return m->value[(uint64_t)step % m->room];
}

/* Steps that must have been learned up to an origin before a stage can say something there. */
static int64_t span_of(const struct ridge *m, const struct stage *s)
{
    int64_t span = m->options->lags;
    for (uint32_t i = 0; i < s->seasons; i++) {
        int64_t season = m->setup.season[i], all = season + around_of(m->options, (uint32_t)season);
        span = all > span ? all : span;
    }
    return span;
}

/* The features for `ahead` steps behind the step `origin`; returns the value there. */
static double features_at(const struct ridge *m, const struct stage *s, int64_t origin,
                          uint32_t ahead, double *x)
{
    double last = value_at(m, origin);
    uint32_t n = 0;
    for (int64_t i = 1; i < m->options->lags; i++) {
        x[n++] = value_at(m, origin - i) - last;
    }
    for (uint32_t i = 0; i < s->seasons; i++) {
        int64_t season = m->setup.season[i], around = around_of(m->options, (uint32_t)season);
        for (int64_t o = -around; o <= around; o++) {
            int64_t ahead_of_origin = ahead + o; /* as few seasons back as lead to the origin */
            int64_t back = ahead_of_origin <= 0 ? season - ahead_of_origin
                                                : season - 1 - (ahead_of_origin - 1) % season;
            x[n++] = value_at(m, origin - back) - last;
        }
    }
    return last;
}

/* ---- equations ---- */

static double running(double mean, double value, int64_t rows)
{
    double share = 1.0 / (double)(rows + 1);
    value = mean > 0 && rows > 10 && value > 10 * mean ? 10 * mean : value;
    share = mean > 0 ? share : 1; /* longer horizons begin later */
    return mean + (share > RUNNING ? share : RUNNING) * (value - mean);
}

/* u: what a row counts beside others. */
static double importance(const struct ridge *m, const struct stage *s, double error, double mean,
                         double reach)
{
    double u = 1;
    if (m->options->huber <= 0 || s->rows < s->features) {
        return 1;
    }
    double bound = m->options->huber * mean, leverage = LEVERAGE * *s->reach;
    u = error > bound ? bound / error : 1;
    return reach > leverage ? u * (leverage / reach) : u;
}

static double largest(const double *x, uint32_t n)
{
    double most = 0;
    for (uint32_t i = 0; i < n; i++) {
        most = fabs(x[i]) > most ? fabs(x[i]) : most;
    }
    return most;
}

static void add_row(double *gram, double *moment, const double *x, uint32_t n, double y, double u)
{
    for (uint32_t i = 0; i < n; i++) {
        double scaled = u * x[i];
        for (uint32_t j = 0; j <= i; j++) {
            gram[j] += scaled * x[j];
        }
        gram += i + 1;
        moment[i] += scaled * y;
    }
}

/* Weights of one horizon; they stay as they were where the equations have no solution. */
static void solve(const struct ridge *m, const struct stage *s, uint32_t h)
{
    uint32_t n = s->features;
    const double *gram = s->gram + h * triangle(n), *moment = s->moment + (size_t)h * n;
    if (n == 0) {
        return;
    }
    double *a = mem_array(triangle(n) + 2 * (size_t)n, sizeof(double));
    double *b = a + triangle(n), *scale = b + n;
    for (uint32_t i = 0; i < n; i++) {
        double own = gram[triangle(i) + i];
        scale[i] = own > 0 ? 1 / sqrt(own) : 0;
        b[i] = moment[i] * scale[i];
        for (uint32_t j = 0; j <= i; j++) {
            a[triangle(i) + j] = gram[triangle(i) + j] * scale[i] * scale[j];
        }
        a[triangle(i) + i] = 1 + m->options->alpha;
    }
    bool is_solved = blas_dppsv('U', (int)n, 1, a, b, (int)n) == 0;
    for (uint32_t i = 0; i < n; i++) {
        b[i] *= scale[i];
        is_solved = is_solved && isfinite(b[i]);
    }
    if (is_solved) {
        memcpy(s->weight + (size_t)h * n, b, n * sizeof(double));
    }
    mem_free(a);
}

static void solve_stage(const struct ridge *m, struct stage *s)
{
    for (uint32_t h = 0; h < m->setup.nhorizons; h++) {
        solve(m, s, h);
    }
    if (s->unit > 1e6) {
        size_t sums = m->setup.nhorizons * (triangle(s->features) + s->features);
        for (size_t i = 0; i < sums; i++) {
            s->gram[i] /= s->unit;
        }
        s->unit = 1;
    }
    int64_t pause = s->rows / 8 + 1;
    s->next = s->rows + (pause < m->options->refit ? pause : m->options->refit);
}

static void learn_stage(const struct ridge *m, struct stage *s, double y)
{
    double x[FEATURES_MAX];
    const int64_t span = span_of(m, s);
    const uint32_t n = s->features;
    bool is_row = false;
    for (uint32_t h = 0; h < m->setup.nhorizons; h++) {
        int64_t origin = m->steps - m->setup.horizon[h];
        if (origin + 1 < span) {
            break; /* longer horizons need still more */
        }
        double target = y - features_at(m, s, origin, m->setup.horizon[h], x);
        double error = fabs(target - linalg_dot(s->weight + (size_t)h * n, x, n));
        double reach = largest(x, n);
        double u = importance(m, s, error, s->error[h], reach);
        add_row(s->gram + h * triangle(n), s->moment + (size_t)h * n, x, n, target, u * s->unit);
        s->error[h] = running(s->error[h], error, s->rows);
        *s->reach = h == 0 ? running(*s->reach, reach, s->rows) : *s->reach;
        is_row = true;
    }
    s->rows += is_row;
    s->unit /= m->options->forget;
    if (is_row && s->rows >= s->next && s->rows >= n) {
        solve_stage(m, s);
    }
}

/* ---- the forecaster ---- */

static bool is_ready(const struct stage *s)
{
    return s->gram && s->rows >= (int64_t)s->features * STAGE_ROWS && s->next > 0;
}

/* The stage with the most seasons that has learned enough, or NULL. */
static const struct stage *current(const struct ridge *m)
{
    for (uint32_t i = m->setup.nseasons + 1; i-- > 0;) {
        if (is_ready(&m->stage[i])) {
            return &m->stage[i];
        }
    }
    return NULL;
}

static double bounded(double v)
{
    return v > VALUES_MAX ? VALUES_MAX : v < -VALUES_MAX ? -VALUES_MAX : v;
}

static void ridge_predict(const void *f, double *out)
{
    const struct ridge *m = f;
    const struct stage *s = current(m);
    double x[FEATURES_MAX];
    for (uint32_t h = 0; h < m->setup.nhorizons; h++) {
        out[h] = m->steps > 0 ? value_at(m, m->steps - 1) : (double)NAN;
        if (s && m->steps >= span_of(m, s)) {
            out[h] = features_at(m, s, m->steps - 1, m->setup.horizon[h], x);
            out[h] += linalg_dot(s->weight + (size_t)h * s->features, x, s->features);
        }
        out[h] = bounded(out[h]);
    }
}

/* What a missing value is taken to be. */
static double filled(const struct ridge *m)
{
    double last = value_at(m, m->steps - 1);
    for (uint32_t i = m->setup.nseasons; i-- > 0;) {
        int64_t season = m->setup.season[i];
        if (m->steps > season) {
            double shift = last - value_at(m, m->steps - 1 - season);
            return bounded(value_at(m, m->steps - season) + shift);
        }
    }
    return last;
}

static void ridge_learn(void *f, double y)
{
    struct ridge *m = f;
    if (m->steps == 0 && isnan(y)) {
        return;
    }
    for (uint32_t i = 0; i <= m->setup.nseasons && !isnan(y); i++) {
        struct stage *s = &m->stage[i];
        if (s->is_over || m->steps < span_of(m, s) + m->setup.horizon[0] - 1) {
            continue;
        }
        if (!s->gram) {
            begin_stage(m, s);
        }
        learn_stage(m, s, y);
        for (uint32_t k = 0; k < i && is_ready(s); k++) {
            end_stage(&m->stage[k]);
        }
    }
    m->value[(uint64_t)m->steps % m->room] = isnan(y) ? filled(m) : y;
    m->steps++;
}

static void io_stage(struct ridge *m, struct stage *s, struct snapshot *snapshot)
{
    uint32_t form = s->is_over ? 2 : s->gram ? 1 : 0;
    snapshot_u32(snapshot, &form);
    if (form != 1) {
        s->is_over = form != 0;
        return;
    }
    if (snapshot->loading && !s->gram) {
        begin_stage(m, s);
    }
    snapshot_count(snapshot, &s->rows);
    snapshot_count(snapshot, &s->next);
    snapshot_double(snapshot, &s->unit);
    snapshot_array(snapshot, s->gram, doubles_of(m, s));
}

static int ridge_io(void *f, struct snapshot *s)
{
    struct ridge *m = f;
    uint32_t seasons = m->setup.nseasons, horizons = m->setup.nhorizons, room = m->room;
    snapshot_version(s, 1);
    snapshot_u32(s, &seasons);
    snapshot_u32(s, &horizons);
    snapshot_u32(s, &room);
    snapshot_count(s, &m->steps);
    if (seasons != m->setup.nseasons || horizons != m->setup.nhorizons || room != m->room) {
        s->status = -ERR_DATA; /* saved with other options */
        return s->status;
    }
    snapshot_array(s, m->value, m->steps < room ? (size_t)m->steps : room);
    for (uint32_t i = 0; i <= seasons && s->status == 0; i++) {
        io_stage(m, &m->stage[i], s);
    }
    return snapshot_status(s);
}

static uint64_t ridge_size(const void *f)
{
    const struct ridge *m = f;
    uint64_t doubles = m->room;
    for (uint32_t i = 0; i <= m->setup.nseasons; i++) {
        doubles += m->stage[i].gram ? doubles_of(m, &m->stage[i]) : 0;
    }
    return sizeof(*m) + doubles * sizeof(double);
}

const struct forecaster_def forecaster_ridge = {
    .name = "ridge",
    .doc = "least squares over recent values and those a season ago, one equation per horizon",
    .most_seasons = SEASONS_MAX,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = ridge_layout,
    .open = ridge_open,
    .predict = ridge_predict,
    .learn = ridge_learn,
    .io = ridge_io,
    .size = ridge_size,
    .close = ridge_close,
};
