/* Residuals of a forecaster, one step ahead.
 *
 *   e      = y - forecast of y before it was learned
 *   spread = 1.2533 * mean of |e|, exponentially weighted: a = max(1 / residuals, fading_factor); as
 *            the deviation of a normal distribution, but less moved by outliers
 *   score  = |e| / spread, as ml/spread.h bounds it
 *
 * A residual counts in the spread as at most BOUND spreads, once there are FIRST of them: an
 * anomaly does not hide the next one, yet a wider spread is learned in time.
 *
 *   state   residuals, mean of |e|, the forecaster: version 1
 *   missing values are learned by the forecaster (as NaN) and not by the spread
 */
#include "ml/residual.h"

#include "engine/memory.h"
#include "ml/spread.h"

#include <math.h>

#define BOUND 5
#define FIRST 20

struct residual {
    const struct forecaster_def *def;
    void *forecaster;
    double fading_factor;
    uint32_t horizon;
    int64_t n;
    double mean; /* of |e| */
};

struct residual *residual_new(const struct residual_config *config)
{
    struct residual *r = mem_zalloc(sizeof(*r));
    r->def = config->def;
    r->fading_factor = config->fading_factor;
    r->horizon = 1;
    struct forecaster_setup setup = {
        .options = config->options,
        .horizon = &r->horizon,
        .nhorizons = 1,
        .season = config->season,
        .nseasons = config->nseasons,
        .seed = config->seed,
    };
    r->forecaster = config->def->open(&setup);
    if (!r->forecaster) {
        mem_free(r);
        return NULL;
    }
    return r;
}

void residual_free(struct residual *r)
{
    if (r) {
        r->def->close(r->forecaster);
        mem_free(r);
    }
}

double residual_expected(const struct residual *r)
{
    double expected;
    r->def->predict(r->forecaster, &expected);
    return expected;
}

double residual_score(const struct residual *r, double y)
{
    double expected = residual_expected(r);
    if (r->n == 0 || isnan(expected) || isnan(y)) {
        return NAN;
    }
    return spread_score(y, spread_bounded(expected), 1.2533 * r->mean);
}

void residual_learn(struct residual *r, double y)
{
    double expected = residual_expected(r);
    if (!isnan(expected) && !isnan(y)) {
        double e = fabs(spread_bounded(y) - spread_bounded(expected));
        double most = 1.2533 * BOUND * r->mean;
        r->n++;
        double a = fmax(1 / (double)r->n, r->fading_factor);
        e = r->n > FIRST && r->mean > 0 ? fmin(e, most) : e;
        r->mean += a * (e - r->mean);
    }
    r->def->learn(r->forecaster, isnan(y) ? y : spread_bounded(y));
    trainable_now(r->def->training, r->forecaster);
}

int residual_io(struct residual *r, struct snapshot *s)
{
    snapshot_version(s, 1);
    snapshot_count(s, &r->n);
    snapshot_double(s, &r->mean);
    if (s->loading && !(r->mean >= 0 && r->mean <= 2 * SPREAD_VALUE_MAX)) {
        r->mean = 0;
        s->status = -ERR_DATA;
        return s->status;
    }
    return s->status < 0 ? s->status : r->def->io(r->forecaster, s);
}

uint64_t residual_size(const struct residual *r)
{
    return sizeof(*r) + (r->def->size ? r->def->size(r->forecaster) : 0);
}
