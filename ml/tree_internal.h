/* What the files of ml/tree.h share. tree.c: pools, ways down, leaves; tree_attempt.c: splits and
 * the bound on memory; tree_adapt.c: learning and predicting with watches and alternates;
 * tree_io.c.
 */
#ifndef KLAMM_ML_TREE_INTERNAL_H
#define KLAMM_ML_TREE_INTERNAL_H

#include "ml/tree.h"

static inline bool tree_is_classes(const struct tree *t)
{
    return t->setup.task == LEARN_CLASSES;
}

double *tree_scratch(struct tree *t, size_t n);
/* A leaf with nothing in it. Both move the pools: pointers into them end here. */
int32_t tree_add_leaf(struct tree *t, uint32_t depth);
int32_t tree_add_ways(struct tree *t, uint32_t n);
/* The nodes from here down, and their alternates. */
void tree_drop(struct tree *t, int32_t node);
/* The leaf of a node without its node. */
void tree_drop_leaf(struct tree *t, int32_t leaf);

/* Which child the row goes to; -1: a category that has no branch. */
int32_t tree_child(const struct tree *t, int32_t node, const double *x);
int32_t tree_common_child(const struct tree *t, int32_t node);
/* The leaf from here down; unknown categories take the way most rows took. */
int32_t tree_find(const struct tree *t, int32_t node, const double *x);
/* A new leaf for the row's category; -1 when there are too many. */
int32_t tree_branch_out(struct tree *t, int32_t node, const double *x);
double tree_leaf_total(const struct tree *t, const struct tree_leaf *l);

/* What the leaf of a node predicts; classes: probabilities; returns the class, -1 of an empty leaf,
 * or the value. out may be NULL. */
double tree_leaf_predict(struct tree *t, int32_t node, const double *x, double *out);
/* Learns at a leaf, and tries to split it when its time has come. Returns what it predicted. */
double tree_leaf_learn(struct tree *t, int32_t node, const double *x, double y, double w);
void tree_count_bytes(struct tree *t, struct tree_leaf *l);
void tree_attempt(struct tree *t, int32_t node);
/* Takes what splits need from leaves until the tree is within max_size again. */
void tree_shrink(struct tree *t);

double tree_adapt_learn(struct tree *t, const double *x, double y, double w);
void tree_adapt_predict(struct tree *t, const double *x, double *out);

#endif
