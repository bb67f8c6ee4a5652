/* Prequential evaluation of predicted values, beside the two rules that any regressor must beat. */
#ifndef KLAMM_ML_EVALUATE_VALUES_H
#define KLAMM_ML_EVALUATE_VALUES_H

#include "engine/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

#define VALUE_BLOCKS     10 /* of the rolling figures */
#define VALUE_BLOCK_ROWS 100

enum value_rule {
    VALUE_LEARNER,
    VALUE_MEAN,      /* always the mean of all targets so far */
    VALUE_NO_CHANGE, /* always the last target */
    VALUE_RULES,
};

/* What one row was worth. */
struct value_outcome {
    double y, error[VALUE_RULES]; /* prediction - y */
    double smape;                 /* of the learner: 200 |p - y| / (|p| + |y|) */
    bool has_interval, is_covered;
};

/* Totals; also of many models together. */
struct value_scores {
    int64_t rows, intervals, covered;
    double mean, m2; /* of y, for R2 */
    double absolute[VALUE_RULES], square[VALUE_RULES], smape;
    double block[VALUE_RULES][VALUE_BLOCKS]; /* absolute errors of the last rows, by block */
};

void value_scores_add(struct value_scores *s, const struct value_outcome *o);
/* Adds the totals of another; its last rows only when s has no rows yet. */
void value_scores_merge(struct value_scores *s, const struct value_scores *from);
/* Each 0 without rows. */
double value_scores_mae(const struct value_scores *s, enum value_rule rule);
double value_scores_rmse(const struct value_scores *s, enum value_rule rule);
double value_scores_r2(const struct value_scores *s);
double value_scores_smape(const struct value_scores *s);
double value_scores_coverage(const struct value_scores *s);
int value_scores_io(struct value_scores *scores, struct snapshot *s);
/* MAE of the last 900 to 1000 rows. */
double value_scores_rolling(const struct value_scores *s, enum value_rule rule);

/* One model's evaluation. */
struct value_evaluation {
    struct value_scores scores;
    int64_t n; /* targets known */
    double mean, last;
};
/* lower <= upper; NaN: there was no interval. Only behind the first target. */
struct value_outcome value_evaluation_score(struct value_evaluation *e, double y, double predicted,
                                            double lower, double upper);
/* A target became known (after it was scored, if there was a prediction). */
void value_evaluation_target(struct value_evaluation *e, double y);
int value_evaluation_io(struct value_evaluation *e, struct snapshot *s);

#endif
