/* codec long: a key of 8 bytes, most significant first, as LongSerializer of the Java clients
 * writes it; the column _key.
 *
 *   in    exactly 8 bytes
 *   out   one key column of type long or timestamp
 *   null  a null column is a null key
 */
#include "engine/codec.h"
#include "engine/memory.h"
#include "schemas/json_value.h"
#include "schemas/text_key.h"

static int check_column(const struct text_columns *t, const struct schema *schema, struct err *e)
{
    enum type_kind kind = t->n > 0 ? schema->col[t->column[0]].type->kind : TYPE_LONG;
    if (t->n > 1 || (kind != TYPE_LONG && kind != TYPE_TIMESTAMP)) {
        return err_set(e, ERR_CONFIG, "key: long needs one key column of type long");
    }
    return 0;
}

struct codec_reader {
    int column; /* -1: nothing needs it */
};

struct codec_writer {
    struct text_columns columns;
};

static int long_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                      struct diags *d)
{
    return text_infer(spec, &type_long, out, a, d);
}

static int long_reader_open(struct codec_reader **out, const struct codec_spec *spec,
                            const struct schema *schema, const bool *needs,
                            struct schema_store *schemas, struct err *e)
{
    (void)schemas;
    (void)e;
    struct codec_reader *r = mem_zalloc(sizeof *r);
    r->column = text_column(spec, schema, needs);
    *out = r;
    return 0;
}

static int long_read(struct codec_reader *r, const void *p, size_t n, struct batch *b, uint16_t row,
                     struct err *e)
{
    if (n != 8) {
        return err_set(e, ERR_DATA, "a long key has 8 bytes, not %zu", n);
    }
    uint64_t bits = 0;
    for (size_t i = 0; i < 8; i++) {
        bits = bits << 8 | ((const uint8_t *)p)[i];
    }
    if (r->column >= 0) {
        struct nested_value v = {.i = (int64_t)bits};
        vec_set_value(&b->col[r->column], b->mem, row, &v);
    }
    return 0;
}

static void long_reader_close(struct codec_reader *r)
{
    mem_free(r);
}

static int long_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                            const struct schema *schema, struct schema_store *schemas,
                            struct err *e)
{
    (void)schemas;
    struct codec_writer *w = mem_zalloc(sizeof *w);
    int rc = text_columns_init(&w->columns, spec, schema, e);
    rc = rc < 0 ? rc : check_column(&w->columns, schema, e);
    if (rc < 0) {
        text_columns_done(&w->columns);
        mem_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

static int long_write(struct codec_writer *w, const struct batch *b, uint16_t row,
                      struct buffer *out, struct err *e)
{
    (void)e;
    if (text_is_null(&w->columns, b, row)) {
        return 1;
    }
    uint64_t bits = (uint64_t)b->col[w->columns.column[0]].i[row];
    for (int shift = 56; shift >= 0; shift -= 8) {
        buffer_byte(out, (uint8_t)(bits >> shift));
    }
    return 0;
}

static void long_writer_close(struct codec_writer *w)
{
    text_columns_done(&w->columns);
    mem_free(w);
}

const struct codec_def codec_long = {
    .name = "long",
    .doc = "8 bytes, most significant first, the column _key",
    .for_key = true,
    .for_value = false,
    .infer = long_infer,
    .reader_open = long_reader_open,
    .read = long_read,
    .reader_close = long_reader_close,
    .writer_open = long_writer_open,
    .write = long_write,
    .writer_close = long_writer_close,
};
