/* The Avro schema that a topology writes: from the columns of a stream. */
#ifndef KLAMM_SCHEMAS_AVRO_GENERATE_H
#define KLAMM_SCHEMAS_AVRO_GENERATE_H

#include "engine/codec.h"

/* Appends the schema's JSON and puts the columns of its fields, in order, into cols (room for
 * COLUMNS_MAX); *n is their number. -ERR_CONFIG: two names collide. */
int avro_generate(struct buffer *json, uint16_t *cols, uint16_t *n, const struct codec_spec *spec,
                  const struct schema *schema, struct err *e);

#endif
