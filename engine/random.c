/* Random numbers: PCG-XSH-RR with 64 bits of state and 32 of output (O'Neill 2014, pcg-random.org).
 *
 * Bounded numbers reject the incomplete last range; the normal deviate is Marsaglia's polar method
 * without its spare, so that the state stays two words; Poisson multiplies uniforms (Knuth), in
 * pieces of 16 where lambda is larger, and rounds a normal deviate from 1000 on.
 */
#include "engine/random.h"

#include <limits.h>
#include <math.h>

void random_seed(struct random *r, uint64_t seed, uint64_t stream)
{
    r->state = 0;
    r->inc = stream << 1 | 1;
    random_u32(r);
    r->state += seed;
    random_u32(r);
}

uint32_t random_u32(struct random *r)
{
    uint64_t old = r->state;
    r->state = old * 6364136223846793005ULL + r->inc;
    uint32_t shifted = (uint32_t)(((old >> 18) ^ old) >> 27);
    uint32_t turn = (uint32_t)(old >> 59);
    return shifted >> turn | shifted << (-turn & 31);
}

uint32_t random_below(struct random *r, uint32_t n)
{
    uint32_t least = -n % n; /* 2^32 mod n: numbers below would be too many */
    for (;;) {
        uint32_t v = random_u32(r);
        if (v >= least) {
            return v % n;
        }
    }
}

double random_unit(struct random *r)
{
    uint64_t high = random_u32(r) >> 5;
    uint64_t low = random_u32(r) >> 6;
    return (double)(high << 26 | low) * 0x1p-53;
}

double random_normal(struct random *r)
{
    for (;;) {
        double x = 2 * random_unit(r) - 1;
        double y = 2 * random_unit(r) - 1;
        double s = x * x + y * y;
        if (s > 0 && s < 1) {
            return x * sqrt(-2 * log(s) / s);
        }
    }
}

static int poisson_small(struct random *r, double lambda)
{
    double limit = exp(-lambda);
    double product = random_unit(r);
    int n = 0;
    while (product > limit) {
        product *= random_unit(r);
        n++;
    }
    return n;
}

int random_poisson(struct random *r, double lambda)
{
    if (!(lambda > 0)) {
        return 0;
    }
    if (lambda >= 1000) {
        double v = lambda + sqrt(lambda) * random_normal(r) + 0.5;
        return v < 0 ? 0 : v > INT_MAX ? INT_MAX : (int)v;
    }
    int n = 0;
    for (; lambda > 16; lambda -= 16) {
        n += poisson_small(r, 16);
    }
    return n + poisson_small(r, lambda);
}
