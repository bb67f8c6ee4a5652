/* kalman: level, slope and seasons that drift, tracked by a Kalman filter whose variances are
 * fitted on line (ml/structural.h has the model; with all variances given and damping 1 it is
 * statsmodels' UnobservedComponents with level `lltrend` and freq_seasonal).
 *
 *   seasons   the first `harmonics` waves of each, two states a wave; one takes part once two of its
 *             cycles were seen: before, it is told from the trend by nothing
 *   fit       variances that are not given, relative to the noise's. `window` values are collected (a
 *             quarter the first time, then half); then the filter runs over them again and again: from
 *             the variances so far, from three other starts, then with one variance after the other
 *             raised and lowered by a factor that begins at 10, whose logarithm halves while nothing gets
 *             better. Minimised is 2 n log(sum |v| / n) + sum log f, the likelihood under Laplace's
 *             law, which single outliers do not rule. This takes `fit_steps` steps of the filter per
 *             value, and then collecting begins anew: no value stalls
 *   clip      a difference to the expected value of more than `clip` mean ones counts as that: one
 *             wild value does not throw the seasons off; a lasting shift raises the mean and is taken
 *   missing   the state moves on, its variance grows
 *   forecast  none before 2 values
 *   odd       a state beyond 1e200 or with a spoilt variance begins anew at the next value
 *   state     filter, variances, values collected, the search and its trial: version 1
 *   cost      of a value: (1 + fit_steps while searching) filter steps of about 5 n^2 operations, n = 2
 *             + 2 harmonics per season; a forecast: n per step to the horizon
 */
#include "engine/memory.h"
#include "ml/structural.h"

#include <math.h>
#include <string.h>

#define VALUE_MAX  1e150
#define LOG_LEAST  (-10.0) /* log10 of variances */
#define LOG_MOST   3.0
#define STEP_FIRST 1.0
#define STEP_LAST  0.1
#define STARTS     3
#define CYCLES     2    /* of a season, before it takes part */
#define SCALE_RATE 0.02 /* of the mean difference that clip goes by */

struct options {
    double level, slope, season, damping, clip;
    int64_t harmonics, window, fit_steps;
};

struct search {
    uint32_t is_on, start, at, coordinate, direction; /* at: value the trial takes next */
    uint32_t is_better; /* something was, since the step became what it is */
    double step, best;
    double sum, logs; /* of the trial */
    uint32_t known;
    double trial[STRUCTURAL_VARIANCES];
};

struct kalman {
    const struct options *options;
    struct forecaster_setup setup;
    struct structural model;
    struct structural_state now, beginning, tried;
    uint32_t nvariances, collect, n; /* values to collect; collected */
    int64_t steps, seen;             /* values ever learned; known ones of them */
    double spread; /* of the last difference: its square as it was expected, times size^2 */
    double size;   /* mean |difference|, in deviations of unit noise */
    double log_variance[STRUCTURAL_VARIANCES];
    double *value, *room;
    struct search search;
};

static const struct config_field fields[] = {
    {"level", CONFIG_DOUBLE, offsetof(struct options, level), .min = 0, .max = 1e6,
     .doc = "variance of the level's steps, relative to the noise; absent: fitted"},
    {"slope", CONFIG_DOUBLE, offsetof(struct options, slope), .min = 0, .max = 1e6,
     .doc = "variance of the slope's steps, relative to the noise; absent: fitted"},
    {"season", CONFIG_DOUBLE, offsetof(struct options, season), .min = 0, .max = 1e6,
     .doc = "variance of each wave's steps, relative to the noise; absent: fitted"},
    {"damping", CONFIG_DOUBLE, offsetof(struct options, damping), .def = "0.98", .min = 0, .max = 1,
     .doc = "what is left of the slope a step later; 1: a local linear trend"},
    {"clip", CONFIG_DOUBLE, offsetof(struct options, clip), .def = "10", .min = 0, .max = 1e9,
     .doc = "differences count as at most so many mean ones; 0: all count in full"},
    {"harmonics", CONFIG_LONG, offsetof(struct options, harmonics), .def = "6", .min = 1, .max = 24,
     .doc = "waves per season"},
    {"window", CONFIG_LONG, offsetof(struct options, window), .def = "1000", .min = 50,
     .max = 100000, .doc = "values over which variances are fitted"},
    {"fit_steps", CONFIG_LONG, offsetof(struct options, fit_steps), .def = "32", .min = 0,
     .max = 10000, .doc = "steps of the filter that the fit may take per value; 0: no fit"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"sigma2.level", "level"},      {"sigma2.trend", "slope"}, {"trend", "slope"},
    {"freq_seasonal", "harmonics"}, {"phi", "damping"},        {0},
};

