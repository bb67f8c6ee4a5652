/* The values that one column takes in a leaf, in ascending order, with the moments of the target of
 * the rows of each: candidates for the threshold of a split of values (River's TEBST splitter), or
 * the categories of a column. One owner.
 */
#ifndef KLAMM_ML_TREE_ORDER_H
#define KLAMM_ML_TREE_ORDER_H

#include "engine/snapshot.h"
#include "ml/tree_merit.h"

/* Distinct values kept; what comes later counts with the next greater of those there. */
#define TREE_ORDER_MAX 4096

struct tree_order {
    uint32_t n, room;
    uint32_t next; /* age of the next new value */
    double *value; /* ascending */
    struct moments *at;
    uint32_t *age; /* when the value was first seen: decides the shape of the search tree */
};

void tree_order_done(struct tree_order *q);
/* First position whose value is not below v; n when there is none. */
uint32_t tree_order_find(const struct tree_order *q, double v);
/* True when it took room for a new value. */
bool tree_order_add(struct tree_order *q, double value, double y, double w, uint32_t most);
/* Position of the value that gives the best "x <= value", -1 of none; its merit in *merit. */
int32_t tree_order_best(const struct tree_order *q, const struct tree_options *o,
                        const struct moments *all, double *merit);
/* Moments of the rows up to and with position `last`. */
struct moments tree_order_left(const struct tree_order *q, uint32_t last);
/* Drops values whose merit is below `least` of the best. */
void tree_order_prune(struct tree_order *q, const struct tree_options *o, const struct moments *all,
                      double best, double least);
/* x to so many decimals, halves to even, as Python's round(). */
double tree_order_round(double x, double power_of_ten);
int tree_order_io(struct tree_order *q, struct snapshot *s);
uint64_t tree_order_size(const struct tree_order *q);

#endif
