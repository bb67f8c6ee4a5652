/* Optimizer: how a gradient moves the weights; one file each under ml/optimizers/. Learners that
 * descend take the options `optimizer` and `lr`, and keep `slots` doubles beside each weight:
 *
 *     optimizer: adam                             or, with options of its own,
 *     optimizer: {name: adam, beta_1: 0.8}        lr may stand in here, too
 *
 *     struct optimizer o;
 *     optimizer_read(&o, options->optimizer, options->lr, "sgd", &e);
 *     double rate = optimizer_rate(&o, steps);
 *     optimizer_step(&o, rate, weight, gradient, slot, n, n);
 *     steps++;
 */
#ifndef KLAMM_ML_OPTIMIZER_H
#define KLAMM_ML_OPTIMIZER_H

#include "engine/error.h"
#include "engine/yaml.h"

#include <stdint.h>

#define OPTIMIZER_OPTIONS 4
#define OPTIMIZER_SLOTS   2 /* at most */

struct optimizer_option {
    const char *name; /* NULL: there are no more */
    double def, min, max;
};

struct optimizer_def {
    const char *name, *doc;
    uint32_t number; /* in snapshots; never given to another one */
    uint32_t slots;  /* doubles of state per weight */
    struct optimizer_option option[OPTIMIZER_OPTIONS]; /* first the learning rate */
    /* The factor of a step, once for all weights; NULL: the learning rate. `step` counts the
     * gradients given to this vector before. */
    double (*rate)(const double *option, int64_t step);
    /* Moves n weights against their gradients. Works weight by weight, so callers may pass a vector
     * in pieces. slot[k * stride + i] is slot k of weight i; all are 0 at first. */
    void (*step)(const double *option, double rate, double *weight, const double *gradient,
                 double *slot, uint32_t stride, uint32_t n);
};

struct optimizer {
    const struct optimizer_def *def;
    double option[OPTIMIZER_OPTIONS];
};

/* Reads what a user wrote: a name or a map, NULL is `otherwise`. lr is the learner's own option,
 * NaN when it is absent. -ERR_CONFIG with a message that suggests the nearest name. */
int optimizer_read(struct optimizer *o, const struct yaml *given, double lr, const char *otherwise,
                   struct err *e);

static inline double optimizer_rate(const struct optimizer *o, int64_t step)
{
    return o->def->rate ? o->def->rate(o->option, step) : o->option[0];
}

static inline void optimizer_step(const struct optimizer *o, double rate, double *weight,
                                  const double *gradient, double *slot, uint32_t stride, uint32_t n)
{
    o->def->step(o->option, rate, weight, gradient, slot, stride, n);
}

#define OPTIMIZER_DOC                                                                              \
    "`sgd`, `adam`, `adagrad` or `ftrl`; with options of its own: `{name: adam, beta_1: 0.8}`"

/* Weights are moved in pieces of this size, so that gradients live on the stack. */
#define OPTIMIZER_PIECE 64

#endif
