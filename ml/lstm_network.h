/* A network for windows of a series: one LSTM layer, and a linear head on its last state that gives
 * all outputs at once. One block of float weights, so that it can be copied, averaged and trained
 * elsewhere.
 */
#ifndef KLAMM_ML_LSTM_NETWORK_H
#define KLAMM_ML_LSTM_NETWORK_H

#include "ml/lstm_cell.h"

struct lstm_network {
    struct lstm_cell cell;
    uint32_t outputs;
    uint32_t direct; /* further inputs that go straight to the head */
};

/* Floats of the weights: the cell's, then hidden + 1 rows of outputs (the last row is the bias). */
size_t lstm_network_weights(const struct lstm_network *n);
/* Floats of room for a batch; for a single prediction. */
size_t lstm_network_room(const struct lstm_network *n, uint32_t rows);
size_t lstm_network_step_room(const struct lstm_network *n);
void lstm_network_start(const struct lstm_network *n, float *weight, struct random *random);
/* One window x[steps][inputs]; out[outputs]. */
void lstm_network_predict(const struct lstm_network *n, const float *weight, const float *x,
                          const float *direct, float *out, float *room);
/* x[steps][rows][inputs], y[rows][outputs], where NaN counts for nothing. Adds to gradient that of
 * the sum over all known y of Huber's loss, e^2 / 2 up to `delta` and delta (|e| - delta / 2)
 * beyond (delta 0: e^2), times `share`; returns that sum. */
double lstm_network_gradient(const struct lstm_network *n, const float *weight, uint32_t rows,
                             const float *x, const float *direct, const float *y, float delta,
                             float share, float *room, float *gradient);

#endif
