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

#endif
