/* Smoothing, first state and fit of one form.
 *
 *   start     `init: decompose`: from two seasons (of several: one longest season; without any: ten
 *             values) level and slope of the means, then the mean of what is left by phase, shortest
 *             season first. `init: river`: as River does it, with y / mean as seasonal value in the
 *             additive form too. No forecast before. A gap does not count as a value.
 *   fit       alpha, beta, phi and a gamma per season minimise the mean |error| of the
 *             first, middle and last horizon over the last `window` to 2 `window` steps, run from the
 *             state at their beginning; a pattern search over logits, from the parameters so far,
 *             when a quarter of the window is new
 *   missing   the level follows the trend, nothing else changes
 *   odd       where a state leaves +-1e200 (factors with values around 0), all starts anew
 *   state     values collected or in the window, parameters, state now and at the window's
 *             beginning: version 1
 *   cost      a few operations a step and season; a fit: about 150 passes over the window
 */
#include "ml/smoother.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

#define PARAMETERS  (3 + SEASONS_MAX) /* alpha, beta, phi, gamma of each season */
#define STATE_MAX   1e200
#define LOGIT_MAX   9.0
#define PHI_LEAST   0.8
#define LEAST_RATIO 1e-6 /* a seasonal factor is never nearer to 0 than this, as a divisor */
#define PASSES_MAX  150

enum parameter { ALPHA, BETA, PHI, GAMMA };

struct smoother {
    const struct smoother_options *options;
    struct forecaster_setup setup;
    bool is_factor, is_fitted, has_trend, has_seasons, is_begun;
    uint32_t collect, room, nstate;
    uint32_t n;        /* values collected, or in the window */
    int64_t steps;     /* learned since the first value */
    int64_t next;      /* when to fit again */
    double *value;     /* of the last n steps */
    double *now;       /* level, trend, seasons one after the other by phase */
    double *beginning; /* the state before value[0] */
    double *trial;
    double parameter[PARAMETERS];
    double error; /* of the last fit, of a step; infinite before */
};

static uint32_t seasons_of(const struct smoother *m)
{
    return m->has_seasons ? m->setup.nseasons : 0;
}

/* Values that the first state is made of. */
static uint32_t collect_of(const struct smoother *m)
{
    uint32_t n = seasons_of(m), longest = n > 0 ? m->setup.season[n - 1] : 0;
    if (m->options->init == INIT_RIVER) {
        return longest > 2 ? longest : 2;
    }
    if (n == 0) {
        return 10;
    }
    return n == 1 || longest < 2 * m->setup.season[n - 2] ? 2 * longest : longest;
}

static double inverse(double p)
{
    return log(p / (1 - p));
}

static void first_parameters(struct smoother *m)
{
    const struct smoother_options *o = m->options;
    double *p = m->parameter;
    p[ALPHA] = m->is_fitted ? 0.3 : o->alpha;
    p[BETA] = m->is_fitted ? 0.02 : m->has_trend ? o->beta : 0;
    p[PHI] = !isnan(o->phi) ? o->phi : m->is_fitted ? 0.98 : 1;
    for (int k = 0; k < SEASONS_MAX; k++) {
        p[GAMMA + k] = m->is_fitted ? 0.1 : m->has_seasons ? o->gamma : 0;
    }
}

struct smoother *smoother_new(const struct forecaster_setup *setup,
                              const struct smoother_options *o, bool is_factor)
{
    struct smoother *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->is_factor = is_factor;
    m->error = HUGE_VAL;
    m->setup = *setup;
    m->is_fitted = isnan(o->alpha);
    m->has_trend = m->is_fitted || !isnan(o->beta);
    m->has_seasons = setup->nseasons > 0 && (m->is_fitted || !isnan(o->gamma));
    m->nstate = 2;
    for (uint32_t k = 0; k < seasons_of(m); k++) {
        m->nstate += setup->season[k];
    }
    m->collect = collect_of(m);
    m->room = m->is_fitted && 2 * o->window > m->collect ? (uint32_t)(2 * o->window) : m->collect;
    m->value = mem_array(m->room, sizeof(double));
    m->now = mem_array(3 * (size_t)m->nstate, sizeof(double));
    memset(m->now, 0, 3 * (size_t)m->nstate * sizeof(double));
    m->beginning = m->now + m->nstate;
    m->trial = m->beginning + m->nstate;
    first_parameters(m);
    return m;
}

