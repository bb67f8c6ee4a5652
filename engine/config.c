/* A YAML map read into a struct by a table of fields.
 *
 *   known key     the field's parser checks kind and range and writes at its offset
 *   absent        the default, parsed like the user's own text; else the "unset" value of the kind
 *   unknown key   an error with the nearest valid name, or all of them
 *   {a: f(x, y)}   in a flow map a comma ends the value: what is left of it has an open bracket,
 *                  and the rest stands as a key without value. One error says so and the rest is
 *                  not reported
 *
 * Every problem is reported, and every field is set even so. Values from ${…} are never quoted.
 */
#include "engine/config.h"

#include "engine/buffer.h"
#include "engine/clock.h"
#include "engine/habits.h"
#include "engine/memory.h"
#include "engine/vector.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUOTE_MAX 60

/* What the parsers of single values share. */
struct reader {
    struct arena *a;
    struct diags *d;
};

static bool is_scalar(const struct yaml *y)
{
    return y->kind != YAML_LIST && y->kind != YAML_MAP;
}

/* `found "ten"`, `found 7`, `found a list`: cut, without control characters and secrets. */
static const char *found(const struct reader *r, const struct yaml *y)
{
    if (y->secret) {
        return "found another value in ${…}";
    }
    if (!is_scalar(y) || (y->kind == YAML_NULL && y->text_n == 0)) {
        return arena_printf(r->a, "found %s", yaml_kind_name(y->kind));
    }
    char cut[QUOTE_MAX + 8];
    size_t n = y->text_n < QUOTE_MAX ? y->text_n : QUOTE_MAX;
    while (n > 0 && n < y->text_n && ((unsigned char)y->text[n] & 0xc0) == 0x80) {
        n--;
    }
    for (size_t i = 0; i < n; i++) {
        cut[i] = (unsigned char)y->text[i] < 0x20 ? ' ' : y->text[i];
    }
    cut[n] = 0;
    const char *quote = y->kind == YAML_STRING ? "\"" : "";
    return arena_printf(r->a, "found %s%s%s%s", quote, cut, n < y->text_n ? "…" : "", quote);
}

static int expected(const struct reader *r, const struct yaml *y, const char *path,
                    const char *what)
{
    return diags_add(r->d, y->at, path, "expected %s, %s", what, found(r, y));
}

/* Brackets and quotes that do not match: what a comma of a flow map leaves of an expression. */
static bool is_cut_off(const struct yaml *y)
{
    if (!y->flow || !is_scalar(y)) {
        return false;
    }
    int depth = 0;
    bool in_quotes = false;
    for (size_t i = 0; i < y->text_n; i++) {
        char c = y->text[i];
        in_quotes = in_quotes != (c == '\'');
        depth += in_quotes ? 0 : (c == '(') - (c == ')');
    }
    return depth != 0 || in_quotes;
}

static int report_cut_off(const struct reader *r, const struct yaml *y, const char *path)
{
    return diags_add(
        r->d, y->at, path,
        "inside {…} or […] a comma ends the value, which leaves a bracket or quote open "
        "here, %s: put quotes around the whole value",
        found(r, y));
}

/* A key without value in a flow map: `y)` of {a: f(x, y)}. */
static bool is_bare_key(const struct yaml *map, int i)
{
    return i > 0 && i < map->n && map->flow && map->item[i]->kind == YAML_NULL &&
           map->item[i]->text_n == 0;
}

/* Entry i was cut off by a comma: bare keys follow. */
static bool ends_in_rest(const struct yaml *map, int i)
{
    return is_bare_key(map, i + 1) && is_cut_off(map->item[i]);
}

static bool in_range(const struct config_field *f, double v)
{
    bool has_bounds = f->min != 0 || f->max != 0;
    bool has_upper = has_bounds && !(f->max == 0 && f->min > 0);
    return (!has_bounds || v >= f->min) && (!has_upper || v <= f->max);
}

/* A bound as the user would write it. */
static const char *print_bound(const struct reader *r, const struct config_field *f, double v)
{
    if (f->kind == CONFIG_DURATION) {
        char text[32];
        duration_format((int64_t)v, text);
        return arena_strdup(r->a, text);
    }
    if (f->kind == CONFIG_SIZE && v >= 1 << 20 && fmod(v, 1 << 20) == 0) {
        return arena_printf(r->a, "%lldMB", (long long)v >> 20);
    }
    struct buffer b;
    buffer_init(&b);
    if (fabs(v) < 1e15 && v == floor(v)) {
        buffer_printf(&b, "%lld", (long long)v);
    } else {
        print_double(&b, v);
    }
    const char *text = arena_strdup(r->a, buffer_cstr(&b));
    buffer_done(&b);
    return text;
}

