/* Schema texts to trees.
 *
 * jansson reads the JSON (at most AVRO_TEXT_MAX bytes, nesting at most AVRO_DEPTH_MAX), one
 * recursive function turns it into nodes. Names follow the specification: a dotted name is full,
 * any other gets the namespace around it; a reference that is not found there is tried without
 * namespace, as the Java library does. A type must be defined before it is used, a record may use
 * itself.
 *
 *   kept      names, aliases, order, defaults, symbols and the enum's default, sizes, logical types
 *   dropped   doc and properties of others
 *   ignored   a logical type on a wrong base or with wrong parameters, as the specification asks
 *   lenient   namespaces may hold dashes (other libraries write them); "error" counts as "record";
 *             a default that does not fit is an error only where resolution needs it, since
 *             libraries that do not check have registered many of them
 *   refused   duplicate fields, symbols and types; unions in unions or with two of one kind
 *
 * Defaults are turned into Avro data when the tree is complete: a field missing in written data is
 * then read like any other, from these bytes.
 */
#include "schemas/avro_schema.h"

#include "engine/hash.h"
#include "engine/memory.h"
#include "schemas/avro_json.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 4096 /* named types of one schema */
#define LIST_MAX  4096 /* fields, symbols, branches or aliases of one type */

struct pending { /* a default to convert when the tree is complete */
    struct avro_field *field;
    const json_t *json;
    struct pending *next;
};

struct parser {
    struct arena *a;
    struct err *e;
    struct avro_node *primitive[AV_STRING + 1];
    struct avro_node *named[NAMES_MAX];
    uint64_t hash[NAMES_MAX];
    uint32_t nnamed;
    struct pending *first, **last;
};

static const char *const type_names[] = {
    [AV_NULL] = "null",     [AV_BOOLEAN] = "boolean", [AV_INT] = "int",     [AV_LONG] = "long",
    [AV_FLOAT] = "float",   [AV_DOUBLE] = "double",   [AV_BYTES] = "bytes", [AV_STRING] = "string",
    [AV_RECORD] = "record", [AV_ENUM] = "enum",       [AV_ARRAY] = "array", [AV_MAP] = "map",
    [AV_UNION] = "union",   [AV_FIXED] = "fixed",
};

static const struct {
    const char *name;
    enum avro_type base;
} logical_types[] = {
    [AV_DECIMAL] = {"decimal", AV_BYTES},
    [AV_UUID] = {"uuid", AV_STRING},
    [AV_DATE] = {"date", AV_INT},
    [AV_TIME_MILLIS] = {"time-millis", AV_INT},
    [AV_TIME_MICROS] = {"time-micros", AV_LONG},
    [AV_TIMESTAMP_MILLIS] = {"timestamp-millis", AV_LONG},
    [AV_TIMESTAMP_MICROS] = {"timestamp-micros", AV_LONG},
    [AV_LOCAL_TIMESTAMP_MILLIS] = {"local-timestamp-millis", AV_LONG},
    [AV_LOCAL_TIMESTAMP_MICROS] = {"local-timestamp-micros", AV_LONG},
    [AV_DURATION] = {"duration", AV_FIXED},
};

const char *avro_type_name(enum avro_type type)
{
    return type_names[type];
}

const char *avro_logical_name(enum avro_logical logical)
{
    return logical_types[logical].name;
}

const char *avro_short_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

/* A text member without NUL inside, or NULL. */
static const char *text_of(const json_t *object, const char *key)
{
    const json_t *j = json_object_get(object, key);
    const char *s = json_string_value(j);
    return s && strlen(s) == json_string_length(j) ? s : NULL;
}

static bool is_name(const char *s, size_t n, const char *more)
{
    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!is_letter && !(c >= '0' && c <= '9' && i > 0) && !strchr(more, c)) {
            return false;
        }
    }
    return n > 0;
}

/* "a.b-c.Name": the last part is strict, the namespace is not. */
static bool is_full_name(const char *s)
{
    const char *name = avro_short_name(s);
    return is_name(name, strlen(name), "") && (name == s || is_name(s, (size_t)(name - s), ".-"));
}

