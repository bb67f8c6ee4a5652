/* One JSON value as a value of a column's type; shared by the codecs json and csv. One owner. */
#ifndef KLAMM_SCHEMAS_JSON_VALUE_H
#define KLAMM_SCHEMAS_JSON_VALUE_H

#include "engine/arena.h"
#include "engine/nested.h"
#include "engine/vector.h"
#include "schemas/json_pull.h"

#define NESTED_BYTES_MAX (64U << 20) /* of one array or map */

struct json_values {
    struct json_pull pull;
    struct buffer bytes;  /* arrays, maps, decoded base64 */
    struct arena scratch; /* fields of records under way */
};

void json_values_init(struct json_values *r);
void json_values_done(struct json_values *r);
/* Reads the value at r->pull. *v points into the input or into r until the next value is read.
 * -ERR_DATA when it is no value of the type; the message does not name the column. */
int json_value_read(struct json_values *r, const struct type *t, struct nested_value *v,
                    struct err *e);

/* Stores a value that is not null in a row; long strings are copied into the arena. */
void vec_set_value(struct vec *col, struct arena *a, uint16_t row, const struct nested_value *v);
/* Makes a row null, its value zero bytes. */
void vec_clear_row(struct vec *col, struct arena *a, uint16_t rows, uint16_t row);
/* The value of a row; strings point into the vec. */
struct nested_value vec_value(const struct vec *col, uint16_t row);

#endif
