/* Merit of a split: how much better the branches tell the classes, or the values, apart. Sums and
 * their order are those of River 0.26's split criteria. Pure functions.
 */
#ifndef KLAMM_ML_TREE_MERIT_H
#define KLAMM_ML_TREE_MERIT_H

#include "ml/tree_moments.h"
#include "ml/tree_options.h"

/* Weights per class in `branches` rows of `stride`, of which the first `classes` are meant. */
struct tree_branches {
    const double *weight;
    uint32_t branches, classes, stride;
    const uint32_t *class; /* which class a column is of */
};

/* Entropy in bits of n weights; 0 of none. */
double tree_entropy(const double *weight, uint32_t n);
/* -HUGE_VAL when fewer than two branches have their share. pre_entropy: of the leaf (info_gain). */
double tree_merit_classes(const struct tree_options *o, double pre_entropy,
                          const struct tree_branches *b);
/* The range of a merit, for the Hoeffding bound. */
double tree_merit_range(const struct tree_options *o, uint32_t classes);
/* Variance reduction; 0 when a branch has too few rows. */
double tree_merit_values(const struct tree_options *o, const struct moments *all,
                         const struct moments *branch, uint32_t branches);
double tree_hoeffding_bound(double range, double delta, double n);

#endif
