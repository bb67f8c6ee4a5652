/* LSTM layer: the formulas of the header over float4, its products by BLAS.
 *
 *   tape      gates [steps][rows][4 hidden]; c and h [steps + 1][rows][hidden], of which the first step
 *             is 0; tanh(c) [steps][rows][hidden]; dc [rows][hidden]
 *   forward   x W + b of the whole window is one product; then one of rows x hidden x 4 hidden a step
 *   backward  overwrites the gates with the derivatives by their sums; those by the weights are then
 *             two products over all steps and rows at once
 *   cost      of one row and step: 4 hidden (inputs + hidden) multiplications and 5 hidden exps
 *   floats    the noise of a batch is far above their rounding, and they are twice as fast as doubles
 */
#include "ml/lstm_cell.h"

#include "ml/blas.h"
#include "ml/float4.h"

#include <assert.h>
#include <math.h>

struct tape {
    float *gates, *c, *h, *tanh_c, *dc;
};

size_t lstm_cell_weights(const struct lstm_cell *l)
{
    return ((size_t)l->inputs + l->hidden + 1) * 4 * l->hidden;
}

size_t lstm_cell_tape(const struct lstm_cell *l, uint32_t rows)
{
    return (size_t)rows * l->hidden * (7 * (size_t)l->steps + 3);
}

static struct tape tape_of(const struct lstm_cell *l, uint32_t rows, float *room)
{
    size_t step = (size_t)rows * l->hidden, all = step * l->steps;
    struct tape t = {.gates = room};
    t.c = t.gates + 4 * all;
    t.h = t.c + all + step;
    t.tanh_c = t.h + all + step;
    t.dc = t.tanh_c + all;
    return t;
}

static const float *weight_of_h(const struct lstm_cell *l, const float *weight)
{
    return weight + (size_t)l->inputs * 4 * l->hidden;
}

static const float *bias(const struct lstm_cell *l, const float *weight)
{
    return weight + ((size_t)l->inputs + l->hidden) * 4 * l->hidden;
}

void lstm_cell_start(const struct lstm_cell *l, float *weight, struct random *random)
{
    double range = 1 / sqrt((double)l->hidden);
    size_t n = lstm_cell_weights(l);
    for (size_t i = 0; i < n; i++) {
        weight[i] = (float)((2 * random_unit(random) - 1) * range);
    }
}

/* From the sums in gates[4 hidden] to the gates; c and h of the step. tanh_c may be NULL. */
static void activate(uint32_t hidden, float *gates, const float *c_before, float *c, float *tanh_c,
                     float *h)
{
    float *pi = gates, *pf = pi + hidden, *pg = pf + hidden, *po = pg + hidden;
    for (uint32_t k = 0; k < hidden; k += 4) {
        float4 i = float4_sigmoid(float4_load(pi + k)), f = float4_sigmoid(float4_load(pf + k));
        float4 g = float4_tanh(float4_load(pg + k)), o = float4_sigmoid(float4_load(po + k));
        float4 cell = f * float4_load(c_before + k) + i * g;
        float4 t = float4_tanh(cell);
        float4_store(pi + k, i);
        float4_store(pf + k, f);
        float4_store(pg + k, g);
        float4_store(po + k, o);
        float4_store(c + k, cell);
        if (tanh_c) {
            float4_store(tanh_c + k, t);
        }
        float4_store(h + k, o * t);
    }
}

void lstm_cell_step(const struct lstm_cell *l, const float *weight, const float *x, float *h,
                    float *c, float *gates)
{
    int hidden = (int)l->hidden, wide = 4 * hidden;
    memcpy(gates, bias(l, weight), (size_t)wide * sizeof(*gates));
    for (uint32_t i = 0; i < l->inputs; i++) {
        const float *w = weight + (size_t)i * (size_t)wide;
        float4 value = float4_all(x[i]);
        for (int k = 0; k < wide; k += 4) {
            float4_store(gates + k, float4_load(gates + k) + value * float4_load(w + k));
        }
    }
    blas_sgemv(CblasTrans, hidden, wide, 1, weight_of_h(l, weight), wide, h, 1, 1, gates, 1);
    activate(l->hidden, gates, c, c, NULL, h);
}

