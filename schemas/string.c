/* codec string: the whole key or value as text, the column _key or _value.
 *
 *   in    UTF-8, checked (other bytes make the row bad)
 *   out   the text of one column, or of several key columns joined by `|`; numbers as they print
 *   null  a null column is a null key or a tombstone
 */
#include "engine/codec.h"
#include "schemas/text_key.h"

static int string_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                        struct diags *d)
{
    return text_infer(spec, &type_string, out, a, d);
}

static int string_read(struct codec_reader *r, const void *p, size_t n, struct batch *b,
                       uint16_t row, struct err *e)
{
    if (n > UINT32_MAX || !utf8_valid(p, n)) {
        return err_set(e, ERR_DATA, "is not valid UTF-8");
    }
    text_read(r, p, (uint32_t)n, b, row);
    return 0;
}

static int string_write(struct codec_writer *w, const struct batch *b, uint16_t row,
                        struct buffer *out, struct err *e)
{
    (void)e;
    if (text_is_null(w, b, row)) {
        return 1;
    }
    text_print(w, b, row, out);
    return 0;
}

const struct codec_def codec_string = {
    .name = "string",
    .doc = "UTF-8 text, the column _key or _value",
    .for_key = true,
    .for_value = true,
    .infer = string_infer,
    .reader_open = text_reader_open,
    .read = string_read,
    .reader_close = text_reader_close,
    .writer_open = text_writer_open,
    .write = string_write,
    .writer_close = text_writer_close,
};
