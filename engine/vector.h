/* Vector: the values of one column of one batch. Memory belongs to the batch's arena; the struct is
 * copied freely (steps that keep a column copy only this struct).
 */
#ifndef KLAMM_ENGINE_VECTOR_H
#define KLAMM_ENGINE_VECTOR_H

#include "engine/nested.h"
#include "engine/str.h"
#include "engine/type.h"

struct vec {
    const struct type *type;
    uint8_t *null; /* NULL: no row is null; else null[row] is 1 for null rows. The value of a null
                      row is zero bytes, so kernels may compute on it. */
    union {
        void *data; /* NULL: the column was not read, since nothing uses it */
        uint8_t *b; /* boolean */
        int64_t *i; /* long, timestamp */
        double *d;
        struct str *s; /* string, bytes, array, map */
    };
};

struct arena;
/* Zeroed values for `rows` rows; null stays NULL. */
struct vec vec_new(struct arena *a, const struct type *type, uint16_t rows);
/* The null flags, made on first use (all 0). */
uint8_t *vec_nulls(struct vec *v, struct arena *a, uint16_t rows);
void vec_set_null(struct vec *v, struct arena *a, uint16_t rows, uint16_t row);
/* Bytes of one value of this kind in a vec: 1, 8 or 16. */
size_t vec_width(const struct type *type);
static inline bool vec_is_null(const struct vec *v, uint16_t row)
{
    return v->null != NULL && v->null[row] != 0;
}
/* The value of a row, null or not; strings stay where they are. */
struct nested_value vec_value(const struct vec *v, uint16_t row);
/* Stores a value that is not null in a row; long strings are copied into the arena. */
void vec_set_value(struct vec *v, struct arena *a, uint16_t row, const struct nested_value *x);
/* Makes a row null, its value zero bytes. */
void vec_clear_row(struct vec *v, struct arena *a, uint16_t rows, uint16_t row);
/* The value as text, as keys and messages print it (null: "null"), appended to b. Doubles print the
 * shortest digits that read back the same. */
void vec_print(struct buffer *b, const struct vec *v, uint16_t row);
/* Shortest round-trip decimal of a double; "NaN", "Infinity", "-Infinity". */
void print_double(struct buffer *b, double d);
/* Null-aware equality of two values of one type. */
bool vec_same(const struct vec *a, uint16_t i, const struct vec *b, uint16_t j);
/* Copies row `from` of src to row `to` of dst, long strings into the arena. */
void vec_copy_row(struct vec *dst, uint16_t to, uint16_t rows, const struct vec *src, uint16_t from,
                  struct arena *a);

#endif