void smoother_free(struct smoother *m)
{
    if (!m) {
        return;
    }
    mem_free(m->value);
    mem_free(m->now);
    mem_free(m);
}

/* ---- smoothing ---- */

/* The seasons' values of a step, which are added or multiplied; `at` finds them for the update. */
static double seasonal(const struct smoother *m, const double *state, int64_t step, uint32_t *at)
{
    double all = m->is_factor ? 1 : 0;
    uint32_t first = 2;
    for (uint32_t k = 0; k < seasons_of(m); k++) {
        at[k] = first + (uint32_t)(step % m->setup.season[k]);
        all = m->is_factor ? all * state[at[k]] : all + state[at[k]];
        first += m->setup.season[k];
    }
    return all;
}

static double divisor(double v)
{
    return fabs(v) > LEAST_RATIO ? v : v < 0 ? -LEAST_RATIO : LEAST_RATIO;
}

static void smooth(const struct smoother *m, const double *p, double *state, int64_t step, double y)
{
    uint32_t at[SEASONS_MAX];
    double level = state[0], trend = p[PHI] * state[1], base = level + trend;
    if (isnan(y)) {
        state[0] = base;
        state[1] = trend;
        return;
    }
    double all = seasonal(m, state, step, at);
    bool is_factor = m->is_factor;
    double own = is_factor ? y / divisor(all) : y - all;
    state[0] = p[ALPHA] * own + (1 - p[ALPHA]) * base;
    if (m->has_trend) {
        state[1] = p[BETA] * (state[0] - level) + (1 - p[BETA]) * trend;
    }
    for (uint32_t k = 0; k < seasons_of(m); k++) {
        double before = state[at[k]], gamma = p[GAMMA + k];
        if (!is_factor) {
            state[at[k]] = gamma * (y - base - (all - before)) + (1 - gamma) * before;
        } else if (base > 0) {
            double others = all / divisor(before);
            state[at[k]] = gamma * y / (base * divisor(others)) + (1 - gamma) * before;
        }
    }
}

/* phi + … + phi^h */
static double reach_of(double phi, uint32_t h)
{
    return phi < 1 ? phi * (1 - pow(phi, h)) / (1 - phi) : h;
}

/* The value `ahead` steps behind the last before `step`. */
static double forecast(const struct smoother *m, const double *state, int64_t step, uint32_t ahead,
                       double reach)
{
    uint32_t at[SEASONS_MAX];
    double base = state[0] + reach * state[1];
    double all = seasonal(m, state, step + ahead - 1, at);
    return m->is_factor ? base * all : base + all;
}

/* ---- the first state ---- */

/* Mean of the values from .. to-1 that are known. */
static double mean_of(const double *v, uint32_t from, uint32_t to)
{
    double sum = 0, n = 0;
    for (uint32_t i = from; i < to; i++) {
        sum += isnan(v[i]) ? 0 : v[i];
        n += !isnan(v[i]);
    }
    return n > 0 ? sum / n : 0;
}

/* What is left of a value by level and trend, and by the seasons found so far. */
static double rest_of(const struct smoother *m, const double *state, uint32_t seasons, uint32_t i)
{
    double base = state[0] + state[1] * (i + 1.0), rest;
    rest = m->is_factor ? m->value[i] / base : m->value[i] - base;
    for (uint32_t k = 0, first = 2; k < seasons; k++) {
        double s = state[first + i % m->setup.season[k]];
        rest = m->is_factor ? rest / divisor(s) : rest - s;
        first += m->setup.season[k];
    }
    return rest;
}

