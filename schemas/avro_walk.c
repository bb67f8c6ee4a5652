/* A recursive walk over links (schemas/avro_resolve.h) and data side by side.
 *
 *   skip    by the writer's type alone; blocks that give their size are jumped over
 *   scalar  one primitive, enum or fixed as the reader's type, then as the column's
 *   item    an item of engine/nested.h: presence byte and value
 *   text    JSON: unions plainly, bytes as base64, timestamps in ms, NaN and infinities as strings
 *
 * Avro announces the items of an array block by block, nested.h in front of all: the count is put
 * there when it is known. Fields arrive in the writer's order but stand in the reader's: each
 * field's piece of the output is noted in `spots`, and the pieces are put in order at the end of
 * the record.
 *
 * Hostile data: every length is held against the bytes that are left; nesting ends at
 * AVRO_DEPTH_MAX; each value burns fuel, of which a datum gets a million and eight per byte, so
 * that a huge count of values without bytes stops; no output grows beyond AVRO_VALUE_MAX.
 */
#include "schemas/avro_walk.h"

#include "schemas/avro_columns.h"
#include "schemas/base64.h"
#include "schemas/json_print.h"

#include <math.h>
struct walker {
    struct avro_in *in;
    struct avro_scratch *x;
    int depth;
};

static int item(struct walker *k, const struct avro_link *l, const struct type *t);
static int text(struct walker *k, const struct avro_link *l);

void avro_scratch_init(struct avro_scratch *x)
{
    memset(x, 0, sizeof *x);
    buffer_init(&x->out);
    buffer_init(&x->other);
    buffer_init(&x->spots);
}

void avro_scratch_done(struct avro_scratch *x)
{
    buffer_done(&x->out);
    buffer_done(&x->other);
    buffer_done(&x->spots);
}

__attribute__((noinline)) struct avro_number avro_any_number(const uint8_t *p, const uint8_t *end)
{
    struct avro_number number = {0};
    number.p = varint_read(p, end, &number.v);
    return number;
}

static int bad(struct avro_in *in, const char *why)
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
        return bad(in, "a number is cut off");
    }
    in->p = number.p;
    *v = number.v;
    return 0;
}

static int get_bytes(struct avro_in *in, int64_t n, const char **p)
{
    if (n < 0 || n > in->end - in->p) {
        return bad(in, "a length reaches beyond the end");
    }
    *p = (const char *)in->p;
    in->p += n;
    return 0;
}

/* Length and bytes of a string, bytes or map key. */
static int get_slice(struct avro_in *in, const char **p, uint32_t *n)
{
    int64_t length;
    int rc = get_long(in, &length);
    rc = rc < 0 ? rc : get_bytes(in, length, p);
    *n = rc < 0 ? 0 : (uint32_t)length;
    return rc;
}

static int get_index(struct avro_in *in, uint32_t n, uint32_t *i)
{
    int64_t v;
    int rc = get_long(in, &v);
    if (rc == 0 && (v < 0 || v >= n)) {
        return bad(in, "a branch or symbol number is out of range");
    }
    *i = (uint32_t)v;
    return rc;
}

static int burn(struct avro_in *in, int depth)
{
    if (--in->fuel < 0) {
        return bad(in, "too many values for so few bytes");
    }
    return depth > AVRO_DEPTH_MAX ? bad(in, "nested too deeply") : 0;
}

/* Head of a block: the number of items (0: the last one) and, if given, its bytes, else -1. */
static int get_block(struct avro_in *in, int64_t *count, int64_t *bytes)
{
    int rc = get_long(in, count);
    *bytes = -1;
    if (rc == 0 && *count < 0) {
        rc = get_long(in, bytes);
        if (rc == 0 && (*count == INT64_MIN || *bytes < 0 || *bytes > in->end - in->p)) {
            return bad(in, "a block reaches beyond the end");
        }
        *count = -*count;
    }
    return rc == 0 && *count > in->fuel ? bad(in, "too many values for so few bytes") : rc;
}

