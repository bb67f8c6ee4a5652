/* The last values of something, by how many steps ago they were: lags_at(1) is the newest. A ring
 * of fixed size. One owner.
 */
#ifndef KLAMM_ML_LAGS_H
#define KLAMM_ML_LAGS_H

#include "engine/snapshot.h"

#include <stdint.h>

struct lags {
    double *value;
    uint32_t capacity, n, next;
};

void lags_init(struct lags *l, uint32_t capacity); /* 0: keeps nothing */
void lags_done(struct lags *l);
void lags_add(struct lags *l, double value);
/* 1 <= lag <= n. */
double lags_at(const struct lags *l, uint32_t lag);
void lags_clear(struct lags *l);
/* Values that are not finite are damage. */
int lags_io(struct lags *l, struct snapshot *s);

#endif
