/* Reading rows from files.
 *
 * A CSV record becomes a JSON object by the header's names and the columns' types: an empty field
 * is null, a number must read as one. Lines are bounded, so that no file can take all memory.
 */
#include "worker/rows.h"
#include "engine/memory.h"
#include "schemas/container.h"
#include "schemas/csv.h"
#include "schemas/json_print.h"
#include "schemas/record_line.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define LINE_MOST    (64U << 20)
#define FIELDS_MOST  4096
#define UNKNOWN_MOST 256 /* header fields that are compared with missing columns */

struct rows {
    FILE *f;
    char *name;
    enum rows_format format;
    const struct schema *columns;
    int64_t size, line_number, more_lines; /* more: of a CSV record with line ends in quotes */
    struct buffer line, json, key;
    struct record_line parsed;
    struct container *container;
    struct csv_fields fields;
    struct json_pull pull;
    int nfields;
    int *column; /* of the schema, per field; -1: left out */
    struct arena mem;
    struct schema *header; /* columns out of the header */
    int64_t nread;         /* of a container */
    bool goes_on;          /* what was refused is one record of several */
};

static int read_line(struct rows *r, bool is_csv, struct err *e)
{
    buffer_clear(&r->line);
    r->line_number += r->more_lines;
    r->more_lines = 0;
    bool quoted = false;
    int c;
    while ((c = getc_unlocked(r->f)) != EOF) {
        if (r->line.n > LINE_MOST) {
            return err_set(e, ERR_DATA, "%s:%lld: line longer than 64 MB", r->name,
                           (long long)r->line_number + 1);
        }
        quoted ^= is_csv && c == '"';
        if (c == '\n' && !quoted) {
            break;
        }
        r->more_lines += c == '\n';
        buffer_byte(&r->line, (uint8_t)c);
    }
    if (c == EOF && r->line.n == 0) {
        return 0;
    }
    r->line_number++;
    if (r->line.n && r->line.data[r->line.n - 1] == '\r') {
        r->line.n--;
    }
    if (r->line_number == 1 && r->line.n >= 3 && memcmp(r->line.data, "\xef\xbb\xbf", 3) == 0) {
        r->line.n -= 3;
        memmove(r->line.data, r->line.data + 3, r->line.n);
    }
    return 1;
}

/* A header in which no field is a column: another separator, or no header at all. */
static int refuse_header(struct rows *r, struct err *e)
{
    struct buffer b;
    buffer_init(&b);
    schema_print(&b, r->columns);
    int shown = (int)(r->line.n > 100 ? 100 : r->line.n);
    int rc = err_set(e, ERR_DATA,
                     "%s:1: the header \"%.*s\" names none of the columns, with commas between "
                     "them: %s",
                     r->name, shown, (const char *)r->line.data, buffer_cstr(&b));
    buffer_done(&b);
    return rc;
}

static bool is_named(const struct rows *r, int column)
{
    for (int i = 0; i < r->nfields; i++) {
        if (r->column[i] == column) {
            return true;
        }
    }
    return false;
}

/* A column that the header lacks, while one of its fields, which is no column, is called nearly so.
 */
static int refuse_field_name(const struct rows *r, const char *const *unknown, struct err *e)
{
    for (uint16_t c = 0; c < r->columns->n; c++) {
        const char *name = r->columns->col[c].name;
        if (r->columns->col[c].hidden || is_named(r, c)) {
            continue;
        }
        const char *near = nearest_name(name, unknown);
        if (near) {
            return err_set(e, ERR_DATA,
                           "%s:1: the header has no column \"%s\": did it mean that by \"%s\"?",
                           r->name, name, near);
        }
    }
    return 0;
}

int rows_need_all(const struct rows *r, struct err *e)
{
    struct buffer b;
    buffer_init(&b);
    int lacking = 0;
    for (uint16_t c = 0; r->format == ROWS_CSV && c < r->columns->n; c++) {
        if (!r->columns->col[c].hidden && !is_named(r, c)) {
            buffer_printf(&b, "%s\"%s\"", lacking++ ? ", " : "", r->columns->col[c].name);
        }
    }
    int rc = lacking == 0 ? 0
                          : err_set(e, ERR_DATA, "%s:1: the header lacks the column%s %s", r->name,
                                    lacking > 1 ? "s" : "", buffer_cstr(&b));
    buffer_done(&b);
    return rc;
}

