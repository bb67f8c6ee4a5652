/* JSON to Avro data.
 *
 * Unions are written plainly: the first branch that takes the value is used (the specification
 * allows only the first branch for defaults; versions since 1.12 and many libraries allow any). An
 * integer is taken by the first of int, long, float, double that holds it. The strings "NaN",
 * "Infinity" and "-Infinity" are doubles. A field that is left out takes its default; without one
 * the value does not fit. Each step and each byte burns fuel, nesting ends at AVRO_DEPTH_MAX.
 */
#include "schemas/avro_json.h"

#include "schemas/base64.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

struct writer {
    struct buffer *out;
    enum avro_json_form form;
    int64_t *fuel;
};

static int put(struct writer *w, const struct avro_node *s, const json_t *j, int depth);

static int add(struct writer *w, const void *p, size_t n)
{
    *w->fuel -= (int64_t)n;
    if (*w->fuel < 0) {
        return -ERR_DATA;
    }
    buffer_add(w->out, p, n);
    return 0;
}

static int put_text(struct writer *w, const char *p, size_t n)
{
    buffer_varint(w->out, (int64_t)n);
    return add(w, p, n);
}

static bool as_double(const json_t *j, double *d)
{
    const char *s = json_string_value(j);
    if (s) {
        *d = strcmp(s, "NaN") == 0         ? (double)NAN
             : strcmp(s, "-Infinity") == 0 ? -HUGE_VAL
                                           : HUGE_VAL;
        return strcmp(s, "NaN") == 0 || strcmp(s, "-Infinity") == 0 || strcmp(s, "Infinity") == 0;
    }
    *d = json_number_value(j);
    return json_is_number(j);
}

static int put_double(struct writer *w, enum avro_type type, const json_t *j)
{
    double d;
    if (!as_double(j, &d)) {
        return -ERR_DATA;
    }
    if (type == AV_DOUBLE) {
        return add(w, &d, sizeof d);
    }
    float f = (float)d;
    return add(w, &f, sizeof f);
}

static int put_long(struct writer *w, const struct avro_node *s, const json_t *j)
{
    int64_t v = json_integer_value(j);
    bool is_micros = s->logical == AV_TIMESTAMP_MICROS || s->logical == AV_LOCAL_TIMESTAMP_MICROS;
    if (!json_is_integer(j) || (s->type == AV_INT && (v < INT32_MIN || v > INT32_MAX))) {
        return -ERR_DATA;
    }
    if (w->form == AV_JSON_TEXT && is_micros && __builtin_mul_overflow(v, 1000, &v)) {
        return -ERR_DATA;
    }
    buffer_varint(w->out, v);
    return 0;
}

/* UTF-8 of code points 0-255 to bytes. */
static bool from_latin(struct buffer *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t c = (uint8_t)s[i];
        if (c >= 0x80) {
            if (c > 0xc3 || i + 1 == n) {
                return false;
            }
            c = (uint8_t)(c << 6 | ((uint8_t)s[++i] & 0x3f));
        }
        buffer_byte(out, c);
    }
    return true;
}

int avro_put_decimal(struct buffer *out, const struct avro_node *s, double d)
{
    d = nearbyint(d * pow(10, s->scale));
    if (!(fabs(d) < 9e18) || s->size > 4096) {
        return -ERR_DATA;
    }
    uint8_t bytes[8], sign = d < 0 ? 0xff : 0;
    int64_t v = (int64_t)d;
    for (int i = 7; i >= 0; i--, v >>= 8) {
        bytes[i] = (uint8_t)v;
    }
    uint32_t size = s->type == AV_FIXED ? s->size : 8, dropped = size < 8 ? 8 - size : 0;
    for (uint32_t i = 0; i < dropped; i++) {
        if (bytes[i] != sign || bytes[dropped] >> 7 != sign >> 7) {
            return -ERR_DATA;
        }
    }
    if (s->type == AV_BYTES) {
        buffer_varint(out, 8);
    }
    for (uint32_t i = 8; i < size; i++) {
        buffer_byte(out, sign);
    }
    buffer_add(out, bytes + dropped, 8 - dropped);
    return 0;
}

static int put_bytes(struct writer *w, const struct avro_node *s, const json_t *j)
{
    if (w->form == AV_JSON_TEXT && s->logical == AV_DECIMAL && json_is_number(j)) {
        return avro_put_decimal(w->out, s, json_number_value(j));
    }
    const char *text = json_string_value(j);
    size_t n = json_string_length(j);
    if (!text || (*w->fuel -= (int64_t)n) < 0) {
        return -ERR_DATA;
    }
    struct buffer b;
    buffer_init(&b);
    bool is_valid = w->form == AV_JSON_TEXT ? base64_decode(&b, text, n) : from_latin(&b, text, n);
    int rc = -ERR_DATA;
    if (is_valid && s->type == AV_BYTES) {
        rc = put_text(w, b.data, b.n);
    } else if (is_valid && b.n == s->size) {
        rc = add(w, b.data, b.n);
    }
    buffer_done(&b);
    return rc;
}

