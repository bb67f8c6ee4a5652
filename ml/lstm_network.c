/* Windows through an LSTM layer and a linear head, and back.
 *
 *   room      of a batch: the layer's tape, outputs [rows][outputs], dh [rows][hidden]
 *             of a prediction: h, c and gates of one row
 */
#include "ml/lstm_network.h"

#include "ml/blas.h"

#include <math.h>
#include <string.h>

size_t lstm_network_weights(const struct lstm_network *n)
{
    return lstm_cell_weights(&n->cell) + ((size_t)n->cell.hidden + 1 + n->direct) * n->outputs;
}

size_t lstm_network_room(const struct lstm_network *n, uint32_t rows)
{
    return lstm_cell_tape(&n->cell, rows) + (size_t)rows * (n->outputs + n->cell.hidden);
}

size_t lstm_network_step_room(const struct lstm_network *n)
{
    return 6 * (size_t)n->cell.hidden;
}

void lstm_network_start(const struct lstm_network *n, float *weight, struct random *random)
{
    size_t cell = lstm_cell_weights(&n->cell), all = lstm_network_weights(n);
    double range = 1 / sqrt((double)n->cell.hidden);
    lstm_cell_start(&n->cell, weight, random);
    memset(weight + cell, 0, (all - cell) * sizeof(float));
    for (size_t i = cell; i < all - (size_t)n->direct * n->outputs; i++) {
        weight[i] = (float)((2 * random_unit(random) - 1) * range);
    }
}

/* out[rows][outputs] from h[rows][hidden]. */
static void head(const struct lstm_network *n, const float *weight, uint32_t rows, const float *h,
                 const float *direct, float *out)
{
    const float *w = weight + lstm_cell_weights(&n->cell);
    const float *bias = w + (size_t)n->cell.hidden * n->outputs;
    int hidden = (int)n->cell.hidden, outputs = (int)n->outputs;
    for (size_t r = 0; r < rows; r++) {
        memcpy(out + r * n->outputs, bias, n->outputs * sizeof(float));
    }
    blas_sgemm(CblasNoTrans, CblasNoTrans, (int)rows, outputs, hidden, 1, h, hidden, w, outputs, 1,
               out, outputs);
    if (n->direct > 0) {
        blas_sgemm(CblasNoTrans, CblasNoTrans, (int)rows, outputs, (int)n->direct, 1, direct,
                   (int)n->direct, bias + n->outputs, outputs, 1, out, outputs);
    }
}

void lstm_network_predict(const struct lstm_network *n, const float *weight, const float *x,
                          const float *direct, float *out, float *room)
{
    const struct lstm_cell *l = &n->cell;
    float *h = room, *c = h + l->hidden, *gates = c + l->hidden;
    memset(h, 0, 2 * (size_t)l->hidden * sizeof(float));
    for (size_t s = 0; s < l->steps; s++) {
        lstm_cell_step(l, weight, x + s * l->inputs, h, c, gates);
    }
    head(n, weight, 1, h, direct, out);
}

/* The loss; out becomes its derivative. */
static double lose(float *out, const float *y, size_t n, float delta, float share)
{
    double loss = 0;
    for (size_t i = 0; i < n; i++) {
        float e = isnan(y[i]) ? 0 : out[i] - y[i], size = fabsf(e);
        if (delta <= 0) {
            loss += (double)(e * e);
            out[i] = 2 * e * share;
        } else if (size <= delta) {
            loss += (double)(e * e / 2);
            out[i] = e * share;
        } else {
            loss += (double)(delta * (size - delta / 2));
            out[i] = copysignf(delta, e) * share;
        }
    }
    return loss * (double)share;
}

double lstm_network_gradient(const struct lstm_network *n, const float *weight, uint32_t rows,
                             const float *x, const float *direct, const float *y, float delta,
                             float share, float *room, float *gradient)
{
    size_t cell = lstm_cell_weights(&n->cell);
    int hidden = (int)n->cell.hidden, outputs = (int)n->outputs, count = (int)rows;
    float *out = room + lstm_cell_tape(&n->cell, rows), *dh = out + (size_t)rows * n->outputs;
    float *of_head = gradient + cell, *of_bias = of_head + (size_t)hidden * n->outputs;
    const float *h = lstm_cell_forward(&n->cell, weight, rows, x, room);
    head(n, weight, rows, h, direct, out);
    double loss = lose(out, y, (size_t)rows * n->outputs, delta, share);
    blas_sgemm(CblasTrans, CblasNoTrans, hidden, outputs, count, 1, h, hidden, out, outputs, 1,
               of_head, outputs);
    if (n->direct > 0) {
        blas_sgemm(CblasTrans, CblasNoTrans, (int)n->direct, outputs, count, 1, direct,
                   (int)n->direct, out, outputs, 1, of_bias + n->outputs, outputs);
    }
    for (size_t r = 0; r < rows; r++) {
        for (size_t k = 0; k < n->outputs; k++) {
            of_bias[k] += out[r * n->outputs + k];
        }
    }
    blas_sgemm(CblasNoTrans, CblasTrans, count, hidden, outputs, 1, out, outputs, weight + cell,
               outputs, 0, dh, hidden);
    lstm_cell_backward(&n->cell, weight, rows, x, room, dh, gradient);
    return loss;
}
