/* Optimizer: how a gradient moves the weights; one file each under ml/optimizers/. Learners that
 * descend take the options `optimizer` and `lr`, and keep `slots` doubles beside each weight.
 */
#ifndef KLAMM_ML_OPTIMIZER_H
#define KLAMM_ML_OPTIMIZER_H

#include "engine/error.h"

#include <stdint.h>

struct optimizer_def {
    const char *name, *doc;
    uint32_t slots; /* doubles of state per weight */
    /* Moves n weights against their gradients. Works weight by weight, so callers may pass a vector
     * in pieces; `step` counts the gradients given to this vector before. slot[k * stride + i] is
     * slot k of weight i. */
    void (*step)(double lr, int64_t step, double *weight, const double *gradient, double *slot,
                 uint32_t stride, uint32_t n);
};

/* By its name, or NULL with a message that suggests the nearest. */
const struct optimizer_def *optimizer_find(const char *name, struct err *e);

/* Weights are moved in pieces of this size, so that gradients live on the stack. */
#define OPTIMIZER_PIECE 64

#endif
