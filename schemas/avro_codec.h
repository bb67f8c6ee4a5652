/* What the codecs avro and avro_raw share: columns, readers and writers. */
#ifndef KLAMM_SCHEMAS_AVRO_CODEC_H
#define KLAMM_SCHEMAS_AVRO_CODEC_H

#include "engine/codec.h"

/* As struct codec_def describes them. */
int avro_codec_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                     struct diags *d);
/* Records begin with byte 0 and a schema id. */
int avro_codec_reader_open(struct codec_reader **out, const struct codec_spec *spec,
                           const struct schema *schema, const bool *needs,
                           struct schema_store *schemas, struct err *e);
/* Records are bare, written with the spec's own schema. */
int avro_codec_raw_reader_open(struct codec_reader **out, const struct codec_spec *spec,
                               const struct schema *schema, const bool *needs,
                               struct schema_store *schemas, struct err *e);
int avro_codec_read(struct codec_reader *r, const void *p, size_t n, struct batch *b, uint16_t row,
                    struct err *e);
int avro_codec_raw_read(struct codec_reader *r, const void *p, size_t n, struct batch *b,
                        uint16_t row, struct err *e);
void avro_codec_reader_close(struct codec_reader *r);

int avro_codec_check(const struct codec_spec *spec, const struct schema *schema, struct err *e);
int avro_codec_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                           const struct schema *schema, struct schema_store *schemas,
                           struct err *e);
int avro_codec_raw_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                               const struct schema *schema, struct schema_store *schemas,
                               struct err *e);
int avro_codec_write(struct codec_writer *w, const struct batch *b, uint16_t row,
                     struct buffer *out, struct err *e);
void avro_codec_writer_close(struct codec_writer *w);

#endif
