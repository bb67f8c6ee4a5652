/* A leaf of a tree of classes: weights per class, a Gaussian per class and number, counts per class
 * and category. It predicts by majority or by naive Bayes and proposes splits. One owner.
 */
#ifndef KLAMM_ML_TREE_CLASSES_H
#define KLAMM_ML_TREE_CLASSES_H

#include "engine/snapshot.h"
#include "ml/tree_merit.h"
#include "ml/tree_split.h"

struct class_slot {
    double weight;
    uint32_t class;
    int32_t seen; /* which block of `stats` is its; -1: no row of it since the leaf is a leaf */
};

/* Weights of the classes per category, in rows of `room`. */
struct category_counts {
    uint32_t n, values_room, room;
    int32_t *value; /* ascending */
    double *weight;
};

struct tree_classes {
    uint32_t n, room; /* classes that have weight here, in order of appearance */
    struct class_slot *slot;
    double mc_right, nb_right; /* weight of rows that each would have got right */
    uint32_t nseen, seen_room;
    uint32_t *seen_class;
    double *stats;                  /* a block per seen class */
    struct category_counts *counts; /* per category column; NULL before the first row */
};

void tree_classes_done(struct tree_classes *l, const struct tree_view *v);
/* Forgets what splits and naive Bayes need, keeps the weights. */
void tree_classes_forget(struct tree_classes *l, const struct tree_view *v);
double tree_classes_total(const struct tree_classes *l);
/* Slot of the largest weight, the first of equals; -1 of none. */
int32_t tree_classes_majority(const struct tree_classes *l);
/* True when no more than one class has weight. */
bool tree_classes_is_pure(const struct tree_classes *l);
/* Log votes per slot, not normalised; returns the slot of the largest, -1 of none. */
int32_t tree_classes_bayes(const struct tree_classes *l, const struct tree_view *v, const double *x,
                           double *votes);
/* Adds to the weights. */
void tree_classes_weigh(struct tree_classes *l, uint32_t class, double w);
/* Adds to what splits and naive Bayes need; true when it took more room. */
bool tree_classes_observe(struct tree_classes *l, const struct tree_view *v, const double *x,
                          uint32_t class, double w);
/* The best split by one column. scratch: 2 * nseen numbers. */
struct tree_split tree_classes_best(const struct tree_classes *l, const struct tree_view *v,
                                    uint32_t place, const struct tree_options *o, double *scratch);
/* Gives each branch of the split its class weights; child[i] is zeroed. */
void tree_classes_divide(const struct tree_classes *l, const struct tree_view *v,
                         const struct tree_split *split, struct tree_classes *child,
                         double *scratch);
int tree_classes_io(struct tree_classes *l, const struct tree_view *v, uint32_t classes,
                    struct snapshot *s);
uint64_t tree_classes_size(const struct tree_classes *l, const struct tree_view *v);

#endif