/* Places to begin from besides the variances so far: a level that hardly moves, one that follows.
 */
static const double starts[STARTS][STRUCTURAL_VARIANCES] = {
    {-3, -8, -4, -4, -4, -4},
    {-1, -6, -5, -5, -5, -5},
    {0, -4, -3, -3, -3, -3},
};

static void kalman_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "harmonics %d, window %d\n", (int)o->harmonics, (int)o->window);
}

/* The one given, or NaN. */
static double given(const struct kalman *f, uint32_t i)
{
    const struct options *o = f->options;
    return i == 0 ? o->level : i == 1 ? o->slope : o->season;
}

static bool is_fitted(const struct kalman *f, uint32_t i)
{
    return isnan(given(f, i)) && f->options->fit_steps > 0;
}

static uint32_t first_collect(const struct kalman *f)
{
    return (uint32_t)f->options->window / 4;
}

static void *kalman_open(const struct forecaster_setup *setup)
{
    const struct options *o = setup->options;
    struct kalman *f = mem_zalloc(sizeof(*f));
    f->options = o;
    f->setup = *setup;
    structural_init(&f->model, setup->season, setup->nseasons, (uint32_t)o->harmonics, o->damping);
    structural_state_init(&f->model, &f->now);
    structural_state_init(&f->model, &f->beginning);
    structural_state_init(&f->model, &f->tried);
    f->nvariances = 2 + setup->nseasons;
    f->collect = first_collect(f);
    memcpy(f->log_variance, starts[1], sizeof(starts[1]));
    f->value = mem_array((size_t)o->window, sizeof(double));
    f->room = mem_array(f->model.n, sizeof(double));
    return f;
}

static void kalman_close(void *p)
{
    struct kalman *f = p;
    structural_state_done(&f->now);
    structural_state_done(&f->beginning);
    structural_state_done(&f->tried);
    structural_done(&f->model);
    mem_free(f->value);
    mem_free(f->room);
    mem_free(f);
}

static void fill_variances(const struct kalman *f, const double *logs, double *out)
{
    for (uint32_t i = 0; i < f->nvariances; i++) {
        out[i] = isnan(given(f, i)) ? pow(10, logs[i]) : given(f, i);
    }
}

/* The next trial: a start, then one coordinate away from the best; false when the search is over.
 */
static bool next_trial(struct kalman *f)
{
    struct search *s = &f->search;
    if (s->start < STARTS) {
        memcpy(s->trial, starts[s->start++], sizeof(s->trial));
        return true;
    }
    for (;;) {
        if (s->coordinate == f->nvariances) {
            s->step = s->is_better ? s->step : s->step / 2;
            s->coordinate = s->direction = s->is_better = 0;
            if (s->step < STEP_LAST) {
                return false;
            }
        }
        uint32_t i = s->coordinate;
        double move = s->direction ? -s->step : s->step;
        double to = fmax(fmin(f->log_variance[i] + move, LOG_MOST), LOG_LEAST);
        s->direction ^= 1;
        s->coordinate += s->direction ? 0 : 1;
        if (is_fitted(f, i) && fabs(to - f->log_variance[i]) > 0) {
            memcpy(s->trial, f->log_variance, sizeof(s->trial));
            s->trial[i] = to;
            return true;
        }
    }
}

static void begin_trial(struct kalman *f)
{
    struct search *s = &f->search;
    structural_state_copy(&f->model, &f->tried, &f->beginning);
    s->at = s->known = 0;
    s->sum = s->logs = 0;
}