static int check_range(const struct reader *r, const struct config_field *f, double v,
                       const struct yaml *y, const char *path)
{
    if (in_range(f, v)) {
        return 0;
    }
    bool has_upper = !(f->max == 0 && f->min > 0);
    const char *what = arena_printf(r->a, "at least %s", print_bound(r, f, f->min));
    if (has_upper) {
        what = arena_printf(r->a, "a value from %s to %s", print_bound(r, f, f->min),
                            print_bound(r, f, f->max));
    }
    return expected(r, y, path, what);
}

/* Text of a scalar without NUL characters, copied; NULL after an error. */
static const char *read_text(const struct reader *r, const struct yaml *y, const char *path,
                             const char *what)
{
    if (!is_scalar(y) || y->kind == YAML_NULL) {
        expected(r, y, path, what);
        return NULL;
    }
    if (y->text_n > 0 && memchr(y->text, 0, y->text_n) != NULL) {
        diags_add(r->d, y->at, path, "expected %s without the character \\0", what);
        return NULL;
    }
    return arena_strndup(r->a, y->text, y->text_n);
}

static int parse_long(const struct reader *r, const struct config_field *f, int64_t *out,
                      const struct yaml *y, const char *path)
{
    bool is_whole = y->kind == YAML_LONG;
    int64_t v = y->number;
    if (y->kind == YAML_DOUBLE && fabs(y->real) < 9e15 && y->real == floor(y->real)) {
        is_whole = true;
        v = (int64_t)y->real;
    }
    if (!is_whole || v == CONFIG_UNSET) {
        return expected(r, y, path, "a whole number");
    }
    if (check_range(r, f, (double)v, y, path) < 0) {
        return -ERR_CONFIG;
    }
    *out = v;
    return 0;
}

static int parse_double(const struct reader *r, const struct config_field *f, double *out,
                        const struct yaml *y, const char *path)
{
    if ((y->kind != YAML_LONG && y->kind != YAML_DOUBLE) || isnan(y->real)) {
        return expected(r, y, path, "a number");
    }
    if (check_range(r, f, y->real, y, path) < 0) {
        return -ERR_CONFIG;
    }
    *out = y->real;
    return 0;
}

/* A hundred years: sums of durations and event times stay within 64 bits. */
#define DURATION_MOST INT64_C(3155760000000)

static int parse_duration(const struct reader *r, const struct config_field *f, int64_t *out,
                          const struct yaml *y, const char *path)
{
    int64_t ms;
    if (y->kind != YAML_STRING || duration_parse(y->text, y->text_n, &ms) < 0) {
        return expected(r, y, path, "a duration such as 10s");
    }
    if (check_range(r, f, (double)ms, y, path) < 0) {
        return -ERR_CONFIG;
    }
    if (ms > DURATION_MOST) {
        return expected(r, y, path, "a duration of at most 36525d");
    }
    *out = ms;
    return 0;
}

/* Digits and an optional unit of 1024s; -1 when it is none or more than 63 bits hold. */
static int64_t size_of_text(const struct yaml *y)
{
    static const struct {
        const char *name;
        int shift;
    } units[] = {{"", 0}, {"B", 0}, {"KB", 10}, {"MB", 20}, {"GB", 30}, {"TB", 40}};
    int64_t v = 0;
    const char *p = y->text, *end = p + y->text_n;
    const char *digits = p;
    for (; p < end && *p >= '0' && *p <= '9'; p++) {
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v)) {
            return -1;
        }
    }
    for (size_t i = 0; i < sizeof units / sizeof units[0] && p > digits; i++) {
        if (strlen(units[i].name) == (size_t)(end - p) &&
            memcmp(units[i].name, p, (size_t)(end - p)) == 0) {
            return v > INT64_MAX >> units[i].shift ? -1 : v << units[i].shift;
        }
    }
    return -1;
}

