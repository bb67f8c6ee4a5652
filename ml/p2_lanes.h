/* P2 lanes: many quantiles, each of a stream of its own, that learn a value each at a time: those
 * of the columns of a row. What each becomes is what a struct p2 (ml/p2.h) becomes, to the bit, in
 * less time from four of them on. Of one thread.
 */
#ifndef KLAMM_ML_P2_LANES_H
#define KLAMM_ML_P2_LANES_H

#include "engine/snapshot.h"

#include <stdint.h>

struct p2_lanes {
    uint32_t n, room, few; /* lanes; a multiple of 4; lanes with five values or less */
    double *x;             /* per lane: the next value, to be written; NaN: none */
    double *q;             /* per lane */
    double *height, *position, *wanted, *step; /* marker i of a lane: [i * room + lane] */
};

/* Lane i has quantile q[i % nq], in (0, 1). */
void p2_lanes_init(struct p2_lanes *p, uint32_t n, const double *q, uint32_t nq);
void p2_lanes_done(struct p2_lanes *p);
/* Learns p->x, in which other numbers may stand then. */
void p2_lanes_add(struct p2_lanes *p);
/* NaN before the first value. */
double p2_lanes_few(const struct p2_lanes *p, uint32_t lane);
static inline double p2_lanes_get(const struct p2_lanes *p, uint32_t lane)
{
    return p->few > 0 ? p2_lanes_few(p, lane) : p->height[2 * p->room + lane];
}
/* One lane, in the form of p2_io(). */
int p2_lanes_io(struct p2_lanes *p, uint32_t lane, struct snapshot *s);
/* Bytes that p points to. */
uint64_t p2_lanes_size(const struct p2_lanes *p);

#endif
