/* Proposals of columns.
 *
 *   seen     a tree of types, one node for each member; values are merged into it
 *   merge    long and double: double; a null says nothing; any other two: string
 *   print    members of objects as `a.b`, arrays as array<T>, objects in them as record<…>
 *
 * CSV records have no names: their columns are called column1, column2, … in their order.
 */
#include "worker/propose.h"
#include "engine/buffer.h"
#include "engine/memory.h"
#include "schemas/csv.h"
#include "schemas/iso_time.h"
#include "schemas/json_print.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORDS_MOST 100
#define VALUE_MOST   100000 /* bytes of one that is looked at */
#define MEMBERS_MOST 200
#define DEPTH_MOST   8
#define TEXT_MOST    1500
#define ISO_LEAST    16 /* with hours and minutes: a day alone may be any text */
#define ASK_MS       10000

enum seen_kind {
    SEEN_NOTHING,
    SEEN_BOOLEAN,
    SEEN_LONG,
    SEEN_DOUBLE,
    SEEN_TIME,
    SEEN_STRING,
    SEEN_ARRAY, /* member[0] */
    SEEN_OBJECT,
};

struct seen {
    enum seen_kind kind;
    const char *name;
    struct seen **member;
    int n, cap;
};

struct proposal {
    struct arena mem;
    struct seen root;
};

struct proposal *proposal_new(void)
{
    struct proposal *p = mem_zalloc(sizeof *p);
    arena_init(&p->mem);
    return p;
}

void proposal_free(struct proposal *p)
{
    arena_done(&p->mem);
    mem_free(p);
}

/* ---- seeing ---- */

/* The member of that name; NULL when there are too many. */
static struct seen *member_of(struct proposal *p, struct seen *x, const char *name)
{
    for (int i = 0; i < x->n; i++) {
        if (strcmp(x->member[i]->name, name) == 0) {
            return x->member[i];
        }
    }
    if (x->n == MEMBERS_MOST) {
        return NULL;
    }
    if (x->n == x->cap) {
        int cap = x->cap ? x->cap * 2 : 8;
        struct seen **more = arena_array(&p->mem, (size_t)cap, sizeof *more);
        if (x->n > 0) {
            memcpy(more, x->member, (size_t)x->n * sizeof *more);
        }
        x->member = more;
        x->cap = cap;
    }
    struct seen *m = arena_zalloc(&p->mem, sizeof *m);
    m->name = arena_strdup(&p->mem, name);
    return x->member[x->n++] = m;
}

static void merge(struct seen *x, enum seen_kind kind)
{
    bool are_numbers = (x->kind == SEEN_LONG || x->kind == SEEN_DOUBLE) &&
                       (kind == SEEN_LONG || kind == SEEN_DOUBLE);
    if (x->kind == SEEN_NOTHING || kind == SEEN_NOTHING) {
        x->kind = kind == SEEN_NOTHING ? x->kind : kind;
    } else if (x->kind != kind) {
        x->kind = are_numbers ? SEEN_DOUBLE : SEEN_STRING;
    }
}

static enum seen_kind kind_of(const json_t *v)
{
    int64_t ms;
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return SEEN_OBJECT;
    case JSON_ARRAY:
        return SEEN_ARRAY;
    case JSON_STRING:
        return json_string_length(v) >= ISO_LEAST &&
                       iso_time_parse(json_string_value(v), json_string_length(v), &ms)
                   ? SEEN_TIME
                   : SEEN_STRING;
    case JSON_INTEGER:
        return SEEN_LONG;
    case JSON_REAL:
        return SEEN_DOUBLE;
    case JSON_TRUE:
    case JSON_FALSE:
        return SEEN_BOOLEAN;
    case JSON_NULL:
        break;
    }
    return SEEN_NOTHING;
}

