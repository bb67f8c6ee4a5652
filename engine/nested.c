/* Arrays, maps and records inside columns: see nested.h for the bytes.
 *
 * Reading is defensive: each length is checked against what is left, so damage ends the reading. A
 * count needs no check of its own, since every item takes at least its presence byte. Recursion is
 * as deep as the type, which is bounded where types are made.
 */
#include "engine/nested.h"

#include "engine/vector.h"

#include <inttypes.h>

static const uint8_t *read_length(const uint8_t *p, const uint8_t *end, uint32_t *n)
{
    int64_t length;
    p = varint_read(p, end, &length);
    if (p == NULL || length < 0 || length > end - p) {
        return NULL;
    }
    *n = (uint32_t)length;
    return length > UINT32_MAX ? NULL : p;
}

static const uint8_t *read_item(const struct type *t, const uint8_t *p, const uint8_t *end,
                                struct nested_value *v)
{
    if (p >= end || *p > 1) {
        return NULL;
    }
    if (*p == 0) {
        *v = (struct nested_value){.is_null = true};
        return p + 1;
    }
    return nested_read_value(t, p + 1, end, v);
}

/* Skips the body of an array, map or record. */
static const uint8_t *skip_nested(const struct type *t, const uint8_t *p, const uint8_t *end)
{
    struct nested_value v;
    if (t->kind == TYPE_RECORD) {
        for (uint16_t i = 0; i < t->nfields && p; i++) {
            p = read_item(t->field[i].type, p, end, &v);
        }
        return p;
    }
    int64_t count;
    p = varint_read(p, end, &count);
    for (int64_t i = 0; i < count && p; i++) {
        uint32_t key_n;
        if (t->kind == TYPE_MAP) {
            p = read_length(p, end, &key_n);
            p = p ? p + key_n : NULL;
        }
        p = p ? read_item(t->of, p, end, &v) : NULL;
    }
    return p;
}

static uint64_t little_endian(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--) {
        v = v << 8 | p[i];
    }
    return v;
}

const uint8_t *nested_read_value(const struct type *t, const uint8_t *p, const uint8_t *end,
                                 struct nested_value *v)
{
    *v = (struct nested_value){0};
    switch (t->kind) {
    case TYPE_BOOLEAN:
        if (p >= end || *p > 1) {
            return NULL;
        }
        v->i = *p;
        return p + 1;
    case TYPE_LONG:
    case TYPE_TIMESTAMP:
        return varint_read(p, end, &v->i);
    case TYPE_DOUBLE: {
        if (end - p < 8) {
            return NULL;
        }
        uint64_t bits = little_endian(p);
        memcpy(&v->d, &bits, sizeof bits);
        return p + 8;
    }
    case TYPE_STRING:
    case TYPE_BYTES:
        p = read_length(p, end, &v->s.n);
        v->s.p = (const char *)p;
        return p ? p + v->s.n : NULL;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_RECORD: {
        const uint8_t *behind = skip_nested(t, p, end);
        if (behind == NULL || behind - p > UINT32_MAX) {
            return NULL;
        }
        v->s.p = (const char *)p;
        v->s.n = (uint32_t)(behind - p);
        return behind;
    }
    }
    return NULL;
}

struct nested_cursor nested_open(const struct type *t, const void *p, uint32_t n)
{
    struct nested_cursor c = {.item = t->of, .is_map = t->kind == TYPE_MAP};
    c.p = p;
    c.end = c.p + n;
    c.p = varint_read(c.p, c.end, &c.left);
    if (c.p == NULL) {
        c.p = c.end;
        c.left = 0;
    }
    return c;
}

bool nested_next(struct nested_cursor *c, const char **key, uint32_t *key_n, struct nested_value *v)
{
    if (c->left <= 0) {
        return false;
    }
    const uint8_t *p = c->p;
    if (c->is_map) {
        uint32_t n;
        p = read_length(p, c->end, &n);
        if (p && key) {
            *key = (const char *)p;
        }
        if (p && key_n) {
            *key_n = n;
        }
        p = p ? p + n : NULL;
    }
    p = p ? read_item(c->item, p, c->end, v) : NULL;
    c->left = p ? c->left - 1 : 0;
    c->p = p ? p : c->end;
    return p != NULL;
}

int64_t nested_count(const void *p, uint32_t n)
{
    const uint8_t *bytes = p;
    int64_t count;
    if (varint_read(bytes, bytes + n, &count) == NULL || count < 0) {
        return 0;
    }
    return count < n ? count : n;
}

bool nested_at(const struct type *t, const void *p, uint32_t n, int64_t i, struct nested_value *v)
{
    struct nested_cursor c = nested_open(t, p, n);
    if (i < 0 || i >= c.left) {
        return false;
    }
    while (nested_next(&c, NULL, NULL, v)) {
        if (i-- == 0) {
            return true;
        }
    }
    return false;
}

bool nested_entry(const struct type *t, const void *p, uint32_t n, const char *key, uint32_t key_n,
                  struct nested_value *v)
{
    struct nested_cursor c = nested_open(t, p, n);
    struct nested_value item;
    const char *k;
    uint32_t k_n;
    bool found = false;
    while (nested_next(&c, &k, &k_n, &item)) {
        if (k_n == key_n && memcmp(k, key, key_n) == 0) {
            *v = item;
            found = true;
        }
    }
    return found;
}