static int skip_blocks(struct avro_in *in, const struct avro_node *w, int depth)
{
    for (;;) {
        int64_t count, bytes;
        int rc = get_block(in, &count, &bytes);
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
            rc = w->type == AV_MAP ? get_slice(in, &key, &n) : 0;
            rc = rc < 0 ? rc : avro_skip(in, w->branch[0], depth + 1);
            if (rc < 0) {
                return rc;
            }
        }
    }
}

int avro_skip(struct avro_in *in, const struct avro_node *w, int depth)
{
    int64_t v;
    uint32_t i;
    const char *p;
    int rc = burn(in, depth);
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
        return get_slice(in, &p, &i);
    case AV_FIXED:
        return get_bytes(in, w->size, &p);
    case AV_ENUM:
        return get_index(in, w->n, &i);
    case AV_RECORD:
        for (i = 0; i < w->n && rc == 0; i++) {
            rc = avro_skip(in, w->field[i].type, depth + 1);
        }
        return rc;
    case AV_ARRAY:
    case AV_MAP:
        return skip_blocks(in, w, depth);
    case AV_UNION:
        rc = get_index(in, w->n, &i);
        return rc < 0 ? rc : avro_skip(in, w->branch[i], depth + 1);
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
        return bad(in, "an int is out of range");
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
        return bad(in, "a time is out of range");
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
        return bad(in, "a string is not valid UTF-8");
    }
    v->s.p = p;
    v->s.n = n;
    return 0;
}

