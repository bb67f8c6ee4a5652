/* Hashed features (Weinberger et al.: "Feature hashing for large scale multitask learning", ICML
 * 2009):
 *
 *     h = murmur3_32(text, seed) as a signed number
 *     feature |h| mod n  +=  value, negated where h < 0
 *
 *   string          the text is what it begins with and the string, value 1
 *   array<string>   each item is a text, value 1, as often as it stands there
 *   map             each key is a text with its value
 */
#include "ml/hashed.h"

#include "ml/features.h"

#include <math.h>

/* ---- murmur3, 32 bits (Appleby, public domain) ---- */

static uint32_t rotate(uint32_t x, int by)
{
    return x << by | x >> (32 - by);
}

static uint32_t scramble(uint32_t k)
{
    return rotate(k * 0xcc9e2d51U, 15) * 0x1b873593U;
}

static uint32_t take_block(uint32_t h, uint32_t block)
{
    return rotate(h ^ scramble(block), 13) * 5 + 0xe6546b64U;
}

struct hashed_text hashed_begin(uint32_t seed)
{
    return (struct hashed_text){.h = seed};
}

/* What is left behind the last four bytes is pending. */
void hashed_add(struct hashed_text *t, const char *p, size_t n)
{
    const int waiting = 8 * (int)(t->n & 3); /* bits of `pending` */
    for (; n >= 4; p += 4, n -= 4) {
        const uint8_t *b = (const uint8_t *)p;
        uint32_t four =
            (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        t->h = take_block(t->h, t->pending | four << waiting);
        t->pending = waiting > 0 ? four >> (32 - waiting) : 0;
        t->n += 4;
    }
    for (size_t i = 0; i < n; i++) {
        t->pending |= (uint32_t)(uint8_t)p[i] << (8 * (t->n & 3));
        if ((++t->n & 3) == 0) {
            t->h = take_block(t->h, t->pending);
            t->pending = 0;
        }
    }
}

/* Of a text of n bytes; nothing pending is 0, which scramble() leaves. */
static uint32_t finish(uint32_t h, uint32_t pending, uint32_t n)
{
    h ^= scramble(pending) ^ n;
    h = (h ^ h >> 16) * 0x85ebca6bU;
    h = (h ^ h >> 13) * 0xc2b2ae35U;
    return h ^ h >> 16;
}

uint32_t hashed_end(const struct hashed_text *t)
{
    return finish(t->h, t->pending, t->n);
}

static uint32_t word_at(const struct str *s, size_t i)
{
    const uint8_t *b = (const uint8_t *)s + sizeof(s->n) + 4 * i;
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/* A short string is three words, zeros behind its end. With up to three bytes that were pending it
 * makes up to three blocks and a rest. Lengths come at random: they decide no branch. */
static uint32_t hash_short(const struct hashed_text *begin, const struct str *s)
{
    const int waiting = 8 * (int)(begin->n & 3);
    const uint32_t blocks = ((begin->n & 3) + s->n) / 4;
    uint64_t left = begin->pending; /* below 2^24 */
    uint32_t h = begin->h, rest = 0;
    for (uint32_t i = 0; i < 3; i++) {
        left |= (uint64_t)word_at(s, i) << waiting;
        const uint32_t block = (uint32_t)left, taken = take_block(h, block);
        h = i < blocks ? taken : h;
        rest = i == blocks ? block : rest;
        left >>= 32;
    }
    rest = blocks == 3 ? (uint32_t)left : rest;
    return finish(h, rest, begin->n + s->n);
}

uint32_t hashed_string(const struct hashed_text *begin, const struct str *s)
{
    if (s->n <= STR_INLINE) {
        return hash_short(begin, s);
    }
    struct hashed_text text = *begin;
    hashed_add(&text, s->p, s->n);
    return hashed_end(&text);
}

/* ---- values ---- */

struct hashed_items hashed_open(const struct vec *v, uint16_t row, struct hashed_text begin)
{
    const struct str *s = &v->s[row];
    struct hashed_items items = {.begin = begin};
    if (v->type->kind == TYPE_STRING) {
        items.text = s;
    } else {
        items.at = nested_open(v->type, str_data(s), s->n);
        items.is_map = v->type->kind == TYPE_MAP;
        items.is_long = v->type->of->kind == TYPE_LONG;
    }
    return items;
}

int64_t hashed_count(const struct vec *v, uint16_t row)
{
    const struct str *s = &v->s[row];
    return v->type->kind == TYPE_STRING ? 1 : nested_count(str_data(s), s->n);
}

static bool next_text(struct hashed_items *items, uint32_t *hash, double *value)
{
    if (!items->text) {
        return false;
    }
    *hash = hashed_string(&items->begin, items->text);
    items->text = NULL;
    *value = 1;
    return true;
}

bool hashed_next(struct hashed_items *items, uint32_t *hash, double *value)
{
    struct nested_value item;
    const char *key = NULL;
    uint32_t key_n = 0;
    if (!items->at.item) {
        return next_text(items, hash, value);
    }
    while (nested_next(&items->at, &key, &key_n, &item)) {
        struct hashed_text text = items->begin;
        if (item.is_null) {
            continue;
        }
        *value = 1;
        if (items->is_map) {
            *value = items->is_long ? (double)item.i : item.d;
            hashed_add(&text, key, key_n);
        } else {
            hashed_add(&text, item.s.p, item.s.n);
        }
        if (fabs(*value) <= FEATURE_MOST) {
            *hash = hashed_end(&text);
            return true;
        }
    }
    return false;
}