static int primitive_of(const char *s)
{
    for (int t = AV_NULL; t <= AV_STRING; t++) {
        if (strcmp(s, type_names[t]) == 0) {
            return t;
        }
    }
    return -1;
}

static const char *full_name(struct parser *p, const char *name, const char *space)
{
    if (strchr(name, '.') || space[0] == '\0') {
        return arena_strdup(p->a, name);
    }
    return arena_printf(p->a, "%s.%s", space, name);
}

static const char *space_of(struct parser *p, const char *name)
{
    const char *last = avro_short_name(name);
    return last == name ? "" : arena_strndup(p->a, name, (size_t)(last - name - 1));
}

static struct avro_node *find_named(const struct parser *p, const char *name)
{
    uint64_t h = hash_bytes(name, strlen(name), 0);
    for (uint32_t i = 0; i < p->nnamed; i++) {
        if (p->hash[i] == h && strcmp(p->named[i]->name, name) == 0) {
            return p->named[i];
        }
    }
    return NULL;
}

/* The length of a list, or -1 with a message when it is none or too long. */
static int64_t list_size(struct parser *p, const json_t *list, const char *what)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > LIST_MAX) {
        err_set(p->e, ERR_CONFIG, "Avro schema: \"%s\" must be a list of at most %d", what,
                LIST_MAX);
        return -1;
    }
    return (int64_t)n;
}

static int compare_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The first of two equal names, or NULL. */
static const char *duplicate_of(const char *const *names, uint32_t n)
{
    const char *found = NULL;
    const char **sorted = mem_array(n + 1, sizeof *sorted);
    for (uint32_t i = 0; i < n; i++) {
        sorted[i] = names[i];
    }
    qsort(sorted, n, sizeof *sorted, compare_text);
    for (uint32_t i = 1; i < n && !found; i++) {
        found = strcmp(sorted[i - 1], sorted[i]) == 0 ? sorted[i] : NULL;
    }
    mem_free(sorted);
    return found;
}

static struct avro_node *new_node(struct parser *p, enum avro_type type)
{
    struct avro_node *s = arena_zalloc(p->a, sizeof *s);
    s->type = type;
    s->symbol_default = -1;
    return s;
}

static struct avro_node *fail(struct parser *p, const char *what, const char *name)
{
    err_set(p->e, ERR_CONFIG, "Avro schema: %s%s%.200s%s", what, name[0] ? " \"" : "", name,
            name[0] ? "\"" : "");
    return NULL;
}

static uint32_t number_of(const json_t *object, const char *key, bool *is_valid)
{
    const json_t *j = json_object_get(object, key);
    json_int_t v = json_integer_value(j);
    *is_valid = json_is_integer(j) && v >= 0 && v <= INT32_MAX;
    return *is_valid ? (uint32_t)v : 0;
}

static bool set_decimal(struct avro_node *s, const json_t *j)
{
    bool has_precision, has_scale;
    s->precision = number_of(j, "precision", &has_precision);
    s->scale = number_of(j, "scale", &has_scale);
    has_scale = has_scale || !json_object_get(j, "scale");
    double room = s->type == AV_FIXED ? floor(log10(2.0) * (8.0 * s->size - 1)) : INT32_MAX;
    return has_precision && has_scale && s->precision > 0 && s->scale <= s->precision &&
           s->precision <= room;
}

static void set_logical(struct avro_node *s, const json_t *j)
{
    const char *name = text_of(j, "logicalType");
    for (enum avro_logical l = AV_DECIMAL; name && l <= AV_DURATION; l++) {
        bool fits = s->type == logical_types[l].base || (l == AV_DECIMAL && s->type == AV_FIXED);
        if (strcmp(name, logical_types[l].name) != 0 || !fits) {
            continue;
        }
        if ((l == AV_DECIMAL && !set_decimal(s, j)) || (l == AV_DURATION && s->size != 12)) {
            return;
        }
        s->logical = l;
    }
}

