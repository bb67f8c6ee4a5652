/* Avro schema to columns.
 *
 *   record                     flattened: field b of record a is "a.b"
 *   ["null", T]                T, nullable; a nullable record makes all columns below it nullable
 *   int long date time-*       long (time-* in their own unit)
 *   float double decimal       double (a decimal of more than 15 digits is rounded)
 *   timestamp-*, local-*       timestamp, ms; microseconds are rounded down
 *   boolean; string enum uuid  boolean; string
 *   bytes fixed duration       bytes
 *   array map                  array<T>, map<T> in the bytes of engine/nested.h; a record inside is
 *                              a record<...>, an item that is mixed is JSON text
 *   union of several           all numbers: double if one is, else long; all strings: string;
 *                              otherwise string with the JSON text of the value (strings in quotes,
 *                              bytes base64)
 *   null                       string, always null
 *
 * A record inside itself flattens while its nesting is below 8; the next one is JSON text, and
 * inside an array or map the first repetition already is. A schema whose repetitions make more than
 * 4096 columns is flattened less deeply (4, 2, 1) before it is refused.
 */
#include "schemas/avro_columns.h"

#include "engine/memory.h"

#include <string.h>

struct flattener {
    struct arena *a;
    uint32_t nleaves, limit; /* limit of recursion */
    uint32_t steps;
    bool is_too_many;
    const struct avro_node *path[AVRO_DEPTH_MAX + 1]; /* records around the node in hand */
    uint32_t depth;
};

static const struct type *item_type(struct flattener *f, const struct avro_node *s);

const struct avro_node *avro_without_null(const struct avro_node *s, bool *is_nullable)
{
    *is_nullable = s->type == AV_NULL;
    if (s->type != AV_UNION) {
        return s;
    }
    const struct avro_node *other = s;
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->branch[i]->type == AV_NULL) {
            *is_nullable = true;
        } else {
            other = s->branch[i];
            n++;
        }
    }
    if (n == 0) {
        return s->branch[0];
    }
    return n == 1 ? other : s;
}

static const struct type *scalar_type(const struct avro_node *s)
{
    switch (s->type) {
    case AV_BOOLEAN:
        return &type_boolean;
    case AV_INT:
        return &type_long;
    case AV_LONG:
        return s->logical >= AV_TIMESTAMP_MILLIS && s->logical <= AV_LOCAL_TIMESTAMP_MICROS
                   ? &type_timestamp
                   : &type_long;
    case AV_FLOAT:
    case AV_DOUBLE:
        return &type_double;
    case AV_BYTES:
    case AV_FIXED:
        return s->logical == AV_DECIMAL ? &type_double : &type_bytes;
    case AV_NULL:
    case AV_STRING:
    case AV_ENUM:
        return &type_string;
    case AV_RECORD:
    case AV_ARRAY:
    case AV_MAP:
    case AV_UNION:
        break;
    }
    return NULL;
}

const struct type *avro_basic_type(const struct avro_node *s)
{
    if (s->type != AV_UNION) {
        return scalar_type(s);
    }
    const struct type *widest = NULL;
    for (uint32_t i = 0; i < s->n; i++) {
        const struct type *t = scalar_type(s->branch[i]);
        if (s->branch[i]->type == AV_NULL || (t && t == widest)) {
            continue;
        }
        if (!t || (widest && !(type_is_numeric(t) && type_is_numeric(widest)))) {
            return NULL;
        }
        widest = widest ? &type_double : t;
    }
    return widest ? widest : &type_string;
}

bool avro_is_text(const struct avro_node *s, const struct type *t)
{
    bool is_nullable;
    return t->kind == TYPE_STRING && !avro_basic_type(avro_without_null(s, &is_nullable));
}

static uint32_t times_on_path(const struct flattener *f, const struct avro_node *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->depth; i++) {
        n += f->path[i] == s;
    }
    return n;
}

