/* Forecast plan: what the configuration of a step `forecast` says, read once, shared by all tasks. */
#ifndef KLAMM_ML_FORECAST_PLAN_H
#define KLAMM_ML_FORECAST_PLAN_H

#include "engine/expression/expression.h"
#include "engine/step.h"
#include "ml/forecast_series.h"
#include "ml/per.h"

enum forecast_learn { FORECAST_LEARN_ONLINE, FORECAST_LEARN_NEVER };

struct forecast_cfg {
    const char *algorithm, *as;
    struct config_text target;
    const struct yaml *horizons, *season, *options, *breach;
    int64_t every;
    double coverage;
    bool fallback;
    int per, learn;
};

extern const struct config_field forecast_fields[];

struct forecast_plan {
    const struct forecast_cfg *cfg;
    const struct expression *target, *bound; /* bound: of breach, or NULL */
    bool is_above;
    struct forecast_grid grid;
    const char **name; /* of the horizons, as they are written */
    struct per_plan per;
    uint16_t first, n; /* of the output columns that it adds */
};

/* The step's bind; n->bound is the plan, `objects` what per.h keeps. */
int forecast_plan_bind(struct node *n, const struct object_def *objects);
void forecast_plan_needs(const struct node *n, const bool *out, bool *in);
void forecast_plan_layout(const struct node *n, struct buffer *words);

#endif
