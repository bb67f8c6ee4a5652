/* A leaf of a tree of values: moments of the target, a linear model, the order of every column. It
 * predicts by the mean or by the model and proposes splits. One owner.
 */
#ifndef KLAMM_ML_TREE_VALUES_H
#define KLAMM_ML_TREE_VALUES_H

#include "ml/tree_order.h"
#include "ml/tree_split.h"

struct tree_values {
    struct moments all;
    double mean_error, model_error; /* squared, fading */
    double *model;                  /* intercept, then a weight per number of the row */
    struct tree_order *order;       /* per column of the view; NULL before the first row */
};

void tree_values_done(struct tree_values *l, const struct tree_view *v);
/* Forgets what splits need. */
void tree_values_forget(struct tree_values *l, const struct tree_view *v);
/* What the leaf predicts for the row; `whole` are all columns of the tree, for the model. */
double tree_values_predict(const struct tree_values *l, const struct tree_view *whole,
                           const double *x, const struct tree_options *o);
/* Errors, moments and model; not what splits need. */
void tree_values_learn(struct tree_values *l, const struct tree_view *whole, const double *x,
                       double y, double w, const struct tree_options *o);
/* Adds to what splits need; true when it took more room. */
bool tree_values_observe(struct tree_values *l, const struct tree_view *v, const double *x,
                         double y, double w, double power_of_ten);
struct tree_split tree_values_best(const struct tree_values *l, const struct tree_view *v,
                                   uint32_t place, const struct tree_options *o);
/* Gives each branch its moments, and the model and errors of this leaf; child[i] is zeroed. */
void tree_values_divide(const struct tree_values *l, const struct tree_view *v,
                        const struct tree_split *split, const struct tree_view *whole,
                        struct tree_values *child);
/* After an attempt that failed: candidates far from the best one go. */
void tree_values_prune(struct tree_values *l, const struct tree_view *v,
                       const struct tree_options *o, double best, double least);
int tree_values_io(struct tree_values *l, const struct tree_view *v, const struct tree_view *whole,
                   const struct tree_options *o, struct snapshot *s);
uint64_t tree_values_size(const struct tree_values *l, const struct tree_view *v,
                          const struct tree_view *whole);

#endif
