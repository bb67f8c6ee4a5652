/* Kalman filter of the structural model.
 *
 *   update   v = y - Z a,  f = Z P Z' + 1,  a <- a + P Z' v / f,  P <- P - P Z' Z P / f
 *   predict  a <- T a,     P <- T P T' + Q
 *
 *   Z picks the level and the s of every harmonic; T is made of 2 x 2 blocks, so that both lines cost
 *   a few operations per element of P. The start is diffuse: variance 1e6 times that of the noise.
 *   P is kept symmetric bit by bit, from its upper half.
 *
 *   tiny     what a damped slope leaves falls for ever: variances below 1e-100 of the noise and means below
 *            1e-290 are set to zero, for numbers below 1e-308 take a processor 40 times as long
 *
 *   state   means, upper half of the variances: loaded, it goes on with the same bits
 */
#include "ml/structural.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

#define PI            3.14159265358979323846
#define DIFFUSE       1e6
#define VARIANCE_MAX  1e15
#define MEAN_MAX      1e200
#define VARIANCE_TINY 1e-100
#define MEAN_TINY     1e-290

/* The j-th wave of season k is one of a shorter season, too: told from it by nothing. */
static bool is_taken(const uint32_t *season, uint32_t k, uint32_t j, uint32_t harmonics)
{
    for (uint32_t i = 0; i < k; i++) {
        uint64_t waves = (uint64_t)j * season[i];
        if (waves % season[k] == 0 && waves / season[k] <= harmonics) {
            return true;
        }
    }
    return false;
}

void structural_init(struct structural *m, const uint32_t *season, uint32_t nseasons,
                     uint32_t harmonics, double damping)
{
    *m = (struct structural){.nseasons = nseasons, .damping = damping};
    m->turn_cos = mem_array(2 * (size_t)nseasons * harmonics + 1, sizeof(double));
    m->turn_sin = m->turn_cos + (size_t)nseasons * harmonics;
    m->season_of = mem_array((size_t)nseasons * harmonics + 1, sizeof(*m->season_of));
    uint32_t n = 0;
    for (uint32_t k = 0; k < nseasons; k++) {
        uint32_t most = season[k] / 2 < harmonics ? season[k] / 2 : harmonics;
        for (uint32_t j = 1; j <= most; j++) {
            if (is_taken(season, k, j, harmonics)) {
                continue;
            }
            double turn = 2 * PI * j / season[k];
            m->turn_cos[n] = cos(turn);
            m->turn_sin[n] = sin(turn);
            m->season_of[n++] = k;
        }
    }
    m->n = 2 + 2 * n;
}

void structural_done(struct structural *m)
{
    mem_free(m->turn_cos);
    mem_free(m->season_of);
}

void structural_state_init(const struct structural *m, struct structural_state *s)
{
    size_t n = m->n;
    *s = (struct structural_state){.mean = mem_zalloc((n + n * n) * sizeof(double))};
    s->variance = s->mean + n;
}

void structural_state_done(struct structural_state *s)
{
    mem_free(s->mean);
}

void structural_state_copy(const struct structural *m, struct structural_state *to,
                           const struct structural_state *from)
{
    size_t n = m->n;
    to->is_begun = from->is_begun;
    to->nshown = from->nshown;
    memcpy(to->mean, from->mean, (n + n * n) * sizeof(double));
}

void structural_begin(const struct structural *m, struct structural_state *s, double y)
{
    size_t n = m->n;
    memset(s->mean, 0, (n + n * n) * sizeof(double));
    s->mean[0] = y;
    s->is_begun = true;
    s->nshown = 0;
    s->variance[0] = s->variance[n + 1] = DIFFUSE;
}

void structural_show_season(const struct structural *m, struct structural_state *s, double variance)
{
    size_t n = m->n;
    for (size_t i = 2, h = 0; i < n; i += 2, h++) {
        if (m->season_of[h] == s->nshown) {
            s->variance[i * n + i] = s->variance[(i + 1) * n + i + 1] = fmin(variance, DIFFUSE);
        }
    }
    s->nshown++;
}

static double without_tiny(double x, double tiny)
{
    return fabs(x) < tiny ? 0 : x;
}

/* T times a vector whose elements lie `stride` apart. */
static void move(const struct structural *m, double *v, size_t stride)
{
    v[0] += v[stride];
    v[stride] = without_tiny(v[stride] * m->damping, MEAN_TINY);
    for (size_t i = 2, h = 0; i < m->n; i += 2, h++) {
        double s = v[i * stride], r = v[(i + 1) * stride];
        v[i * stride] = s * m->turn_cos[h] + r * m->turn_sin[h];
        v[(i + 1) * stride] = r * m->turn_cos[h] - s * m->turn_sin[h];
    }
}