/* The state before value[0], by means. */
static void decompose(const struct smoother *m, double *state)
{
    uint32_t n = m->n;
    double slope = seasons_of(m) > 1
                       ? 0
                       : (mean_of(m->value, n / 2, n) - mean_of(m->value, 0, n / 2)) / (n - n / 2);
    double mean = mean_of(m->value, 0, n), start = mean - slope * (n + 1.0) / 2;
    bool is_positive = start > 0 && start + slope * (n + 1.0) > 0;
    if (m->is_factor && !is_positive) {
        slope = 0;
        start = mean > 0 ? mean : 1;
    }
    state[0] = start;
    state[1] = m->has_trend ? slope : 0;
    for (uint32_t k = 0, first = 2; k < seasons_of(m); k++) {
        uint32_t season = m->setup.season[k];
        for (uint32_t phase = 0; phase < season; phase++) {
            double sum = 0, count = 0;
            for (uint32_t i = phase; i < n; i += season) {
                double rest = isnan(m->value[i]) ? (double)NAN : rest_of(m, state, k, i);
                sum += isnan(rest) ? 0 : rest;
                count += !isnan(rest);
            }
            double none = m->is_factor ? 1 : 0;
            state[first + phase] = count > 0 ? sum / count : none;
        }
        first += season;
    }
}

/* As River has it, behind the last of the values. */
static void begin_as_river(struct smoother *m)
{
    uint32_t n = m->n, first = 2, known = 0;
    double none = m->is_factor ? 1 : 0;
    m->now[0] = mean_of(m->value, 0, n);
    m->now[1] = 0;
    for (uint32_t i = 1; i < n && m->has_trend; i++) {
        double by = m->value[i] - m->value[i - 1];
        m->now[1] += isnan(by) ? 0 : by;
        known += isnan(by) ? 0 : 1;
    }
    m->now[1] /= known > 0 ? known : 1;
    for (uint32_t k = 0; k < seasons_of(m); k++) {
        bool is_longest = k + 1 == seasons_of(m);
        for (uint32_t i = 0; i < m->setup.season[k]; i++) {
            bool is_known = is_longest && i < n && !isnan(m->value[i]) && m->now[0] != 0;
            m->now[first + i] = is_known ? m->value[i] / m->now[0] : none;
        }
        first += m->setup.season[k];
    }
}

/* ---- fit ---- */

/* Parameters as points of an unbounded space; which[] are those to be found. */
struct search {
    struct smoother *m;
    uint32_t n;
    enum parameter which[PARAMETERS];
    double x[PARAMETERS], least;
    uint32_t passes;
};

static double value_of(enum parameter p, double x)
{
    double share = 1 / (1 + exp(-x));
    return p == PHI ? PHI_LEAST + (1 - PHI_LEAST) * share : share;
}

static double loss_of(struct search *s)
{
    struct smoother *m = s->m;
    double p[PARAMETERS], reach[3], sum = 0;
    uint32_t last = m->setup.nhorizons - 1;
    const uint32_t ahead[] = {m->setup.horizon[0], m->setup.horizon[last / 2],
                              m->setup.horizon[last]};
    memcpy(p, m->parameter, sizeof(p));
    for (uint32_t i = 0; i < s->n; i++) {
        p[s->which[i]] = value_of(s->which[i], s->x[i]);
    }
    for (int h = 0; h < 3; h++) {
        reach[h] = reach_of(p[PHI], ahead[h]);
    }
    memcpy(m->trial, m->beginning, m->nstate * sizeof(double));
    int64_t step = m->steps - m->n;
    for (uint32_t i = 0; i < m->n; i++, step++) {
        for (int h = 0; h < 3; h++) {
            if (ahead[h] - 1 < m->n - i && !isnan(m->value[i + ahead[h] - 1])) {
                sum += fabs(m->value[i + ahead[h] - 1] -
                            forecast(m, m->trial, step, ahead[h], reach[h]));
            }
        }
        smooth(m, p, m->trial, step, m->value[i]);
    }
    s->passes++;
    return isfinite(sum) ? sum : HUGE_VAL;
}

