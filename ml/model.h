/* Model: a learner with all that belongs to it: the scaler in front, the names of its classes, its
 * evaluation. One model is one state entry. Usable without the rest of klamm:
 *
 *     struct model *m = model_new(&config, seed);
 *     model_predict(m, x, &scratch);                    probabilities, before the row is learned
 *     model_learn(m, x, label, row, predicted, &scratch, &outcome);
 *     model_io(m, &snapshot);
 */
#ifndef KLAMM_ML_MODEL_H
#define KLAMM_ML_MODEL_H

#include "engine/learner.h"
#include "ml/classes.h"
#include "ml/evaluate.h"
#include "ml/scaler.h"

/* Read-only, shared by all models of a step. */
struct model_config {
    const struct learner_def *def;
    const void *options;
    const struct learner_column *column;
    uint32_t ncolumns, ncategories;
    bool is_scaled;           /* never with categories */
    const struct type *label; /* boolean, long or string */
};

/* Working memory, one per task. */
struct model_scratch {
    double *scaled; /* ncolumns */
    double *proba;  /* CLASSES_MAX; the last prediction's probabilities by class */
};

struct model {
    const struct model_config *config;
    void *learner;
    struct scaler scaler; /* of is_scaled */
    struct classes classes;
    struct classes *category; /* one dictionary per category column */
    struct evaluation evaluation;
    int64_t rows;    /* learned */
    int64_t version; /* 1, and one more with each model that takes its place */
};

struct model *model_new(const struct model_config *config, uint64_t seed);
void model_free(struct model *m);
/* Bytes that it holds. */
uint64_t model_size(const struct model *m);
void model_scratch_init(struct model_scratch *s, const struct model_config *config);
void model_scratch_done(struct model_scratch *s);

/* The most probable class, the first one on a tie; scratch->proba has all. -1 before the first row
 * was learned, or when the probabilities are not finite (the learner diverged). */
int model_predict(struct model *m, const double *x, struct model_scratch *scratch);
/* Scores what model_predict() gave for the same x against a label, without learning: 1 when scored,
 * 0 when there is nothing to score (predicted is -1, or the label is of no class known). */
int model_score(struct model *m, const struct vec *label, uint16_t row, int predicted,
                const struct model_scratch *scratch, struct outcome *outcome);
/* Scores and learns the row: 1 when scored, else 0. -ERR_DATA with a message when the label cannot
 * be a class: nothing is scored or learned then. */
int model_learn(struct model *m, const double *x, const struct vec *label, uint16_t row,
                int predicted, struct model_scratch *scratch, struct outcome *outcome,
                const char **problem);
/* What gives a snapshot its meaning: algorithm, columns, scaling, type of label, and the options
 * that its form depends on. */
void model_layout(const struct model_config *config, struct buffer *words);
/* Saves, or loads into a new model of the same configuration. */
int model_io(struct model *m, struct snapshot *s);

#endif
