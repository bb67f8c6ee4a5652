/* Values and rows as JSON, as record lines show them. Appends to the caller's buffer; pure but for
 * json_rows_*, which keep the plan of a schema. */
#ifndef KLAMM_SCHEMAS_JSON_PRINT_H
#define KLAMM_SCHEMAS_JSON_PRINT_H

#include "engine/batch.h"
#include "engine/nested.h"
#include "schemas/json_shape.h"

/* A JSON string with its quotes. Bytes that are not valid UTF-8 come out as U+FFFD each. */
void json_print_string(struct buffer *out, const char *p, size_t n);
void json_print_double(struct buffer *out, double d);
void json_print_long(struct buffer *out, int64_t v);
void json_print_value(struct buffer *out, const struct type *t, const struct nested_value *v);

/* Rows as objects of their visible columns, "a.b" as member b of an object a. */
struct json_rows {
    struct arena arena;
    struct json_node *root;
};
void json_rows_init(struct json_rows *r, const struct schema *schema);
/* Objects of these columns only. */
void json_rows_init_columns(struct json_rows *r, const struct schema *schema,
                            const uint16_t *column, uint16_t n);
void json_rows_done(struct json_rows *r);
void json_rows_print(const struct json_rows *r, const struct batch *b, uint16_t row,
                     struct buffer *out);

#endif