/* One round of steps along each axis; whether anything got better. */
static bool improve(struct search *s, double by)
{
    bool is_better = false;
    for (uint32_t i = 0; i < s->n; i++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            double before = s->x[i];
            s->x[i] = fmax(-LOGIT_MAX, fmin(LOGIT_MAX, before + sign * by));
            double loss = s->x[i] == before ? HUGE_VAL : loss_of(s);
            if (loss < s->least) {
                s->least = loss;
                is_better = true;
                break;
            }
            s->x[i] = before;
        }
    }
    return is_better;
}

static void take(struct search *s, const double *x, double *best)
{
    memcpy(s->x, x, sizeof(s->x));
    double loss = loss_of(s);
    if (loss < s->least) {
        s->least = loss;
        memcpy(best, x, sizeof(s->x));
    }
}

/* Where a search starts: the parameters so far, and in the beginning some that are usual. */
static void start_search(struct search *s)
{
    static const double usual[][4] = {/* alpha, beta, phi, gamma as logits */
                                      {-0.8, -4, 2, -2},
                                      {1.4, -5, 2, -3},
                                      {-3, -4, 0, -1},
                                      {-0.8, -2, 4, 0}};
    struct smoother *m = s->m;
    double best[PARAMETERS] = {0}, x[PARAMETERS] = {0};
    s->least = HUGE_VAL;
    for (uint32_t i = 0; i < s->n; i++) {
        double p = m->parameter[s->which[i]];
        p = s->which[i] == PHI ? (p - PHI_LEAST) / (1 - PHI_LEAST) : p;
        x[i] = fmax(-LOGIT_MAX, fmin(LOGIT_MAX, inverse(p)));
        best[i] = x[i];
    }
    take(s, x, best);
    for (int k = 0; k < 4 && m->next == 0; k++) {
        for (uint32_t i = 0; i < s->n; i++) {
            x[i] = usual[k][s->which[i] > GAMMA ? GAMMA : s->which[i]];
        }
        take(s, x, best);
    }
    memcpy(s->x, best, sizeof(best));
}

static void fit(struct smoother *m)
{
    struct search s = {.m = m};
    s.which[s.n++] = ALPHA;
    s.which[s.n++] = BETA;
    if (isnan(m->options->phi)) {
        s.which[s.n++] = PHI;
    }
    for (uint32_t k = 0; k < seasons_of(m); k++) {
        s.which[s.n++] = (enum parameter)(GAMMA + k);
    }
    start_search(&s);
    for (double by = 1; by > 0.1 && s.passes < PASSES_MAX;) {
        by = improve(&s, by) ? by : by / 2;
    }
    if (s.least < HUGE_VAL) {
        for (uint32_t i = 0; i < s.n; i++) {
            m->parameter[s.which[i]] = value_of(s.which[i], s.x[i]);
        }
    }
    m->error = s.least / m->n;
    m->next = m->steps + (m->n > 100 ? m->n / 4 : 25);
}

/* ---- learning ---- */

/* The state now, from the one at the window's beginning. */
static void run_window(struct smoother *m)
{
    memcpy(m->now, m->beginning, m->nstate * sizeof(double));
    int64_t step = m->steps - m->n;
    for (uint32_t i = 0; i < m->n; i++) {
        smooth(m, m->parameter, m->now, step + i, m->value[i]);
    }
}

/* Enough values are there. */
static void begin(struct smoother *m)
{
    m->is_begun = true;
    if (m->options->init == INIT_RIVER) {
        begin_as_river(m);
        return;
    }
    decompose(m, m->beginning);
    if (m->is_fitted) {
        fit(m);
    }
    run_window(m);
}

