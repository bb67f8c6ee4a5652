/* Printer: records of topics as record lines (JSON), whatever their format. Schemas are looked up
 * by the id in each record and kept. One owner.
 */
#ifndef KLAMM_WORKER_PRINTER_H
#define KLAMM_WORKER_PRINTER_H

#include "engine/codec.h"

struct printer;

/* key_format, value_format: names of codecs. schemas may be NULL when no format is avro. */
int printer_new(struct printer **out, const char *key_format, const char *value_format,
                struct schema_store *schemas, struct err *e);
/* Types for formats that need them (csv): columns of the value. Kept until free. */
int printer_columns(struct printer *p, const struct schema *columns, struct err *e);
/* Appends the line, no newline. -ERR_DATA: the record is not of that format. */
int printer_line(struct printer *p, const struct record *r, struct buffer *out, struct err *e);
/* Only the value as JSON ("null" for a tombstone). */
int printer_value(struct printer *p, const struct record *r, struct buffer *out, struct err *e);
void printer_free(struct printer *p);

#endif
