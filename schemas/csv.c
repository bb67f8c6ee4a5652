/* codec csv: one CSV record per value, its fields in the order of the declared columns.
 *
 *   null        an empty field; a quoted empty one is the empty text, or no bytes
 *   boolean     true, false (any case)
 *   long        digits with a sign
 *   double      a decimal number, NaN, Infinity, -Infinity
 *   timestamp   ms, or ISO 8601 text; written as ms
 *   bytes       base64
 *   array, map  JSON
 *   count       a record of more or fewer fields than columns is bad: columns would be taken for
 *               others. With a header (csv_header) the header's names decide instead, and the count
 *               must be the header's
 */
#include "schemas/csv.h"

#include "engine/memory.h"
#include "schemas/columns.h"
#include "schemas/json_print.h"
#include "schemas/json_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SKIP UINT16_MAX /* a field without a column */

struct codec_reader {
    const struct schema *schema;
    struct arena arena;
    struct csv_fields fields;
    struct json_values values;
    uint16_t *column; /* by field: its column, or SKIP */
    uint32_t nfields;
    uint16_t *absent; /* columns that the header does not name */
    uint16_t nabsent;
    uint16_t *fill; /* all columns to fill */
    uint16_t nfill;
    bool *needs;
};

struct codec_writer {
    uint16_t *column;
    uint16_t n;
    struct buffer text;
};

static int csv_infer(const struct codec_spec *spec, struct arena *a, struct schema *out,
                     struct diags *d)
{
    return columns_infer(spec, a, out, d);
}

static int csv_reader_open(struct codec_reader **out, const struct codec_spec *spec,
                           const struct schema *schema, const bool *needs,
                           struct schema_store *schemas, struct err *e)
{
    (void)schemas;
    (void)e;
    struct codec_reader *r = mem_zalloc(sizeof *r);
    r->schema = schema;
    arena_init(&r->arena);
    csv_fields_init(&r->fields);
    json_values_init(&r->values);
    size_t room = schema->n + 1U;
    r->column = arena_array(&r->arena, room, sizeof *r->column);
    r->fill = arena_array(&r->arena, room, sizeof *r->fill);
    r->absent = arena_array(&r->arena, room, sizeof *r->absent);
    r->needs = arena_zalloc(&r->arena, room * sizeof *r->needs);
    r->nfields = columns_to_read(spec, schema, NULL, r->column);
    r->nfill = columns_to_read(spec, schema, needs, r->fill);
    for (uint16_t i = 0; i < r->nfill; i++) {
        r->needs[r->fill[i]] = true;
    }
    *out = r;
    return 0;
}

static void csv_reader_close(struct codec_reader *r)
{
    csv_fields_done(&r->fields);
    json_values_done(&r->values);
    arena_done(&r->arena);
    mem_free(r);
}

/* Number of the column to fill of this name, or SKIP. */
static uint16_t column_named(const struct codec_reader *r, const char *name, size_t n)
{
    int c = schema_find_n(r->schema, name, n);
    return c >= 0 && r->needs[c] ? (uint16_t)c : SKIP;
}

int csv_header(struct codec_reader *r, const char *p, size_t n, struct err *e)
{
    const char *name;
    size_t name_n;
    bool is_quoted;
    uint16_t *column = arena_array(&r->arena, COLUMNS_MAX, sizeof *column);
    bool *is_named = arena_zalloc(&r->arena, (r->schema->n + 1U) * sizeof *is_named);
    uint32_t nfields = 0;
    if (n >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) { /* a byte order mark */
        p += 3;
        n -= 3;
    }
    csv_begin(&r->fields, p, n);
    while (csv_next(&r->fields, &name, &name_n, &is_quoted)) {
        if (nfields == COLUMNS_MAX) {
            return err_set(e, ERR_DATA, "the header has more than %d fields", COLUMNS_MAX);
        }
        uint16_t c = column_named(r, name, name_n);
        if (c != SKIP && is_named[c]) {
            return err_set(e, ERR_DATA, "the header names '%.100s' twice", r->schema->col[c].name);
        }
        if (c != SKIP) {
            is_named[c] = true;
        }
        column[nfields++] = c;
    }
    if (r->fields.fault != NULL) {
        return err_set(e, ERR_DATA, "the header is not valid CSV: %s", r->fields.fault);
    }
    r->column = column;
    r->nfields = nfields;
    r->nabsent = 0;
    for (uint16_t i = 0; i < r->nfill; i++) {
        if (!is_named[r->fill[i]]) {
            r->absent[r->nabsent++] = r->fill[i];
        }
    }
    return 0;
}