const struct schema *rows_columns(const struct rows *r)
{
    return r->columns;
}

bool rows_bad_line(const struct rows *r, const char **text, size_t *n)
{
    *text = r->line.data ? r->line.data : "";
    *n = r->line.n;
    return r->goes_on;
}

/* The header's fields as text columns. */
static int take_columns(struct rows *r, struct err *e)
{
    const char *text;
    size_t n;
    bool quoted;
    r->header = schema_new(&r->mem, COLUMNS_MAX);
    while (csv_next(&r->fields, &text, &n, &quoted)) {
        if (n == 0 || schema_find_n(r->header, text, n) >= 0 || r->header->n == COLUMNS_MAX) {
            return err_set(e, ERR_DATA,
                           n ? "%s:1: the header names %.*s twice, or has too many columns"
                             : "%s:1: the header has a column without a name%.*s",
                           r->name, (int)(n > 100 ? 100 : n), text);
        }
        schema_add(r->header, arena_strndup(&r->mem, text, n), &type_string, true, false);
    }
    r->columns = r->header;
    return 0;
}

static int read_header(struct rows *r, struct err *e)
{
    const char *text;
    size_t n;
    bool quoted, knows_one = false;
    int result = read_line(r, true, e);
    if (result <= 0) {
        return result < 0
                   ? result
                   : err_set(e, ERR_DATA, "%s: a CSV file begins with a header line", r->name);
    }
    csv_begin(&r->fields, r->line.data, r->line.n);
    if (!r->columns) {
        result = take_columns(r, e);
        if (result < 0) {
            return result;
        }
        csv_begin(&r->fields, r->line.data, r->line.n);
    }
    const char **unknown = arena_zalloc(&r->mem, (UNKNOWN_MOST + 1) * sizeof *unknown);
    size_t nunknown = 0;
    r->column = mem_array(FIELDS_MOST, sizeof *r->column);
    while (csv_next(&r->fields, &text, &n, &quoted)) {
        if (r->nfields == FIELDS_MOST) {
            return err_set(e, ERR_DATA, "%s: more than %d columns", r->name, FIELDS_MOST);
        }
        int c = schema_find_n(r->columns, text, n);
        if (c < 0 && nunknown < UNKNOWN_MOST) {
            unknown[nunknown++] = arena_strndup(&r->mem, text, n);
        }
        for (int i = 0; i < r->nfields && c >= 0; i++) {
            if (r->column[i] == c) {
                return err_set(e, ERR_DATA, "%s:1: the header names %s twice", r->name,
                               r->columns->col[c].name);
            }
        }
        r->column[r->nfields++] = c;
        knows_one |= c >= 0;
    }
    if (r->fields.fault) {
        return err_set(e, ERR_DATA, "%s:1: %s", r->name, r->fields.fault);
    }
    result = refuse_field_name(r, unknown, e);
    return result < 0 || knows_one ? result : refuse_header(r, e);
}

int rows_format_of(const char *path, struct err *e)
{
    const char *dot = strrchr(path, '.');
    if (dot && strcmp(dot, ".jsonl") == 0) {
        return ROWS_RECORD_LINES;
    }
    if (dot && strcmp(dot, ".csv") == 0) {
        return ROWS_CSV;
    }
    if (dot && strcmp(dot, ".avro") == 0) {
        return ROWS_CONTAINER;
    }
    return err_set(e, ERR_CONFIG,
                   "%s: the file's ending tells its format: .jsonl (record lines), .csv or .avro",
                   path);
}

