/* Any bytes as a JSON row: an error or a row that is written and read again to the same. */
#include "engine/codec.h"

#include <stdint.h>
#include <stdlib.h>

extern const struct codec_def codec_json;
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Columns of every kind, nested ones too. */
static struct schema *make_schema(struct arena *a)
{
    static const char *const columns[][2] = {
        {"b", "boolean"},
        {"l", "long"},
        {"d", "double"},
        {"s", "string"},
        {"y", "bytes"},
        {"t", "timestamp"},
        {"a", "array<array<double>>"},
        {"m", "map<array<string>>"},
        {"o.x", "long"},
        {"o.p.y", "string"},
        {"r", "array<record<u: long, v: map<bytes>, w: array<record<z: string>>>>"},
    };
    struct schema *s = schema_new(a, 16);
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        const struct type *t = type_parse(a, columns[i][1]);
        if (t == NULL) {
            abort();
        }
        schema_add(s, columns[i][0], t, true, false);
    }
    return s;
}

static void round_trip(const struct codec_def *def, const struct schema *s, struct batch *b,
                       struct codec_reader *reader)
{
    struct codec_spec spec = {.def = def};
    struct codec_writer *writer = NULL;
    struct buffer text;
    struct err e = {0};
    buffer_init(&text);
    if (def->writer_open(&writer, &spec, s, NULL, &e) < 0 ||
        def->write(writer, b, 0, &text, &e) != 0 ||
        def->read(reader, text.data ? text.data : "", text.n, b, 1, &e) < 0) {
        abort();
    }
    for (uint16_t c = 0; c < s->n; c++) {
        if (!vec_same(&b->col[c], 0, &b->col[c], 1)) {
            abort();
        }
    }
    def->writer_close(writer);
    buffer_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    arena_init(&a);
    struct schema *s = make_schema(&a);
    struct batch *b = batch_new(&a, s, 2, NULL);
    struct codec_spec spec = {.def = &codec_json};
    struct codec_reader *reader = NULL;
    struct err e = {0};
    if (codec_json.reader_open(&reader, &spec, s, NULL, NULL, &e) < 0) {
        abort();
    }
    if (codec_json.read(reader, data, size, b, 0, &e) == 0) {
        round_trip(&codec_json, s, b, reader);
    }
    codec_json.reader_close(reader);
    arena_done(&a);
    return 0;
}
