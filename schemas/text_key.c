/* One column per key or value.
 *
 *   reading   key: _key, value: _value, both hidden; `key: {host: string}` names it instead
 *   writing   a key is its key columns; several become text joined by `|`. A value is the only
 *             visible column that is not part of the key, else the only visible one, else _value
 *   null      one null column is a null key or a tombstone; among several it prints as "null"
 */
#include "schemas/text_key.h"

#include "engine/memory.h"
#include "engine/yaml.h"

#include <string.h>

static const char *column_name(const struct codec_spec *spec)
{
    if (spec->columns != NULL && spec->columns->kind == YAML_MAP && spec->columns->n > 0) {
        return spec->columns->key[0];
    }
    return spec->is_key ? "_key" : "_value";
}

int text_infer(const struct codec_spec *spec, const struct type *type, struct schema *out,
               struct arena *a, struct diags *d)
{
    const struct yaml *named = spec->columns;
    if (named != NULL && (named->kind != YAML_MAP || named->n != 1)) {
        return diags_add(d, named->at, spec->path,
                         "'%s' is one column: {name: %s} is expected; several need avro or json",
                         spec->def->name, spec->def->name);
    }
    if (named != NULL) {
        const struct yaml *value = named->item[0];
        const struct type *wanted = value->text ? type_parse(a, value->text) : NULL;
        if (wanted == NULL || !type_equal(wanted, type)) {
            return diags_add(d, value->at, spec->path, "the type of '%s' is %s here", named->key[0],
                             spec->def->name);
        }
    }
    const char *name = arena_strdup(a, column_name(spec));
    int known = schema_find(out, name);
    if (known >= 0) { /* the value has it too */
        return type_equal(out->col[known].type, type)
                   ? 0
                   : diags_add(d, named ? named->at : spec->at, spec->path,
                               "key and value give '%s' different types", name);
    }
    schema_add(out, name, type, true, named == NULL);
    return 0;
}

int text_reader_open(struct codec_reader **out, const struct codec_spec *spec,
                     const struct schema *schema, const bool *needs, struct schema_store *schemas,
                     struct err *e)
{
    (void)schemas;
    (void)e;
    struct codec_reader *r = mem_zalloc(sizeof *r);
    int c = schema_find(schema, column_name(spec));
    r->column = c >= 0 && (needs == NULL || needs[c]) ? c : -1;
    *out = r;
    return 0;
}

void text_reader_close(struct codec_reader *r)
{
    mem_free(r);
}

void text_read(const struct codec_reader *r, const void *p, uint32_t n, struct batch *b,
               uint16_t row)
{
    if (r->column >= 0) {
        struct nested_value v = {.s = {.p = p, .n = n}};
        vec_set_value(&b->col[r->column], b->mem, row, &v);
    }
}

static bool is_key_column(const struct schema *schema, uint16_t c)
{
    for (uint16_t k = 0; k < schema->nkey; k++) {
        if (schema->key[k] == c) {
            return true;
        }
    }
    return false;
}

static int value_column(const struct codec_spec *spec, const struct schema *schema, struct err *e)
{
    int found = schema_find(schema, "_value");
    unsigned visible = 0, besides = 0;
    for (int round = 0; round < 2; round++) { /* a column besides the key comes second, and wins */
        for (uint16_t c = 0; c < schema->n; c++) {
            bool is_in = !schema->col[c].hidden && (round == 0 || !is_key_column(schema, c));
            visible += is_in && round == 0 ? 1 : 0;
            besides += is_in && round == 1 ? 1 : 0;
            found = is_in ? c : found;
        }
    }
    if (besides > 1 || (besides == 0 && visible > 1)) {
        return err_set(e, ERR_CONFIG,
                       "'%s' writes one column, and there are %u: select one, or write json",
                       spec->def->name, besides > 1 ? besides : visible);
    }
    return found >= 0 ? found
                      : err_set(e, ERR_CONFIG, "'%s' writes one column, and there is none",
                                spec->def->name);
}

int text_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                     const struct schema *schema, struct schema_store *schemas, struct err *e)
{
    (void)schemas;
    int c = spec->is_key ? 0 : value_column(spec, schema, e);
    if (c < 0) {
        return c;
    }
    struct codec_writer *w = mem_zalloc(sizeof *w);
    w->n = spec->is_key ? schema->nkey : 1;
    w->column = mem_array(w->n + 1U, sizeof *w->column);
    w->column[0] = (uint16_t)c;
    if (spec->is_key && w->n > 0) {
        memcpy(w->column, schema->key, w->n * sizeof *w->column);
    }
    *out = w;
    return 0;
}

void text_writer_close(struct codec_writer *w)
{
    mem_free(w->column);
    mem_free(w);
}

bool text_is_null(const struct codec_writer *w, const struct batch *b, uint16_t row)
{
    return w->n == 0 || (w->n == 1 && vec_is_null(&b->col[w->column[0]], row));
}

void text_print(const struct codec_writer *w, const struct batch *b, uint16_t row,
                struct buffer *out)
{
    for (uint16_t i = 0; i < w->n; i++) {
        if (i > 0) {
            buffer_byte(out, '|');
        }
        vec_print(out, &b->col[w->column[i]], row);
    }
}