int rows_open(struct rows **out, const char *path, enum rows_format format,
              const struct schema *columns, struct err *e)
{
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    struct stat st;
    if (!f || fstat(fileno(f), &st) < 0 || S_ISDIR(st.st_mode)) {
        int why = f ? EISDIR : errno;
        if (f && f != stdin) {
            fclose(f);
        }
        return err_set(e, ERR_CONFIG, "cannot read %s: %s", path, strerror(why));
    }
    struct rows *r = mem_zalloc(sizeof *r);
    r->f = f;
    r->size = S_ISREG(st.st_mode) ? st.st_size : 0;
    r->name = mem_strdup(f == stdin ? "stdin" : path);
    r->format = format;
    r->columns = columns;
    arena_init(&r->mem);
    buffer_init(&r->line);
    buffer_init(&r->json);
    buffer_init(&r->key);
    record_line_init(&r->parsed);
    csv_fields_init(&r->fields);
    json_pull_init(&r->pull);
    int result = 0;
    if (format == ROWS_CONTAINER) {
        result = container_open(&r->container, f, r->name, e);
    } else if (format == ROWS_CSV) {
        result = read_header(r, e);
    }
    if (result < 0) {
        rows_close(r);
        return result;
    }
    *out = r;
    return 0;
}

static bool is_double(const char *p, size_t n, double *d)
{
    char text[400], *end;
    if (n == 0 || n >= sizeof text || memchr(p, 0, n) || isspace((unsigned char)p[0])) {
        return false;
    }
    memcpy(text, p, n);
    text[n] = 0;
    *d = strtod(text, &end);
    return *end == 0;
}

static bool is_long(const char *p, size_t n, int64_t *v)
{
    char text[64], *end;
    if (n == 0 || n >= sizeof text || memchr(p, 0, n) || isspace((unsigned char)p[0])) {
        return false;
    }
    memcpy(text, p, n);
    text[n] = 0;
    errno = 0;
    *v = strtoll(text, &end, 10);
    return *end == 0 && errno == 0;
}

/* Text that must be JSON of itself: booleans, arrays, maps. */
static bool is_json(struct rows *r, const char *p, size_t n, enum json_kind kind)
{
    json_begin(&r->pull, p, n);
    return json_peek(&r->pull) == kind && json_skip(&r->pull, NULL) && json_finish(&r->pull);
}

static int refuse_field(const struct rows *r, const struct column *c, const char *p, size_t n,
                        const char *what, struct err *e)
{
    return err_set(e, ERR_DATA, "%s:%lld: \"%.*s\" is no %s (column %s)", r->name,
                   (long long)r->line_number, (int)(n > 40 ? 40 : n), p, what, c->name);
}

static int print_field(struct rows *r, const struct column *c, const char *p, size_t n,
                       struct err *e)
{
    enum type_kind kind = c->type->kind;
    int64_t v;
    double d;
    if (kind == TYPE_DOUBLE) {
        if (!is_double(p, n, &d)) {
            return refuse_field(r, c, p, n, "number", e);
        }
        json_print_double(&r->json, d);
    } else if ((kind == TYPE_LONG || kind == TYPE_TIMESTAMP) && is_long(p, n, &v)) {
        json_print_long(&r->json, v);
    } else if (kind == TYPE_LONG) {
        return refuse_field(r, c, p, n, "whole number", e);
    } else if (kind == TYPE_BOOLEAN || kind == TYPE_ARRAY || kind == TYPE_MAP) {
        enum json_kind want = kind == TYPE_BOOLEAN ? JSON_BOOLEAN
                              : kind == TYPE_ARRAY ? JSON_ARRAY
                                                   : JSON_OBJECT;
        if (!is_json(r, p, n, want)) {
            return refuse_field(r, c, p, n,
                                kind == TYPE_BOOLEAN ? "boolean (true or false)"
                                : kind == TYPE_ARRAY ? "array (JSON)"
                                                     : "map (JSON)",
                                e);
        }
        buffer_add(&r->json, p, n);
    } else if (!utf8_valid(p, n)) {
        return err_set(e, ERR_DATA, "%s:%lld: column %s is not valid UTF-8", r->name,
                       (long long)r->line_number, c->name);
    } else {
        json_print_string(&r->json, p, n);
    }
    return 0;
}

