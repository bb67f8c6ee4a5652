/* Can one Avro schema read what another wrote? Asked before a schema is registered. */
#ifndef KLAMM_SCHEMAS_COMPATIBILITY_H
#define KLAMM_SCHEMAS_COMPATIBILITY_H

#include "engine/error.h"

/* 0, or -ERR_CONFIG with a message that names the path ("fields.load: double cannot be read as
 * int"). Both are schema texts (JSON). BACKWARD: reader is the new schema, writer the latest one.
 */
int compatibility_check(const char *reader, const char *writer, struct err *e);

#endif
