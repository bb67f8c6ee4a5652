/* Columns to Avro data: a schema and the columns that fill it, compiled into a straight line.
 * Immutable, in an arena.
 */
#ifndef KLAMM_SCHEMAS_AVRO_ENCODE_H
#define KLAMM_SCHEMAS_AVRO_ENCODE_H

#include "engine/batch.h"
#include "schemas/avro_columns.h"

struct avro_encoder;

/* Leaves of the shape whose target is a column of `schema` are written from it, the others take
 * their field's default or null. -ERR_CONFIG: a field has neither, or a column's type does not fit
 * it. */
int avro_encoder_compile(struct avro_encoder **out, struct arena *a, struct avro_shape *shape,
                         const struct schema *schema, struct err *e);
/* Appends one row. -ERR_DATA: a value does not fit the schema; what was appended is garbage. */
int avro_encode(const struct avro_encoder *p, const struct batch *b, uint16_t row,
                struct buffer *out, struct err *e);

#endif