const float *lstm_cell_forward(const struct lstm_cell *l, const float *weight, uint32_t rows,
                               const float *x, float *room)
{
    assert(l->hidden % 4 == 0 && l->steps > 0);
    struct tape t = tape_of(l, rows, room);
    int hidden = (int)l->hidden, wide = 4 * hidden, all = (int)(l->steps * rows);
    size_t step = (size_t)rows * l->hidden;
    for (size_t r = 0; r < (size_t)all; r++) {
        memcpy(t.gates + r * (size_t)wide, bias(l, weight), (size_t)wide * sizeof(float));
    }
    blas_sgemm(CblasNoTrans, CblasNoTrans, all, wide, (int)l->inputs, 1, x, (int)l->inputs, weight,
               wide, 1, t.gates, wide);
    memset(t.c, 0, step * sizeof(float));
    memset(t.h, 0, step * sizeof(float));
    for (size_t s = 0; s < l->steps; s++) {
        float *gates = t.gates + s * 4 * step;
        blas_sgemm(CblasNoTrans, CblasNoTrans, (int)rows, wide, hidden, 1, t.h + s * step, hidden,
                   weight_of_h(l, weight), wide, 1, gates, wide);
        for (size_t r = 0; r < rows; r++) {
            size_t at = s * step + r * l->hidden;
            activate(l->hidden, gates + r * (size_t)wide, t.c + at, t.c + at + step, t.tanh_c + at,
                     t.h + at + step);
        }
    }
    return t.h + l->steps * step;
}

/* One row of one step: the gates become the derivatives by their sums, dc that by the step before. */
static void deactivate(uint32_t hidden, float *gates, const float *c_before, const float *tanh_c,
                       const float *dh, float *dc)
{
    float *pi = gates, *pf = pi + hidden, *pg = pf + hidden, *po = pg + hidden;
    for (uint32_t k = 0; k < hidden; k += 4) {
        float4 i = float4_load(pi + k), f = float4_load(pf + k), g = float4_load(pg + k);
        float4 o = float4_load(po + k), t = float4_load(tanh_c + k), d = float4_load(dh + k);
        float4 dcell = float4_load(dc + k) + d * o * (1.0F - t * t);
        float4_store(po + k, d * t * o * (1.0F - o));
        float4_store(pi + k, dcell * g * i * (1.0F - i));
        float4_store(pg + k, dcell * i * (1.0F - g * g));
        float4_store(pf + k, dcell * float4_load(c_before + k) * f * (1.0F - f));
        float4_store(dc + k, dcell * f);
    }
}

void lstm_cell_backward(const struct lstm_cell *l, const float *weight, uint32_t rows,
                        const float *x, float *room, float *dh, float *gradient)
{
    struct tape t = tape_of(l, rows, room);
    int hidden = (int)l->hidden, wide = 4 * hidden, all = (int)(l->steps * rows);
    size_t step = (size_t)rows * l->hidden;
    memset(t.dc, 0, step * sizeof(float));
    for (size_t s = l->steps; s-- > 0;) {
        float *gates = t.gates + s * 4 * step;
        for (size_t r = 0; r < rows; r++) {
            size_t at = s * step + r * l->hidden;
            deactivate(l->hidden, gates + r * (size_t)wide, t.c + at, t.tanh_c + at,
                       dh + r * l->hidden, t.dc + r * l->hidden);
        }
        blas_sgemm(CblasNoTrans, CblasTrans, (int)rows, hidden, wide, 1, gates, wide,
                   weight_of_h(l, weight), wide, 0, dh, hidden);
    }
    float *of_x = gradient, *of_h = of_x + (size_t)l->inputs * (size_t)wide;
    float *of_bias = of_h + (size_t)hidden * (size_t)wide;
    blas_sgemm(CblasTrans, CblasNoTrans, (int)l->inputs, wide, all, 1, x, (int)l->inputs, t.gates,
               wide, 1, of_x, wide);
    blas_sgemm(CblasTrans, CblasNoTrans, hidden, wide, all, 1, t.h, hidden, t.gates, wide, 1, of_h,
               wide);
    for (size_t r = 0; r < (size_t)all; r++) {
        const float *d = t.gates + r * (size_t)wide;
        for (int k = 0; k < wide; k += 4) {
            float4_store(of_bias + k, float4_load(of_bias + k) + float4_load(d + k));
        }
    }
}
