/* Stamp: a row's place in the order that `first`, `last`, `collect`, `ewma` and others go by.
 *
 *   by event time, ties by source partition, then in input order
 *
 * Rows of one source partition arrive in the order of their offsets, so input order stands for
 * these. Behind a repartition rows of several partitions meet in any order: there the source
 * partition is what makes the order the same in every run.
 */
#ifndef KLAMM_WINDOWS_AGGREGATES_STAMP_H
#define KLAMM_WINDOWS_AGGREGATES_STAMP_H

#include "engine/batch.h"

struct stamp {
    int64_t time;
    int32_t part, has; /* has: 0 in a state that has no row yet */
};

static inline struct stamp stamp_of(const struct batch *b, uint16_t row)
{
    return (struct stamp){b->time[row], b->part ? b->part[row] : 0, 1};
}

/* Below, at or above 0; of two that compare as 0 the one that came first is first. */
static inline int stamp_order(const struct stamp *a, const struct stamp *b)
{
    if (a->time != b->time) {
        return a->time < b->time ? -1 : 1;
    }
    return (a->part > b->part) - (a->part < b->part);
}

#endif
