/* A structural time series model as a linear state space, and its Kalman filter: level, slope and
 * seasons by harmonics (Harvey 1989). Variances are relative to that of the observation's noise, so
 * gains do not depend on the unit of the values.
 *
 *   level' = level + slope + e1    slope' = damping * slope + e2    y = level + seasons + noise
 *   per harmonic j of a season of m steps, with w = 2 pi j / m:
 *   s' = s cos w + r sin w + e3    r' = r cos w - s sin w + e4      its part of the season is s
 */
#ifndef KLAMM_ML_STRUCTURAL_H
#define KLAMM_ML_STRUCTURAL_H

#include "engine/forecaster.h"

#define STRUCTURAL_VARIANCES (2 + SEASONS_MAX) /* of level, slope, each season */

struct structural {
    uint32_t n; /* states: level, slope, then s and r of every harmonic */
    uint32_t nseasons;
    double damping;
    double *turn_cos, *turn_sin; /* of each harmonic; one block */
    uint32_t *season_of;         /* each harmonic */
};

/* What is believed about the next step before its value is seen. */
struct structural_state {
    double *mean;     /* [n] */
    double *variance; /* [n * n], symmetric */
    uint32_t nshown;  /* seasons that take part: the others stay at 0 */
    bool is_begun;    /* a value was seen */
};

/* At most `harmonics` per season, and half its length; none that a shorter season has. Seasons are
 * ascending. */
void structural_init(struct structural *m, const uint32_t *season, uint32_t nseasons,
                     uint32_t harmonics, double damping);
void structural_done(struct structural *m);
void structural_state_init(const struct structural *m, struct structural_state *s);
void structural_state_done(struct structural_state *s);
void structural_state_copy(const struct structural *m, struct structural_state *to,
                           const struct structural_state *from);
/* Nothing known, but that the level is somewhere around y. No season takes part yet. */
void structural_begin(const struct structural *m, struct structural_state *s, double y);
/* The next season takes part: of each wave nothing is known but that its size is about the root of
 * `variance`. */
void structural_show_season(const struct structural *m, struct structural_state *s,
                            double variance);
/* Takes y in and moves on by a step; NaN: moves on only. room[n]. Differences between y and what
 * was expected, in deviations, count as `clip` where they are larger (0: never). Returns the
 * difference in deviations of unit noise (NaN where y is), and the deviation's square in *f. */
double structural_step(const struct structural *m, const double *variance,
                       struct structural_state *s, double y, double clip, double *f, double *room);
/* Expected values: out[i] of horizon[i], ascending. room[n]. */
void structural_forecast(const struct structural *m, const struct structural_state *s,
                         const uint32_t *horizon, uint32_t nhorizons, double *out, double *room);
/* False where rounding or odd values spoilt it. */
bool structural_is_sound(const struct structural *m, const struct structural_state *s);
int structural_state_io(const struct structural *m, struct structural_state *s,
                        struct snapshot *snap);

#endif
