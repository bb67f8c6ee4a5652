/* Series of klamm_ml.h: forecasts and drift, value by value. What is NaN, infinite or beyond
 * +-1e150 is missing: a step of its own in a forecast, nothing at all to a detector of drift.
 */
#include "ml/beside.h"
#include "ml/features.h"
#include "ml/klamm_ml_model.h"

#include <math.h>

static int check_series(const struct klamm_ml *m, struct klamm_ml_error *e)
{
    if (!m) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "there is no model");
    }
    if (!m->series) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "%s is no forecast", m->setup.task);
    }
    return 0;
}

int klamm_ml_add(struct klamm_ml *m, int64_t time, double value, struct klamm_ml_error *e)
{
    int status = check_series(m, e);
    if (status < 0) {
        return status;
    }
    double y = fabs(value) <= FEATURE_MOST ? value : (double)NAN;
    bool is_taken = forecast_series_take(m->series, time, y) != TAKE_LATE;
    trainable_now(&forecast_trainable, m->series);
    return is_taken;
}

int klamm_ml_forecast(struct klamm_ml *m, double *out, uint32_t n, struct klamm_ml_error *e)
{
    int status = check_series(m, e);
    if (status < 0) {
        return status;
    }
    if (!out || n < klamm_ml_width(m)) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "room for %u numbers: %u horizons have %u",
                             out ? (unsigned)n : 0, (unsigned)m->grid.config.nhorizons,
                             (unsigned)klamm_ml_width(m));
    }
    const struct forecast_model *model = forecast_series_model(m->series);
    for (uint32_t i = 0; i < m->grid.config.nhorizons; i++) {
        const struct forecast *f = forecast_model_now(model, i);
        out[3 * i + KLAMM_ML_VALUE] = f->value;
        out[3 * i + KLAMM_ML_LOWER] = f->lower;
        out[3 * i + KLAMM_ML_UPPER] = f->upper;
    }
    return 0;
}

int klamm_ml_watch(struct klamm_ml *m, double value, struct klamm_ml_error *e)
{
    if (!m || !m->watch) {
        return klamm_ml_fail(e, KLAMM_ML_CALL, "%s does not tell of drift",
                             m ? m->setup.task : "no model");
    }
    if (!(fabs(value) <= FEATURE_MOST)) {
        return 0;
    }
    if (m->drift->is_binary && value != 0 && value != 1) {
        return klamm_ml_fail(e, KLAMM_ML_DATA,
                             "%s watches errors, 1 or 0; adwin and page_hinkley take numbers",
                             m->drift->name);
    }
    bool is_drift = m->drift->update(m->watch, value);
    m->values++;
    m->drifts += is_drift;
    return is_drift;
}