static const struct type *record_type(struct flattener *f, const struct avro_node *s)
{
    struct type *t = arena_zalloc(f->a, sizeof *t);
    struct type_field *field = arena_array(f->a, s->n + 1, sizeof *field);
    f->path[f->depth++] = s;
    for (uint32_t i = 0; i < s->n; i++) {
        field[i].name = s->field[i].name;
        field[i].type = item_type(f, s->field[i].type);
    }
    f->depth--;
    *t = (struct type){.kind = TYPE_RECORD, .nfields = (uint16_t)s->n, .field = field};
    return t;
}

/* Type of an item of an array or map, or of a field of a record inside one. */
static const struct type *item_type(struct flattener *f, const struct avro_node *s)
{
    bool is_nullable;
    s = avro_without_null(s, &is_nullable);
    const struct type *t = avro_basic_type(s);
    bool is_record = s->type == AV_RECORD && s->n <= COLUMNS_MAX && times_on_path(f, s) == 0;
    if (++f->steps > 4 * COLUMNS_MAX) {
        f->is_too_many = true;
        return &type_string;
    }
    if (t) {
        return t;
    }
    if (f->depth >= AVRO_DEPTH_MAX || (s->type == AV_RECORD && !is_record) || s->type == AV_UNION) {
        return &type_string;
    }
    if (s->type == AV_RECORD) {
        return record_type(f, s);
    }
    f->path[f->depth++] = s;
    const struct type *of = item_type(f, s->branch[0]);
    f->depth--;
    return s->type == AV_ARRAY ? type_array(f->a, of) : type_map(f->a, of);
}

static bool is_flat(const struct flattener *f, const struct avro_node *s)
{
    return s->type == AV_RECORD && f->depth < AVRO_DEPTH_MAX &&
           (times_on_path(f, s) == 0 || f->depth < f->limit);
}

static void flatten(struct flattener *f, struct avro_shape *s, const struct avro_node *node,
                    const char *name, bool is_nullable)
{
    s->node = node;
    s->name = name;
    s->target = -1;
    s->value = avro_without_null(node, &s->is_nullable);
    s->is_nullable = s->is_nullable || is_nullable;
    if (++f->steps > 4 * COLUMNS_MAX || f->nleaves > COLUMNS_MAX) {
        f->is_too_many = true;
        return;
    }
    if (!is_flat(f, s->value)) {
        s->is_leaf = true;
        s->type = s->value->type == AV_RECORD ? &type_string : item_type(f, s->value);
        s->column = f->nleaves++;
        return;
    }
    s->nfields = s->value->n;
    s->field = arena_zalloc(f->a, (s->nfields + 1) * sizeof *s->field);
    f->path[f->depth++] = s->value;
    for (uint32_t i = 0; i < s->nfields && !f->is_too_many; i++) {
        const struct avro_field *field = &s->value->field[i];
        const char *full = name[0] ? arena_printf(f->a, "%s.%s", name, field->name) : field->name;
        flatten(f, &s->field[i], field->type, full, s->is_nullable);
    }
    f->depth--;
}

static void collect(struct avro_shape *s, struct avro_shape **leaves)
{
    if (s->is_leaf) {
        leaves[s->column] = s;
    }
    for (uint32_t i = 0; i < s->nfields; i++) {
        collect(&s->field[i], leaves);
    }
}

int avro_columns(struct avro_shape **out, struct avro_shape ***leaves, uint32_t *n, struct arena *a,
                 const struct avro_node *s, const char *root_name, struct err *e)
{
    struct flattener f = {.a = a};
    bool is_nullable;
    bool is_record = avro_without_null(s, &is_nullable)->type == AV_RECORD;
    for (uint32_t limit = AVRO_RECURSION_MAX; limit > 0; limit /= 2) {
        f = (struct flattener){.a = a, .limit = limit};
        *out = arena_zalloc(a, sizeof **out);
        flatten(&f, *out, s, is_record ? "" : root_name, false);
        f.is_too_many = f.is_too_many || f.nleaves > COLUMNS_MAX;
        if (!f.is_too_many) {
            break;
        }
    }
    if (f.is_too_many) {
        return err_set(e, ERR_CONFIG, "Avro schema: more than %d columns", COLUMNS_MAX);
    }
    *n = f.nleaves;
    *leaves = arena_array(a, f.nleaves + 1, sizeof(struct avro_shape *));
    collect(*out, *leaves);
    return 0;
}
