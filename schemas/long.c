/* codec long: a key of 8 bytes, most significant first, as LongSerializer of the Java clients
 * writes it; the column _key.
 *
 *   in    exactly 8 bytes
 *   out   one key column of type long or timestamp
 *   null  a null column is a null key
 */
#include "engine/big_endian.h"
#include "engine/codec.h"
#include "schemas/text_key.h"

static int long_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                      struct diags *d)
{
    return text_infer(spec, &type_long, out, a, d);
}

static int long_read(struct codec_reader *r, const void *p, size_t n, struct batch *b, uint16_t row,
                     struct err *e)
{
    if (n != WORD_BYTES) {
        return err_set(e, ERR_DATA, "a long key has 8 bytes, not %zu", n);
    }
    if (r->column >= 0) {
        struct nested_value v = {.i = (int64_t)big_endian_get(p)};
        vec_set_value(&b->col[r->column], b->mem, row, &v);
    }
    return 0;
}

static int long_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                            const struct schema *schema, struct schema_store *schemas,
                            struct err *e)
{
    struct codec_writer *w;
    int rc = text_writer_open(&w, spec, schema, schemas, e);
    if (rc < 0) {
        return rc;
    }
    enum type_kind kind = w->n > 0 ? schema->col[w->column[0]].type->kind : TYPE_LONG;
    if (w->n > 1 || (kind != TYPE_LONG && kind != TYPE_TIMESTAMP)) {
        text_writer_close(w);
        return err_set(e, ERR_CONFIG, "key: long needs one key column of type long");
    }
    *out = w;
    return 0;
}

static int long_write(struct codec_writer *w, const struct batch *b, uint16_t row,
                      struct buffer *out, struct err *e)
{
    (void)e;
    if (text_is_null(w, b, row)) {
        return 1;
    }
    big_endian_add(out, (uint64_t)b->col[w->column[0]].i[row]);
    return 0;
}

const struct codec_def codec_long = {
    .name = "long",
    .doc = "8 bytes, most significant first, the column _key",
    .for_key = true,
    .for_value = false,
    .infer = long_infer,
    .reader_open = text_reader_open,
    .read = long_read,
    .reader_close = text_reader_close,
    .writer_open = long_writer_open,
    .write = long_write,
    .writer_close = text_writer_close,
};
