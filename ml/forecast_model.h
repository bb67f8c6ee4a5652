/* Forecast model: one regular series with its forecaster, the simple ones that it has to beat, the
 * intervals and the scores.
 *
 *     forecast_model_learn(m, y)     the next step's value, NaN when it is missing
 *     forecast_model_now(m, i)       what is forecast now for horizon i
 */
#ifndef KLAMM_ML_FORECAST_MODEL_H
#define KLAMM_ML_FORECAST_MODEL_H

#include "engine/forecaster.h"
#include "ml/conformal.h"

enum forecast_rule { RULE_FORECAST, RULE_NO_CHANGE, RULE_SEASONAL, FORECAST_RULES };
/* Names of their metrics. */
extern const struct forecast_rule_metrics {
    const char *mae, *smape;
} forecast_rules[];

/* Shared by all series of a step; outlives them. */
struct forecast_config {
    /* The one that was asked for and, with FORECAST_RULES, naive and seasonal_naive (NULL without
     * seasons). */
    const struct forecaster_def *def[FORECAST_RULES];
    const void *options[FORECAST_RULES];
    const uint32_t *horizon, *season; /* ascending */
    uint32_t nhorizons, nseasons;
    double coverage;
    bool falls_back;
};

/* Totals over horizons and values; also of many series together. */
struct forecast_scores {
    int64_t rows[FORECAST_RULES];
    double absolute[FORECAST_RULES], smape[FORECAST_RULES];
    int64_t intervals, covered;
};
void forecast_scores_add(struct forecast_scores *s, const struct forecast_scores *by, int sign);
int forecast_scores_io(struct forecast_scores *scores, struct snapshot *s);
/* Means; 0 without rows. */
double forecast_scores_mae(const struct forecast_scores *s, enum forecast_rule rule);
double forecast_scores_smape(const struct forecast_scores *s, enum forecast_rule rule);
double forecast_scores_coverage(const struct forecast_scores *s);

/* A forecast for one horizon; what is not known is NaN. */
struct forecast {
    double value, lower, upper;
    double by[FORECAST_RULES]; /* each forecaster's own */
};

struct forecast_model;

struct forecast_model *forecast_model_new(const struct forecast_config *config, uint64_t seed);
void forecast_model_free(struct forecast_model *m);
uint64_t forecast_model_size(const struct forecast_model *m);
/* Steps learned. */
int64_t forecast_model_steps(const struct forecast_model *m);
void forecast_model_learn(struct forecast_model *m, double y);
/* Dies with the next call. */
const struct forecast *forecast_model_now(const struct forecast_model *m, uint32_t horizon);
const struct forecast_scores *forecast_model_scores(const struct forecast_model *m);
/* Saves, or loads into a new one of the same configuration. */
int forecast_model_io(struct forecast_model *m, struct snapshot *s);

#endif