static int parse_size(const struct reader *r, const struct config_field *f, int64_t *out,
                      const struct yaml *y, const char *path)
{
    int64_t v = is_scalar(y) ? size_of_text(y) : -1;
    if (v < 0) {
        return expected(r, y, path, "a size such as 512, 64KB, 256MB or 2GB");
    }
    if (check_range(r, f, (double)v, y, path) < 0) {
        return -ERR_CONFIG;
    }
    *out = v;
    return 0;
}

/* "a, b or c" */
static const char *list_names(const struct reader *r, const char *const *names)
{
    struct buffer b;
    buffer_init(&b);
    for (int i = 0; names[i] != NULL; i++) {
        bool is_last = names[i + 1] == NULL;
        buffer_printf(&b, "%s%s", i == 0 ? "" : is_last ? " or " : ", ", names[i]);
    }
    const char *text = arena_strdup(r->a, buffer_cstr(&b));
    buffer_done(&b);
    return text;
}

static int parse_enum(const struct reader *r, const struct config_field *f, int *out,
                      const struct yaml *y, const char *path)
{
    for (int i = 0; f->values[i] != NULL && is_scalar(y); i++) {
        if (strlen(f->values[i]) == y->text_n && memcmp(f->values[i], y->text, y->text_n) == 0) {
            *out = i;
            return 0;
        }
    }
    const char *near = NULL;
    if (y->kind == YAML_STRING && !y->secret && y->text_n < 256) {
        near = habit_or_nearest(HABIT_VALUE, y->text, f->values);
    }
    return diags_add(r->d, y->at, path, "expected %s, %s%s%s%s", list_names(r, f->values),
                     found(r, y), near != NULL ? ": did you mean `" : "", near != NULL ? near : "",
                     near != NULL ? "`?" : "");
}

static int parse_expression(const struct reader *r, struct config_text *out, const struct yaml *y,
                            const char *path)
{
    if (is_cut_off(y)) {
        return report_cut_off(r, y, path);
    }
    struct yaml copy = *y;
    if (y->kind == YAML_NULL && y->text_n == 4) {
        copy.kind = YAML_STRING; /* the word null is an expression too */
    }
    const char *text = read_text(r, &copy, path, "an expression");
    if (text == NULL) {
        return -ERR_CONFIG;
    }
    if (text[strspn(text, " \t\r\n")] == 0) {
        return diags_add(r->d, y->at, path, "expected an expression, found nothing");
    }
    *out = (struct config_text){.text = text,
                                .at = y->at,
                                .path = arena_strdup(r->a, path),
                                .in_place = y->plain,
                                .flow = y->flow,
                                .secret = y->secret};
    if (y->plain) {
        out->at.column += y->skip;
    }
    return 0;
}

static int parse_name(const struct reader *r, struct config_item *out, const struct yaml *y,
                      const char *path, const char *what)
{
    const char *text = read_text(r, y, path, what);
    if (text == NULL) {
        return -ERR_CONFIG;
    }
    out->value = (struct config_text){.text = text,
                                      .at = y->at,
                                      .path = arena_strdup(r->a, path),
                                      .in_place = y->plain,
                                      .secret = y->secret};
    if (y->plain) {
        out->value.at.column += y->skip;
    }
    return 0;
}

static int parse_item(const struct reader *r, enum config_kind kind, struct config_item *out,
                      const struct yaml *y, const char *path)
{
    if (y->broken) {
        return -ERR_CONFIG;
    }
    if (kind == CONFIG_EXPRESSIONS) {
        return parse_expression(r, &out->value, y, path);
    }
    int rc = parse_name(r, out, y, path, kind == CONFIG_NAMES ? "a name" : "text");
    if (rc == 0 && kind == CONFIG_NAMES) {
        out->name = out->value.text;
        if (*out->name == 0) {
            rc = expected(r, y, path, "a name");
        }
    }
    return rc;
}

static int parse_map_items(const struct reader *r, enum config_kind kind, struct config_list *out,
                           const struct yaml *y, const char *path)
{
    int rc = 0;
    bool in_rest = false;
    for (int i = 0; i < y->n; i++) {
        in_rest = in_rest && is_bare_key(y, i);
        if (in_rest) {
            continue;
        }
        struct config_item item = {.name = arena_strdup(r->a, y->key[i])};
        const char *item_path = arena_printf(r->a, "%s.%.100s", path, y->key[i]);
        in_rest = ends_in_rest(y, i);
        if (in_rest) {
            rc = report_cut_off(r, y->item[i], item_path);
        } else if (parse_item(r, kind, &item, y->item[i], item_path) < 0) {
            rc = -ERR_CONFIG;
        } else {
            out->item[out->n++] = item;
        }
    }
    return rc;
}

