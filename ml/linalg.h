/* Small dense loops that every linear learner shares. The order of additions is fixed, so that
 * results are the same bits on every run; rows of a stream are too short to repay a call into BLAS.
 */
#ifndef KLAMM_ML_LINALG_H
#define KLAMM_ML_LINALG_H

#include <math.h>
#include <stdint.h>

/* Sum of a[i] * b[i], in four strands that are added at the end. */
static inline double linalg_dot(const double *a, const double *b, uint32_t n)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    uint32_t i = 0;
    for (; i + 4 <= n; i += 4) {
        s0 += a[i] * b[i];
        s1 += a[i + 1] * b[i + 1];
        s2 += a[i + 2] * b[i + 2];
        s3 += a[i + 3] * b[i + 3];
    }
    for (; i < n; i++) {
        s0 += a[i] * b[i];
    }
    return (s0 + s1) + (s2 + s3);
}

/* z[i] <- exp(z[i]) / sum of exp(z), without overflow. */
static inline void linalg_softmax(double *z, uint32_t n)
{
    double most = -HUGE_VAL, total = 0;
    for (uint32_t i = 0; i < n; i++) {
        most = z[i] > most ? z[i] : most;
    }
    for (uint32_t i = 0; i < n; i++) {
        z[i] = exp(z[i] - most);
        total += z[i];
    }
    for (uint32_t i = 0; i < n; i++) {
        z[i] /= total;
    }
}

#endif
