/* JSON to Avro data: defaults of schemas, and columns that hold JSON text. */
#ifndef KLAMM_SCHEMAS_AVRO_JSON_H
#define KLAMM_SCHEMAS_AVRO_JSON_H

#include "schemas/avro_schema.h"

struct json_t;

enum avro_json_form {
    AV_JSON_DEFAULT, /* as the Avro specification writes defaults: bytes as code points 0-255 */
    AV_JSON_TEXT,    /* as klamm writes values: bytes as base64, timestamps in ms, decimals plain */
};

/* Appends value j as data of schema s; a field that j leaves out takes its default. *fuel bounds
 * the work (steps and bytes), so that defaults inside defaults cannot explode. -ERR_DATA: it does
 * not fit; what was appended is then garbage. */
int avro_from_json(struct buffer *out, const struct avro_node *s, const struct json_t *j,
                   enum avro_json_form form, int64_t *fuel);
/* The same for a text. */
int avro_from_json_text(struct buffer *out, const struct avro_node *s, const char *text, size_t n,
                        enum avro_json_form form, int64_t *fuel);
/* Appends d as a decimal of schema s (bytes or fixed), rounded to its scale. -ERR_DATA: no room. */
int avro_put_decimal(struct buffer *out, const struct avro_node *s, double d);

#endif