static void see(struct proposal *p, struct seen *x, const json_t *v, int depth)
{
    enum seen_kind kind = kind_of(v);
    bool is_deep = depth == DEPTH_MOST && (kind == SEEN_OBJECT || kind == SEEN_ARRAY);
    merge(x, is_deep ? SEEN_STRING : kind);
    if (is_deep) {
        return;
    }
    const char *name;
    json_t *one;
    json_object_foreach((json_t *)(uintptr_t)v, name, one)
    {
        struct seen *m = *name ? member_of(p, x, name) : NULL;
        if (m != NULL) {
            see(p, m, one, depth + 1);
        }
    }
    struct seen *element = kind == SEEN_ARRAY ? member_of(p, x, "[]") : NULL;
    for (size_t i = 0; element != NULL && i < json_array_size(v); i++) {
        see(p, element, json_array_get(v, i), depth + 1);
    }
}

void proposal_add_json(struct proposal *p, const void *value, size_t n)
{
    json_t *v = value == NULL || n > VALUE_MOST ? NULL : json_loadb(value, n, 0, NULL);
    if (json_is_object(v)) {
        see(p, &p->root, v, 0);
    }
    json_decref(v);
}

static enum seen_kind kind_of_text(const char *text, bool is_quoted)
{
    char *end;
    int64_t ms;
    size_t n = strlen(text);
    if (n == 0) {
        return is_quoted ? SEEN_STRING : SEEN_NOTHING;
    }
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0) {
        return SEEN_BOOLEAN;
    }
    errno = 0;
    strtoll(text, &end, 10);
    if (*end == 0 && errno == 0) {
        return SEEN_LONG;
    }
    strtod(text, &end);
    if (*end == 0 && strspn(text, "+-.0123456789eE") == n) {
        return SEEN_DOUBLE;
    }
    return n >= ISO_LEAST && iso_time_parse(text, n, &ms) ? SEEN_TIME : SEEN_STRING;
}

void proposal_add_csv(struct proposal *p, const void *value, size_t n)
{
    if (value == NULL || n > VALUE_MOST) {
        return;
    }
    struct csv_fields f;
    const char *text;
    size_t length;
    bool is_quoted;
    csv_fields_init(&f);
    csv_begin(&f, value, n);
    p->root.kind = SEEN_OBJECT;
    for (int i = 1; i <= MEMBERS_MOST && csv_next(&f, &text, &length, &is_quoted); i++) {
        char name[20];
        snprintf(name, sizeof name, "column%d", i);
        struct seen *m = member_of(p, &p->root, name);
        char *copy = mem_strndup(length ? text : "", length);
        merge(m, kind_of_text(copy, is_quoted));
        mem_free(copy);
    }
    csv_fields_done(&f);
}

/* ---- printing ---- */

static void print_type(const struct seen *x, struct buffer *out)
{
    static const char *const names[] = {
        [SEEN_NOTHING] = "string", [SEEN_BOOLEAN] = "boolean",   [SEEN_LONG] = "long",
        [SEEN_DOUBLE] = "double",  [SEEN_TIME] = "timestamp",    [SEEN_STRING] = "string",
        [SEEN_ARRAY] = "array",    [SEEN_OBJECT] = "map<string>"};
    if (x->kind == SEEN_ARRAY) {
        buffer_text(out, "array<");
        if (x->n > 0) {
            print_type(x->member[0], out);
        } else {
            buffer_text(out, "string");
        }
        buffer_byte(out, '>');
        return;
    }
    if (x->kind != SEEN_OBJECT || x->n == 0) {
        buffer_text(out, names[x->kind]);
        return;
    }
    buffer_text(out, "record<");
    for (int i = 0; i < x->n; i++) {
        buffer_printf(out, "%s%s: ", i ? ", " : "", x->member[i]->name);
        print_type(x->member[i], out);
    }
    buffer_byte(out, '>');
}

/* As it stands in a flow map: in double quotes where YAML would read something else. */
static void print_word(const char *word, bool is_name, struct buffer *out)
{
    const char *plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.<>";
    bool is_plain = strspn(word, plain) == strlen(word) && word[0] != '<' && word[0] != '>' &&
                    (!is_name || strspn(word, "0123456789.") == 0);
    if (is_plain) {
        buffer_text(out, word);
    } else {
        json_print_string(out, word, strlen(word));
    }
}