/* Copies a number's text, so that the C library finds its end. */
static bool number_text(char copy[64], const char *p, size_t n)
{
    if (n == 0 || n >= 64) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\0' || strchr("0123456789+-.eE", p[i]) == NULL) {
            return false;
        }
    }
    memcpy(copy, p, n);
    copy[n] = '\0';
    return true;
}

static bool read_long(const char *p, size_t n, int64_t *v)
{
    char *end;
    char copy[64] = "";
    bool is_number = number_text(copy, p, n);
    errno = 0;
    *v = strtoll(copy, &end, 10);
    return is_number && *end == '\0' && errno == 0;
}

static bool is_text(const char *p, size_t n, const char *s)
{
    return n == strlen(s) && strncasecmp(p, s, n) == 0;
}

/* Scalars whose text is not JSON's; false when it is none. */
static bool read_plain(const struct type *t, const char *p, size_t n, struct nested_value *v)
{
    if (t->kind == TYPE_LONG || t->kind == TYPE_TIMESTAMP) {
        return read_long(p, n, &v->i);
    }
    if (t->kind == TYPE_BOOLEAN) {
        v->i = is_text(p, n, "true");
        return v->i || is_text(p, n, "false");
    }
    char copy[64] = "", *end;
    bool is_number = number_text(copy, p, n);
    v->d = strtod(copy, &end);
    if (!is_number) {
        bool is_word =
            is_text(p, n, "nan") || is_text(p, n, "infinity") || is_text(p, n, "-infinity");
        v->d = is_word ? strtod(n == 3 ? "nan" : n == 8 ? "inf" : "-inf", NULL) : 0;
        return is_word;
    }
    return *end == '\0' && v->d - v->d == 0.0;
}

/* Other types through their JSON form: arrays and maps as they are, text in quotes. */
static int read_as_json(struct codec_reader *r, const struct type *t, const char *p, size_t n,
                        struct nested_value *v, struct buffer *text, struct err *e)
{
    bool is_nested = t->kind == TYPE_ARRAY || t->kind == TYPE_MAP || t->kind == TYPE_RECORD;
    if (!is_nested) {
        json_print_string(text, p, n);
        p = text->data;
        n = text->n;
    }
    json_begin(&r->values.pull, p, n);
    int rc = json_value_read(&r->values, t, v, e);
    return rc < 0 || json_finish(&r->values.pull) ? rc : json_fault(&r->values.pull, e);
}

static int read_field(struct codec_reader *r, uint16_t c, const char *p, size_t n, struct batch *b,
                      uint16_t row, struct err *e)
{
    const struct type *t = r->schema->col[c].type;
    struct nested_value v = {0};
    int rc = 1;
    struct buffer text;
    buffer_init(&text);
    if (t->kind == TYPE_STRING) {
        v.s.p = p;
        v.s.n = (uint32_t)n;
        rc = n <= UINT32_MAX && utf8_valid(p, n) ? 1 : err_set(e, ERR_DATA, "is not valid UTF-8");
    } else if (t->kind <= TYPE_TIMESTAMP && read_plain(t, p, n, &v)) {
        rc = 1;
    } else if (t->kind > TYPE_STRING || t->kind == TYPE_TIMESTAMP) {
        rc = read_as_json(r, t, p, n, &v, &text, e);
    } else {
        rc = err_set(e, ERR_DATA, "%s is expected, not '%.*s'",
                     t->kind == TYPE_BOOLEAN ? "boolean"
                     : t->kind == TYPE_LONG  ? "long"
                                             : "double",
                     (int)(n < 40 ? n : 40), p);
    }
    if (rc < 0) {
        err_prefix(e, "%.200s", r->schema->col[c].name);
    } else if (rc > 0) {
        vec_set_value(&b->col[c], b->mem, row, &v);
    } else {
        vec_clear_row(&b->col[c], b->mem, b->rows, row);
    }
    buffer_done(&text);
    return rc < 0 ? rc : 0;
}

