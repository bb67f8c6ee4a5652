/* Regressor: scored, then learned.
 *
 *   interval   ml/conformal.h, from the errors of the rows before
 *   state      model; evaluation; conformal: version 1
 */
#include "ml/regressor.h"

#include "engine/memory.h"

#include <math.h>

#define VALUE_MOST 1e150 /* a prediction beyond it is none: squares of errors stay finite */

struct regressor *regressor_new(const struct model_config *config, double coverage, uint64_t seed)
{
    struct regressor *r = mem_zalloc(sizeof(*r));
    model_init(&r->model, config, seed);
    conformal_init(&r->conformal, coverage);
    return r;
}

void regressor_free(struct regressor *r)
{
    if (!r) {
        return;
    }
    model_done(&r->model);
    mem_free(r);
}

uint64_t regressor_size(const struct regressor *r)
{
    return sizeof(*r) + model_size(&r->model);
}

bool regressor_predict(struct regressor *r, const double *x, struct model_scratch *scratch,
                       struct regressor_prediction *out)
{
    if (!model_predict(&r->model, x, scratch) || !(fabs(scratch->out[0]) <= VALUE_MOST)) {
        return false;
    }
    out->value = scratch->out[0];
    conformal_interval(&r->conformal, out->value, &out->lower, &out->upper);
    return true;
}

bool regressor_teach(struct regressor *r, const double *x, double y, int64_t time,
                     const struct regressor_prediction *predicted, enum teach teach,
                     struct model_scratch *scratch, struct value_outcome *outcome)
{
    bool is_scored = predicted && teach != TEACH_PAST;
    if (is_scored) {
        *outcome = value_evaluation_score(&r->evaluation, y, predicted->value, predicted->lower,
                                          predicted->upper);
    }
    if (predicted && teach != TEACH_SCORE) {
        conformal_learn(&r->conformal, predicted->value, predicted->lower, predicted->upper, y);
    }
    value_evaluation_target(&r->evaluation, y);
    if (teach != TEACH_SCORE) {
        model_learn(&r->model, x, y, time, scratch);
    }
    return is_scored;
}

void regressor_hindsight(struct regressor *r, double predicted, double y)
{
    double lower, upper;
    if (fabs(predicted) <= VALUE_MOST) {
        conformal_interval(&r->conformal, predicted, &lower, &upper);
        conformal_learn(&r->conformal, predicted, lower, upper, y);
    }
}

int regressor_io(struct regressor *r, struct snapshot *s)
{
    snapshot_version(s, 1);
    if (model_io(&r->model, 0, s) < 0) {
        return snapshot_status(s);
    }
    value_evaluation_io(&r->evaluation, s);
    return conformal_io(&r->conformal, s);
}
