/* Single values of Avro data.
 *
 *   number  zig-zag varint; an int must fit 32 bits
 *   slice   length and bytes; a string must be UTF-8
 *   scalar  a primitive, enum or fixed by its link: promoted to the reader's type, then as the
 *           column's (times of different units are converted; decimals become doubles)
 *   skip    by the writer's type alone; blocks that give their size are jumped over
 *
 * Hostile data: every length is held against the bytes that are left; nesting ends at
 * AVRO_DEPTH_MAX; each value burns fuel, of which a datum gets a million and eight per byte, so
 * that a huge count of values without bytes stops.
 */
#include "schemas/avro_read.h"

#include <math.h>

__attribute__((noinline)) struct avro_number avro_any_number(const uint8_t *p, const uint8_t *end)
{
    struct avro_number number = {0};
    number.p = varint_read(p, end, &number.v);
    return number;
}

int avro_read_fail(struct avro_in *in, const char *why)
{
    in->why = why;
    return -ERR_DATA;
}

static int get_long(struct avro_in *in, int64_t *v)
{
    struct avro_number number = avro_short_number(in->p, in->end);
    if (!number.p) {
        number = avro_any_number(in->p, in->end);
    }
    if (!number.p) {
        return avro_read_fail(in, "a number is cut off");
    }
    in->p = number.p;
    *v = number.v;
    return 0;
}

static int get_bytes(struct avro_in *in, int64_t n, const char **p)
{
    if (n < 0 || n > in->end - in->p) {
        return avro_read_fail(in, "a length reaches beyond the end");
    }
    *p = (const char *)in->p;
    in->p += n;
    return 0;
}

int avro_read_slice(struct avro_in *in, const char **p, uint32_t *n)
{
    int64_t length;
    int rc = get_long(in, &length);
    rc = rc < 0 ? rc : get_bytes(in, length, p);
    *n = rc < 0 ? 0 : (uint32_t)length;
    return rc;
}

int avro_read_index(struct avro_in *in, uint32_t n, uint32_t *i)
{
    int64_t v;
    int rc = get_long(in, &v);
    if (rc == 0 && (v < 0 || v >= n)) {
        return avro_read_fail(in, "a branch or symbol number is out of range");
    }
    *i = (uint32_t)v;
    return rc;
}

int avro_read_burn(struct avro_in *in, int depth)
{
    if (--in->fuel < 0) {
        return avro_read_fail(in, "too many values for so few bytes");
    }
    return depth > AVRO_DEPTH_MAX ? avro_read_fail(in, "nested too deeply") : 0;
}

int avro_read_block(struct avro_in *in, int64_t *count, int64_t *bytes)
{
    int rc = get_long(in, count);
    *bytes = -1;
    if (rc == 0 && *count < 0) {
        rc = get_long(in, bytes);
        if (rc == 0 && (*count == INT64_MIN || *bytes < 0 || *bytes > in->end - in->p)) {
            return avro_read_fail(in, "a block reaches beyond the end");
        }
        *count = -*count;
    }
    return rc == 0 && *count > in->fuel ? avro_read_fail(in, "too many values for so few bytes")
                                        : rc;
}

static int skip_blocks(struct avro_in *in, const struct avro_node *w, int depth)
{
    for (;;) {
        int64_t count, bytes;
        int rc = avro_read_block(in, &count, &bytes);
        if (rc < 0 || count == 0) {
            return rc;
        }
        if (bytes >= 0) {
            in->p += bytes;
            continue;
        }
        for (int64_t i = 0; i < count; i++) {
            const char *key;
            uint32_t n;
            rc = w->type == AV_MAP ? avro_read_slice(in, &key, &n) : 0;
            rc = rc < 0 ? rc : avro_read_skip(in, w->branch[0], depth + 1);
            if (rc < 0) {
                return rc;
            }
        }
    }
}

int avro_read_skip(struct avro_in *in, const struct avro_node *w, int depth)
{
    int64_t v;
    uint32_t i;
    const char *p;
    int rc = avro_read_burn(in, depth);
    if (rc < 0) {
        return rc;
    }
    switch (w->type) {
    case AV_NULL:
        return 0;
    case AV_BOOLEAN:
        return get_bytes(in, 1, &p);
    case AV_INT:
    case AV_LONG:
        return get_long(in, &v);
    case AV_FLOAT:
        return get_bytes(in, 4, &p);
    case AV_DOUBLE:
        return get_bytes(in, 8, &p);
    case AV_BYTES:
    case AV_STRING:
        return avro_read_slice(in, &p, &i);
    case AV_FIXED:
        return get_bytes(in, w->size, &p);
    case AV_ENUM:
        return avro_read_index(in, w->n, &i);
    case AV_RECORD:
        for (i = 0; i < w->n && rc == 0; i++) {
            rc = avro_read_skip(in, w->field[i].type, depth + 1);
        }
        return rc;
    case AV_ARRAY:
    case AV_MAP:
        return skip_blocks(in, w, depth);
    case AV_UNION:
        rc = avro_read_index(in, w->n, &i);
        return rc < 0 ? rc : avro_read_skip(in, w->branch[i], depth + 1);
    }
    return -ERR_DATA;
}

