/* Classifier: a model with the names of its classes and its evaluation. */
#ifndef KLAMM_ML_CLASSIFIER_H
#define KLAMM_ML_CLASSIFIER_H

#include "ml/classes.h"
#include "ml/evaluate.h"
#include "ml/model.h"

struct classifier {
    struct model model; /* the first member */
    struct classes classes;
    struct evaluation evaluation;
};

/* label: boolean, long or string. */
struct classifier *classifier_new(const struct model_config *config, const struct type *label,
                                  uint64_t seed);
void classifier_free(struct classifier *c);
uint64_t classifier_size(const struct classifier *c);

/* The most probable class, the first one on a tie; scratch->out has the probabilities of all. -1
 * before the first training, or when they are not finite (the learner diverged). */
int classifier_predict(struct classifier *c, const double *x, struct model_scratch *scratch);
/* Scores what classifier_predict() gave for the same x against a label, without learning: 1 when
 * scored, 0 when there is nothing to score (predicted is -1, or the label is of no class known). */
int classifier_score(struct classifier *c, const struct vec *label, uint16_t row, int predicted,
                     const struct model_scratch *scratch, struct outcome *outcome);
/* Scores and learns the row: 1 when scored, else 0. -ERR_DATA with a message when the label cannot
 * be a class: nothing is scored or learned then. */
int classifier_learn(struct classifier *c, const double *x, const struct vec *label, uint16_t row,
                     int64_t time, int predicted, struct model_scratch *scratch,
                     struct outcome *outcome, const char **problem);
/* Saves, or loads into a new one of the same configuration. */
int classifier_io(struct classifier *c, struct snapshot *s);

#endif
