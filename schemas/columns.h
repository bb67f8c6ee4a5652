/* Columns that a topology declares for codecs without types of their own (json, csv). */
#ifndef KLAMM_SCHEMAS_COLUMNS_H
#define KLAMM_SCHEMAS_COLUMNS_H

#include "engine/codec.h"

/* Appends the columns of spec->columns to out, nullable, in their order. Problems go to d. Returns
 * 0 or -ERR_CONFIG. */
int columns_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                  struct diags *d);
/* Which columns of the schema a reader fills: those that the spec gives, else all visible ones;
 * only needed ones are in `column` (room for schema->n) when `needs` is not NULL. */
uint16_t columns_to_read(const struct codec_spec *spec, const struct schema *schema,
                         const bool *needs, uint16_t *column);
/* Which columns a writer writes: the key columns for keys, else the visible ones. */
uint16_t columns_to_write(const struct codec_spec *spec, const struct schema *schema,
                          uint16_t *column);

#endif
