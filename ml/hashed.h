/* Hashed: texts as numbers of features, by the hashing trick, bit for bit as scikit-learn's
 * FeatureHasher. Shared by the step feature_hash and by learners that take features sparsely, so
 * that both give a word the same number.
 */
#ifndef KLAMM_ML_HASHED_H
#define KLAMM_ML_HASHED_H

#include "engine/nested.h"
#include "engine/vector.h"

/* murmur3, 32 bits, of a text in pieces; 12 bytes, to be copied at will. */
struct hashed_text {
    uint32_t h, pending, n;
};
struct hashed_text hashed_begin(uint32_t seed);
void hashed_add(struct hashed_text *t, const char *p, size_t n);
uint32_t hashed_end(const struct hashed_text *t);
/* Of what the text begins with and the string. */
uint32_t hashed_string(const struct hashed_text *begin, const struct str *s);

/* The number of a feature, below n, and whether its value is turned round. */
static inline uint32_t hashed_index(uint32_t h, uint32_t n, bool *is_negative)
{
    const uint32_t sign = h >> 31;
    *is_negative = sign != 0;
    return ((h ^ (0U - sign)) + sign) %
           n; /* |h|, without a branch; 2^31 of the least number, too */
}

/* The features of one value: a string, an array<string> or a map of numbers. */
struct hashed_items {
    struct hashed_text begin; /* what each text begins with */
    struct nested_cursor at;
    const struct str *text; /* of a string; NULL: it was given */
    bool is_map, is_long;
};
struct hashed_items hashed_open(const struct vec *v, uint16_t row, struct hashed_text begin);
/* How many there are at most. */
int64_t hashed_count(const struct vec *v, uint16_t row);
/* The hash and value of the next one; a null, or a number that is not finite or beyond +-1e150, is
 * none. False: that was all. */
bool hashed_next(struct hashed_items *items, uint32_t *hash, double *value);

#endif
