/* A long short-term memory layer (Hochreiter and Schmidhuber 1997, with forget gate), in floats:
 * one step for one row, windows of many rows at once, and the gradient back through the window.
 *
 *   i, f, o = sigmoid(x W + h U + b)   g = tanh(x W + h U + b)   each of `hidden` units
 *   c' = f c + i g                     h' = o tanh(c')
 *
 *   weights   inputs + hidden + 1 rows of 4 * hidden floats: W, U, then b; columns are i, f, g, o in the
 *             order of PyTorch (whose matrices are transposed, and whose two biases are added here)
 *   arrays    of many rows are [step][row][unit]; a window begins with h = c = 0
 */
#ifndef KLAMM_ML_LSTM_CELL_H
#define KLAMM_ML_LSTM_CELL_H

#include "engine/random.h"

#include <stddef.h>
#include <stdint.h>

struct lstm_cell {
    uint32_t inputs, hidden; /* hidden is a multiple of 4 */
    uint32_t steps;          /* of a window */
};

/* Floats of the weights; floats that forward leaves for backward. */
size_t lstm_cell_weights(const struct lstm_cell *l);
size_t lstm_cell_tape(const struct lstm_cell *l, uint32_t rows);
/* As PyTorch starts: uniform within 1 / sqrt(hidden). */
void lstm_cell_start(const struct lstm_cell *l, float *weight, struct random *random);
/* x[inputs]; h and c [hidden] go on in place; gates[4 * hidden] is room to work in. */
void lstm_cell_step(const struct lstm_cell *l, const float *weight, const float *x, float *h,
                    float *c, float *gates);
/* x[steps][rows][inputs]; returns h[rows][hidden] after the last step, which lives in the tape. */
const float *lstm_cell_forward(const struct lstm_cell *l, const float *weight, uint32_t rows,
                               const float *x, float *tape);
/* dh[rows][hidden]: the derivative by what forward returned, used up. Adds to gradient, which is as
 * long as the weights. The tape is used up, too. */
void lstm_cell_backward(const struct lstm_cell *l, const float *weight, uint32_t rows,
                        const float *x, float *tape, float *dh, float *gradient);

#endif
