/* Linear: a score w.x + b that descends along its gradient; the common part of the learners
 * logistic_regression, linear_regression and perceptron, which differ in their losses. One owner.
 *
 *     struct options { struct linear_options linear; int loss; };     first, so that the rows of
 *     static const struct config_field fields[] = {LINEAR_FIELDS, …}; LINEAR_FIELDS point into it
 */
#ifndef KLAMM_ML_LINEAR_H
#define KLAMM_ML_LINEAR_H

#include "engine/buffer.h"
#include "engine/config.h"
#include "engine/learner.h"
#include "ml/linalg.h"
#include "ml/sparse_weights.h"

struct linear_options {
    const struct yaml *optimizer;
    double lr; /* NaN: the optimizer's own */
    double l2, l1, intercept_init, intercept_lr, clip_gradient;
};

/* The two that every linear learner has, and the others. */
#define LINEAR_FIELDS_FEW                                                                          \
    {"l2",                                                                                         \
     CONFIG_DOUBLE,                                                                                \
     offsetof(struct linear_options, l2),                                                          \
     .def = "0",                                                                                   \
     .min = 0,                                                                                     \
     .max = 1e6,                                                                                   \
     .doc = "pushes weights towards 0 in proportion to their size"},                               \
    {                                                                                              \
        "clip_gradient", CONFIG_DOUBLE, offsetof(struct linear_options, clip_gradient),            \
            .def = "1e12", .min = 0, .max = 1e300,                                                 \
            .doc = "bound on the absolute value of the loss gradient"                              \
    }
#define LINEAR_FIELDS                                                                              \
    {"optimizer", CONFIG_YAML, offsetof(struct linear_options, optimizer), .doc = OPTIMIZER_DOC},  \
        {"lr",     CONFIG_DOUBLE, offsetof(struct linear_options, lr),                             \
         .min = 0, .max = 1e6,    .doc = "learning rate; without it the optimizer's"},             \
        {"l1",                                                                                     \
         CONFIG_DOUBLE,                                                                            \
         offsetof(struct linear_options, l1),                                                      \
         .def = "0",                                                                               \
         .min = 0,                                                                                 \
         .max = 1e6,                                                                               \
         .doc = "pushes weights to exactly 0; not together with l2"},                              \
        {"intercept_init", CONFIG_DOUBLE, offsetof(struct linear_options, intercept_init),         \
         .def = "0", .doc = "intercept before the first row"},                                     \
        {"intercept_lr",                                                                           \
         CONFIG_DOUBLE,                                                                            \
         offsetof(struct linear_options, intercept_lr),                                            \
         .def = "0.01",                                                                            \
         .min = 0,                                                                                 \
         .max = 1e6,                                                                               \
         .doc = "learning rate of the intercept; 0 keeps it as it is"},                            \
        LINEAR_FIELDS_FEW

struct linear {
    const struct linear_options *options;
    struct optimizer optimizer;
    uint32_t n;
    int64_t steps;
    double intercept;
    double penalty; /* what every weight should have had of l1 so far */
    double *weight; /* one block: weights, optimizer slots, had */
    double *slot;
    double *had;                  /* of the penalty, per weight; NULL without l1 */
    struct sparse_weights sparse; /* records: weight, slots, had with l1 */
};

int linear_check(const struct linear_options *o, struct err *e);
/* Words for the options that the snapshot's form depends on. */
void linear_layout(const struct linear_options *o, struct buffer *words);
/* Options that linear_check() took; they must outlive m. */
void linear_init(struct linear *m, const struct linear_options *o,
                 const struct learner_setup *setup);
void linear_done(struct linear *m);

static inline double linear_score(const struct linear *m, const double *x)
{
    return linalg_dot(m->weight, x, m->n) + m->intercept;
}

/* One step against the gradient g of the loss by the score, which is clipped first. */
void linear_descend(struct linear *m, const double *x, double g);
/* The same with sparse features beside x: the row whose score was last asked for descends. */
double linear_score_sparse(struct linear *m, const double *x, const struct sparse_row *row);
void linear_descend_sparse(struct linear *m, const double *x, const struct sparse_row *row,
                           double g);
int linear_io(struct linear *m, struct snapshot *s);
/* Bytes beside *m. */
uint64_t linear_size(const struct linear *m);

/* 1 / (1 + exp(-z)), exactly 0 or 1 beyond |z| = 30; NaN stays NaN. */
double linear_sigmoid(double z);

#endif
