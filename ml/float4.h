/* Four floats at a time, in the vector types that gcc and clang have on every machine: networks
 * that are too narrow for BLAS spend their time in exp. No contraction, no reassociation: the same
 * bits whether a loop runs over vectors or is padded to one.
 *
 *   exp       2^n e^r with |r| <= ln 2 / 2 and a polynomial of degree 6 (the coefficients are those of
 *             the Cephes library); relative error below 2e-7; the argument is held in [-87, 88]
 *   sigmoid   1 / (1 + exp(-x)),   tanh: 1 - 2 / (1 + exp(2x)); absolute error below 3e-7
 */
#ifndef KLAMM_ML_FLOAT4_H
#define KLAMM_ML_FLOAT4_H

#include <stdint.h>
#include <string.h>

typedef float float4 __attribute__((vector_size(16)));
typedef int32_t float4_bits __attribute__((vector_size(16)));

static inline float4 float4_load(const float *p)
{
    float4 v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void float4_store(float *p, float4 v)
{
    memcpy(p, &v, sizeof v);
}

static inline float4 float4_all(float x)
{
    return (float4){x, x, x, x};
}

/* a where the mask is set, else b. */
static inline float4 float4_select(float4_bits mask, float4 a, float4 b)
{
    return (float4)((mask & (float4_bits)a) | (~mask & (float4_bits)b));
}

static inline float4 float4_exp(float4 x)
{
    const float4 least = float4_all(-87), most = float4_all(88);
    const float4 round = float4_all(12582912); /* 1.5 * 2^23: adding it rounds to an integer */
    x = float4_select(x < least, least, x);
    x = float4_select(x > most, most, x);
    float4 shifted = x * 1.44269504088896341F + round;
    float4 n = shifted - round;
    float4 r = x - n * 0.693359375F + n * 2.12194440e-4F;
    float4 p = r * 1.9875691500e-4F + 1.3981999507e-3F;
    p = p * r + 8.3334519073e-3F;
    p = p * r + 4.1665795894e-2F;
    p = p * r + 1.6666665459e-1F;
    p = p * r + 5.0000001201e-1F;
    p = p * (r * r) + r + 1.0F;
    float4_bits exponent = __builtin_convertvector(n, float4_bits) * (1 << 23);
    return (float4)((float4_bits)p + exponent);
}

static inline float4 float4_sigmoid(float4 x)
{
    return 1.0F / (float4_exp(-x) + 1.0F);
}

static inline float4 float4_tanh(float4 x)
{
    return 1.0F - 2.0F / (float4_exp(x + x) + 1.0F);
}

#endif
