/* Trains an LSTM network on the windows of one series: what a window looks like as inputs, how
 * batches are drawn, and which weights forecast. Everything that it learned is here, and it may be
 * trained a batch at a time beside the stream or for epochs at once on a copy. One owner.
 */
#ifndef KLAMM_ML_LSTM_TRAINER_H
#define KLAMM_ML_LSTM_TRAINER_H

#include "engine/random.h"
#include "ml/clipped_adam.h"
#include "ml/lstm_network.h"
#include "ml/value_ring.h"

#include <stdbool.h>

struct lstm_config {
    uint32_t hidden, window, batch_size;
    double lr, clip_gradient, delta, recent;
    bool is_difference;               /* values against the last one of the window */
    bool has_seasons;                 /* sine and cosine of each season among the inputs */
    bool is_direct;                   /* the window goes straight to the head, too */
    const uint32_t *horizon, *season; /* outlive the trainer */
    uint32_t nhorizons, nseasons;
};

struct lstm_scale {
    double mean, deviation; /* of the values */
    double unit; /* mean size of a change over the longest horizon; 0: all are the same */
};

struct lstm_trainer {
    struct lstm_config config;
    struct lstm_network network;
    struct lstm_scale scale; /* as of the last batch */
    struct clipped_adam adam;
    struct random random;
    int64_t batches;
    size_t nweights;
    float *weight;  /* one block: where the gradient moves them */
    float *average; /* of the last weights: these forecast */
    float *room;    /* of a prediction */
};

void lstm_trainer_init(struct lstm_trainer *t, const struct lstm_config *config, uint64_t seed);
void lstm_trainer_done(struct lstm_trainer *t);
/* Windows of the series with everything known that they shall forecast. */
uint32_t lstm_trainer_windows(const struct lstm_trainer *t, const struct value_ring *s);
/* One batch, drawn from the windows; nothing where there is none. Allocates the room of a batch. */
void lstm_trainer_batch(struct lstm_trainer *t, const struct value_ring *s);
/* Mean |error| of what is forecast from the window whose oldest value is the from-th held, over the
 * horizons that are known, in units; NaN: none is. */
double lstm_trainer_error(const struct lstm_trainer *t, const struct value_ring *s, uint32_t from);
/* All that it has learned, into another one of the same configuration. */
void lstm_trainer_copy(struct lstm_trainer *to, const struct lstm_trainer *from);
/* From the last window of the series, for every horizon; NaN before the first batch. */
void lstm_trainer_predict(const struct lstm_trainer *t, const struct value_ring *s, double *out);
int lstm_trainer_io(struct lstm_trainer *t, struct snapshot *snap);
uint64_t lstm_trainer_size(const struct lstm_trainer *t);

#endif
