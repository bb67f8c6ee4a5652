/* codec string: the whole key or value as text, the column _key or _value.
 *
 *   in    UTF-8, checked (other bytes make the row bad)
 *   out   the text of one column, or of several key columns joined by `|`; numbers as they print
 *   null  a null column is a null key or a tombstone
 */
#include "engine/codec.h"
#include "engine/memory.h"
#include "schemas/json_value.h"
#include "schemas/text_key.h"

struct codec_reader {
    int column; /* -1: nothing needs it */
};

struct codec_writer {
    struct text_columns columns;
};

static int string_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                        struct diags *d)
{
    return text_infer(spec, &type_string, out, a, d);
}

static int string_reader_open(struct codec_reader **out, const struct codec_spec *spec,
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

static int string_read(struct codec_reader *r, const void *p, size_t n, struct batch *b,
                       uint16_t row, struct err *e)
{
    if (n > UINT32_MAX || !utf8_valid(p, n)) {
        return err_set(e, ERR_DATA, "is not valid UTF-8");
    }
    if (r->column >= 0) {
        struct nested_value v = {.s = {.p = p, .n = (uint32_t)n}};
        vec_set_value(&b->col[r->column], b->mem, row, &v);
    }
    return 0;
}

static void string_reader_close(struct codec_reader *r)
{
    mem_free(r);
}

static int string_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                              const struct schema *schema, struct schema_store *schemas,
                              struct err *e)
{
    (void)schemas;
    struct codec_writer *w = mem_zalloc(sizeof *w);
    int rc = text_columns_init(&w->columns, spec, schema, e);
    if (rc < 0) {
        text_columns_done(&w->columns);
        mem_free(w);
        return rc;
    }
    *out = w;
    return 0;
}

static int string_write(struct codec_writer *w, const struct batch *b, uint16_t row,
                        struct buffer *out, struct err *e)
{
    (void)e;
    if (text_is_null(&w->columns, b, row)) {
        return 1;
    }
    text_print(&w->columns, b, row, out);
    return 0;
}

static void string_writer_close(struct codec_writer *w)
{
    text_columns_done(&w->columns);
    mem_free(w);
}

const struct codec_def codec_string = {
    .name = "string",
    .doc = "UTF-8 text, the column _key or _value",
    .for_key = true,
    .for_value = true,
    .infer = string_infer,
    .reader_open = string_reader_open,
    .read = string_read,
    .reader_close = string_reader_close,
    .writer_open = string_writer_open,
    .write = string_write,
    .writer_close = string_writer_close,
};