static void begin_search(struct kalman *f)
{
    f->search = (struct search){.is_on = 1, .step = STEP_FIRST, .best = INFINITY};
    memcpy(f->search.trial, f->log_variance, sizeof(f->search.trial));
    begin_trial(f);
}

static void end_search(struct kalman *f)
{
    uint32_t window = (uint32_t)f->options->window;
    f->search.is_on = 0;
    f->search.at = 0;
    f->n = 0;
    f->collect = f->collect * 2 < window ? f->collect * 2 : window;
}

static double trial_cost(const struct kalman *f)
{
    const struct search *s = &f->search;
    double cost = 2 * s->known * log(s->sum / s->known) + s->logs;
    return isnan(cost) || !structural_is_sound(&f->model, &f->tried) ? (double)INFINITY : cost;
}

/* A better trial becomes the best and goes on in its direction. */
static void judge_trial(struct kalman *f)
{
    struct search *s = &f->search;
    double cost = trial_cost(f);
    bool is_move = s->start > STARTS;
    s->start += s->start == STARTS ? 1 : 0;
    if (cost < s->best) {
        s->best = cost;
        memcpy(f->log_variance, s->trial, sizeof(s->trial));
        if (is_move) {
            s->is_better = 1;
            s->coordinate -= s->direction ? 0 : 1;
            s->direction ^= 1;
        }
    }
    if (next_trial(f)) {
        begin_trial(f);
    } else {
        end_search(f);
    }
}

static void go_on_with_trial(struct kalman *f)
{
    struct search *s = &f->search;
    double variance[STRUCTURAL_VARIANCES], deviation2;
    fill_variances(f, s->trial, variance);
    for (int64_t i = 0; i < f->options->fit_steps && s->at < f->n; i++, s->at++) {
        double y = f->value[s->at];
        double v = structural_step(&f->model, variance, &f->tried, y, 0, &deviation2, f->room);
        /* Of a diffuse start, the first differences tell nothing. */
        if (!isnan(v) && s->at >= f->model.n) {
            s->sum += fabs(v);
            s->logs += log(deviation2);
            s->known++;
        }
    }
    if (s->at == f->n) {
        judge_trial(f);
    }
}

static bool has_fit(const struct kalman *f)
{
    for (uint32_t i = 0; i < f->nvariances; i++) {
        if (is_fitted(f, i)) {
            return true;
        }
    }
    return false;
}

static void fit(struct kalman *f, double y)
{
    if (f->search.is_on) {
        go_on_with_trial(f);
        return;
    }
    if (f->n == 0) {
        structural_state_copy(&f->model, &f->beginning, &f->now);
    }
    f->value[f->n++] = y;
    if (f->n >= f->collect) {
        begin_search(f);
    }
}

static void track(struct kalman *f, double y)
{
    double variance[STRUCTURAL_VARIANCES], deviation2, clip = f->options->clip * f->size;
    fill_variances(f, f->log_variance, variance);
    bool is_clipped = f->seen > 2 * (int64_t)f->model.n + 10 && f->size > 0;
    double v = structural_step(&f->model, variance, &f->now, y, is_clipped ? clip : 0, &deviation2,
                               f->room);
    if (!isnan(v)) {
        double size = is_clipped && clip > 0 ? fmin(fabs(v), clip) : fabs(v);
        f->seen++;
        f->size += (size - f->size) * fmax(SCALE_RATE, 1 / (double)f->seen);
    }
    f->steps++;
    f->spread = deviation2 * f->size * f->size;
}

static void kalman_learn(void *p, double y)
{
    struct kalman *f = p;
    if (!f->now.is_begun) {
        if (isnan(y)) {
            return;
        }
        structural_begin(&f->model, &f->now, y);
    }
    uint32_t shown = f->now.nshown;
    if (shown < f->setup.nseasons && f->steps >= CYCLES * (int64_t)f->setup.season[shown]) {
        structural_show_season(&f->model, &f->now, f->spread);
        f->search.is_on = 0;
        f->n = 0;
    }
    if (has_fit(f)) {
        fit(f, y);
    }
    track(f, y);
    if (!structural_is_sound(&f->model, &f->now)) {
        f->now.is_begun = false;
        f->search.is_on = 0;
        f->n = 0;
        f->seen = f->steps = 0;
        f->size = 0;
        f->collect = first_collect(f);
        memcpy(f->log_variance, starts[1], sizeof(starts[1]));
    }
}

