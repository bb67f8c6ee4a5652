/* Declared columns: `columns: {host: string, load.mean: double, tags: array<string>}`.
 *
 * Each is a name and a type as type_parse() reads it; all are nullable, since nothing in the data
 * promises otherwise. Problems are reported for every column, not only the first. Instead of
 * `columns` there may be an Avro schema: then its columns are taken, as the codec avro has them.
 */
#include "schemas/columns.h"

#include "engine/habits.h"
#include "engine/yaml.h"
#include "schemas/avro_codec.h"
#include "schemas/json_shape.h"

#include <string.h>

static const char *const type_names[] = {
    "boolean",       "long",        "double", "string", "bytes", "timestamp",
    "array<string>", "map<string>", "int",    "float",  NULL};

static int add_column(const struct codec_spec *spec, int i, struct arena *a, struct schema *out,
                      struct diags *d)
{
    const struct yaml *value = spec->columns->item[i];
    const char *name = spec->columns->key[i];
    const char *path = arena_printf(a, "%s.columns.%s", spec->path ? spec->path : "", name);
    bool is_scalar = value->kind != YAML_LIST && value->kind != YAML_MAP && value->text != NULL;
    const struct type *type = is_scalar ? type_parse(a, value->text) : NULL;
    if (type == NULL) {
        const char *near = is_scalar ? habit_or_nearest(HABIT_TYPE, value->text, type_names) : NULL;
        if (value->broken) {
            return -ERR_CONFIG;
        }
        return diags_add(d, value->at, path,
                         "%s%.100s%s is no type: expected boolean, long, double, string, bytes, "
                         "timestamp, array<T> or map<T>%s%s%s",
                         is_scalar ? "\"" : "", is_scalar ? value->text : "this",
                         is_scalar ? "\"" : "", near ? "; did you mean \"" : "", near ? near : "",
                         near ? "\"?" : "");
    }
    int known = schema_find(out, name);
    if (known >= 0) { /* the key has named it */
        return type_equal(out->col[known].type, type)
                   ? 0
                   : diags_add(d, value->at, path, "key and value give it different types");
    }
    if (out->n >= COLUMNS_READ_MAX) {
        return diags_add(d, value->at, path, "more than %d columns", COLUMNS_READ_MAX);
    }
    schema_add(out, arena_strdup(a, name), type, true, false);
    return 0;
}

/* In JSON `a.b` is member b of the object a, so `a` can be no column beside it. */
static int refuse_members(const struct codec_spec *spec, struct arena *a, struct diags *d)
{
    const struct yaml *y = spec->columns;
    int rc = 0;
    for (int i = 0; i < y->n; i++) {
        for (int k = 0; k < y->n; k++) {
            size_t n = strlen(y->key[k]);
            if (strncmp(y->key[i], y->key[k], n) == 0 && y->key[i][n] == '.') {
                rc = diags_add(
                    d, y->item[i]->at,
                    arena_printf(a, "%s.columns.%s", spec->path ? spec->path : "", y->key[i]),
                    "%s is a member of the object %s, which is a column of its own here: "
                    "take one of them",
                    y->key[i], y->key[k]);
            }
        }
    }
    return rc;
}

int columns_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                  struct diags *d)
{
    if (spec->columns == NULL && spec->schema_json != NULL) {
        return avro_codec_infer(spec, a, out, d);
    }
    if (spec->columns == NULL) {
        return diags_add(d, spec->at, spec->path,
                         "'%s' has no types of its own: add `columns: {name: type}` or `schema`",
                         spec->def->name);
    }
    if (spec->columns->kind != YAML_MAP) {
        return diags_add(d, spec->columns->at, spec->path,
                         "columns is a map of names and types, not %s",
                         yaml_kind_name(spec->columns->kind));
    }
    int rc = strcmp(spec->def->name, "json") == 0 ? refuse_members(spec, a, d) : 0;
    for (int i = 0; i < spec->columns->n; i++) {
        int one = add_column(spec, i, a, out, d);
        rc = rc < 0 ? rc : one;
        if (out->n == COLUMNS_READ_MAX && one < 0) {
            break; /* said once */
        }
    }
    return rc;
}

/* The columns that a spec gives, by themselves: NULL when it gives none. */
static const struct schema *given_columns(const struct codec_spec *spec, struct arena *a)
{
    if (spec->columns == NULL && spec->schema_json == NULL) {
        return NULL;
    }
    struct diags d;
    diags_init(&d);
    struct schema *given = schema_new(a, COLUMNS_MAX);
    int rc = columns_infer(spec, a, given, &d);
    diags_done(&d);
    return rc < 0 ? NULL : given;
}

uint16_t columns_to_read(const struct codec_spec *spec, const struct schema *schema,
                         const bool *needs, uint16_t *column)
{
    struct arena a;
    arena_init(&a);
    const struct schema *given = given_columns(spec, &a);
    uint16_t n = 0;
    for (uint16_t c = 0; c < schema->n; c++) {
        bool is_ours = !schema->col[c].hidden && (needs == NULL || needs[c]);
        if (is_ours && (given == NULL || schema_find(given, schema->col[c].name) >= 0)) {
            column[n++] = c;
        }
    }
    arena_done(&a);
    return n;
}

uint16_t columns_to_write(const struct codec_spec *spec, const struct schema *schema,
                          uint16_t *column)
{
    if (!spec->is_key) {
        return json_visible_columns(schema, column);
    }
    for (uint16_t k = 0; k < schema->nkey; k++) {
        column[k] = schema->key[k];
    }
    return schema->nkey;
}