bool nested_field(const struct type *record, const void *p, uint32_t n, uint16_t i,
                  struct nested_value *v)
{
    if (i >= record->nfields) {
        return false;
    }
    const uint8_t *at = p;
    const uint8_t *end = at + n;
    for (uint16_t f = 0; f <= i && at; f++) {
        at = read_item(record->field[f].type, at, end, v);
    }
    return at != NULL;
}

void nested_put_value(struct buffer *b, const struct type *t, const struct nested_value *v)
{
    switch (t->kind) {
    case TYPE_BOOLEAN:
        buffer_byte(b, v->i != 0);
        return;
    case TYPE_LONG:
    case TYPE_TIMESTAMP:
        buffer_varint(b, v->i);
        return;
    case TYPE_DOUBLE: {
        uint64_t bits;
        memcpy(&bits, &v->d, sizeof bits);
        for (int i = 0; i < 8; i++) {
            buffer_byte(b, (uint8_t)(bits >> (8 * i)));
        }
        return;
    }
    case TYPE_STRING:
    case TYPE_BYTES:
        buffer_varint(b, v->s.n);
        buffer_add(b, v->s.p, v->s.n);
        return;
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_RECORD:
        buffer_add(b, v->s.p, v->s.n);
        return;
    }
}

void nested_put(struct buffer *b, const struct type *t, const struct nested_value *v)
{
    buffer_byte(b, !v->is_null);
    if (!v->is_null) {
        nested_put_value(b, t, v);
    }
}

static void print_base64(struct buffer *b, const char *p, uint32_t n)
{
    static const char digit[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *u = (const uint8_t *)p;
    for (uint32_t i = 0; i < n; i += 3) {
        uint32_t left = n - i;
        uint32_t bits = (uint32_t)u[i] << 16;
        bits |= left > 1 ? (uint32_t)u[i + 1] << 8 : 0;
        bits |= left > 2 ? u[i + 2] : 0;
        buffer_byte(b, (uint8_t)digit[bits >> 18]);
        buffer_byte(b, (uint8_t)digit[bits >> 12 & 63]);
        buffer_byte(b, (uint8_t)(left > 1 ? digit[bits >> 6 & 63] : '='));
        buffer_byte(b, (uint8_t)(left > 2 ? digit[bits & 63] : '='));
    }
}

static void print_quoted(struct buffer *b, const char *p, uint32_t n)
{
    buffer_byte(b, '"');
    for (uint32_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)p[i];
        if (c == '"' || c == '\\') {
            buffer_byte(b, '\\');
            buffer_byte(b, c);
        } else if (c < 0x20) {
            buffer_printf(b, "\\u%04x", (unsigned)c);
        } else {
            buffer_byte(b, c);
        }
    }
    buffer_byte(b, '"');
}

/* An item inside an array, map or record: text is quoted there. */
static void print_item(struct buffer *b, const struct type *t, const struct nested_value *v)
{
    bool is_text = t->kind == TYPE_STRING || t->kind == TYPE_BYTES;
    if (v->is_null || !is_text) {
        nested_print(b, t, v);
    } else if (t->kind == TYPE_STRING) {
        print_quoted(b, v->s.p, v->s.n);
    } else {
        buffer_byte(b, '"');
        print_base64(b, v->s.p, v->s.n);
        buffer_byte(b, '"');
    }
}

static void print_items(struct buffer *b, const struct type *t, const struct nested_value *v)
{
    bool is_map = t->kind == TYPE_MAP;
    struct nested_cursor c = nested_open(t, v->s.p, v->s.n);
    struct nested_value item;
    const char *key = NULL;
    uint32_t key_n = 0;
    bool is_first = true;
    buffer_byte(b, is_map ? '{' : '[');
    while (nested_next(&c, &key, &key_n, &item)) {
        buffer_text(b, is_first ? "" : ", ");
        is_first = false;
        if (is_map) {
            print_quoted(b, key, key_n);
            buffer_text(b, ": ");
        }
        print_item(b, t->of, &item);
    }
    buffer_byte(b, is_map ? '}' : ']');
}

static void print_fields(struct buffer *b, const struct type *t, const struct nested_value *v)
{
    const uint8_t *p = (const uint8_t *)v->s.p;
    const uint8_t *end = p + v->s.n;
    struct nested_value field;
    buffer_byte(b, '{');
    for (uint16_t i = 0; i < t->nfields; i++) {
        p = read_item(t->field[i].type, p, end, &field);
        if (p == NULL) {
            break;
        }
        buffer_text(b, i ? ", " : "");
        print_quoted(b, t->field[i].name, (uint32_t)strlen(t->field[i].name));
        buffer_text(b, ": ");
        print_item(b, t->field[i].type, &field);
    }
    buffer_byte(b, '}');
}

void nested_print(struct buffer *b, const struct type *t, const struct nested_value *v)
{
    if (v->is_null) {
        buffer_text(b, "null");
        return;
    }
    switch (t->kind) {
    case TYPE_BOOLEAN:
        buffer_text(b, v->i ? "true" : "false");
        return;
    case TYPE_LONG:
    case TYPE_TIMESTAMP:
        buffer_printf(b, "%" PRId64, v->i);
        return;
    case TYPE_DOUBLE:
        print_double(b, v->d);
        return;
    case TYPE_STRING:
        buffer_add(b, v->s.p, v->s.n);
        return;
    case TYPE_BYTES:
        print_base64(b, v->s.p, v->s.n);
        return;
    case TYPE_ARRAY:
    case TYPE_MAP:
        print_items(b, t, v);
        return;
    case TYPE_RECORD:
        print_fields(b, t, v);
        return;
    }
}