/* Aliases; those of types become full names in the namespace `space`. */
static bool read_aliases(struct parser *p, const json_t *j, const char *space,
                         const char *const **out, uint32_t *n)
{
    const json_t *list = json_object_get(j, "aliases");
    int64_t count = list ? list_size(p, list, "aliases") : 0;
    if (count <= 0) {
        return count == 0;
    }
    const char **alias = arena_array(p->a, (size_t)count, sizeof *alias);
    for (size_t i = 0; i < (size_t)count; i++) {
        const json_t *item = json_array_get(list, i);
        const char *s = json_string_value(item);
        if (!s || strlen(s) != json_string_length(item) || !is_full_name(s)) {
            return fail(p, "an alias must be a name", s ? s : "") != NULL;
        }
        alias[i] = space ? full_name(p, s, space) : arena_strdup(p->a, s);
    }
    *out = alias;
    *n = (uint32_t)count;
    return true;
}

/* Name, aliases and entry into the table of names; *space becomes the namespace for what is inside.
 */
static struct avro_node *begin_named(struct parser *p, enum avro_type type, const json_t *j,
                                     const char **space)
{
    const char *name = text_of(j, "name");
    const char *namespace = text_of(j, "namespace");
    if (!name || !is_full_name(name)) {
        return fail(p, "a record, enum or fixed needs a name of letters, digits and _, not",
                    name ? name : "");
    }
    if (namespace && namespace[0] && !is_name(namespace, strlen(namespace), ".-")) {
        return fail(p, "bad namespace", namespace);
    }
    struct avro_node *s = new_node(p, type);
    s->name = full_name(p, name, namespace ? namespace : *space);
    *space = space_of(p, s->name);
    if (primitive_of(s->name) >= 0 || find_named(p, s->name)) {
        return fail(p, "a type of this name is there already:", s->name);
    }
    if (p->nnamed == NAMES_MAX) {
        return fail(p, "too many named types", "");
    }
    p->hash[p->nnamed] = hash_bytes(s->name, strlen(s->name), 0);
    p->named[p->nnamed++] = s;
    return read_aliases(p, j, *space, &s->alias, &s->naliases) ? s : NULL;
}

static struct avro_node *parse_node(struct parser *p, const json_t *j, const char *space,
                                    int depth);

static bool parse_field(struct parser *p, struct avro_field *f, const json_t *j, const char *space,
                        int depth)
{
    const char *name = text_of(j, "name");
    if (!name || !is_name(name, strlen(name), "")) {
        return fail(p, "a field needs a name of letters, digits and _, not", name ? name : "");
    }
    f->name = arena_strdup(p->a, name);
    if (!json_object_get(j, "type")) {
        return fail(p, "this field has no type:", name);
    }
    f->type = parse_node(p, json_object_get(j, "type"), space, depth + 1);
    if (!f->type || !read_aliases(p, j, NULL, &f->alias, &f->naliases)) {
        return false;
    }
    const char *order = text_of(j, "order");
    if (order && strcmp(order, "ascending") != 0) {
        bool is_down = strcmp(order, "descending") == 0;
        if (!is_down && strcmp(order, "ignore") != 0) {
            return fail(p, "\"order\" is ascending, descending or ignore, not", order);
        }
        f->order = is_down ? AV_DESCENDING : AV_IGNORE;
    }
    const json_t *value = json_object_get(j, "default");
    if (value) {
        struct pending *d = arena_zalloc(p->a, sizeof *d);
        *d = (struct pending){.field = f, .json = value};
        *p->last = d;
        p->last = &d->next;
    }
    return true;
}

static struct avro_node *parse_record(struct parser *p, const json_t *j, const char *space,
                                      int depth)
{
    struct avro_node *s = begin_named(p, AV_RECORD, j, &space);
    const json_t *list = json_object_get(j, "fields");
    int64_t count = s ? list_size(p, list, "fields") : -1;
    if (count < 0) {
        return NULL;
    }
    size_t n = (size_t)count;
    s->field = arena_zalloc(p->a, (n + 1) * sizeof *s->field);
    for (size_t i = 0; i < n; i++) {
        if (!parse_field(p, &s->field[i], json_array_get(list, i), space, depth)) {
            return NULL;
        }
    }
    s->n = (uint32_t)n;
    const char **names = arena_array(p->a, n + 1, sizeof *names);
    for (size_t i = 0; i < n; i++) {
        names[i] = s->field[i].name;
    }
    const char *twice = duplicate_of(names, s->n);
    return twice ? fail(p, "a record has two fields", twice) : s;
}

