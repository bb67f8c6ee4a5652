/* Which seeds a property test tries: KLAMM_SEEDS is how many, KLAMM_SEED the first, 1 where it is
 * not set. The seed of a failure stands in its message. */
#ifndef KLAMM_TESTS_SUPPORT_SEEDS_H
#define KLAMM_TESTS_SUPPORT_SEEDS_H

#include <stdint.h>
#include <stdlib.h>

struct seeds {
    uint64_t first, end;
};

static inline struct seeds seeds_from_env(uint64_t n)
{
    const char *number = getenv("KLAMM_SEEDS"), *first = getenv("KLAMM_SEED");
    struct seeds s = {.first = first ? strtoull(first, NULL, 10) : 1};
    s.end = s.first + (number ? strtoull(number, NULL, 10) : n);
    return s;
}

#endif
