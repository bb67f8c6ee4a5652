/* The last values of a regular series: a ring, oldest first, NaN where one is missing. Grows up to
 * its capacity as values come. One owner.
 */
#ifndef KLAMM_ML_VALUE_RING_H
#define KLAMM_ML_VALUE_RING_H

#include "engine/snapshot.h"

#include <stdint.h>

struct value_ring {
    double *value;
    uint32_t capacity, room; /* room: values that fit at present */
    uint32_t n, first;       /* values held; where the oldest one is */
    int64_t steps;           /* values ever added */
};

void value_ring_init(struct value_ring *s, uint32_t capacity);
void value_ring_done(struct value_ring *s);
void value_ring_add(struct value_ring *s, double y);
/* A copy of its n oldest values, as it was when the last of them came; value_ring_done() it. */
void value_ring_head(struct value_ring *out, const struct value_ring *s, uint32_t n);
/* The i-th oldest value held, i < n. */
double value_ring_at(const struct value_ring *s, uint32_t i);
/* Mean and deviation of the known values held; returns how many they are. The deviation is 1 where
 * they do not differ. */
uint32_t value_ring_moments(const struct value_ring *s, double *mean, double *deviation);
/* Values beyond +-1e150 are damage. */
int value_ring_io(struct value_ring *s, struct snapshot *snap);

#endif
