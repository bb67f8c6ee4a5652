/* Decision trees grown from all rows at once (Breiman, Friedman, Olshen and Stone, "Classification
 * and regression trees", 1984), with random columns per split as random forests want them.
 *
 *   cart_table_init (ranks of all columns, once per forest) -> cart_grow per tree;   cart_walk
 *
 * The table is read only once it is made; trees are built in one thread each.
 */
#ifndef KLAMM_ML_CART_H
#define KLAMM_ML_CART_H

#include "engine/learner.h"
#include "engine/random.h"

enum cart_criterion { CART_GINI, CART_ENTROPY, CART_SQUARED_ERROR };

struct cart_options {
    enum cart_criterion criterion;
    uint32_t max_depth, min_samples_leaf, min_samples_split, max_features, max_nodes;
};

/* Rows to learn from, with the rank of every value in its column. */
struct cart_table {
    const double *x, *y;
    const struct learner_column *column;
    uint32_t rows, columns, classes; /* classes: 0 where y are values */
    uint32_t *rank;                  /* rank[column * rows + row]: equal values, equal ranks */
};

/* 16 bytes: a walk reads nothing else. Children are neighbours, and after their parent. */
struct cart_node {
    double threshold; /* x <= threshold goes left; of a category: x == threshold */
    uint32_t column;  /* CART_LEAF: left is the number of the leaf */
    uint32_t left;
};
#define CART_LEAF     UINT32_MAX
#define CART_CATEGORY 0x80000000u /* added to the column */

struct cart {
    uint32_t nodes, leaves;
    struct cart_node *node;
    double *value; /* per leaf: shares of the classes, or the mean */
};

void cart_table_init(struct cart_table *t, const double *x, const double *y, uint32_t rows,
                     const struct learner_column *column, uint32_t columns, uint32_t classes);
void cart_table_done(struct cart_table *t);
/* weight: per row, 0 leaves it out. Draws columns from r. */
void cart_grow(struct cart *c, const struct cart_table *t, const struct cart_options *o,
               const double *weight, struct random *r);
void cart_done(struct cart *c);
/* What the leaf of a row holds. width: classes, 1 of values. */
const double *cart_walk(const struct cart *c, const double *x, uint32_t width);
/* A damaged snapshot gives no node that leads out of the tree or back. */
int cart_io(struct cart *c, uint32_t columns, uint32_t width, struct snapshot *s);
uint64_t cart_size(const struct cart *c, uint32_t width);

#endif
