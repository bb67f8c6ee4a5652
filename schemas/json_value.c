/* JSON value to typed value.
 *
 *   boolean     true, false
 *   long        a number without fraction: 1, 1.0 and 1e3 are, 1.5 is an error
 *   double      any number, or the strings "NaN", "Infinity", "-Infinity"
 *   timestamp   ms as a number without fraction, or an ISO 8601 string
 *   string      a string; numbers are not turned into text
 *   bytes       a base64 string
 *   array       items of the element type
 *   map         any keys, equal ones are kept in order (the last wins when one is looked up)
 *   record      fields in any order, missing ones are null, unknown ones are skipped, the last of
 *               equal ones wins
 *   null        null, anywhere
 *
 * Nested bytes have no names, so the fields of a record are read as they come and then put into the
 * order of the type. A count is known last but stands first, so items are written behind a gap that
 * is closed afterwards. Both move each byte once per level, of which there are at most JSON_DEPTH.
 */
#include "schemas/json_value.h"

#include "schemas/base64.h"
#include "schemas/iso_time.h"

#include <math.h>
#include <string.h>

#define COUNT_GAP 10 /* bytes of the longest varint */

void json_values_init(struct json_values *r)
{
    json_pull_init(&r->pull);
    buffer_init(&r->bytes);
    arena_init(&r->scratch);
}

void json_values_done(struct json_values *r)
{
    json_pull_done(&r->pull);
    buffer_done(&r->bytes);
    arena_done(&r->scratch);
}

static int mismatch(struct json_values *r, const struct type *t, struct err *e)
{
    static const char *const found[] = {
        [JSON_BAD] = "no value",     [JSON_NULL] = "null",       [JSON_BOOLEAN] = "a boolean",
        [JSON_NUMBER] = "a number",  [JSON_STRING] = "a string", [JSON_ARRAY] = "an array",
        [JSON_OBJECT] = "an object",
    };
    enum json_kind kind = json_peek(&r->pull);
    if (kind == JSON_BAD) {
        return json_fault(&r->pull, e);
    }
    struct buffer name;
    buffer_init(&name);
    type_print(&name, t);
    int rc = err_set(e, ERR_DATA, "%.200s is expected, not %s", buffer_cstr(&name), found[kind]);
    buffer_done(&name);
    return rc;
}

static bool is_text(const struct json_text *t, const char *s)
{
    return t->n == strlen(s) && memcmp(t->p, s, t->n) == 0;
}

static int read_long(struct json_values *r, struct nested_value *v, struct err *e)
{
    struct json_number number;
    if (!json_number(&r->pull, &number)) {
        return json_fault(&r->pull, e);
    }
    if (number.is_long) {
        v->i = number.i;
        return 1;
    }
    if (number.d != floor(number.d)) {
        return err_set(e, ERR_DATA, "a number without fraction is expected, not %.17g", number.d);
    }
    if (number.d < -0x1p63 || number.d >= 0x1p63) {
        return err_set(e, ERR_DATA, "%.17g does not fit in a long", number.d);
    }
    v->i = (int64_t)number.d;
    return 1;
}

static int read_double(struct json_values *r, const struct type *t, struct nested_value *v,
                       struct err *e)
{
    if (json_peek(&r->pull) == JSON_NUMBER) {
        struct json_number number;
        if (!json_number(&r->pull, &number)) {
            return json_fault(&r->pull, e);
        }
        v->d = number.d;
        return 1;
    }
    struct json_text text;
    if (json_peek(&r->pull) != JSON_STRING) {
        return mismatch(r, t, e);
    }
    if (!json_string(&r->pull, &text)) {
        return json_fault(&r->pull, e);
    }
    if (is_text(&text, "NaN")) {
        v->d = (double)NAN;
    } else if (is_text(&text, "Infinity")) {
        v->d = (double)INFINITY;
    } else if (is_text(&text, "-Infinity")) {
        v->d = -(double)INFINITY;
    } else {
        return err_set(e, ERR_DATA, "double is expected, not the string '%.*s'",
                       (int)(text.n < 40 ? text.n : 40), text.p);
    }
    return 1;
}

static int read_timestamp(struct json_values *r, struct nested_value *v, struct err *e)
{
    if (json_peek(&r->pull) == JSON_NUMBER) {
        return read_long(r, v, e);
    }
    struct json_text text;
    if (!json_string(&r->pull, &text)) {
        return json_fault(&r->pull, e);
    }
    if (!iso_time_parse(text.p, text.n, &v->i)) {
        return err_set(e, ERR_DATA,
                       "timestamp (ms, or text like 2026-01-31T12:00:00Z) is expected, not '%.*s'",
                       (int)(text.n < 40 ? text.n : 40), text.p);
    }
    return 1;
}