/* Lists, maps and single values of EXPRESSIONS, NAMES and MAP. */
static int parse_list(const struct reader *r, enum config_kind kind, struct config_list *out,
                      const struct yaml *y, const char *path)
{
    bool takes_map = kind != CONFIG_NAMES;
    if ((y->kind == YAML_MAP && !takes_map) || (y->kind != YAML_MAP && kind == CONFIG_MAP)) {
        return expected(r, y, path, takes_map ? "a map" : "a name or a list of names");
    }
    int n = is_scalar(y) ? 1 : y->n;
    out->n = 0;
    out->item = arena_array(r->a, n > 0 ? (size_t)n : 1, sizeof *out->item);
    if (y->kind == YAML_MAP) {
        return parse_map_items(r, kind, out, y, path);
    }
    int rc = 0;
    for (int i = 0; i < n; i++) {
        const struct yaml *item = is_scalar(y) ? y : y->item[i];
        const char *item_path = is_scalar(y) ? path : arena_printf(r->a, "%s[%d]", path, i + 1);
        struct config_item *to = &out->item[out->n];
        *to = (struct config_item){0};
        if (parse_item(r, kind, to, item, item_path) < 0) {
            rc = -ERR_CONFIG;
            if (kind == CONFIG_EXPRESSIONS && is_cut_off(item)) {
                break; /* the items behind are the rest of this one */
            }
        } else {
            out->n++;
        }
    }
    return rc;
}

/* The value that means absent. */
static void set_unset(const struct config_field *f, void *to)
{
    switch (f->kind) {
    case CONFIG_TEXT:
        *(const char **)to = NULL;
        break;
    case CONFIG_BOOLEAN:
        *(bool *)to = false;
        break;
    case CONFIG_LONG:
    case CONFIG_DURATION:
    case CONFIG_SIZE:
        *(int64_t *)to = CONFIG_UNSET;
        break;
    case CONFIG_DOUBLE:
        *(double *)to = (double)NAN;
        break;
    case CONFIG_ENUM:
        *(int *)to = 0;
        break;
    case CONFIG_EXPRESSION:
        *(struct config_text *)to = (struct config_text){0};
        break;
    case CONFIG_EXPRESSIONS:
    case CONFIG_NAMES:
    case CONFIG_MAP:
        *(struct config_list *)to = (struct config_list){0};
        break;
    case CONFIG_YAML:
        *(const struct yaml **)to = NULL;
        break;
    case CONFIG_SECTION:
        break;
    }
}

static int parse_section(const struct reader *r, const struct config_field *table, void *out,
                         const struct yaml *map, const char *path);

static int parse_value(const struct reader *r, const struct config_field *f, void *to,
                       const struct yaml *y, const char *path)
{
    const char *text;
    if (y->broken) {
        return -ERR_CONFIG;
    }
    switch (f->kind) {
    case CONFIG_TEXT:
        text = read_text(r, y, path, "text");
        *(const char **)to = text;
        return text != NULL ? 0 : -ERR_CONFIG;
    case CONFIG_BOOLEAN:
        if (y->kind != YAML_BOOLEAN) {
            return expected(r, y, path, "true or false");
        }
        *(bool *)to = y->boolean;
        return 0;
    case CONFIG_LONG:
        return parse_long(r, f, to, y, path);
    case CONFIG_DOUBLE:
        return parse_double(r, f, to, y, path);
    case CONFIG_DURATION:
        return parse_duration(r, f, to, y, path);
    case CONFIG_SIZE:
        return parse_size(r, f, to, y, path);
    case CONFIG_ENUM:
        return parse_enum(r, f, to, y, path);
    case CONFIG_EXPRESSION:
        return parse_expression(r, to, y, path);
    case CONFIG_EXPRESSIONS:
    case CONFIG_NAMES:
    case CONFIG_MAP:
        return parse_list(r, f->kind, to, y, path);
    case CONFIG_SECTION:
        return parse_section(r, f->section, to, y, path);
    case CONFIG_YAML:
        *(const struct yaml **)to = y;
        return 0;
    }
    return -ERR_CONFIG;
}