static struct avro_node *parse_enum(struct parser *p, const json_t *j, const char *space)
{
    struct avro_node *s = begin_named(p, AV_ENUM, j, &space);
    const json_t *list = json_object_get(j, "symbols");
    int64_t count = s ? list_size(p, list, "symbols") : -1;
    if (count < 0) {
        return NULL;
    }
    size_t n = (size_t)count;
    const char **symbol = arena_array(p->a, n + 1, sizeof *symbol);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_array_get(list, i);
        const char *text = json_string_value(item);
        if (!text || !is_name(text, json_string_length(item), "")) {
            return fail(p, "an enum has a symbol that is no name", text ? text : "");
        }
        symbol[i] = arena_strdup(p->a, text);
    }
    s->symbol = symbol;
    s->n = (uint32_t)n;
    const char *twice = duplicate_of(symbol, s->n);
    if (twice) {
        return fail(p, "an enum has two symbols", twice);
    }
    const char *fallback = text_of(j, "default");
    for (uint32_t i = 0; fallback && i < s->n; i++) {
        s->symbol_default = strcmp(symbol[i], fallback) == 0 ? (int32_t)i : s->symbol_default;
    }
    if (json_object_get(j, "default") && s->symbol_default < 0) {
        return fail(p, "the default of this enum is none of its symbols:", s->name);
    }
    return s;
}

static struct avro_node *parse_fixed(struct parser *p, const json_t *j, const char *space)
{
    struct avro_node *s = begin_named(p, AV_FIXED, j, &space);
    if (!s) {
        return NULL;
    }
    bool is_valid;
    s->size = number_of(j, "size", &is_valid);
    if (!is_valid) {
        return fail(p, "this fixed has no valid size:", s->name);
    }
    set_logical(s, j);
    return s;
}

static struct avro_node *parse_items(struct parser *p, enum avro_type type, const json_t *item,
                                     const char *space, int depth)
{
    struct avro_node *s = new_node(p, type);
    if (!item) {
        return fail(p, type == AV_ARRAY ? "an array has no \"items\"" : "a map has no \"values\"",
                    "");
    }
    s->branch = arena_array(p->a, 1, sizeof *s->branch);
    s->branch[0] = parse_node(p, item, space, depth + 1);
    s->n = 1;
    return s->branch[0] ? s : NULL;
}

static struct avro_node *parse_union(struct parser *p, const json_t *j, const char *space,
                                     int depth)
{
    struct avro_node *s = new_node(p, AV_UNION);
    int64_t count = list_size(p, j, "union");
    if (count < 0) {
        return NULL;
    }
    size_t n = (size_t)count;
    const char **names = arena_array(p->a, n + 1, sizeof *names);
    s->branch = arena_array(p->a, n + 1, sizeof *s->branch);
    for (size_t i = 0; i < n; i++) {
        struct avro_node *b = parse_node(p, json_array_get(j, i), space, depth + 1);
        if (!b) {
            return NULL;
        }
        if (b->type == AV_UNION) {
            return fail(p, "a union stands directly in a union", "");
        }
        s->branch[i] = b;
        names[i] = b->name ? b->name : avro_type_name(b->type);
    }
    s->n = (uint32_t)n;
    const char *twice = duplicate_of(names, s->n);
    if (n == 0) {
        return fail(p, "a union has no branches", "");
    }
    return twice ? fail(p, "a union has two branches", twice) : s;
}

static struct avro_node *parse_reference(struct parser *p, const char *name, const char *space)
{
    int primitive = primitive_of(name);
    if (primitive >= 0) {
        return p->primitive[primitive];
    }
    struct avro_node *s = NULL;
    if (is_full_name(name)) {
        s = find_named(p, full_name(p, name, space));
        s = s ? s : find_named(p, name);
    }
    return s ? s : fail(p, "unknown type", name);
}

