/* Fits an LSTM network to the values held, apart from the trainer that they came from, perhaps in
 * another thread: epochs until an error over the newest part, which is kept back, falls no more.
 *
 *     lstm_fit_new(…)  ->  lstm_fit_run(), anywhere  ->  lstm_fit_take()  ->  lstm_fit_free()
 */
#ifndef KLAMM_ML_LSTM_FIT_H
#define KLAMM_ML_LSTM_FIT_H

#include "engine/trainer.h"
#include "ml/lstm_trainer.h"

struct lstm_fit_options {
    uint32_t epochs, patience;
    double validation; /* share of the values kept back, 0: none, all epochs are run */
};

struct lstm_fit;

/* Copies of all it needs, but for the arrays of the trainer's configuration. */
struct lstm_fit *lstm_fit_new(const struct lstm_trainer *t, const struct value_ring *s,
                              const struct lstm_fit_options *o, uint64_t seed);
/* 0, or -ERR_ABORT when it was cancelled. */
int lstm_fit_run(void *fit, const struct cancel *c);
/* Epochs run, and the one whose weights were kept, from 1. */
uint32_t lstm_fit_epochs(const struct lstm_fit *f, uint32_t *best);
/* The trainer goes on with the weights found. */
void lstm_fit_take(struct lstm_trainer *t, const struct lstm_fit *f);
void lstm_fit_free(void *fit);

#endif
