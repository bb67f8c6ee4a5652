/* Hashes: xxHash's XXH3 for tables, murmur2 as the Java clients partition keys. Pure functions.
 * In the small preset (KLAMM_SMALL) hash_bytes() keeps 3 bits, so that every table sees collisions.
 */
#ifndef KLAMM_ENGINE_HASH_H
#define KLAMM_ENGINE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* For tables inside one process. */
uint64_t hash_bytes(const void *p, size_t n, uint64_t seed);
/* Stable over builds, machines and time (sampling, feature hashing): never narrowed. */
uint64_t hash_stable(const void *p, size_t n, uint64_t seed);
/* org.apache.kafka.common.utils.Utils.murmur2; the partition of a key is (h & 0x7fffffff) % count.
 */
uint32_t hash_murmur2(const void *p, size_t n);

static inline uint64_t hash_mix(uint64_t h, uint64_t v)
{
    h ^= v + 0x9e3779b97f4a7c15ULL + (h << 6) + (h >> 2);
    return h * 0xbf58476d1ce4e5b9ULL;
}

#endif
