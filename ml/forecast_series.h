/* Forecast series: rows at any time become the steps of a regular series, and its model learns. */
#ifndef KLAMM_ML_FORECAST_SERIES_H
#define KLAMM_ML_FORECAST_SERIES_H

#include "ml/beside.h"
#include "ml/forecast_model.h"

#define FORECAST_GAP_MAX 10000 /* steps missing in one gap; behind a longer one all starts anew */

struct forecast_grid {
    struct forecast_config config;
    int64_t every; /* ms; 0: each row is a step */
};

struct forecast_series;

enum forecast_take {
    TAKE_STEP,  /* the value of a new step */
    TAKE_AGAIN, /* of the same step as the last: it counts in place of that */
    TAKE_FIRST, /* of the same step as the last, which could not be taken back */
    TAKE_ANEW,  /* of a new step behind a long gap: all that was learned has been given up */
    TAKE_LATE,  /* of a step that is over: nothing was learned */
};

struct forecast_series *forecast_series_new(const struct forecast_grid *grid, uint64_t seed);
void forecast_series_free(struct forecast_series *s);
uint64_t forecast_series_size(const struct forecast_series *s);
/* y: the value, NaN when the row has none; within +-1e150. */
enum forecast_take forecast_series_take(struct forecast_series *s, int64_t time, double y);
/* For reading; changes with the next take. */
const struct forecast_model *forecast_series_model(const struct forecast_series *s);
/* Trainings of its forecaster (ml/beside.h). */
extern const struct trainable forecast_trainable;
/* Saves, or loads into a new one of the same configuration. */
int forecast_series_io(struct forecast_series *s, struct snapshot *snapshot);

#endif
