/* Values as bytes that are equal exactly when the values are: for sampling and duplicates. Pure. */
#ifndef KLAMM_ENGINE_IDENTITY_H
#define KLAMM_ENGINE_IDENTITY_H

#include "engine/buffer.h"
#include "engine/vector.h"

/* The value of a row with one form for each double: 0 for -0, one NaN for all. */
struct nested_value identity_value(const struct vec *v, uint16_t row);
/* Appends the value of a row. Nulls are equal to each other, -0 to 0, NaNs to each other. Values of
 * different types may share bytes; no value's bytes are the beginning of another's of its type. The
 * bytes are the same on every machine, for ever. */
void identity_add(struct buffer *b, const struct vec *v, uint16_t row);

#endif