static void kalman_predict(const void *p, double *out)
{
    const struct kalman *f = p;
    uint32_t n = f->setup.nhorizons;
    bool is_ready = f->now.is_begun && f->seen >= 2;
    if (is_ready) {
        structural_forecast(&f->model, &f->now, f->setup.horizon, n, out, f->room);
    }
    for (uint32_t i = 0; i < n; i++) {
        out[i] = is_ready && fabs(out[i]) <= VALUE_MAX ? out[i] : (double)NAN;
    }
}

static void io_search(struct kalman *f, struct snapshot *snap)
{
    struct search *s = &f->search;
    uint32_t *whole[] = {&s->is_on,     &s->start,     &s->at,   &s->coordinate,
                         &s->direction, &s->is_better, &s->known};
    double *real[] = {&s->step, &s->best, &s->sum, &s->logs};
    for (size_t i = 0; i < sizeof(whole) / sizeof(*whole); i++) {
        snapshot_u32(snap, whole[i]);
    }
    for (size_t i = 0; i < sizeof(real) / sizeof(*real); i++) {
        snapshot_double(snap, real[i]);
    }
    snapshot_array(snap, s->trial, f->nvariances);
    snapshot_array(snap, f->log_variance, f->nvariances);
    structural_state_io(&f->model, &f->tried, snap);
}

static bool is_search_sound(const struct kalman *f)
{
    const struct search *s = &f->search;
    bool is_sound = s->at <= f->n && s->coordinate <= f->nvariances && s->direction <= 1 &&
                    s->is_better <= 1 && s->is_on <= 1 && s->start <= STARTS + 1 &&
                    s->step <= STEP_FIRST && s->step >= 0;
    for (uint32_t i = 0; i < f->nvariances; i++) {
        is_sound = is_sound && s->trial[i] >= LOG_LEAST && s->trial[i] <= LOG_MOST &&
                   f->log_variance[i] >= LOG_LEAST && f->log_variance[i] <= LOG_MOST;
    }
    return is_sound && (!s->is_on || (f->n > 0 && s->at < f->n));
}

static int kalman_io(void *p, struct snapshot *s)
{
    struct kalman *f = p;
    uint32_t window = (uint32_t)f->options->window;
    snapshot_version(s, 1);
    structural_state_io(&f->model, &f->now, s);
    structural_state_io(&f->model, &f->beginning, s);
    snapshot_count(s, &f->seen);
    snapshot_count(s, &f->steps);
    snapshot_double(s, &f->size);
    snapshot_double(s, &f->spread);
    snapshot_u32(s, &f->collect);
    snapshot_u32(s, &f->n);
    if (s->loading && (f->n > window || f->collect < 1 || f->collect > window ||
                       f->n > f->collect || !(f->size >= 0 && f->size <= VALUE_MAX * 1e50))) {
        f->n = 0;
        f->collect = window;
        s->status = -ERR_DATA;
        return s->status;
    }
    snapshot_array(s, f->value, f->n);
    for (uint32_t i = 0; s->loading && i < f->n; i++) {
        if (fabs(f->value[i]) > VALUE_MAX) {
            s->status = -ERR_DATA;
        }
    }
    io_search(f, s);
    if (s->loading && !is_search_sound(f)) {
        s->status = -ERR_DATA;
    }
    return snapshot_status(s);
}

static uint64_t kalman_size(const void *p)
{
    const struct kalman *f = p;
    uint64_t n = f->model.n, doubles = 3 * (n + n * n) + 3 * n + (uint64_t)f->options->window;
    return sizeof(*f) + doubles * sizeof(double);
}

const struct forecaster_def forecaster_kalman = {
    .name = "kalman",
    .doc = "level, slope and seasons that drift, tracked by a Kalman filter",
    .most_seasons = SEASONS_MAX,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = kalman_layout,
    .open = kalman_open,
    .predict = kalman_predict,
    .learn = kalman_learn,
    .io = kalman_io,
    .size = kalman_size,
    .close = kalman_close,
};