static int read_text(struct json_values *r, const struct type *t, struct nested_value *v,
                     struct err *e)
{
    struct json_text text;
    if (json_peek(&r->pull) != JSON_STRING) {
        return mismatch(r, t, e);
    }
    if (!json_string(&r->pull, &text)) {
        return json_fault(&r->pull, e);
    }
    if (text.n > UINT32_MAX) {
        return err_set(e, ERR_DATA, "a string of %zu bytes is too long", text.n);
    }
    v->s.p = text.p;
    v->s.n = (uint32_t)text.n;
    if (t->kind == TYPE_STRING) {
        return 1;
    }
    size_t start = r->bytes.n;
    if (!base64_decode(&r->bytes, text.p, text.n)) {
        return err_set(e, ERR_DATA, "bytes (base64) are expected, not '%.*s'",
                       (int)(text.n < 40 ? text.n : 40), text.p);
    }
    v->s.p = r->bytes.data ? r->bytes.data + start : "";
    v->s.n = (uint32_t)(r->bytes.n - start);
    return 1;
}

static int read_body(struct json_values *r, const struct type *t, struct err *e);

/* An item of nested bytes: its presence byte and its value, appended to r->bytes. */
static int read_item(struct json_values *r, const struct type *t, struct err *e)
{
    if (r->bytes.n > NESTED_BYTES_MAX) {
        return err_set(e, ERR_DATA, "more than %u bytes in one array or map", NESTED_BYTES_MAX);
    }
    if (json_peek(&r->pull) == JSON_NULL) {
        buffer_byte(&r->bytes, 0);
        return json_null(&r->pull) ? 0 : json_fault(&r->pull, e);
    }
    if (t->kind == TYPE_ARRAY || t->kind == TYPE_MAP || t->kind == TYPE_RECORD) {
        buffer_byte(&r->bytes, 1);
        return read_body(r, t, e);
    }
    struct nested_value v = {0};
    size_t start = r->bytes.n;
    int rc = json_value_read(r, t, &v, e);
    if (rc < 0) {
        return rc;
    }
    if (t->kind == TYPE_BYTES) { /* decoded into r->bytes itself: its length goes in front */
        uint8_t head[1 + COUNT_GAP];
        struct buffer length = {.data = (char *)head, .cap = sizeof head};
        buffer_byte(&length, 1);
        buffer_varint(&length, v.s.n);
        buffer_reserve(&r->bytes, length.n);
        memmove(r->bytes.data + start + length.n, r->bytes.data + start, v.s.n);
        memcpy(r->bytes.data + start, head, length.n);
        r->bytes.n += length.n;
        return 0;
    }
    nested_put(&r->bytes, t, &v);
    return 0;
}

/* Opens a gap for a count in front of the items of an array or map. */
static size_t open_gap(struct json_values *r)
{
    size_t start = r->bytes.n;
    buffer_reserve(&r->bytes, COUNT_GAP);
    memset(r->bytes.data + start, 0, COUNT_GAP);
    r->bytes.n += COUNT_GAP;
    return start;
}

static void close_gap(struct json_values *r, size_t start, int64_t count)
{
    uint8_t head[COUNT_GAP];
    struct buffer varint = {.data = (char *)head, .cap = sizeof head};
    buffer_varint(&varint, count);
    size_t items = start + COUNT_GAP, n = r->bytes.n - items;
    memmove(r->bytes.data + start + varint.n, r->bytes.data + items, n);
    memcpy(r->bytes.data + start, head, varint.n);
    r->bytes.n = start + varint.n + n;
}

static int read_array(struct json_values *r, const struct type *t, struct err *e)
{
    size_t start = open_gap(r);
    int64_t count = 0;
    if (!json_enter(&r->pull)) {
        return json_fault(&r->pull, e);
    }
    for (; json_item(&r->pull); count++) {
        int rc = read_item(r, t->of, e);
        if (rc < 0) {
            return rc;
        }
    }
    close_gap(r, start, count);
    return r->pull.fault ? json_fault(&r->pull, e) : 1;
}

static int read_map(struct json_values *r, const struct type *t, struct err *e)
{
    size_t start = open_gap(r);
    int64_t count = 0;
    struct json_text key;
    if (!json_enter(&r->pull)) {
        return json_fault(&r->pull, e);
    }
    for (; json_key(&r->pull, &key); count++) {
        buffer_varint(&r->bytes, (int64_t)key.n);
        buffer_add(&r->bytes, key.p, key.n);
        int rc = read_item(r, t->of, e);
        if (rc < 0) {
            return rc;
        }
    }
    close_gap(r, start, count);
    return r->pull.fault ? json_fault(&r->pull, e) : 1;
}