static int csv_to_json(struct rows *r, struct err *e)
{
    const char *text;
    size_t n;
    bool quoted;
    int field = 0, result = 0;
    buffer_clear(&r->json);
    buffer_text(&r->json, "{");
    csv_begin(&r->fields, r->line.data, r->line.n);
    while (result == 0 && csv_next(&r->fields, &text, &n, &quoted)) {
        int c = field < r->nfields ? r->column[field] : -1;
        field++;
        if (c < 0 || (n == 0 && !quoted)) {
            continue;
        }
        if (r->json.n > 1) {
            buffer_text(&r->json, ",");
        }
        json_print_string(&r->json, r->columns->col[c].name, strlen(r->columns->col[c].name));
        buffer_text(&r->json, ":");
        result = print_field(r, &r->columns->col[c], text, n, e);
    }
    buffer_text(&r->json, "}");
    if (result == 0 && (r->fields.fault || field != r->nfields)) {
        result =
            err_set(e, ERR_DATA, "%s:%lld: %s", r->name, (long long)r->line_number,
                    r->fields.fault ? r->fields.fault : "not as many fields as the header has");
    }
    return result;
}

static int next_line(struct rows *r, struct record *out, struct err *e)
{
    int result = record_line_parse(&r->parsed, r->line.data, r->line.n, e);
    if (result < 0) {
        return err_prefix(e, "%s:%lld", r->name, (long long)r->line_number);
    }
    const struct record_line *l = &r->parsed;
    *out = (struct record){.topic = l->topic,
                           .partition = l->partition,
                           .offset = l->offset,
                           .timestamp = l->timestamp,
                           .value = l->value.p,
                           .value_n = l->value.n,
                           .headers = l->headers,
                           .nheaders = l->nheaders};
    if (l->key.p) {
        buffer_clear(&r->key);
        if (!record_line_text(&r->key, l->key)) {
            buffer_add(&r->key, l->key.p, l->key.n);
        }
        out->key = buffer_cstr(&r->key);
        out->key_n = r->key.n;
    }
    return 1;
}

static bool is_blank(const struct buffer *line)
{
    size_t n = 0;
    while (n < line->n && (line->data[n] == ' ' || line->data[n] == '\t')) {
        n++;
    }
    return n == line->n;
}

int rows_next(struct rows *r, struct record *out, struct err *e)
{
    *out = (struct record){.partition = -1, .offset = -1, .timestamp = -1};
    r->goes_on = false;
    if (r->format == ROWS_CONTAINER) {
        r->nread++;
        return container_next(r->container, &out->value, &out->value_n, e);
    }
    int result;
    do {
        result = read_line(r, r->format == ROWS_CSV, e);
    } while (result == 1 && is_blank(&r->line));
    if (result <= 0) {
        return result;
    }
    r->goes_on = true;
    if (r->format == ROWS_RECORD_LINES) {
        return next_line(r, out, e);
    }
    if (r->format == ROWS_CSV) {
        result = csv_to_json(r, e);
        if (result < 0) {
            return result;
        }
        out->value = r->json.data;
        out->value_n = r->json.n;
        return 1;
    }
    out->value = r->line.data;
    out->value_n = r->line.n;
    return 1;
}

const char *rows_name(const struct rows *r)
{
    return r->name;
}

void rows_place(const struct rows *r, struct buffer *out)
{
    if (r->format == ROWS_CONTAINER) {
        buffer_printf(out, "%s: record %lld", r->name, (long long)r->nread);
    } else {
        buffer_printf(out, "%s:%lld", r->name, (long long)r->line_number);
    }
}

const char *rows_schema(const struct rows *r)
{
    return r->container ? container_schema(r->container) : NULL;
}

double rows_share(const struct rows *r)
{
    return r->size > 0 ? (double)ftello(r->f) / (double)r->size : -1;
}

void rows_close(struct rows *r)
{
    if (r->container) {
        container_close(r->container);
    }
    if (r->f != stdin) {
        fclose(r->f);
    }
    csv_fields_done(&r->fields);
    json_pull_done(&r->pull);
    record_line_done(&r->parsed);
    buffer_done(&r->line);
    buffer_done(&r->json);
    buffer_done(&r->key);
    arena_done(&r->mem);
    mem_free(r->column);
    mem_free(r->name);
    mem_free(r);
}
