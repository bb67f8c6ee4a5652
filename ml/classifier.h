/* Classifier: a model with the names of its classes and its evaluation. */
#ifndef KLAMM_ML_CLASSIFIER_H
#define KLAMM_ML_CLASSIFIER_H

#include "ml/auc.h"
#include "ml/classes.h"
#include "ml/confusion.h"
#include "ml/evaluate.h"
#include "ml/model.h"

/* Read-only, shared by all classifiers of a step. */
struct classifier_config {
    struct model_config model;
    const struct type *label;    /* boolean, long or string */
    bool has_confusion, has_auc; /* what is evaluated beside accuracy; auc: of a boolean label */
};

struct classifier {
    struct model model; /* the first member */
    const struct classifier_config *config;
    struct classes classes;
    struct evaluation evaluation;
    struct confusion confusion;
    struct auc *auc; /* of has_auc */
};

struct classifier *classifier_new(const struct classifier_config *config, uint64_t seed);
void classifier_free(struct classifier *c);
uint64_t classifier_size(const struct classifier *c);

/* The most probable class, the first one on a tie; scratch->out has the probabilities of all. -1
 * before the first training, or when they are not finite (the learner diverged). */
int classifier_predict(struct classifier *c, const double *x, struct model_scratch *scratch);
/* P(true) of what was just predicted, for a boolean label. */
double classifier_p_true(const struct classifier *c, const struct model_scratch *scratch);
/* Class of a label, made if it is new and `knows` allows it: -1 when it is unknown, or -ERR_DATA
 * with a message when no class can be made of it. */
enum knows { KNOWN_ONLY, MAKE_CLASS };
int classifier_class(struct classifier *c, const struct vec *label, uint16_t row, enum knows knows,
                     const char **problem);
/* By what a prediction is scored. */
struct class_prediction {
    int class;     /* -1: there was none */
    double p;      /* that was given to the label; 0 when it is new */
    double p_true; /* of has_auc */
};
/* Scores the prediction against a class; then learns it if `learns`. True when it was scored. */
bool classifier_teach(struct classifier *c, const double *x, int class, int64_t time,
                      const struct class_prediction *predicted, bool learns,
                      struct model_scratch *scratch, struct outcome *outcome);
/* Saves, or loads into a new one of the same configuration. */
int classifier_io(struct classifier *c, struct snapshot *s);

#endif