static int clear_field(struct codec_reader *r, uint16_t c, struct batch *b, uint16_t row,
                       struct err *e)
{
    if (!r->schema->col[c].nullable) {
        return err_set(e, ERR_DATA, "%.200s: is empty, and may not be null",
                       r->schema->col[c].name);
    }
    vec_clear_row(&b->col[c], b->mem, b->rows, row);
    return 0;
}

static int csv_read(struct codec_reader *r, const void *p, size_t n, struct batch *b, uint16_t row,
                    struct err *e)
{
    const char *text;
    size_t text_n;
    bool is_quoted;
    uint32_t field = 0;
    csv_begin(&r->fields, p, n);
    for (; csv_next(&r->fields, &text, &text_n, &is_quoted); field++) {
        uint16_t c = field < r->nfields ? r->column[field] : SKIP;
        if (c == SKIP || !r->needs[c]) {
            continue;
        }
        enum type_kind kind = r->schema->col[c].type->kind;
        bool is_empty_text = is_quoted && (kind == TYPE_STRING || kind == TYPE_BYTES);
        bool is_null = text_n == 0 && !is_empty_text;
        int rc = is_null ? clear_field(r, c, b, row, e) : read_field(r, c, text, text_n, b, row, e);
        if (rc < 0) {
            return rc;
        }
    }
    if (r->fields.fault != NULL) {
        return err_set(e, ERR_DATA, "not valid CSV: %s", r->fields.fault);
    }
    if (field != r->nfields) {
        return err_set(e, ERR_DATA, "%u fields where %u columns are expected", field, r->nfields);
    }
    for (uint16_t i = 0; i < r->nabsent; i++) {
        int rc = clear_field(r, r->absent[i], b, row, e);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int csv_writer_open(struct codec_writer **out, const struct codec_spec *spec,
                           const struct schema *schema, struct schema_store *schemas, struct err *e)
{
    (void)schemas;
    (void)e;
    struct codec_writer *w = mem_zalloc(sizeof *w);
    w->column = mem_array(schema->n + 1U, sizeof *w->column);
    w->n = columns_to_write(spec, schema, w->column);
    buffer_init(&w->text);
    *out = w;
    return 0;
}

static void print_field(struct codec_writer *w, const struct vec *col, uint16_t row,
                        struct buffer *out)
{
    struct nested_value v = vec_value(col, row);
    if (v.is_null) {
        return;
    }
    if (col->type->kind == TYPE_STRING) {
        csv_print_field(out, v.s.p, v.s.n);
        return;
    }
    buffer_clear(&w->text);
    if (col->type->kind == TYPE_DOUBLE) {
        print_double(&w->text, v.d);
    } else {
        json_print_value(&w->text, col->type, &v);
    }
    bool is_bytes = col->type->kind == TYPE_BYTES; /* base64 needs no JSON quotes */
    csv_print_field(out, w->text.data + is_bytes, w->text.n - 2U * is_bytes);
}

static int csv_write(struct codec_writer *w, const struct batch *b, uint16_t row,
                     struct buffer *out, struct err *e)
{
    (void)e;
    for (uint16_t i = 0; i < w->n; i++) {
        if (i > 0) {
            buffer_byte(out, ',');
        }
        print_field(w, &b->col[w->column[i]], row, out);
    }
    return 0;
}

static void csv_writer_close(struct codec_writer *w)
{
    buffer_done(&w->text);
    mem_free(w->column);
    mem_free(w);
}

const struct codec_def codec_csv = {
    .name = "csv",
    .doc = "one CSV record (RFC 4180), fields in the order of the columns, empty ones null",
    .for_key = false,
    .for_value = true,
    .needs_columns = true,
    .infer = csv_infer,
    .reader_open = csv_reader_open,
    .read = csv_read,
    .header = csv_header,
    .reader_close = csv_reader_close,
    .writer_open = csv_writer_open,
    .write = csv_write,
    .writer_close = csv_writer_close,
};
