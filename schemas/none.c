/* codec none: no key. Nothing is read, whatever the records have, and null is written.
 */
#include "engine/codec.h"

static int none_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                      struct diags *d)
{
    (void)spec;
    (void)a;
    (void)out;
    (void)d;
    return 0;
}

static int none_reader_open(struct codec_reader **out, const struct codec_spec *spec,
                            const struct schema *schema, const bool *needs,
                            struct schema_store *schemas, struct err *e)
{
    (void)spec;
    (void)schema;
    (void)needs;
    (void)schemas;
    (void)e;
    *out = NULL;
    return 0;
}

static int none_read(struct codec_reader *r, const void *p, size_t n, struct batch *b, uint16_t row,
                     struct err *e)
{
    (void)r;
    (void)p;
    (void)n;
    (void)b;
    (void)row;
    (void)e;
    return 0;
}

static void none_reader_close(struct codec_reader *r)
{
    (void)r;
}

static int none_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                            const struct schema *schema, struct schema_store *schemas,
                            struct err *e)
{
    (void)spec;
    (void)schema;
    (void)schemas;
    (void)e;
    *out = NULL;
    return 0;
}

static int none_write(struct codec_writer *w, const struct batch *b, uint16_t row,
                      struct buffer *out, struct err *e)
{
    (void)w;
    (void)b;
    (void)row;
    (void)out;
    (void)e;
    return 1;
}

static void none_writer_close(struct codec_writer *w)
{
    (void)w;
}

const struct codec_def codec_none = {
    .name = "none",
    .doc = "no key: not read, written as null",
    .for_key = true,
    .for_value = false,
    .infer = none_infer,
    .reader_open = none_reader_open,
    .read = none_read,
    .reader_close = none_reader_close,
    .writer_open = none_writer_open,
    .write = none_write,
    .writer_close = none_writer_close,
};