/* Row `b` and row `c` of P as T mixes them: whole rows at a time. */
static void turn_rows(double *b, double *c, size_t n, double co, double si)
{
    for (size_t k = 0; k < n; k++) {
        double s = b[k], r = c[k];
        b[k] = s * co + r * si;
        c[k] = r * co - s * si;
    }
}

static void move_variance(const struct structural *m, const double *variance, uint32_t nshown,
                          double *p)
{
    size_t n = m->n;
    for (size_t k = 0; k < n; k++) {
        p[k] += p[n + k];
        p[n + k] *= m->damping;
    }
    for (size_t i = 2, h = 0; i < n; i += 2, h++) {
        turn_rows(p + i * n, p + (i + 1) * n, n, m->turn_cos[h], m->turn_sin[h]);
    }
    for (size_t i = 0; i < n; i++) {
        move(m, p + i * n, 1);
    }
    p[0] += variance[0];
    p[n + 1] += variance[1];
    for (size_t i = 2, h = 0; i < n && m->season_of[h] < nshown; i += 2, h++) {
        p[i * n + i] += variance[2 + m->season_of[h]];
        p[(i + 1) * n + i + 1] += variance[2 + m->season_of[h]];
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < i; k++) {
            p[i * n + k] = p[k * n + i] = without_tiny(p[k * n + i], VARIANCE_TINY);
        }
        p[i * n + i] = without_tiny(p[i * n + i], VARIANCE_TINY);
    }
}

static double expected(const struct structural *m, const double *mean)
{
    double sum = mean[0];
    for (size_t i = 2; i < m->n; i += 2) {
        sum += mean[i];
    }
    return sum;
}

double structural_step(const struct structural *m, const double *variance,
                       struct structural_state *s, double y, double clip, double *f, double *room)
{
    size_t n = m->n;
    double *p = s->variance, difference = NAN;
    memcpy(room, p, n * sizeof(double));
    for (size_t i = 2; i < n; i += 2) {
        for (size_t k = 0; k < n; k++) {
            room[k] += p[i * n + k];
        }
    }
    *f = expected(m, room) + 1;
    if (!isnan(y)) {
        double deviation = sqrt(*f), share = 1 / *f;
        difference = (y - expected(m, s->mean)) / deviation;
        double taken = clip > 0 ? fmax(fmin(difference, clip), -clip) : difference;
        for (size_t i = 0; i < n; i++) {
            s->mean[i] += room[i] * (taken / deviation);
            for (size_t k = 0; k < n; k++) {
                p[i * n + k] -= room[i] * room[k] * share;
            }
        }
    }
    move(m, s->mean, 1);
    for (size_t i = 0; i < n; i++) {
        s->mean[i] = without_tiny(s->mean[i], MEAN_TINY);
    }
    move_variance(m, variance, s->nshown, p);
    return difference;
}

void structural_forecast(const struct structural *m, const struct structural_state *s,
                         const uint32_t *horizon, uint32_t nhorizons, double *out, double *room)
{
    memcpy(room, s->mean, m->n * sizeof(double));
    uint32_t step = 1;
    for (uint32_t i = 0; i < nhorizons; i++) {
        for (; step < horizon[i]; step++) {
            move(m, room, 1);
        }
        out[i] = expected(m, room);
    }
}

bool structural_is_sound(const struct structural *m, const struct structural_state *s)
{
    for (size_t i = 0; i < m->n; i++) {
        double v = s->variance[i * m->n + i];
        if (!(fabs(s->mean[i]) <= MEAN_MAX) || !(v >= 0 && v <= VARIANCE_MAX)) {
            return false;
        }
    }
    return true;
}

int structural_state_io(const struct structural *m, struct structural_state *s,
                        struct snapshot *snap)
{
    size_t n = m->n;
    uint32_t begun = s->is_begun ? 1 : 0;
    snapshot_u32(snap, &begun);
    snapshot_u32(snap, &s->nshown);
    s->is_begun = begun != 0;
    snapshot_array(snap, s->mean, n);
    for (size_t i = 0; i < n; i++) {
        snapshot_array(snap, s->variance + i * n + i, n - i);
        for (size_t k = i + 1; snap->loading && k < n; k++) {
            s->variance[k * n + i] = s->variance[i * n + k];
        }
    }
    if (snap->loading && (s->nshown > m->nseasons || !structural_is_sound(m, s))) {
        snap->status = -ERR_DATA;
    }
    return snapshot_status(snap);
}
