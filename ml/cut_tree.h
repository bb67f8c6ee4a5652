/* Cut tree: a random cut tree over a bounded sample of points, with insertion and deletion (Guha,
 * Mishra, Roy and Schrijvers, "Robust random cut forest based anomaly detection on streams", ICML
 * 2016). Points are known by their slots, 0 to room-1. One owner.
 */
#ifndef KLAMM_ML_CUT_TREE_H
#define KLAMM_ML_CUT_TREE_H

#include "engine/random.h"
#include "engine/snapshot.h"

#include <stdint.h>

#define CUT_NONE UINT32_MAX

struct cut_node {
    uint32_t parent, left, right; /* nodes; left is CUT_NONE for a leaf */
    uint32_t points;              /* below it; of a leaf: how often its point is there */
    uint32_t feature;
    double at; /* left: at most this */
};

struct cut_tree {
    uint32_t n, room, used;
    uint32_t root;
    struct cut_node *node; /* leaves are nodes 0..room-1, others from room on */
    double *low, *high;    /* box of each node, n doubles; of a leaf its point, in low only */
    uint32_t *leaf;        /* of each slot; CUT_NONE: empty */
    uint32_t *unused;      /* stacks of free leaves, and behind them of free other nodes */
    uint32_t nleaves, ninner;
};

/* room: at least 2. */
void cut_tree_init(struct cut_tree *t, uint32_t n, uint32_t room);
void cut_tree_done(struct cut_tree *t);
/* Into an empty slot; point has n doubles, within +-1e150. */
void cut_tree_insert(struct cut_tree *t, uint32_t slot, const double *point, struct random *random);
void cut_tree_remove(struct cut_tree *t, uint32_t slot);
/* Collusive displacement of a point that is there: the largest, over the subtrees that it is in, of
 * (points of the sibling subtree) / (points of the subtree). */
double cut_tree_codisp(const struct cut_tree *t, uint32_t slot);
/* What the point's codisp would be on average over the random cuts of inserting it; 0 in an empty
 * tree. */
double cut_tree_score(const struct cut_tree *t, const double *point);
/* The slots in use are 0 to used - 1. */
int cut_tree_is_dense(const struct cut_tree *t);
int cut_tree_io(struct cut_tree *t, struct snapshot *s);
uint64_t cut_tree_size(const struct cut_tree *t);

#endif
