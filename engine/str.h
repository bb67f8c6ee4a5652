/* Strings in columns: 16 bytes, up to 12 of them inline, longer ones as a 4-byte head and a
 * pointer.
 *
 *     n | 12 bytes inline, unused ones zero             n <= 12
 *     n | first 4 bytes | pointer to all n bytes        n >  12
 *
 * Inline strings compare as two words, and most keys need no memory of their own. Bytes, arrays and
 * maps use the same struct. Text is UTF-8, without a NUL at the end. A pointer from str_data() into
 * an inline string dies with the struct it was taken from.
 */
#ifndef KLAMM_ENGINE_STR_H
#define KLAMM_ENGINE_STR_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define STR_INLINE 12

struct str {
    uint32_t n;
    char head[4];
    union {
        char tail[8];
        const char *p;
    };
};

static inline const char *str_data(const struct str *s)
{
    return s->n <= STR_INLINE ? s->head : s->p;
}

/* Refers to p when n > 12: the caller keeps p alive as long as the str. p may be NULL when n is 0.
 */
static inline struct str str_ref(const void *p, uint32_t n)
{
    struct str s = {.n = n};
    if (n <= STR_INLINE) {
        memcpy((char *)&s + 4, n > 0 ? p : "", n);
    } else {
        memcpy(s.head, p, 4);
        s.p = (const char *)p;
    }
    return s;
}

struct arena;
/* Copies p into the arena when n > 12. */
struct str str_copy(struct arena *a, const void *p, uint32_t n);

static inline bool str_equal(const struct str *a, const struct str *b)
{
    if (memcmp(a, b, 8) != 0) {
        return false;
    }
    return a->n <= STR_INLINE ? memcmp(a->tail, b->tail, 8) == 0 : memcmp(a->p, b->p, a->n) == 0;
}

/* As memcmp over the bytes, shorter first on a tie: the order of UTF-8 text by code point. */
int str_compare(const struct str *a, const struct str *b);
/* The order of bytes, a prefix before what it begins: -1, 0 or 1. */
static inline int bytes_compare(const void *a, size_t a_n, const void *b, size_t b_n)
{
    size_t n = a_n < b_n ? a_n : b_n;
    int order = n > 0 ? memcmp(a, b, n) : 0;
    return order != 0 ? (order > 0) - (order < 0) : (a_n > b_n) - (a_n < b_n);
}
/* True when the bytes are well-formed UTF-8 (no surrogates, no overlong forms). */
bool utf8_valid(const char *p, size_t n);

#endif