static int field_number(const struct type *t, const struct json_text *key)
{
    for (uint16_t i = 0; i < t->nfields; i++) {
        if (is_text(key, t->field[i].name)) {
            return i;
        }
    }
    return -1;
}

/* Where the item of a field stands in r->bytes. */
struct piece {
    size_t start, n; /* n 0: the field is missing */
};

/* Items of the fields as they come, the last of equal names kept. */
static int read_fields(struct json_values *r, const struct type *t, struct piece *field,
                       struct err *e)
{
    struct json_text key;
    if (!json_enter(&r->pull)) {
        return json_fault(&r->pull, e);
    }
    while (json_key(&r->pull, &key)) {
        int i = field_number(t, &key);
        if (i < 0) {
            (void)json_skip(&r->pull, NULL);
            continue;
        }
        size_t start = r->bytes.n;
        int rc = read_item(r, t->field[i].type, e);
        if (rc < 0) {
            return err_prefix(e, "%.100s", t->field[i].name);
        }
        field[i] = (struct piece){start, r->bytes.n - start};
    }
    return r->pull.fault ? json_fault(&r->pull, e) : 1;
}

/* Puts the items that begin at `start` into the order of the type, missing ones as null. */
static void order_fields(struct json_values *r, const struct type *t, const struct piece *field,
                         size_t start)
{
    size_t end = r->bytes.n;
    for (uint16_t i = 0; i < t->nfields; i++) {
        if (field[i].n == 0) {
            buffer_byte(&r->bytes, 0);
            continue;
        }
        buffer_reserve(&r->bytes, field[i].n);
        buffer_add(&r->bytes, r->bytes.data + field[i].start, field[i].n);
    }
    memmove(r->bytes.data + start, r->bytes.data + end, r->bytes.n - end);
    r->bytes.n = start + (r->bytes.n - end);
}

static int read_record(struct json_values *r, const struct type *t, struct err *e)
{
    struct arena_mark mark = arena_mark(&r->scratch);
    struct piece *field = arena_zalloc(&r->scratch, t->nfields * sizeof *field);
    size_t start = r->bytes.n;
    buffer_reserve(&r->bytes, 1);
    int rc = read_fields(r, t, field, e);
    if (rc >= 0) {
        order_fields(r, t, field, start);
    }
    arena_release(&r->scratch, mark);
    return rc;
}

/* An array, map or record without presence byte, appended to r->bytes. */
static int read_body(struct json_values *r, const struct type *t, struct err *e)
{
    enum json_kind kind = json_peek(&r->pull);
    if (kind != (t->kind == TYPE_ARRAY ? JSON_ARRAY : JSON_OBJECT)) {
        return mismatch(r, t, e);
    }
    return t->kind == TYPE_ARRAY ? read_array(r, t, e)
           : t->kind == TYPE_MAP ? read_map(r, t, e)
                                 : read_record(r, t, e);
}

static int read_nested(struct json_values *r, const struct type *t, struct nested_value *v,
                       struct err *e)
{
    buffer_clear(&r->bytes);
    int rc = read_body(r, t, e);
    if (rc < 0) {
        return rc;
    }
    if (r->bytes.n > NESTED_BYTES_MAX) {
        return err_set(e, ERR_DATA, "more than %u bytes in one array or map", NESTED_BYTES_MAX);
    }
    v->s.p = r->bytes.data;
    v->s.n = (uint32_t)r->bytes.n;
    return 1;
}

int json_value_read(struct json_values *r, const struct type *t, struct nested_value *v,
                    struct err *e)
{
    enum json_kind kind = json_peek(&r->pull);
    *v = (struct nested_value){.is_null = kind == JSON_NULL};
    if (v->is_null) {
        return json_null(&r->pull) ? 0 : json_fault(&r->pull, e);
    }
    bool boolean;
    switch (t->kind) {
    case TYPE_BOOLEAN:
        if (kind != JSON_BOOLEAN) {
            return mismatch(r, t, e);
        }
        if (!json_boolean(&r->pull, &boolean)) {
            return json_fault(&r->pull, e);
        }
        v->i = boolean;
        return 1;
    case TYPE_LONG:
        return kind == JSON_NUMBER ? read_long(r, v, e) : mismatch(r, t, e);
    case TYPE_DOUBLE:
        return read_double(r, t, v, e);
    case TYPE_TIMESTAMP:
        return kind == JSON_NUMBER || kind == JSON_STRING ? read_timestamp(r, v, e)
                                                          : mismatch(r, t, e);
    case TYPE_STRING:
    case TYPE_BYTES:
        return read_text(r, t, v, e);
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_RECORD:
    default:
        return read_nested(r, t, v, e);
    }
}
