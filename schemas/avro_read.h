/* Reading single values of Avro data: numbers, lengths, scalars as the reader's type, and skipping.
 *
 * Every function returns 0 or -ERR_DATA and then leaves the reason in in->why.
 */
#ifndef KLAMM_SCHEMAS_AVRO_READ_H
#define KLAMM_SCHEMAS_AVRO_READ_H

#include "engine/nested.h"
#include "schemas/avro_resolve.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "Avro's doubles are copied as they are");

#define AVRO_ZERO_BYTES_MAX 1000000 /* values that take no bytes, per datum */

struct avro_in {
    const uint8_t *p, *end;
    int64_t fuel; /* values that may still be read: what ends an array of 2^60 nulls */
    const char *why;
};

int avro_read_fail(struct avro_in *in, const char *why);
/* Takes fuel for one value at this depth. */
int avro_read_burn(struct avro_in *in, int depth);
/* Length and bytes of a string, bytes or map key. */
int avro_read_slice(struct avro_in *in, const char **p, uint32_t *n);
/* A branch or symbol number below n. */
int avro_read_index(struct avro_in *in, uint32_t n, uint32_t *i);
/* Head of a block: the number of items (0: the last block) and, if given, its bytes, else -1. */
int avro_read_block(struct avro_in *in, int64_t *count, int64_t *bytes);
/* A value of a link of kind AV_SCALAR or AV_SYMBOLS as one of type t. Strings point into the data.
 */
int avro_read_scalar(struct avro_in *in, const struct avro_link *l, const struct type *t,
                     struct nested_value *v);
/* Skips a value of type w. */
int avro_read_skip(struct avro_in *in, const struct avro_node *w, int depth);

/* A long and the byte behind it (NULL: cut off, or too long): two registers. */
struct avro_number {
    const uint8_t *p;
    int64_t v;
};

/* The long at p if it has up to eight bytes and eight may be read; else NULL. No loop: the eight
 * bytes are cut behind the first that has no continuation bit, and their groups of 7 bits pushed
 * together. */
static inline struct avro_number avro_short_number(const uint8_t *p, const uint8_t *end)
{
    uint64_t u;
    if (end - p < 8) {
        return (struct avro_number){NULL, 0};
    }
    memcpy(&u, p, sizeof u);
    if ((u & 0x80) == 0) {
        u &= 0x7f;
        p++;
    } else {
        uint64_t stop = ~u & 0x8080808080808080ULL;
        if (__builtin_expect(stop == 0, 0)) {
            return (struct avro_number){NULL, 0};
        }
        p += (__builtin_ctzll(stop) >> 3) + 1;
        u &= stop ^ (stop - 1);
        u = (u & 0x007f007f007f007fULL) | (u & 0x7f007f007f007f00ULL) >> 1;
        u = (u & 0x00003fff00003fffULL) | (u & 0x3fff00003fff0000ULL) >> 2;
        u = (u & 0x000000000fffffffULL) | (u & 0x0fffffff00000000ULL) >> 4;
    }
    return (struct avro_number){p, (int64_t)(u >> 1) ^ -(int64_t)(u & 1)};
}

/* Any long at p. */
struct avro_number avro_any_number(const uint8_t *p, const uint8_t *end);

/* True for well-formed UTF-8; text without a byte above 127 is seen eight bytes at a time. */
static inline bool avro_is_utf8(const char *p, size_t n)
{
    uint64_t high = 0, word = 0;
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        memcpy(&word, p + i, 8);
        high |= word;
    }
    for (; i < n; i++) {
        high |= (uint64_t)(uint8_t)p[i];
    }
    return (high & 0x8080808080808080ULL) == 0 || utf8_valid(p, n);
}

#endif
