/* Residual: how far a value is from what a forecaster expected, in recent spreads; a detector over
 * any struct forecaster_def. One owner.
 *
 *     double odd = residual_score(r, y);      NaN while the forecaster cannot say
 *     residual_learn(r, y);                   NaN: the step's value is missing
 */
#ifndef KLAMM_ML_RESIDUAL_H
#define KLAMM_ML_RESIDUAL_H

#include "engine/forecaster.h"
#include "engine/snapshot.h"

#include <stdint.h>

struct residual_config {
    const struct forecaster_def *def;
    const void *options;    /* of the forecaster, parsed; outlive the residual, as do the seasons */
    const uint32_t *season; /* lengths in steps, ascending */
    uint32_t nseasons;
    double fading_factor; /* weight of the newest residual in their spread */
    uint64_t seed;
};
#define RESIDUAL_FADING 0.01

struct residual;
/* NULL where the forecaster refuses. */
struct residual *residual_new(const struct residual_config *config);
void residual_free(struct residual *r);
/* |y - expected| / spread; changes nothing. */
double residual_score(const struct residual *r, double y);
/* What the forecaster expects next. */
double residual_expected(const struct residual *r);
void residual_learn(struct residual *r, double y);
int residual_io(struct residual *r, struct snapshot *s);
uint64_t residual_size(const struct residual *r);

#endif
