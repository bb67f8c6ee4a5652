/* Words of 8 bytes, most significant first: what a Kafka long is on the wire, and what keys of a
 * store begin with. As bytes such words sort like the unsigned numbers; with big_endian_signed()
 * like the signed ones. Pure functions.
 */
#ifndef KLAMM_ENGINE_BIG_ENDIAN_H
#define KLAMM_ENGINE_BIG_ENDIAN_H

#include "engine/buffer.h"

#include <stdint.h>

#define WORD_BYTES 8U

static inline void big_endian_put(void *to, uint64_t word)
{
    uint8_t *p = to;
    for (uint32_t i = WORD_BYTES; i-- > 0;) {
        p[i] = (uint8_t)word;
        word >>= 8;
    }
}

static inline uint64_t big_endian_get(const void *from)
{
    const uint8_t *p = from;
    uint64_t word = 0;
    for (uint32_t i = 0; i < WORD_BYTES; i++) {
        word = word << 8 | p[i];
    }
    return word;
}

/* Behind what the buffer holds. */
static inline void big_endian_add(struct buffer *b, uint64_t word)
{
    big_endian_put(buffer_reserve(b, WORD_BYTES), word);
    b->n += WORD_BYTES;
}

/* Words in the order of signed numbers, there and back: negative ones come first. */
static inline uint64_t big_endian_signed(uint64_t word)
{
    return word ^ UINT64_C(1) << 63;
}

#endif
