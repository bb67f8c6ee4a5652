/* Dense layers: each unit's doubles lie together, so that its sum and its step are runs of memory;
 * the optimizer moves a unit's weights and its bias at once, and l2 leaves the bias alone.
 *
 *   cost    one pass over the weights forward, one back, two for the step
 */
#include "ml/dense.h"

#include "engine/memory.h"
#include "ml/linalg.h"

#include <math.h>
#include <string.h>

const char *const dense_activations[] = {"relu", "tanh", "logistic", "identity", NULL};

void dense_add_units(struct dense *l, uint32_t units)
{
    size_t more = units - l->units;
    l->unit = mem_resize(l->unit, (size_t)units * l->width, sizeof(double));
    l->out = mem_resize(l->out, units, sizeof(double));
    l->delta = mem_resize(l->delta, units, sizeof(double));
    memset(l->unit + (size_t)l->units * l->width, 0, more * l->width * sizeof(double));
    l->units = units;
}

void dense_init(struct dense *l, uint32_t inputs, uint32_t slots)
{
    *l = (struct dense){.inputs = inputs, .width = (inputs + 1) * (1 + slots)};
}

void dense_draw(struct dense *l, uint32_t u, uint32_t outputs, enum dense_activation f,
                struct random *random)
{
    double bound = sqrt((f == DENSE_LOGISTIC ? 2.0 : 6.0) / (l->inputs + outputs));
    for (uint32_t i = 0; i <= l->inputs; i++) {
        l->unit[(size_t)u * l->width + i] = bound * (2 * random_unit(random) - 1);
    }
}

void dense_done(struct dense *l)
{
    mem_free(l->unit);
    mem_free(l->out);
    mem_free(l->delta);
}

void dense_sum(const struct dense *l, const double *in, uint32_t units, double *out)
{
    for (uint32_t u = 0; u < units; u++) {
        const double *unit = l->unit + (size_t)u * l->width;
        out[u] = linalg_dot(unit, in, l->inputs) + unit[l->inputs];
    }
}

void dense_activate(enum dense_activation f, double *a, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        switch (f) {
        case DENSE_RELU:
            a[i] = a[i] < 0 ? 0 : a[i];
            break;
        case DENSE_TANH:
            a[i] = tanh(a[i]);
            break;
        case DENSE_LOGISTIC:
            a[i] = 1 / (1 + exp(-a[i]));
            break;
        case DENSE_IDENTITY:
            return;
        }
    }
}

void dense_step(struct dense *l, uint32_t u, const double *in, const struct optimizer *optimizer,
                double rate, double l2)
{
    double *weight = l->unit + (size_t)u * l->width, delta = l->delta[u];
    uint32_t all = l->inputs + 1;
    for (uint32_t at = 0; at < all; at += OPTIMIZER_PIECE) {
        uint32_t n = all - at < OPTIMIZER_PIECE ? all - at : OPTIMIZER_PIECE;
        uint32_t inputs = at + n == all ? n - 1 : n;
        double gradient[OPTIMIZER_PIECE];
        for (uint32_t i = 0; i < inputs; i++) {
            gradient[i] = delta * in[at + i] + l2 * weight[at + i];
        }
        if (inputs < n) {
            gradient[inputs] = delta;
        }
        optimizer_step(optimizer, rate, weight + at, gradient, weight + all + at, all, n);
    }
}

void dense_send_back(const struct dense *l, uint32_t units, double *to)
{
    memset(to, 0, l->inputs * sizeof(double));
    for (uint32_t u = 0; u < units; u++) {
        const double *weight = l->unit + (size_t)u * l->width;
        double delta = l->delta[u];
        for (uint32_t i = 0; i < l->inputs; i++) {
            to[i] += delta * weight[i];
        }
    }
}

void dense_derive(enum dense_activation f, const double *a, double *delta, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        switch (f) {
        case DENSE_RELU:
            delta[i] = a[i] > 0 ? delta[i] : 0;
            break;
        case DENSE_TANH:
            delta[i] *= 1 - a[i] * a[i];
            break;
        case DENSE_LOGISTIC:
            delta[i] *= a[i] * (1 - a[i]);
            break;
        case DENSE_IDENTITY:
            return;
        }
    }
}

uint64_t dense_size(const struct dense *l)
{
    return l->units * ((uint64_t)l->width + 2) * sizeof(double);
}
