/* Schema text: when two Avro schemas written as JSON are the same schema. */
#ifndef KLAMM_SCHEMAS_SCHEMA_TEXT_H
#define KLAMM_SCHEMAS_SCHEMA_TEXT_H

#include "engine/buffer.h"
#include "engine/error.h"

#include <stddef.h>

#define SCHEMA_BYTES_MAX (4U << 20)

/* Appends the text with the white space between tokens left out and strings written in one way:
 * what registries compare. -ERR_CONFIG when it is not JSON, or longer than SCHEMA_BYTES_MAX. */
int schema_text(struct buffer *out, const char *json, size_t n, struct err *e);

#endif
