/* Each row is read by the json codec (or, out of a container, by avro_raw) into a batch of one and
 * written by the topic's own codec; so what reaches the topic is what any producer would write.
 * Strings, bytes and keys need no batch: they are JSON strings and numbers (text_input.h). JSON
 * without columns and lines go out as they are.
 */
#include "worker/feed_file.h"
#include "engine/expression/json_path.h"
#include "engine/memory.h"
#include "schemas/json_pull.h"
#include "worker/text_input.h"

#include <string.h>

#define COMMIT_ROWS 1000

struct feed {
    const struct feed_target *t;
    struct arena mem, plan; /* of a row, of all */
    struct codec_spec read_spec;
    struct codec_reader *reader;
    struct codec_writer *writer, *key_writer;
    bool is_plain;        /* strings or bytes: no columns in between */
    struct schema *keyed; /* columns with key_name as key */
    const struct schema *schema;
    struct json_pull pull;
    struct buffer value, key;
};

/* The schema of the rows, with the column key_name as key. */
static int choose_columns(struct feed *f, const struct rows *rows, struct err *e)
{
    const struct feed_target *t = f->t;
    f->schema = t->schema ? t->schema : rows_columns(rows);
    if (!t->key_name) {
        return 0;
    }
    int key = schema_find(f->schema, t->key_name);
    if (key < 0) {
        struct buffer b;
        buffer_init(&b);
        schema_print(&b, f->schema);
        int r = err_set(e, ERR_CONFIG, "--key %s: there is no such column; there are %s",
                        t->key_name, buffer_cstr(&b));
        buffer_done(&b);
        return r;
    }
    f->keyed = schema_new(&f->plan, f->schema->n);
    for (uint16_t c = 0; c < f->schema->n; c++) {
        const struct column *x = &f->schema->col[c];
        schema_add(f->keyed, x->name, x->type, x->nullable, x->hidden);
    }
    f->keyed->keyed = true;
    f->keyed->nkey = 1;
    f->keyed->key[0] = (uint16_t)key;
    f->schema = f->keyed;
    return 0;
}

static int feed_open(struct feed *f, const struct rows *rows, enum rows_format format,
                     struct err *e)
{
    const struct feed_target *t = f->t;
    const char *schema = rows_schema(rows);
    f->is_plain = !schema && text_input_is_plain(t->value->def);
    if (f->is_plain || t->values != FEED_ENCODED) {
        return 0;
    }
    int r = choose_columns(f, rows, e);
    if (r == 0 && format == ROWS_CSV && strcmp(t->value->def->name, "avro") != 0) {
        r = rows_need_all(rows, e);
    }
    if (r < 0) {
        return r;
    }
    f->read_spec = (struct codec_spec){
        .def = codec_named(schema ? "avro_raw" : "json"), .topic = t->topic, .schema_json = schema};
    if (!f->read_spec.def) {
        return err_set(e, ERR_CONFIG, "%s: this build cannot read the file's format", t->topic);
    }
    r = f->read_spec.def->reader_open(&f->reader, &f->read_spec, f->schema, NULL, t->schemas, e);
    r = r < 0 ? r : t->value->def->writer_open(&f->writer, t->value, f->schema, t->schemas, e);
    if (r == 0 && t->key && f->schema->nkey) {
        r = t->key->def->writer_open(&f->key_writer, t->key, f->schema, t->schemas, e);
    }
    return r;
}

/* The key of a row that goes out as it is: the text of a member of its JSON object. */
static void member_key(struct feed *f, const struct record *in, struct record *out)
{
    const char *name = f->t->key_name;
    if (json_path_get(&f->key, in->value, (uint32_t)in->value_n, name, (uint32_t)strlen(name))) {
        out->key = buffer_cstr(&f->key);
        out->key_n = f->key.n;
    }
}

/* A value that goes out as it is. */
static int pass_row(struct feed *f, const struct record *in, struct record *out, struct err *e)
{
    if (f->t->values == FEED_JSON) {
        json_begin(&f->pull, in->value, in->value_n);
        if (!json_skip(&f->pull, NULL) || !json_finish(&f->pull)) {
            return err_set(e, ERR_DATA, "the value is no JSON: %.*s",
                           (int)(in->value_n > 60 ? 60 : in->value_n), (const char *)in->value);
        }
    }
    if (!in->key && f->t->key_name) {
        member_key(f, in, out);
    }
    return 0;
}

static int produce_row(struct feed *f, struct log *log, const struct record *in, struct err *e)
{
    const struct feed_target *t = f->t;
    struct record out = *in;
    arena_reset(&f->mem);
    out.topic = t->topic;
    buffer_clear(&f->value);
    buffer_clear(&f->key);
    struct batch *b = f->schema ? batch_new(&f->mem, f->schema, 1, NULL) : NULL;
    if (b) {
        b->nsel = 1;
    }
    int r = t->row_key ? text_input_key(t->row_key, &out, &f->key, e) : 0;
    if (t->partitions && in->partition >= t->partitions) {
        r = err_set(e, ERR_DATA, "partition %d: topic %s has %d partition%s, 0 to %d",
                    in->partition, t->topic, t->partitions, t->partitions == 1 ? "" : "s",
                    t->partitions - 1);
    } else if (in->value && r == 0 && t->values != FEED_ENCODED) {
        r = pass_row(f, in, &out, e);
    } else if (in->value && f->is_plain) {
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

/* The next row into the topic: 1, or 0 at the end. */
static int feed_next(struct feed *f, struct log *log, struct rows *rows, uint64_t row,
                     struct err *e)
{
    struct record in;
    struct err why = {0};
    const char *line = NULL;
    size_t n = 0;
    int r = rows_next(rows, &in, &why);
    if (r == 0 || (r < 0 && !rows_bad_line(rows, &line, &n))) {
        return r == 0 ? 0 : err_set(e, why.kind, "%s", why.text);
    }
    if (r < 0) {
        in = (struct record){
            .partition = -1, .offset = -1, .timestamp = -1, .value = line, .value_n = n};
    } else {
        r = produce_row(f, log, &in, &why);
        if (r < 0) {
            err_prefix(&why, "%s: row %llu", rows_name(rows), (unsigned long long)row);
        }
    }
    if (r == -ERR_DATA && f->t->bad_too) {
        in.topic = f->t->topic;
        r = log->ops->produce(log, &in, 1, e);
    } else if (r < 0) {
        err_set(e, why.kind, "%s", why.text);
    }
    return r < 0 ? r : 1;
}

int feed_file(struct log *log, const struct feed_target *t, const char *path,
              enum rows_format format, uint64_t *n, void (*progress)(uint64_t n, double share),
              struct err *e)
{
    struct feed f = {.t = t};
    struct rows *rows;
    *n = 0;
    int r = rows_open(&rows, path, format, t->schema, e);
    if (r < 0) {
        return r;
    }
    arena_init(&f.mem);
    arena_init(&f.plan);
    json_pull_init(&f.pull);
    buffer_init(&f.value);
    buffer_init(&f.key);
    r = feed_open(&f, rows, format, e);
    while (r == 0 && (r = feed_next(&f, log, rows, *n + 1, e)) == 1) {
        if (++*n % COMMIT_ROWS == 0 && progress) {
            progress(*n, rows_share(rows));
        }
        r = 0;
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
    json_pull_done(&f.pull);
    arena_done(&f.mem);
    arena_done(&f.plan);
    return r;
}