/* Makes room in the window: its first half is only kept as the state behind it. */
static void shift_window(struct smoother *m)
{
    uint32_t gone = m->n / 2;
    int64_t step = m->steps - m->n;
    for (uint32_t i = 0; i < gone; i++) {
        smooth(m, m->parameter, m->beginning, step + i, m->value[i]);
    }
    m->n -= gone;
    memmove(m->value, m->value + gone, m->n * sizeof(double));
}

static void start_anew(struct smoother *m)
{
    m->is_begun = false;
    m->n = 0;
    m->steps = 0;
    m->next = 0;
    m->error = HUGE_VAL;
    memset(m->now, 0, 3 * (size_t)m->nstate * sizeof(double));
    first_parameters(m);
}

static bool is_sound(const struct smoother *m)
{
    double most = 0;
    for (uint32_t i = 0; i < m->nstate; i++) {
        most = fabs(m->now[i]) <= most ? most : fabs(m->now[i]); /* NaN gets through to the end */
        if (!(most <= STATE_MAX)) {
            return false;
        }
    }
    return true;
}

static void learn_begun(struct smoother *m, double y)
{
    int64_t step = m->steps++;
    if (m->is_fitted) {
        if (m->n == m->room) {
            m->steps--;
            shift_window(m);
            m->steps++;
        }
        m->value[m->n++] = y;
        if (m->steps >= m->next && !isnan(y)) {
            fit(m);
            run_window(m);
            if (!is_sound(m)) {
                start_anew(m);
            }
            return;
        }
    }
    smooth(m, m->parameter, m->now, step, y);
    if (!(fabs(m->now[0]) <= STATE_MAX && fabs(m->now[1]) <= STATE_MAX)) {
        start_anew(m);
    }
}

void smoother_learn(struct smoother *m, double y)
{
    if (m->is_begun) {
        learn_begun(m, y);
        return;
    }
    if (m->n == 0 && isnan(y)) {
        return;
    }
    m->value[m->n++] = y;
    m->steps++;
    if (m->n == m->collect) {
        begin(m);
        if (!is_sound(m)) {
            start_anew(m);
        }
    }
}

void smoother_predict(const struct smoother *m, double *out)
{
    for (uint32_t i = 0; i < m->setup.nhorizons; i++) {
        uint32_t h = m->setup.horizon[i];
        double v = m->is_begun ? forecast(m, m->now, m->steps, h, reach_of(m->parameter[PHI], h))
                               : (double)NAN;
        out[i] = fabs(v) <= STATE_MAX ? v : (double)NAN;
    }
}

int smoother_io(struct smoother *m, struct snapshot *s)
{
    uint32_t nstate = m->nstate, room = m->room, is_begun = m->is_begun;
    snapshot_version(s, 1);
    snapshot_u32(s, &nstate);
    snapshot_u32(s, &room);
    snapshot_u32(s, &is_begun);
    snapshot_u32(s, &m->n);
    snapshot_count(s, &m->steps);
    snapshot_count(s, &m->next);
    if (nstate != m->nstate || room != m->room || m->n > room || m->steps < m->n || is_begun > 1 ||
        (is_begun == 0 && m->n >= m->collect)) {
        m->n = 0;
        s->status = -ERR_DATA;
        return s->status;
    }
    m->is_begun = is_begun != 0;
    snapshot_array(s, m->value, m->n);
    snapshot_array(s, m->parameter, PARAMETERS);
    snapshot_array(s, m->now, 2 * (size_t)nstate);
    return snapshot_status(s);
}

uint64_t smoother_size(const struct smoother *m)
{
    return m ? sizeof(*m) + (m->room + 3 * (uint64_t)m->nstate) * sizeof(double) : 0;
}

double smoother_error(const struct smoother *m)
{
    return m->error;
}

void smoother_error_io(struct smoother *m, struct snapshot *s)
{
    snapshot_double(s, &m->error);
}
