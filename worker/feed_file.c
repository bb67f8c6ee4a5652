/* Each row is read by the json codec (or, out of a container, by avro_raw) into a batch of one and
 * written by the topic's own codec; so what reaches the topic is what any producer would write.
 * Strings, bytes and keys need no batch: they are JSON strings and numbers (text_input.h).
 */
#include "worker/feed_file.h"
#include "engine/memory.h"
#include "engine/registry.h"
#include "worker/text_input.h"

#include <string.h>

#define COMMIT_ROWS 1000

struct feed {
    const struct feed_target *t;
    struct arena mem;
    struct codec_spec read_spec;
    struct codec_reader *reader;
    struct codec_writer *writer, *key_writer;
    bool is_plain; /* strings or bytes: no columns in between */
    struct buffer value, key;
};

static const struct codec_def *codec_named(const char *name)
{
    for (int i = 0; registry_codecs[i]; i++) {
        if (strcmp(registry_codecs[i]->name, name) == 0) {
            return registry_codecs[i];
        }
    }
    return NULL;
}

static int feed_open(struct feed *f, const struct rows *rows, struct err *e)
{
    const struct feed_target *t = f->t;
    const char *schema = rows_schema(rows);
    f->is_plain = !schema && text_input_is_plain(t->value->def);
    if (f->is_plain) {
        return 0;
    }
    f->read_spec = (struct codec_spec){
        .def = codec_named(schema ? "avro_raw" : "json"), .topic = t->topic, .schema_json = schema};
    if (!f->read_spec.def) {
        return err_set(e, ERR_CONFIG, "%s: this build cannot read the file's format", t->topic);
    }
    int r =
        f->read_spec.def->reader_open(&f->reader, &f->read_spec, t->schema, NULL, t->schemas, e);
    r = r < 0 ? r : t->value->def->writer_open(&f->writer, t->value, t->schema, t->schemas, e);
    if (r == 0 && t->key && t->schema->nkey) {
        r = t->key->def->writer_open(&f->key_writer, t->key, t->schema, t->schemas, e);
    }
    return r;
}

static int produce_row(struct feed *f, struct log *log, const struct record *in, struct err *e)
{
    const struct feed_target *t = f->t;
    struct record out = *in;
    arena_reset(&f->mem);
    out.topic = t->topic;
    buffer_clear(&f->value);
    buffer_clear(&f->key);
    struct batch *b = batch_new(&f->mem, t->schema, 1, NULL);
    b->nsel = 1;
    int r = t->row_key ? text_input_key(t->row_key, &out, &f->key, e) : 0;
    if (in->value && f->is_plain) {
        r = r < 0 ? r : text_input_value(t->value->def, &out, &f->value, e);
    } else if (in->value && r == 0) {
        r = f->read_spec.def->read(f->reader, in->value, in->value_n, b, 0, e);
        r = r < 0 ? r : t->value->def->write(f->writer, b, 0, &f->value, e);
        out.value = r == 1 ? NULL : f->value.data ? f->value.data : "";
        out.value_n = r == 1 ? 0 : f->value.n;
    }
    if (r >= 0 && !in->key && f->key_writer && in->value) {
        r = t->key->def->write(f->key_writer, b, 0, &f->key, e);
        out.key = r == 0 ? f->key.data : NULL;
        out.key_n = r == 0 ? f->key.n : 0;
    }
    return r < 0 ? r : log->ops->produce(log, &out, 1, e);
}

int feed_file(struct log *log, const struct feed_target *t, const char *path,
              enum rows_format format, uint64_t *n, void (*progress)(uint64_t n, double share),
              struct err *e)
{
    struct feed f = {.t = t};
    struct rows *rows;
    struct record in;
    *n = 0;
    int r = rows_open(&rows, path, format, t->schema, e);
    if (r < 0) {
        return r;
    }
    arena_init(&f.mem);
    buffer_init(&f.value);
    buffer_init(&f.key);
    r = feed_open(&f, rows, e);
    while (r == 0 && (r = rows_next(rows, &in, e)) == 1) {
        r = produce_row(&f, log, &in, e);
        if (r < 0) {
            err_prefix(e, "%s: row %llu", path, (unsigned long long)*n + 1);
        } else if (++*n % COMMIT_ROWS == 0 && progress) {
            progress(*n, rows_share(rows));
        }
    }
    r = r < 0 ? r : log->ops->commit(log, NULL, 0, e);
    if (f.reader) {
        f.read_spec.def->reader_close(f.reader);
    }
    if (f.writer) {
        t->value->def->writer_close(f.writer);
    }
    if (f.key_writer) {
        t->key->def->writer_close(f.key_writer);
    }
    rows_close(rows);
    buffer_done(&f.value);
    buffer_done(&f.key);
    arena_done(&f.mem);
    return r;
}