/* Defaults of a table's fields, "unset" where there is none. */
static void set_defaults(const struct reader *r, const struct config_field *table, void *out)
{
    for (const struct config_field *f = table; f->name != NULL; f++) {
        void *to = (char *)out + f->offset;
        set_unset(f, to);
        if (f->kind == CONFIG_SECTION) {
            set_defaults(r, f->section, to);
        }
        if (f->def == NULL) {
            continue;
        }
        struct yaml y = {.kind = YAML_STRING, .text = f->def, .text_n = strlen(f->def)};
        if (f->kind == CONFIG_LONG || f->kind == CONFIG_DOUBLE) {
            char *end;
            y.real = strtod(f->def, &end);
            y.kind = YAML_DOUBLE;
            assert(*end == 0);
        } else if (f->kind == CONFIG_BOOLEAN) {
            y.kind = YAML_BOOLEAN;
            y.boolean = strcmp(f->def, "true") == 0;
        }
        int rc = parse_value(r, f, to, &y, f->name);
        assert(rc == 0);
        (void)rc;
    }
}

static const struct config_field *find_field(const struct config_field *table, const char *name)
{
    for (const struct config_field *f = table; f->name != NULL; f++) {
        if (strcmp(f->name, name) == 0) {
            return f;
        }
    }
    return NULL;
}

static int report_unknown(const struct reader *r, const struct config_field *table,
                          const struct yaml *map, int i, const char *path)
{
    size_t n = 0;
    while (table[n].name != NULL) {
        n++;
    }
    const char **names = arena_array(r->a, n + 1, sizeof *names);
    for (size_t k = 0; k <= n; k++) {
        names[k] = table[k].name;
    }
    const char *key = map->key[i];
    if (strpbrk(key, "()'+*/<>= ") != NULL && map->item[i]->kind == YAML_NULL) {
        return diags_add(
            r->d, map->key_at[i], path,
            "`%.100s` is no key: in a flow map {…} a comma ends the value before it; put "
            "quotes around that value",
            key);
    }
    const char *near = strlen(key) < 256 ? habit_or_nearest(HABIT_KEY, key, names) : NULL;
    if (near != NULL) {
        return diags_add(r->d, map->key_at[i], path, "unknown key `%s`: did you mean `%s`?", key,
                         near);
    }
    return diags_add(r->d, map->key_at[i], path, "unknown key `%.100s`: expected %s", key,
                     list_names(r, names));
}

static const char *join_path(const struct reader *r, const char *path, const char *name)
{
    return *path == 0 ? arena_strdup(r->a, name) : arena_printf(r->a, "%s.%s", path, name);
}

static int parse_entries(const struct reader *r, const struct config_field *table, void *out,
                         const struct yaml *map, const char *path)
{
    int rc = 0;
    bool in_rest = false;
    for (int i = 0; i < map->n; i++) {
        const struct config_field *f = find_field(table, map->key[i]);
        in_rest = in_rest && is_bare_key(map, i);
        if (in_rest) {
            continue;
        }
        in_rest = ends_in_rest(map, i);
        if (f == NULL) {
            rc = report_unknown(r, table, map, i, path);
            continue;
        }
        const char *field_path = join_path(r, path, f->name);
        if (in_rest) {
            rc = report_cut_off(r, map->item[i], field_path);
        } else if (parse_value(r, f, (char *)out + f->offset, map->item[i], field_path) < 0) {
            rc = -ERR_CONFIG;
        }
    }
    return rc;
}

static int parse_section(const struct reader *r, const struct config_field *table, void *out,
                         const struct yaml *map, const char *path)
{
    set_defaults(r, table, out);
    if (map->kind != YAML_MAP && map->kind != YAML_NULL) {
        return expected(r, map, path, "a map");
    }
    int rc = parse_entries(r, table, out, map, path);
    for (const struct config_field *f = table; f->name != NULL; f++) {
        if (f->required && yaml_get(map, f->name) == NULL) {
            rc = diags_add(r->d, map->at, path, "key `%s` is missing", f->name);
        }
    }
    return rc;
}

int config_parse(const struct config_field *table, void *out, const struct yaml *map,
                 const char *path, struct arena *a, struct diags *d)
{
    struct reader r = {a, d};
    return parse_section(&r, table, out, map, path);
}

int config_parse_value(const struct config_field *field, void *out, const struct yaml *value,
                       const char *path, struct arena *a, struct diags *d)
{
    struct reader r = {a, d};
    void *to = (char *)out + field->offset;
    set_unset(field, to);
    return parse_value(&r, field, to, value, path);
}
