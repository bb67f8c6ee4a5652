/* codec bytes: the whole key or value as it is, the column _key or _value.
 *
 *   in    anything
 *   out   one column of bytes or text as it is; others, and several key columns, as their text
 *   null  a null column is a null key or a tombstone
 */
#include "engine/codec.h"
#include "schemas/text_key.h"

static int bytes_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                       struct diags *d)
{
    return text_infer(spec, &type_bytes, out, a, d);
}

static int bytes_read(struct codec_reader *r, const void *p, size_t n, struct batch *b,
                      uint16_t row, struct err *e)
{
    if (n > UINT32_MAX) {
        return err_set(e, ERR_DATA, "%zu bytes are too many", n);
    }
    text_read(r, p, (uint32_t)n, b, row);
    return 0;
}

static int bytes_write(struct codec_writer *w, const struct batch *b, uint16_t row,
                       struct buffer *out, struct err *e)
{
    (void)e;
    if (text_is_null(w, b, row)) {
        return 1;
    }
    const struct vec *col = &b->col[w->column[0]];
    if (w->n == 1 && col->type->kind == TYPE_BYTES) {
        buffer_add(out, str_data(&col->s[row]), col->s[row].n);
    } else {
        text_print(w, b, row, out);
    }
    return 0;
}

const struct codec_def codec_bytes = {
    .name = "bytes",
    .doc = "bytes as they are, the column _key or _value",
    .for_key = true,
    .for_value = true,
    .infer = bytes_infer,
    .reader_open = text_reader_open,
    .read = bytes_read,
    .reader_close = text_reader_close,
    .writer_open = text_writer_open,
    .write = bytes_write,
    .writer_close = text_writer_close,
};
