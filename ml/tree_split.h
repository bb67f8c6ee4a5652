/* A split that a leaf proposes, and the columns a leaf looks at: what leaves of classes and leaves
 * of values share. Plain data.
 */
#ifndef KLAMM_ML_TREE_SPLIT_H
#define KLAMM_ML_TREE_SPLIT_H

#include <stdint.h>

enum tree_kind {
    TREE_FREE, /* a node of the pool that is not in use */
    TREE_LEAF,
    TREE_NUMBER, /* x <= threshold: left */
    TREE_VALUE,  /* category x == threshold: left */
    TREE_VALUES, /* a child per category */
};

/* Categories of a column that a leaf tells apart; those that come later are learned by the class
 * weights alone. */
#define TREE_CATEGORIES_MAX 256

struct tree_split {
    double merit; /* -HUGE_VAL: none */
    enum tree_kind kind;
    uint32_t place;   /* which of the leaf's columns; numbers first */
    double threshold; /* or the category */
};

/* A category number out of a row; -1: one that was never learned. */
static inline int32_t tree_category(double x)
{
    return x >= 0 && x < INT32_MAX ? (int32_t)x : -1;
}

/* The columns of a row that matter to a leaf: numbers, then categories. */
struct tree_view {
    const uint32_t *column;
    uint32_t numbers, categories;
};

#endif
