/* Adam (Kingma and Ba 2015) over one block of float weights, with the gradient clipped by its norm:
 * for networks that learn by mini-batches. (ml/optimizers/ are those of learners of single rows.)
 */
#ifndef KLAMM_ML_CLIPPED_ADAM_H
#define KLAMM_ML_CLIPPED_ADAM_H

#include "engine/snapshot.h"

#include <stdbool.h>
#include <stddef.h>

struct clipped_adam {
    size_t n;
    int64_t steps;
    float *mean, *square; /* one block: moving averages of the gradient and of its square */
};

void clipped_adam_init(struct clipped_adam *a, size_t n);
void clipped_adam_done(struct clipped_adam *a);
/* Scales gradient down to the norm `clip` where it is longer (0: never). Does nothing and returns
 * false where it is not finite. */
bool clipped_adam_step(struct clipped_adam *a, double lr, double clip, float *weight,
                       float *gradient);
/* All of it, into one of as many weights. */
void clipped_adam_copy(struct clipped_adam *to, const struct clipped_adam *from);
/* n floats, which must be finite, in place. */
void clipped_adam_floats(struct snapshot *s, float *v, size_t n);
int clipped_adam_io(struct clipped_adam *a, struct snapshot *s);

#endif
