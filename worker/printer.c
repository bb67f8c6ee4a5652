/* Printing records.
 *
 * Each side (key, value) has a format. Avro keeps one reader per schema id: the writer's own
 * schema, all columns. The other formats need no schema: string, long and bytes read the column
 * `_key` or `_value`; JSON is passed on as it is, on one line. What is no JSON (dead letters may
 * hold anything) is printed as a string, so that a line is always a record line.
 */
#include "worker/printer.h"
#include "engine/memory.h"
#include "engine/registry.h"
#include "schemas/json_print.h"
#include "schemas/json_pull.h"
#include "schemas/record_line.h"

#include <string.h>

struct decoder { /* one schema */
    uint32_t id;
    struct codec_spec spec;
    struct schema *schema;
    struct codec_reader *reader;
    struct json_rows rows;
};

struct side {
    const struct codec_def *def;
    bool is_key, is_avro, is_json;
    int n;
    struct decoder **decoder;
};

struct printer {
    struct arena mem, scratch;
    struct schema_store *schemas;
    struct side key, value;
    struct buffer text, key_text;
    struct json_pull pull;
};

static int find_codec(struct side *s, const char *name, struct err *e)
{
    s->def = codec_named(name);
    if (!s->def) {
        const char *names[32] = {NULL};
        for (int i = 0; registry_codecs[i] && i < 31; i++) {
            names[i] = registry_codecs[i]->name;
        }
        const char *near = nearest_name(name, names);
        return err_set(e, ERR_CONFIG, "there is no format \"%s\"%s%s%s", name,
                       near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    }
    s->is_avro = strcmp(name, "avro") == 0;
    s->is_json = strcmp(name, "json") == 0;
    return 0;
}

int printer_new(struct printer **out, const char *key_format, const char *value_format,
                struct schema_store *schemas, struct err *e)
{
    struct printer *p = mem_zalloc(sizeof *p);
    arena_init(&p->mem);
    arena_init(&p->scratch);
    buffer_init(&p->text);
    buffer_init(&p->key_text);
    json_pull_init(&p->pull);
    p->schemas = schemas;
    p->key.is_key = true;
    int r = find_codec(&p->key, key_format, e);
    r = r < 0 ? r : find_codec(&p->value, value_format, e);
    if (r < 0) {
        printer_free(p);
        return r;
    }
    *out = p;
    return 0;
}

static int add_decoder(struct printer *p, struct side *s, uint32_t id, const char *json,
                       const struct schema *columns, struct decoder **out, struct err *e)
{
    struct arena_mark before = arena_mark(&p->mem);
    struct decoder *d = arena_zalloc(&p->mem, sizeof *d);
    struct diags problems;
    int r = 0;
    d->id = id;
    d->spec =
        (struct codec_spec){.def = s->def, .is_key = s->is_key, .topic = "", .schema_json = json};
    if (columns) {
        d->schema = schema_new(&p->mem, columns->n);
        for (uint16_t c = 0; c < columns->n; c++) {
            schema_add(d->schema, columns->col[c].name, columns->col[c].type, true,
                       columns->col[c].hidden);
        }
    } else {
        d->schema = schema_new(&p->mem, COLUMNS_MAX);
        diags_init(&problems);
        r = s->def->infer(&d->spec, &p->mem, d->schema, &problems);
        if (r < 0) {
            err_set(e, ERR_DATA, "schema %u: %s", id, problems.n ? problems.item[0].text : "");
        }
        diags_done(&problems);
    }
    if (r == 0) {
        r = s->def->reader_open(&d->reader, &d->spec, d->schema, NULL, p->schemas, e);
    }
    if (r < 0) {
        arena_release(&p->mem, before);
        return -ERR_DATA;
    }
    json_rows_init(&d->rows, d->schema);
    s->decoder = mem_resize(s->decoder, (size_t)s->n + 1, sizeof(void *));
    s->decoder[s->n++] = d;
    *out = d;
    return 0;
}

int printer_columns(struct printer *p, const struct schema *columns, struct err *e)
{
    struct decoder *d;
    return add_decoder(p, &p->value, 0, NULL, columns, &d, e);
}

static int decoder_for(struct printer *p, struct side *s, const uint8_t *bytes, size_t n,
                       struct decoder **out, struct err *e)
{
    uint32_t id = 0;
    const char *json = NULL;
    if (s->is_avro) {
        if (n < 5 || bytes[0] != 0) {
            return err_set(e, ERR_DATA, "not Avro with a schema id (byte 0 is not 0)");
        }
        id = (uint32_t)bytes[1] << 24 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 8 |
             bytes[4];
    }
    for (int i = 0; i < s->n; i++) {
        if (s->decoder[i]->id == id) {
            *out = s->decoder[i];
            return 0;
        }
    }
    if (s->is_avro) {
        int r = p->schemas ? p->schemas->by_id(p->schemas, id, &json, e)
                           : err_set(e, ERR_CONFIG, "no schemas are known");
        if (r < 0) {
            return r;
        }
    }
    return add_decoder(p, s, id, json, NULL, out, e);
}

static void pass_json(struct printer *p, const char *bytes, size_t n, struct buffer *out)
{
    json_begin(&p->pull, bytes, n);
    if (!json_skip(&p->pull, NULL) || !json_finish(&p->pull)) {
        json_print_string(out, bytes, n);
        return;
    }
    size_t begin = out->n;
    buffer_add(out, bytes, n);
    for (size_t i = begin; i < out->n; i++) { /* a line end of valid JSON is white space */
        out->data[i] = out->data[i] == '\n' || out->data[i] == '\r' ? ' ' : out->data[i];
    }
}

/* One side's bytes as JSON into out. */
static int print_side(struct printer *p, struct side *s, const void *bytes, size_t n,
                      struct buffer *out, struct err *e)
{
    struct decoder *d;
    if (s->is_json) {
        pass_json(p, bytes, n, out);
        return 0;
    }
    int r = decoder_for(p, s, bytes, n, &d, e);
    if (r < 0) {
        return r;
    }
    arena_reset(&p->scratch);
    struct batch *b = batch_new(&p->scratch, d->schema, 1, NULL);
    b->nsel = 1;
    r = s->def->read(d->reader, bytes, n, b, 0, e);
    if (r < 0) {
        return r;
    }
    const char *plain = s->is_key ? "_key" : "_value";
    int only = schema_find(d->schema, plain);
    if (only < 0) {
        json_rows_print(&d->rows, b, 0, out);
        return 0;
    }
    const struct vec *v = &b->col[only];
    struct nested_value value = {.is_null = vec_is_null(v, 0)};
    if (type_is_str(v->type)) {
        value.s.p = str_data(&v->s[0]);
        value.s.n = v->s[0].n;
    } else {
        value.i = v->i[0];
    }
    json_print_value(out, v->type, &value);
    return 0;
}

int printer_value(struct printer *p, const struct record *r, struct buffer *out, struct err *e)
{
    if (!r->value) {
        buffer_text(out, "null");
        return 0;
    }
    return print_side(p, &p->value, r->value, r->value_n, out, e);
}

int printer_line(struct printer *p, const struct record *r, struct buffer *out, struct err *e)
{
    struct json_text key = {0}, value = {0};
    int result = 0;
    buffer_clear(&p->text);
    buffer_clear(&p->key_text);
    if (r->key) {
        result = print_side(p, &p->key, r->key, r->key_n, &p->key_text, e);
        key.p = buffer_cstr(&p->key_text);
        key.n = (uint32_t)p->key_text.n;
    }
    if (result == 0 && r->value) {
        result = print_side(p, &p->value, r->value, r->value_n, &p->text, e);
        value.p = buffer_cstr(&p->text);
        value.n = (uint32_t)p->text.n;
    }
    if (result < 0) {
        return result;
    }
    record_line_print(out, r, key, value);
    return 0;
}

static void side_free(struct side *s)
{
    for (int i = 0; i < s->n; i++) {
        s->def->reader_close(s->decoder[i]->reader);
        json_rows_done(&s->decoder[i]->rows);
    }
    mem_free(s->decoder);
}

void printer_free(struct printer *p)
{
    side_free(&p->key);
    side_free(&p->value);
    buffer_done(&p->text);
    buffer_done(&p->key_text);
    json_pull_done(&p->pull);
    arena_done(&p->scratch);
    arena_done(&p->mem);
    mem_free(p);
}
