/* A recursive walk over links (schemas/avro_resolve.h) and data side by side.
 *
 *   item    an item of engine/nested.h: presence byte and value
 *   text    JSON: unions plainly, bytes as base64, timestamps in ms, NaN and infinities as strings
 *
 * Avro announces the items of an array block by block, nested.h in front of all: the count is put
 * there when it is known. Fields arrive in the writer's order but stand in the reader's: each
 * field's piece of the output is noted in `spots`, and the pieces are put in order at the end of
 * the record.
 *
 * No output grows beyond AVRO_VALUE_MAX; what else bounds hostile data stands in avro_read.c.
 */
#include "schemas/avro_walk.h"

#include "schemas/avro_columns.h"
#include "schemas/base64.h"
#include "schemas/json_print.h"

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

/* Goes down through unions to the link that reads the value. */
static int follow(struct walker *k, const struct avro_link **l)
{
    while ((*l)->kind == AV_WRITER_UNION || (*l)->kind == AV_READER_UNION) {
        uint32_t i = 0;
        int rc = (*l)->kind == AV_WRITER_UNION ? avro_read_index(k->in, (*l)->n, &i) : 0;
        if (rc < 0) {
            return rc;
        }
        *l = (*l)->of[i];
    }
    return (*l)->kind == AV_FAIL ? avro_read_fail(k->in, (*l)->why) : 0;
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
    return k->x->out.n > AVRO_VALUE_MAX ? avro_read_fail(k->in, "a value grows too large") : 0;
}

static int text_scalar(struct walker *k, const struct avro_link *l)
{
    struct buffer *b = &k->x->out;
    const struct type *t = avro_basic_type(l->r);
    struct nested_value v;
    int rc = avro_read_scalar(k->in, l, t, &v);
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
    int rc = avro_read_slice(k->in, &p, &n);
    if (rc == 0 && !avro_is_utf8(p, n)) {
        return avro_read_fail(k->in, "a map key is not valid UTF-8");
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
        int rc = avro_read_block(k->in, &count, &bytes);
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
                           : avro_read_skip(k->in, l->w->field[i].type, k->depth + 1);
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
    int rc = avro_read_burn(k->in, ++k->depth);
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
    int rc = avro_read_burn(k->in, ++k->depth);
    rc = rc < 0 ? rc : follow(k, &l);
    if (rc == 0 && l->kind == AV_FIELDS) {
        buffer_byte(b, 1);
        rc = fields(k, l, t);
    } else if (rc == 0 && l->kind == AV_ITEMS) {
        buffer_byte(b, 1);
        rc = items(k, l, t->of);
    } else if (rc == 0) {
        struct nested_value v = {0};
        rc = avro_read_scalar(k->in, l, t, &v);
        if (rc == 0) {
            nested_put(b, t, &v);
        }
    }
    k->depth--;
    return rc;
}

int avro_walk_value(struct avro_in *in, struct avro_scratch *x, const struct avro_link *l,
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
        rc = avro_read_burn(in, 1);
        rc = rc < 0 ? rc : follow(&k, &l);
        if (rc < 0) {
            return rc;
        }
        if (l->kind != AV_ITEMS) {
            return avro_read_scalar(in, l, t, v);
        }
        rc = items(&k, l, t->of);
    }
    v->s.p = x->out.data;
    v->s.n = (uint32_t)x->out.n;
    return rc;
}
