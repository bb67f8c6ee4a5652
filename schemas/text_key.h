/* What the codecs string, bytes and long share: they read and write one column, or the text of
 * several key columns joined by `|`. */
#ifndef KLAMM_SCHEMAS_TEXT_KEY_H
#define KLAMM_SCHEMAS_TEXT_KEY_H

#include "engine/codec.h"

/* Appends the one column that such a codec reads: hidden `_key` or `_value`, or, where the topology
 * names it (`key: {host: string}`), that visible one. */
int text_infer(const struct codec_spec *spec, const struct type *type, struct schema *out,
               struct arena *a, struct diags *d);
/* Its number in the schema when it is needed, else -1. */
int text_column(const struct codec_spec *spec, const struct schema *schema, const bool *needs);

/* The columns to write: of a key all key columns; of a value its one visible column besides the
 * key, or `_value`. -ERR_CONFIG when a value has several. */
struct text_columns {
    uint16_t *column; /* heap */
    uint16_t n;
};
int text_columns_init(struct text_columns *t, const struct codec_spec *spec,
                      const struct schema *schema, struct err *e);
void text_columns_done(struct text_columns *t);
/* True when there is nothing to write: no column, or one that is null. */
bool text_is_null(const struct text_columns *t, const struct batch *b, uint16_t row);
/* Appends the text of the columns, joined by `|`. */
void text_print(const struct text_columns *t, const struct batch *b, uint16_t row,
                struct buffer *out);

#endif
