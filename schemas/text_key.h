/* What the codecs string, bytes and long share: they read and write one column, or the text of
 * several key columns joined by `|`. */
#ifndef KLAMM_SCHEMAS_TEXT_KEY_H
#define KLAMM_SCHEMAS_TEXT_KEY_H

#include "engine/codec.h"

struct codec_reader {
    int column; /* -1: nothing needs it */
};

/* The columns to write: of a key all key columns; of a value its one visible column besides the
 * key, or `_value`. */
struct codec_writer {
    uint16_t *column;
    uint16_t n;
};

/* Appends the one column that such a codec reads: hidden `_key` or `_value`, or, where the topology
 * names it (`key: {host: string}`), that visible one. */
int text_infer(const struct codec_spec *spec, const struct type *type, struct schema *out,
               struct arena *a, struct diags *d);
int text_reader_open(struct codec_reader **out, const struct codec_spec *spec,
                     const struct schema *schema, const bool *needs, struct schema_store *schemas,
                     struct err *e);
void text_reader_close(struct codec_reader *r);
/* Sets the column, if it is needed, to these bytes. */
void text_read(const struct codec_reader *r, const void *p, uint32_t n, struct batch *b,
               uint16_t row);

/* -ERR_CONFIG when a value has several columns. */
int text_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                     const struct schema *schema, struct schema_store *schemas, struct err *e);
void text_writer_close(struct codec_writer *w);
/* True when there is nothing to write: no column, or one that is null. */
bool text_is_null(const struct codec_writer *w, const struct batch *b, uint16_t row);
/* Appends the text of the columns, joined by `|`. */
void text_print(const struct codec_writer *w, const struct batch *b, uint16_t row,
                struct buffer *out);

#endif