static struct avro_node *parse_object(struct parser *p, const json_t *j, const char *space,
                                      int depth)
{
    const json_t *type = json_object_get(j, "type");
    const char *name = text_of(j, "type");
    if (json_is_object(type) || json_is_array(type)) {
        return parse_node(p, type, space, depth + 1);
    }
    if (!name) {
        return fail(p, "an object has no \"type\"", "");
    }
    if (strcmp(name, "record") == 0 || strcmp(name, "error") == 0) {
        return parse_record(p, j, space, depth);
    }
    if (strcmp(name, "enum") == 0) {
        return parse_enum(p, j, space);
    }
    if (strcmp(name, "fixed") == 0) {
        return parse_fixed(p, j, space);
    }
    if (strcmp(name, "array") == 0) {
        return parse_items(p, AV_ARRAY, json_object_get(j, "items"), space, depth);
    }
    if (strcmp(name, "map") == 0) {
        return parse_items(p, AV_MAP, json_object_get(j, "values"), space, depth);
    }
    int primitive = primitive_of(name);
    if (primitive >= 0 && json_object_get(j, "logicalType")) {
        struct avro_node *s = new_node(p, (enum avro_type)primitive);
        set_logical(s, j);
        return s;
    }
    return parse_reference(p, name, space);
}

static struct avro_node *parse_node(struct parser *p, const json_t *j, const char *space, int depth)
{
    if (depth > AVRO_DEPTH_MAX) {
        return fail(p, "nested too deeply", "");
    }
    if (json_is_string(j)) {
        const char *name = json_string_value(j);
        return strlen(name) == json_string_length(j) ? parse_reference(p, name, space)
                                                     : fail(p, "unknown type", name);
    }
    if (json_is_array(j)) {
        return parse_union(p, j, space, depth);
    }
    return json_is_object(j) ? parse_object(p, j, space, depth)
                             : fail(p, "a type is a name, an object or a list", "");
}

/* Texts and data of all defaults. One that does not fit keeps its text only. */
static void convert_defaults(struct parser *p)
{
    for (struct pending *d = p->first; d; d = d->next) {
        char *text = json_dumps(d->json, JSON_COMPACT | JSON_ENCODE_ANY);
        d->field->json = arena_strdup(p->a, text ? text : "null");
        free(text);
    }
    int64_t fuel = AVRO_DEFAULT_MAX;
    struct buffer b;
    buffer_init(&b);
    for (struct pending *d = p->first; d; d = d->next) {
        buffer_clear(&b);
        if (avro_from_json(&b, d->field->type, d->json, AV_JSON_DEFAULT, &fuel) == 0) {
            uint8_t *bytes = arena_alloc(p->a, b.n + 1);
            memcpy(bytes, buffer_cstr(&b), b.n);
            d->field->bytes = bytes;
            d->field->nbytes = (uint32_t)b.n;
        }
    }
    buffer_done(&b);
}

int avro_schema_parse(struct avro_node **out, struct arena *a, const char *json, size_t n,
                      struct err *e)
{
    if (n > AVRO_TEXT_MAX) {
        return err_set(e, ERR_CONFIG, "Avro schema: %zu bytes, more than %u", n, AVRO_TEXT_MAX);
    }
    json_error_t problem;
    json_t *root =
        json_loadb(json, n, JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &problem);
    if (!root) {
        return err_set(e, ERR_CONFIG, "Avro schema: line %d, column %d: %s", problem.line,
                       problem.column, problem.text);
    }
    struct parser *p = mem_zalloc(sizeof *p);
    p->a = a;
    p->e = e;
    p->last = &p->first;
    for (int t = AV_NULL; t <= AV_STRING; t++) {
        p->primitive[t] = new_node(p, (enum avro_type)t);
    }
    *out = parse_node(p, root, "", 0);
    if (*out) {
        convert_defaults(p);
    }
    mem_free(p);
    json_decref(root);
    return *out ? 0 : -ERR_CONFIG;
}