static int scalar(struct avro_in *in, const struct avro_link *l, const struct type *t,
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
        return rc == 0 && (v->i & ~1) != 0 ? bad(in, "a boolean is neither 0 nor 1") : rc;
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
        rc = get_slice(in, &p, &n);
        return rc < 0 ? rc : convert_slice(in, l, p, n, v);
    case AV_FIXED:
        rc = get_bytes(in, n, &p);
        return rc < 0 ? rc : convert_slice(in, l, p, n, v);
    case AV_ENUM:
        rc = get_index(in, l->n, &n);
        if (rc == 0 && l->to[n] < 0) {
            return bad(in, "an enum symbol is unknown to the reader, whose enum has no default");
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

/* ---- nested bytes and JSON text ---- */

/* Goes down through unions to the link that reads the value. */
static int follow(struct walker *k, const struct avro_link **l)
{
    while ((*l)->kind == AV_WRITER_UNION || (*l)->kind == AV_READER_UNION) {
        uint32_t i = 0;
        int rc = (*l)->kind == AV_WRITER_UNION ? get_index(k->in, (*l)->n, &i) : 0;
        if (rc < 0) {
            return rc;
        }
        *l = (*l)->of[i];
    }
    return (*l)->kind == AV_FAIL ? bad(k->in, (*l)->why) : 0;
}

/* Puts a varint in front of what stands behind `at`. */
static void insert_varint(struct buffer *b, size_t at, int64_t v)
{
    size_t end = b->n;
    buffer_varint(b, v);
    size_t n = b->n - end;
    char digits[16];
    memcpy(digits, b->data + end, n);
    memmove(b->data + at + n, b->data + at, end - at);
    memcpy(b->data + at, digits, n);
}

static int check_room(struct walker *k)
{
    return k->x->out.n > AVRO_VALUE_MAX ? bad(k->in, "a value grows too large") : 0;
}

static int text_scalar(struct walker *k, const struct avro_link *l)
{
    struct buffer *b = &k->x->out;
    const struct type *t = avro_basic_type(l->r);
    struct nested_value v;
    int rc = scalar(k->in, l, t, &v);
    if (rc < 0 || v.is_null) {
        buffer_text(b, "null");
    } else if (t->kind == TYPE_BOOLEAN) {
        buffer_text(b, v.i ? "true" : "false");
    } else if (t->kind == TYPE_LONG || t->kind == TYPE_TIMESTAMP) {
        json_print_long(b, v.i);
    } else if (t->kind == TYPE_DOUBLE) {
        json_print_double(b, v.d);
    } else if (t->kind == TYPE_STRING) {
        json_print_string(b, v.s.p, v.s.n);
    } else {
        buffer_byte(b, '"');
        base64_encode(b, v.s.p, v.s.n);
        buffer_byte(b, '"');
    }
    return rc;
}

static int map_key(struct walker *k, bool is_text)
{
    const char *p;
    uint32_t n;
    int rc = get_slice(k->in, &p, &n);
    if (rc == 0 && !avro_is_utf8(p, n)) {
        return bad(k->in, "a map key is not valid UTF-8");
    }
    if (rc == 0 && is_text) {
        json_print_string(&k->x->out, p, n);
        buffer_byte(&k->x->out, ':');
    } else if (rc == 0) {
        buffer_varint(&k->x->out, n);
        buffer_add(&k->x->out, p, n);
    }
    return rc;
}

/* Items of an array or map as nested bytes, or (of NULL) as JSON. */
static int items(struct walker *k, const struct avro_link *l, const struct type *of)
{
    struct buffer *b = &k->x->out;
    size_t start = b->n;
    bool is_map = l->w->type == AV_MAP;
    int64_t total = 0;
    if (!of) {
        buffer_byte(b, is_map ? '{' : '[');
    }
    for (;;) {
        int64_t count, bytes;
        int rc = get_block(k->in, &count, &bytes);
        if (rc < 0) {
            return rc;
        }
        if (count == 0) {
            break;
        }
        for (int64_t i = 0; i < count; i++, total++) {
            if (!of && total > 0) {
                buffer_byte(b, ',');
            }
            rc = is_map ? map_key(k, !of) : 0;
            rc = rc < 0 ? rc : of ? item(k, l->of[0], of) : text(k, l->of[0]);
            rc = rc < 0 ? rc : check_room(k);
            if (rc < 0) {
                return rc;
            }
        }
    }
    if (of) {
        insert_varint(b, start, total);
    } else {
        buffer_byte(b, is_map ? '}' : ']');
    }
    return 0;
}

struct spot { /* where a field's piece of the output stands */
    uint32_t from, to;
};

static struct spot *spots_at(struct walker *k, size_t base)
{
    return (struct spot *)(void *)(k->x->spots.data + base);
}

static int piece(struct walker *k, const struct avro_link *l, const struct type *record,
                 uint32_t field, size_t base)
{
    uint32_t from = (uint32_t)k->x->out.n;
    int rc = record ? item(k, l, record->field[field].type) : text(k, l);
    spots_at(k, base)[field] = (struct spot){from, (uint32_t)k->x->out.n};
    return rc < 0 ? rc : check_room(k);
}

static int pieces(struct walker *k, const struct avro_link *l, const struct type *record,
                  size_t base)
{
    int rc = 0;
    for (uint32_t i = 0; i < l->n && rc == 0; i++) {
        rc = l->to[i] >= 0 ? piece(k, l->of[i], record, (uint32_t)l->to[i], base)
                           : avro_skip(k->in, l->w->field[i].type, k->depth + 1);
    }
    for (uint32_t i = 0; i < l->nabsent && rc == 0; i++) {
        const struct avro_field *f = &l->r->field[l->absent[i].field];
        const uint8_t *p = k->in->p, *end = k->in->end;
        k->in->p = f->bytes;
        k->in->end = f->bytes ? f->bytes + f->nbytes : NULL;
        rc = piece(k, l->absent[i].link, record, l->absent[i].field, base);
        k->in->p = p;
        k->in->end = end;
    }
    return rc;
}

/* Fields of a record in the reader's order, as nested bytes or (record NULL) as JSON. */
static int fields(struct walker *k, const struct avro_link *l, const struct type *record)
{
    struct buffer *b = &k->x->out, *other = &k->x->other;
    size_t base = k->x->spots.n, start = b->n;
    size_t bytes = l->r->n * sizeof(struct spot);
    memset(buffer_reserve(&k->x->spots, bytes + 1), 0, bytes);
    k->x->spots.n += bytes;
    int rc = pieces(k, l, record, base);
    const struct spot *spot = spots_at(k, base);
    bool is_ordered = record != NULL;
    for (uint32_t i = 1; i < l->r->n; i++) {
        is_ordered = is_ordered && spot[i].from == spot[i - 1].to;
    }
    if (rc == 0 && !is_ordered) {
        buffer_clear(other);
        buffer_text(other, record ? "" : "{");
        for (uint32_t i = 0; i < l->r->n; i++) {
            if (!record) {
                buffer_printf(other, "%s\"%s\":", i ? "," : "", l->r->field[i].name);
            }
            buffer_add(other, b->data + spot[i].from, spot[i].to - spot[i].from);
        }
        buffer_text(other, record ? "" : "}");
        b->n = start;
        buffer_add(b, other->data, other->n);
    }
    k->x->spots.n = base;
    return rc;
}

static int text(struct walker *k, const struct avro_link *l)
{
    int rc = burn(k->in, ++k->depth);
    rc = rc < 0 ? rc : follow(k, &l);
    if (rc == 0 && l->kind == AV_FIELDS) {
        rc = fields(k, l, NULL);
    } else if (rc == 0 && l->kind == AV_ITEMS) {
        rc = items(k, l, NULL);
    } else if (rc == 0) {
        rc = text_scalar(k, l);
    }
    k->depth--;
    return rc;
}

static bool is_null_text(const struct buffer *b, size_t start)
{
    return b->n - start == 4 && memcmp(b->data + start, "null", 4) == 0;
}

static int text_item(struct walker *k, const struct avro_link *l)
{
    struct buffer *b = &k->x->out;
    size_t start = b->n;
    int rc = text(k, l);
    if (rc == 0 && is_null_text(b, start)) {
        b->n = start;
        buffer_byte(b, 0);
    } else if (rc == 0) {
        insert_varint(b, start, (int64_t)(b->n - start));
        insert_varint(b, start, -1); /* the byte 1 */
    }
    return rc;
}

static int item(struct walker *k, const struct avro_link *l, const struct type *t)
{
    struct buffer *b = &k->x->out;
    if (avro_is_text(l->r, t)) {
        return text_item(k, l);
    }
    int rc = burn(k->in, ++k->depth);
    rc = rc < 0 ? rc : follow(k, &l);
    if (rc == 0 && l->kind == AV_FIELDS) {
        buffer_byte(b, 1);
        rc = fields(k, l, t);
    } else if (rc == 0 && l->kind == AV_ITEMS) {
        buffer_byte(b, 1);
        rc = items(k, l, t->of);
    } else if (rc == 0) {
        struct nested_value v = {0};
        rc = scalar(k->in, l, t, &v);
        if (rc == 0) {
            nested_put(b, t, &v);
        }
    }
    k->depth--;
    return rc;
}

int avro_value(struct avro_in *in, struct avro_scratch *x, const struct avro_link *l,
               const struct type *t, struct nested_value *v)
{
    struct walker k = {.in = in, .x = x};
    buffer_clear(&x->out);
    buffer_clear(&x->spots);
    v->is_null = false;
    int rc;
    if (avro_is_text(l->r, t)) {
        rc = text(&k, l);
        v->is_null = rc == 0 && is_null_text(&x->out, 0);
    } else {
        rc = burn(in, 1);
        rc = rc < 0 ? rc : follow(&k, &l);
        if (rc < 0) {
            return rc;
        }
        if (l->kind != AV_ITEMS) {
            return scalar(in, l, t, v);
        }
        rc = items(&k, l, t->of);
    }
    v->s.p = x->out.data;
    v->s.n = (uint32_t)x->out.n;
    return rc;
}