static int put_enum(struct writer *w, const struct avro_node *s, const json_t *j)
{
    const char *text = json_string_value(j);
    for (uint32_t i = 0; text && i < s->n; i++) {
        if (strcmp(text, s->symbol[i]) == 0) {
            buffer_varint(w->out, i);
            return 0;
        }
    }
    *w->fuel -= s->n;
    return -ERR_DATA;
}

static int put_array(struct writer *w, const struct avro_node *s, const json_t *j, int depth)
{
    size_t n = json_array_size(j);
    if (n > 0) {
        buffer_varint(w->out, (int64_t)n);
    }
    for (size_t i = 0; i < n; i++) {
        int rc = put(w, s->branch[0], json_array_get(j, i), depth + 1);
        if (rc < 0) {
            return rc;
        }
    }
    buffer_byte(w->out, 0);
    return json_is_array(j) ? 0 : -ERR_DATA;
}

static int put_map(struct writer *w, const struct avro_node *s, const json_t *j, int depth)
{
    if (!json_is_object(j)) {
        return -ERR_DATA;
    }
    if (json_object_size(j) > 0) {
        buffer_varint(w->out, (int64_t)json_object_size(j));
    }
    /* The iterator does not change the object, but jansson's signature does not say so. */
    json_t *object = json_incref((json_t *)(uintptr_t)j);
    int rc = 0;
    for (void *it = json_object_iter(object); it && rc == 0;
         it = json_object_iter_next(object, it)) {
        const char *key = json_object_iter_key(it);
        rc = put_text(w, key, strlen(key));
        rc = rc < 0 ? rc : put(w, s->branch[0], json_object_iter_value(it), depth + 1);
    }
    json_decref(object);
    buffer_byte(w->out, 0);
    return rc;
}

static int put_default(struct writer *w, const struct avro_field *f, int depth)
{
    if (f->bytes) {
        return add(w, f->bytes, f->nbytes);
    }
    if (!f->json || (*w->fuel -= (int64_t)strlen(f->json)) < 0) {
        return -ERR_DATA;
    }
    json_t *j = json_loads(f->json, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    enum avro_json_form form = w->form;
    w->form = AV_JSON_DEFAULT;
    int rc = j ? put(w, f->type, j, depth + 1) : -ERR_DATA;
    w->form = form;
    json_decref(j);
    return rc;
}

static int put_record(struct writer *w, const struct avro_node *s, const json_t *j, int depth)
{
    if (!json_is_object(j)) {
        return -ERR_DATA;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        const struct avro_field *f = &s->field[i];
        const json_t *value = json_object_get(j, f->name);
        int rc = value ? put(w, f->type, value, depth + 1) : put_default(w, f, depth);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

static int put_union(struct writer *w, const struct avro_node *s, const json_t *j, int depth)
{
    size_t start = w->out->n;
    for (uint32_t i = 0; i < s->n; i++) {
        buffer_varint(w->out, i);
        if (put(w, s->branch[i], j, depth + 1) == 0) {
            return 0;
        }
        w->out->n = start;
        if (*w->fuel < 0) {
            break;
        }
    }
    return -ERR_DATA;
}

static int put(struct writer *w, const struct avro_node *s, const json_t *j, int depth)
{
    if (--*w->fuel < 0 || depth > AVRO_DEPTH_MAX) {
        return -ERR_DATA;
    }
    switch (s->type) {
    case AV_NULL:
        return json_is_null(j) ? 0 : -ERR_DATA;
    case AV_BOOLEAN:
        buffer_byte(w->out, json_is_true(j));
        return json_is_boolean(j) ? 0 : -ERR_DATA;
    case AV_INT:
    case AV_LONG:
        return put_long(w, s, j);
    case AV_FLOAT:
    case AV_DOUBLE:
        return put_double(w, s->type, j);
    case AV_BYTES:
    case AV_FIXED:
        return put_bytes(w, s, j);
    case AV_STRING:
        return json_is_string(j) ? put_text(w, json_string_value(j), json_string_length(j))
                                 : -ERR_DATA;
    case AV_ENUM:
        return put_enum(w, s, j);
    case AV_ARRAY:
        return put_array(w, s, j, depth);
    case AV_MAP:
        return put_map(w, s, j, depth);
    case AV_RECORD:
        return put_record(w, s, j, depth);
    case AV_UNION:
        return put_union(w, s, j, depth);
    }
    return -ERR_DATA;
}

int avro_from_json(struct buffer *out, const struct avro_node *s, const struct json_t *j,
                   enum avro_json_form form, int64_t *fuel)
{
    struct writer w = {.out = out, .form = form, .fuel = fuel};
    return put(&w, s, j, 0);
}

int avro_from_json_text(struct buffer *out, const struct avro_node *s, const char *text, size_t n,
                        enum avro_json_form form, int64_t *fuel)
{
    json_t *j = json_loadb(text, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    int rc = j ? avro_from_json(out, s, j, form, fuel) : -ERR_DATA;
    json_decref(j);
    return rc;
}
