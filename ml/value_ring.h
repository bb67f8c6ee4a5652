/* The last values of a regular series: a ring, oldest first, NaN where one is missing. Grows up to
 * its capacity as values come. One owner.
 */
#ifndef KLAMM_ML_SERIES_H
#define KLAMM_ML_SERIES_H

#include "engine/snapshot.h"

#include <stdint.h>

struct series {
    double *value;
    uint32_t capacity, room; /* room: values that fit at present */
    uint32_t n, first;       /* values held; where the oldest one is */
    int64_t steps;           /* values ever added */
};

void series_init(struct series *s, uint32_t capacity);
void series_done(struct series *s);
void series_add(struct series *s, double y);
/* The i-th oldest value held, i < n. */
double series_at(const struct series *s, uint32_t i);
/* Mean and deviation of the known values held; returns how many they are. The deviation is 1 where
 * they do not differ. */
uint32_t series_moments(const struct series *s, double *mean, double *deviation);
/* Values beyond +-1e150 are damage. */
int series_io(struct series *s, struct snapshot *snap);

#endif
