/* Dense: a layer of units that all see the same inputs; what networks are made of. One owner.
 *
 *     dense_init(&l, inputs, slots);  dense_add_units(&l, 32);
 *     dense_draw(&l, unit, 32, DENSE_RELU, &random);                         for each of its units
 *     dense_sum(&l, in, l.units, l.out);  dense_activate(DENSE_RELU, l.out, l.units);     forward
 *     put the gradient by out into l.delta;  dense_derive(DENSE_RELU, l.out, l.delta, l.units);
 *     dense_send_back(&l, l.units, below.delta);                                          backward
 *     dense_step(&l, unit, in, &optimizer, rate, l2);                        for each of its units
 */
#ifndef KLAMM_ML_DENSE_H
#define KLAMM_ML_DENSE_H

#include "engine/random.h"
#include "ml/optimizer.h"

enum dense_activation { DENSE_RELU, DENSE_TANH, DENSE_LOGISTIC, DENSE_IDENTITY };
extern const char *const dense_activations[]; /* their names; ends with NULL */

struct dense {
    uint32_t inputs, units;
    uint32_t width; /* doubles of a unit: weights, bias, optimizer slots of these */
    double *unit;   /* units x width */
    double *out;    /* units: sums, then activations */
    double *delta;  /* units: gradient of the loss by the activation, then by the sum */
};

/* A layer without units; slots of the optimizer. */
void dense_init(struct dense *l, uint32_t inputs, uint32_t slots);
void dense_done(struct dense *l);
/* Makes room for more units, of zeros. */
void dense_add_units(struct dense *l, uint32_t units);
/* Weights and bias of a unit that is one of `outputs`: uniform within +-sqrt(6 / (inputs +
 * outputs)), sqrt(2 / ...) for logistic (Glorot and Bengio 2010). */
void dense_draw(struct dense *l, uint32_t u, uint32_t outputs, enum dense_activation f,
                struct random *random);
/* out[u] = weights . in + bias, of the first units. */
void dense_sum(const struct dense *l, const double *in, uint32_t units, double *out);
void dense_activate(enum dense_activation f, double *a, uint32_t n);
/* Times the derivative of the activation, told from its value. */
void dense_derive(enum dense_activation f, const double *a, double *delta, uint32_t n);
/* to[i] = sum over the first units of delta times weight i: the gradient by the inputs. */
void dense_send_back(const struct dense *l, uint32_t units, double *to);
/* The step of one unit, whose gradient by its weights is delta times the inputs, plus l2 weight. */
void dense_step(struct dense *l, uint32_t u, const double *in, const struct optimizer *optimizer,
                double rate, double l2);
/* Bytes beside *l. */
uint64_t dense_size(const struct dense *l);

#endif
