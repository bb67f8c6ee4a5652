/* Types: printing, parsing, comparing. Parsing is recursive and refuses more than DEPTH_MOST
 * levels.
 */
#include "engine/type.h"

#include "engine/arena.h"

#include <string.h>

#define DEPTH_MOST 32

const struct type type_boolean = {.kind = TYPE_BOOLEAN};
const struct type type_long = {.kind = TYPE_LONG};
const struct type type_double = {.kind = TYPE_DOUBLE};
const struct type type_timestamp = {.kind = TYPE_TIMESTAMP};
const struct type type_string = {.kind = TYPE_STRING};
const struct type type_bytes = {.kind = TYPE_BYTES};

static const struct type *type_over(struct arena *a, enum type_kind kind, const struct type *of)
{
    struct type *t = arena_zalloc(a, sizeof *t);
    t->kind = kind;
    t->of = of;
    return t;
}

const struct type *type_array(struct arena *a, const struct type *of)
{
    return type_over(a, TYPE_ARRAY, of);
}

const struct type *type_map(struct arena *a, const struct type *of)
{
    return type_over(a, TYPE_MAP, of);
}

bool type_equal(const struct type *a, const struct type *b)
{
    if (a == b) {
        return true;
    }
    if (a->kind != b->kind || a->nfields != b->nfields) {
        return false;
    }
    if (a->of && !type_equal(a->of, b->of)) {
        return false;
    }
    for (uint16_t i = 0; i < a->nfields; i++) {
        if (strcmp(a->field[i].name, b->field[i].name) != 0 ||
            !type_equal(a->field[i].type, b->field[i].type)) {
            return false;
        }
    }
    return true;
}

static const char *const kind_name[] = {"boolean", "long",  "double", "timestamp", "string",
                                        "bytes",   "array", "map",    "record"};

void type_print(struct buffer *b, const struct type *t)
{
    buffer_text(b, kind_name[t->kind]);
    if (t->of) {
        buffer_byte(b, '<');
        type_print(b, t->of);
        buffer_byte(b, '>');
    } else if (t->kind == TYPE_RECORD) {
        buffer_byte(b, '<');
        for (uint16_t i = 0; i < t->nfields; i++) {
            buffer_text(b, i ? ", " : "");
            buffer_text(b, t->field[i].name);
            buffer_text(b, ": ");
            type_print(b, t->field[i].type);
        }
        buffer_byte(b, '>');
    }
}

struct parser {
    struct arena *a;
    const char *s;
    int depth;
};

static void skip_space(struct parser *p)
{
    while (*p->s == ' ' || *p->s == '\t') {
        p->s++;
    }
}

static bool take(struct parser *p, char c)
{
    skip_space(p);
    if (*p->s != c) {
        return false;
    }
    p->s++;
    return true;
}

/* Letters up to one of `<>,:` or white space; n is 0 when there are none. */
static const char *take_word(struct parser *p, size_t *n)
{
    skip_space(p);
    const char *word = p->s;
    *n = strcspn(word, "<>,: \t");
    p->s += *n;
    return word;
}

static const struct type *parse_type(struct parser *p);

static const struct type *parse_record(struct parser *p)
{
    struct type *t = arena_zalloc(p->a, sizeof *t);
    t->kind = TYPE_RECORD;
    struct type_field *field = NULL;
    uint16_t cap = 0;
    do {
        if (t->nfields == cap) {
            if (cap > UINT16_MAX / 2) {
                return NULL;
            }
            cap = cap ? (uint16_t)(cap * 2) : 8;
            struct type_field *more = arena_array(p->a, cap, sizeof *more);
            if (t->nfields > 0) {
                memcpy(more, field, t->nfields * sizeof *more);
            }
            field = more;
        }
        size_t n;
        const char *name = take_word(p, &n);
        if (n == 0 || !take(p, ':')) {
            return NULL;
        }
        const struct type *of = parse_type(p);
        if (of == NULL) {
            return NULL;
        }
        field[t->nfields++] = (struct type_field){arena_strndup(p->a, name, n), of};
    } while (take(p, ','));
    t->field = field;
    return take(p, '>') ? t : NULL;
}

static const struct type *basic_type(const char *word, size_t n)
{
    static const struct {
        const char *name;
        const struct type *type;
    } basic[] = {{"boolean", &type_boolean}, {"long", &type_long},
                 {"int", &type_long},        {"double", &type_double},
                 {"float", &type_double},    {"timestamp", &type_timestamp},
                 {"string", &type_string},   {"bytes", &type_bytes}};
    for (size_t i = 0; i < sizeof basic / sizeof basic[0]; i++) {
        if (strlen(basic[i].name) == n && memcmp(basic[i].name, word, n) == 0) {
            return basic[i].type;
        }
    }
    return NULL;
}

static const struct type *parse_over(struct parser *p, enum type_kind kind)
{
    const struct type *of = parse_type(p);
    return of && take(p, '>') ? type_over(p->a, kind, of) : NULL;
}

static const struct type *parse_type(struct parser *p)
{
    size_t n;
    const char *word = take_word(p, &n);
    const struct type *basic = basic_type(word, n);
    if (basic) {
        return basic;
    }
    if (p->depth == DEPTH_MOST || !take(p, '<')) {
        return NULL;
    }
    p->depth++;
    const struct type *t = NULL;
    if (n == 5 && memcmp(word, "array", 5) == 0) {
        t = parse_over(p, TYPE_ARRAY);
    } else if (n == 3 && memcmp(word, "map", 3) == 0) {
        t = parse_over(p, TYPE_MAP);
    } else if (n == 6 && memcmp(word, "record", 6) == 0) {
        t = parse_record(p);
    }
    p->depth--;
    return t;
}

const struct type *type_parse(struct arena *a, const char *s)
{
    struct parser p = {a, s, 0};
    const struct type *t = parse_type(&p);
    skip_space(&p);
    return *p.s == '\0' ? t : NULL;
}
