/* Forecast grid: the keys that say what is forecast, read into a struct forecast_grid. */
#ifndef KLAMM_ML_FORECAST_GRID_H
#define KLAMM_ML_FORECAST_GRID_H

#include "engine/step.h"
#include "ml/forecast_series.h"

struct forecast_keys {
    const char *algorithm;
    const struct yaml *options, *horizons, *season; /* options and season may be NULL */
};

/* Reads them into g, whose `every`, coverage and falls_back are set. *names: the horizons as they
 * are written, in n->mem as all that g points to. *seed: as of algorithm_options(). -ERR_CONFIG
 * with all problems in the node's diags. */
int forecast_grid_bind(struct node *n, struct forecast_grid *g, const struct forecast_keys *keys,
                       const char ***names, uint64_t *seed);
/* What a snapshot depends on: steps, horizons, seasons and the forecaster. */
void forecast_grid_layout(const struct forecast_grid *g, struct buffer *words);

#endif
