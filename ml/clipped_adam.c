/* Adam with the defaults of PyTorch: beta 0.9 and 0.999, epsilon 1e-8, both averages corrected for
 * their start from 0.
 *
 *   m <- 0.9 m + 0.1 g      v <- 0.999 v + 0.001 g g
 *   w <- w - lr / (1 - 0.9^t) m / (sqrt(v / (1 - 0.999^t)) + 1e-8)
 *
 *   state   steps, m, v; floats are saved in four bytes each
 */
#include "ml/clipped_adam.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

void clipped_adam_init(struct clipped_adam *a, size_t n)
{
    *a = (struct clipped_adam){.n = n};
    a->mean = mem_zalloc(2 * n * sizeof(float));
    a->square = a->mean + n;
}

void clipped_adam_done(struct clipped_adam *a)
{
    mem_free(a->mean);
}

void clipped_adam_copy(struct clipped_adam *to, const struct clipped_adam *from)
{
    to->steps = from->steps;
    memcpy(to->mean, from->mean, 2 * from->n * sizeof(float));
}

static double norm(const float *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)v[i] * (double)v[i];
    }
    return sqrt(sum);
}

bool clipped_adam_step(struct clipped_adam *a, double lr, double clip, float *weight,
                       float *gradient)
{
    double length = norm(gradient, a->n);
    if (!isfinite(length)) {
        return false;
    }
    float scale = (float)(clip > 0 && length > clip ? clip / length : 1);
    a->steps++;
    float rate = (float)(lr / (1 - pow(0.9, (double)a->steps)));
    float correction = (float)(1 / sqrt(1 - pow(0.999, (double)a->steps)));
    for (size_t i = 0; i < a->n; i++) {
        float g = gradient[i] * scale;
        a->mean[i] += 0.1F * (g - a->mean[i]);
        a->square[i] = 0.999F * a->square[i] + 0.001F * g * g;
        weight[i] -= rate * a->mean[i] / (sqrtf(a->square[i]) * correction + 1e-8F);
    }
    return true;
}

/* Two floats travel in the place of a double, the first one in its low half. */
static double pack(const float *v, size_t n)
{
    uint32_t half[2] = {0, 0};
    memcpy(half, v, (n < 2 ? n : 2) * sizeof(float));
    uint64_t bits = (uint64_t)half[1] << 32 | half[0];
    double packed;
    memcpy(&packed, &bits, sizeof packed);
    return packed;
}

static void unpack(double packed, float *v, size_t n)
{
    uint64_t bits;
    memcpy(&bits, &packed, sizeof bits);
    uint32_t half[2] = {(uint32_t)bits, (uint32_t)(bits >> 32)};
    memcpy(v, half, (n < 2 ? n : 2) * sizeof(float));
}

void clipped_adam_floats(struct snapshot *s, float *v, size_t n)
{
    for (size_t at = 0; at < n; at += 2) {
        double packed = s->loading ? 0 : pack(v + at, n - at);
        snapshot_double(s, &packed);
        if (s->loading) {
            unpack(packed, v + at, n - at);
        }
    }
    for (size_t i = 0; s->loading && i < n; i++) {
        if (!isfinite(v[i])) {
            s->status = -ERR_DATA;
            v[i] = 0;
        }
    }
}

int clipped_adam_io(struct clipped_adam *a, struct snapshot *s)
{
    snapshot_count(s, &a->steps);
    clipped_adam_floats(s, a->mean, a->n);
    clipped_adam_floats(s, a->square, a->n);
    for (size_t i = 0; s->loading && i < a->n; i++) {
        if (a->square[i] < 0) {
            s->status = -ERR_DATA;
            a->square[i] = 0;
        }
    }
    return snapshot_status(s);
}
