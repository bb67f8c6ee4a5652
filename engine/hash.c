/* Hashes. XXH3 (64 bits) is compiled in: keys are short, a call would cost as much as the hash.
 *
 * murmur2 is the variant of Kafka's Java client: seed 0x9747b28c, little-endian words, and the tail
 * bytes xored in without a sign.
 */
#define XXH_INLINE_ALL
#include "engine/hash.h"

#include <string.h>
#include <xxhash.h>

uint64_t hash_stable(const void *p, size_t n, uint64_t seed)
{
    return XXH3_64bits_withSeed(p, n, seed);
}

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed)
{
#ifdef KLAMM_SMALL
    return XXH3_64bits_withSeed(p, n, seed) & 7;
#else
    return XXH3_64bits_withSeed(p, n, seed);
#endif
}

uint32_t hash_murmur2(const void *p, size_t n)
{
    const uint32_t m = 0x5bd1e995;
    const uint8_t *bytes = p;
    uint32_t h = 0x9747b28cU ^ (uint32_t)n;
    size_t whole = n & ~(size_t)3;
    for (size_t i = 0; i < whole; i += 4) {
        uint32_t k = (uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8 |
                     (uint32_t)bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24;
        k *= m;
        k ^= k >> 24;
        k *= m;
        h = h * m ^ k;
    }
    if (whole < n) {
        uint32_t tail = 0;
        for (size_t i = n; i > whole; i--) {
            tail = tail << 8 | bytes[i - 1];
        }
        h = (h ^ tail) * m;
    }
    h ^= h >> 13;
    h *= m;
    h ^= h >> 15;
    return h;
}