/* False when the text has grown too long. */
static bool print_columns(const struct seen *x, const char *before, struct buffer *out)
{
    for (int i = 0; i < x->n; i++) {
        const struct seen *m = x->member[i];
        struct buffer name, type;
        buffer_init(&name);
        buffer_init(&type);
        buffer_printf(&name, "%s%s%s", before, *before ? "." : "", m->name);
        bool goes_on = true;
        if (m->kind == SEEN_OBJECT && m->n > 0) {
            goes_on = print_columns(m, buffer_cstr(&name), out);
        } else {
            print_type(m, &type);
            goes_on = out->n + name.n + type.n < TEXT_MOST;
            buffer_text(out, out->n == 0 ? "" : ", ");
            if (goes_on) {
                print_word(buffer_cstr(&name), true, out);
                buffer_text(out, ": ");
                print_word(buffer_cstr(&type), false, out);
            } else {
                buffer_text(out, "…");
            }
        }
        buffer_done(&name);
        buffer_done(&type);
        if (!goes_on) {
            return false;
        }
    }
    return true;
}

void proposal_print(const struct proposal *p, struct buffer *out)
{
    struct buffer columns;
    buffer_init(&columns);
    print_columns(&p->root, "", &columns);
    if (columns.n > 0) {
        buffer_printf(out, "columns: {%s}", buffer_cstr(&columns));
    }
    buffer_done(&columns);
}

/* ---- topics ---- */

struct looking {
    struct proposal *p;
    bool is_csv;
    int n;
};

static int look_at(void *ctx, const struct record *r)
{
    struct looking *x = ctx;
    if (x->is_csv) {
        proposal_add_csv(x->p, r->value, r->value_n);
    } else {
        proposal_add_json(x->p, r->value, r->value_n);
    }
    return ++x->n < RECORDS_MOST ? 0 : -ERR_DATA; /* ends the reading */
}

static void look_into(const struct client *c, const char *topic, struct looking *x)
{
    struct err ignored = {0};
    struct log *log = c->log;
    int32_t nparts = 0;
    if (log->ops->partitions(log, topic, &nparts, ASK_MS, &ignored) < 0) {
        return;
    }
    for (int32_t p = 0; p < nparts && x->n < RECORDS_MOST; p++) {
        int64_t begin, end, next;
        struct err e = {0};
        if (log->ops->bounds(log, topic, p, &begin, &end, ASK_MS, &e) == 0 && begin < end) {
            log->ops->read_on(log, topic, p, begin, look_at, x, &next, &e);
        }
    }
}

static void propose_for(const struct end *end, const struct client *c, struct diags *d)
{
    bool is_csv = end->value != NULL && strcmp(end->value, "csv") == 0;
    bool is_json = end->value != NULL && strcmp(end->value, "json") == 0;
    if (end->kind != END_TOPICS || end->columns != NULL || end->schema != NULL ||
        (!is_csv && !is_json) || end->names.n == 0) {
        return;
    }
    for (int i = 0; i < d->n; i++) {
        if (strcmp(d->item[i].path, end->path) != 0 ||
            strstr(d->item[i].text, "has no types of its own") == NULL) {
            continue;
        }
        struct looking x = {proposal_new(), is_csv, 0};
        struct buffer text;
        buffer_init(&text);
        const char *topic = end->names.item[0].value.text;
        look_into(c, topic, &x);
        proposal_print(x.p, &text);
        if (text.n > 0) {
            diags_append(d, i, "; by the first %d record%s of %s: `%s`", x.n, x.n == 1 ? "" : "s",
                         topic, buffer_cstr(&text));
        }
        buffer_done(&text);
        proposal_free(x.p);
        return;
    }
}

void propose_columns(const struct topology *t, const struct client *c, struct diags *d)
{
    for (int i = 0; i < t->nstreams; i++) {
        propose_for(&t->stream[i].from, c, d);
    }
    for (int i = 0; i < t->ntables; i++) {
        propose_for(&t->table[i].source.from, c, d);
    }
}
