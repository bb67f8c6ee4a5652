/* What must hold for every forecaster, whatever it computes. cmocka assertions inside. */
#ifndef KLAMM_TESTS_SUPPORT_FORECASTER_CHECK_H
#define KLAMM_TESTS_SUPPORT_FORECASTER_CHECK_H

#include "engine/forecaster.h"

/* A series of two seasons (7 and 28 steps), a trend and noise, some values missing; reproducible.
 */
struct forecaster_series {
    uint32_t n;
    double *y;
};
struct forecaster_series forecaster_series_new(uint32_t n, uint64_t seed);
void forecaster_series_free(struct forecaster_series *s);

/* Horizons 1, 3 and 12; seasons 7 and 28, as many as the forecaster takes. */
void *forecaster_open(const struct forecaster_def *def, const void *options);
/* With options as YAML ("{alpha: 1}"), which live in the arena. */
const void *forecaster_options(const struct forecaster_def *def, const char *text, struct arena *a);

/* Saved in the middle and loaded, it goes on to the same bytes and forecasts. */
void check_forecaster_continues(const struct forecaster_def *def, const void *options,
                                const struct forecaster_series *s);
/* Every truncation is refused; no changed byte does more than change numbers. */
void check_forecaster_refuses_damage(const struct forecaster_def *def, const void *options,
                                     const struct forecaster_series *s);
/* predict() writes all horizons and changes nothing. */
void check_forecaster_predict_is_pure(const struct forecaster_def *def, const void *options,
                                      const struct forecaster_series *s);
/* Nothing but missing values, constants, jumps to +-1e150, tiny numbers: no infinite forecast, and
 * on a constant series the constant. */
void check_forecaster_odd_series(const struct forecaster_def *def, const void *options);
/* All of them. */
void check_forecaster(const struct forecaster_def *def, const void *options);

#endif
