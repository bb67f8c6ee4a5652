/* P2: quantiles of a stream in a few numbers, no value kept. Flat and of fixed size, so that
 * statistics of many columns stand side by side in one block. As River's stats.Quantile, to the
 * bit.
 */
#ifndef KLAMM_ML_P2_H
#define KLAMM_ML_P2_H

#include "engine/snapshot.h"

#include <stdint.h>

/* One quantile: five markers. */
struct p2 {
    double height[5], position[5], wanted[5];
    int64_t n; /* values learned */
};

/* q in (0, 1). */
void p2_init(struct p2 *p, double q);
void p2_add(struct p2 *p, double q, double x);
/* NaN before the first value. */
double p2_get(const struct p2 *p, double q);
int p2_io(struct p2 *p, struct snapshot *s);

/* Quantiles 1/cells, 2/cells, … in one: cells + 1 markers. block has 3 (cells + 1) doubles. */
struct p2_cells {
    uint32_t cells;
    int64_t n;
    double *height, *position, *wanted; /* of cells + 1 each, in `block` */
};
void p2_cells_init(struct p2_cells *c, uint32_t cells, double *block);
void p2_cells_add(struct p2_cells *c, double x);
/* Edge i of 0 .. cells: the least value, the quantiles, the greatest; NaN before the first value. */
double p2_cells_edge(const struct p2_cells *c, uint32_t i);
/* How many of the inner edges are <= x: 0 .. cells - 1. */
uint32_t p2_cells_find(const struct p2_cells *c, double x);
int p2_cells_io(struct p2_cells *c, struct snapshot *s);

#endif
