/* Regressor: a model of values with intervals around its predictions, and its evaluation. */
#ifndef KLAMM_ML_REGRESSOR_H
#define KLAMM_ML_REGRESSOR_H

#include "ml/conformal.h"
#include "ml/evaluate_values.h"
#include "ml/model.h"

struct regressor {
    struct model model; /* the first member */
    struct value_evaluation evaluation;
    struct conformal conformal;
};

struct regressor_prediction {
    double value, lower, upper; /* bounds are NaN while there are too few errors to tell */
};

/* coverage: of the intervals, within (0, 1). */
struct regressor *regressor_new(const struct model_config *config, double coverage, uint64_t seed);
void regressor_free(struct regressor *r);
uint64_t regressor_size(const struct regressor *r);
/* False before the first training, or when the value is not finite or beyond +-1e150 (the learner
 * diverged). */
bool regressor_predict(struct regressor *r, const double *x, struct model_scratch *scratch,
                       struct regressor_prediction *out);
/* Scores a prediction (NULL: there was none) and, but for TEACH_SCORE, learns the row: true when it
 * was scored. TEACH_PAST: a row of a history, which teaches model and intervals and is no part of
 * the evaluation. */
enum teach { TEACH_SCORE, TEACH_LEARN, TEACH_PAST };
bool regressor_teach(struct regressor *r, const double *x, double y, int64_t time,
                     const struct regressor_prediction *predicted, enum teach teach,
                     struct model_scratch *scratch, struct value_outcome *outcome);
/* A prediction of a learner like this one teaches the intervals, nothing else. */
void regressor_hindsight(struct regressor *r, double predicted, double y);
/* Saves, or loads into a new one of the same configuration. */
int regressor_io(struct regressor *r, struct snapshot *s);

#endif