/* ---- scalars ---- */

static bool is_time(enum avro_logical l)
{
    return l == AV_TIME_MILLIS || l == AV_TIME_MICROS;
}

static bool is_timestamp(enum avro_logical l)
{
    return l >= AV_TIMESTAMP_MILLIS && l <= AV_LOCAL_TIMESTAMP_MICROS;
}

static bool is_micros(enum avro_logical l)
{
    return l == AV_TIME_MICROS || l == AV_TIMESTAMP_MICROS || l == AV_LOCAL_TIMESTAMP_MICROS;
}

static int64_t floor_thousand(int64_t v)
{
    return v / 1000 - (v % 1000 < 0);
}

/* A long of the writer as the reader's type, in the column's unit. */
static int convert_long(struct avro_in *in, const struct avro_link *l, const struct type *t,
                        int64_t i, struct nested_value *v)
{
    enum avro_logical w = l->w->logical, r = l->r->logical;
    bool same_family = (is_time(w) && is_time(r)) || (is_timestamp(w) && is_timestamp(r));
    bool from_micros = same_family ? is_micros(w) : is_micros(r);
    bool to_micros = is_micros(r) && t->kind != TYPE_TIMESTAMP && !is_timestamp(r);
    if (l->w->type == AV_INT && (i < INT32_MIN || i > INT32_MAX)) {
        return avro_read_fail(in, "an int is out of range");
    }
    if (l->r->type == AV_FLOAT) {
        v->d = (double)(float)i;
        return 0;
    }
    if (l->r->type == AV_DOUBLE) {
        v->d = (double)i;
        return 0;
    }
    if (from_micros && !to_micros) {
        i = floor_thousand(i);
    } else if (to_micros && !from_micros && __builtin_mul_overflow(i, 1000, &i)) {
        return avro_read_fail(in, "a time is out of range");
    }
    if (t->kind == TYPE_DOUBLE) {
        v->d = (double)i;
    } else {
        v->i = i;
    }
    return 0;
}

/* Big-endian two's complement, divided by 10^scale. */
static double decimal(const uint8_t *p, uint32_t n, uint32_t scale)
{
    bool is_negative = n > 0 && p[0] >= 0x80;
    long double d = 0;
    for (uint32_t i = 0; i < n; i++) {
        d = d * 256 + (is_negative ? (uint8_t)~p[i] : p[i]);
    }
    d = is_negative ? -(d + 1) : d;
    return (double)(d / powl(10, scale));
}

static int convert_slice(struct avro_in *in, const struct avro_link *l, const char *p, uint32_t n,
                         struct nested_value *v)
{
    if (l->r->logical == AV_DECIMAL) {
        v->d = decimal((const uint8_t *)p, n, l->r->scale);
        return 0;
    }
    if (l->r->type == AV_STRING && !avro_is_utf8(p, n)) {
        return avro_read_fail(in, "a string is not valid UTF-8");
    }
    v->s.p = p;
    v->s.n = n;
    return 0;
}

int avro_read_scalar(struct avro_in *in, const struct avro_link *l, const struct type *t,
                     struct nested_value *v)
{
    const char *p;
    uint32_t n = l->w->size;
    int64_t i;
    float f;
    int rc;
    v->is_null = false;
    switch (l->w->type) {
    case AV_NULL:
        v->is_null = true;
        return 0;
    case AV_BOOLEAN:
        rc = get_bytes(in, 1, &p);
        v->i = rc < 0 ? 0 : p[0];
        return rc == 0 && (v->i & ~1) != 0 ? avro_read_fail(in, "a boolean is neither 0 nor 1")
                                           : rc;
    case AV_INT:
    case AV_LONG:
        rc = get_long(in, &i);
        return rc < 0 ? rc : convert_long(in, l, t, i, v);
    case AV_FLOAT:
        rc = get_bytes(in, 4, &p);
        if (rc == 0) {
            memcpy(&f, p, 4);
            v->d = (double)f;
        }
        return rc;
    case AV_DOUBLE:
        rc = get_bytes(in, 8, &p);
        if (rc == 0) {
            memcpy(&v->d, p, 8);
        }
        return rc;
    case AV_BYTES:
    case AV_STRING:
        rc = avro_read_slice(in, &p, &n);
        return rc < 0 ? rc : convert_slice(in, l, p, n, v);
    case AV_FIXED:
        rc = get_bytes(in, n, &p);
        return rc < 0 ? rc : convert_slice(in, l, p, n, v);
    case AV_ENUM:
        rc = avro_read_index(in, l->n, &n);
        if (rc == 0 && l->to[n] < 0) {
            return avro_read_fail(
                in, "an enum symbol is unknown to the reader, whose enum has no default");
        }
        v->s.p = rc < 0 ? "" : l->r->symbol[l->to[n]];
        v->s.n = (uint32_t)strlen(v->s.p);
        return rc;
    case AV_RECORD:
    case AV_ARRAY:
    case AV_MAP:
    case AV_UNION:
        break;
    }
    return -ERR_DATA;
}
