/* Random numbers: PCG32 with explicit state, reproducible by seed. The state is plain bytes and may
 * be saved. One owner.
 */
#ifndef KLAMM_ENGINE_RANDOM_H
#define KLAMM_ENGINE_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t state, inc;
};

void random_seed(struct random *r, uint64_t seed, uint64_t stream);
uint32_t random_u32(struct random *r);
uint32_t random_below(struct random *r, uint32_t n); /* uniform in [0, n), n > 0 */
double random_unit(struct random *r);                /* uniform in [0, 1), 53 bits */
double random_normal(struct random *r);              /* mean 0, deviation 1 */
int random_poisson(struct random *r, double lambda);

#endif
