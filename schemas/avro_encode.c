/* Columns to Avro data.
 *
 *   schema  {host: string, ts: timestamp-millis, load: ["null", double]}
 *   plan    string 0 / long 1 / double 2 (null: branch 0, else branch 1)
 *
 * What most records are made of is one operation each; arrays, maps, enums, decimals, other units
 * and JSON text go through put_value(), which recurses over schema and value. A nullable record is
 * null when all columns below it are. An int that does not fit, a null where the schema has none,
 * an unknown enum symbol make the row unwritable (-ERR_DATA). Doubles become floats by rounding.
 */
#include "schemas/avro_encode.h"

#include "engine/memory.h"
#include "engine/nested.h"
#include "schemas/avro_json.h"
#include "schemas/avro_walk.h"

#include <math.h>
#include <string.h>

#define NO_BRANCH    UINT32_MAX
#define OP_BYTES_MAX 20 /* of a branch and a number */

enum put_code {
    PUT_END,
    PUT_CONST, /* n bytes */
    PUT_BOOLEAN,
    PUT_INT,
    PUT_LONG,
    PUT_FLOAT,
    PUT_DOUBLE,
    PUT_SLICE, /* string or bytes */
    PUT_VALUE, /* anything, by node */
    PUT_GROUP, /* a nullable record: if all n columns are null, its null branch, on at `skip` */
};

struct put_op {
    enum put_code code;
    uint16_t col;
    uint32_t null_branch, value_branch; /* NO_BRANCH: no union */
    uint32_t n, skip;
    union {
        const uint8_t *bytes;
        const struct avro_node *node;
        const uint16_t *cols;
    };
};

struct avro_encoder {
    struct put_op *op;
    uint32_t n;
    size_t room; /* bytes of a row but for strings and values */
};

struct compiler {
    struct arena *a;
    const struct schema *schema;
    struct put_op *op;
    uint32_t n, cap;
    struct err *e;
};

static struct put_op *emit(struct compiler *z, enum put_code code)
{
    if (z->n == z->cap) {
        z->cap = z->cap ? 2 * z->cap : 32;
        z->op = mem_resize(z->op, z->cap, sizeof *z->op);
    }
    struct put_op *op = &z->op[z->n++];
    *op = (struct put_op){.code = code, .null_branch = NO_BRANCH, .value_branch = NO_BRANCH};
    return op;
}

static uint32_t branch_of(const struct avro_node *s, enum avro_type type, const struct avro_node *b)
{
    for (uint32_t i = 0; s->type == AV_UNION && i < s->n; i++) {
        if (b ? s->branch[i] == b : s->branch[i]->type == type) {
            return i;
        }
    }
    return NO_BRANCH;
}

static bool fits(const struct avro_node *s, const struct type *t);

static bool record_fits(const struct avro_node *s, const struct type *t)
{
    bool is_same = t->kind == TYPE_RECORD && t->nfields == s->n;
    for (uint32_t i = 0; is_same && i < s->n; i++) {
        is_same = fits(s->field[i].type, t->field[i].type);
    }
    return is_same;
}

static bool union_fits(const struct avro_node *s, const struct type *t)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (fits(s->branch[i], t)) {
            return true;
        }
    }
    return false;
}

/* True when a value of type t can, by its type, be written as schema s. */
static bool fits(const struct avro_node *s, const struct type *t)
{
    bool is_number = type_is_numeric(t);
    if (avro_is_text(s, t)) {
        return true;
    }
    switch (s->type) {
    case AV_NULL:
        return t->kind == TYPE_STRING;
    case AV_BOOLEAN:
        return t->kind == TYPE_BOOLEAN;
    case AV_INT:
        return is_number;
    case AV_LONG:
        return is_number || t->kind == TYPE_TIMESTAMP;
    case AV_FLOAT:
    case AV_DOUBLE:
        return is_number;
    case AV_BYTES:
    case AV_FIXED:
        return s->logical == AV_DECIMAL ? is_number
                                        : t->kind == TYPE_BYTES || t->kind == TYPE_STRING;
    case AV_STRING:
    case AV_ENUM:
        return t->kind == TYPE_STRING;
    case AV_RECORD:
        return record_fits(s, t);
    case AV_ARRAY:
        return t->kind == TYPE_ARRAY && fits(s->branch[0], t->of);
    case AV_MAP:
        return t->kind == TYPE_MAP && fits(s->branch[0], t->of);
    case AV_UNION:
        return union_fits(s, t);
    }
    return false;
}

static enum put_code leaf_code(const struct avro_node *s, const struct type *t)
{
    bool is_micros = s->logical == AV_TIMESTAMP_MICROS || s->logical == AV_LOCAL_TIMESTAMP_MICROS;
    if (s->type == AV_BOOLEAN) {
        return PUT_BOOLEAN;
    }
    if (s->type == AV_INT && t->kind == TYPE_LONG) {
        return PUT_INT;
    }
    if (s->type == AV_LONG && (t->kind == TYPE_LONG || (t->kind == TYPE_TIMESTAMP && !is_micros))) {
        return PUT_LONG;
    }
    if ((s->type == AV_FLOAT || s->type == AV_DOUBLE) && t->kind == TYPE_DOUBLE) {
        return s->type == AV_FLOAT ? PUT_FLOAT : PUT_DOUBLE;
    }
    bool is_slice = s->type == AV_STRING || (s->type == AV_BYTES && s->logical != AV_DECIMAL);
    return is_slice && (t->kind == TYPE_STRING || t->kind == TYPE_BYTES) ? PUT_SLICE : PUT_VALUE;
}

static int compile_leaf(struct compiler *z, const struct avro_shape *s)
{
    const struct column *c = &z->schema->col[s->target];
    if (!fits(s->node, c->type)) {
        struct buffer b;
        buffer_init(&b);
        type_print(&b, c->type);
        err_set(z->e, ERR_CONFIG, "column %s of type %s cannot be written as field %s, Avro %s",
                c->name, buffer_cstr(&b), s->name, avro_type_name(s->value->type));
        buffer_done(&b);
        return -ERR_CONFIG;
    }
    struct put_op *op = emit(z, PUT_VALUE);
    op->col = (uint16_t)s->target;
    op->node = s->node;
    if (!avro_is_text(s->node, c->type) && s->value->type != AV_UNION) {
        op->node = s->value;
        op->code = leaf_code(s->value, c->type);
        op->null_branch = branch_of(s->node, AV_NULL, NULL);
        op->value_branch = branch_of(s->node, AV_NULL, s->value);
    }
    return 0;
}

static bool mark_needed(struct avro_shape *s)
{
    s->is_needed = s->is_leaf && s->target >= 0;
    for (uint32_t i = 0; i < s->nfields; i++) {
        s->is_needed |= mark_needed(&s->field[i]);
    }
    return s->is_needed;
}

static void put_const(struct compiler *z, const void *p, uint32_t n)
{
    uint8_t *bytes = arena_alloc(z->a, n + 1);
    memcpy(bytes, p, n);
    struct put_op *op = emit(z, PUT_CONST);
    op->bytes = bytes;
    op->n = n;
}

static void put_branch(struct compiler *z, uint32_t branch)
{
    struct buffer b;
    buffer_init(&b);
    buffer_varint(&b, branch);
    put_const(z, b.data, (uint32_t)b.n);
    buffer_done(&b);
}

/* A field without column. */
static int compile_absent(struct compiler *z, const struct avro_field *f, const char *name)
{
    bool is_nullable;
    (void)avro_without_null(f->type, &is_nullable);
    if (f->bytes) {
        put_const(z, f->bytes, f->nbytes);
    } else if (is_nullable && f->type->type == AV_UNION) {
        put_branch(z, branch_of(f->type, AV_NULL, NULL));
    } else if (!is_nullable) {
        return err_set(z->e, ERR_CONFIG, "no column for field %s, which has no default", name);
    }
    return 0;
}

static uint16_t collect(const struct avro_shape *s, uint16_t *cols, uint16_t n)
{
    if (s->is_leaf && s->target >= 0) {
        cols[n++] = (uint16_t)s->target;
    }
    for (uint32_t i = 0; i < s->nfields; i++) {
        n = collect(&s->field[i], cols, n);
    }
    return n;
}

static int compile(struct compiler *z, const struct avro_shape *s)
{
    if (s->is_leaf) {
        return compile_leaf(z, s);
    }
    uint32_t group = UINT32_MAX;
    if (branch_of(s->node, AV_NULL, NULL) != NO_BRANCH) {
        uint16_t *cols = arena_array(z->a, COLUMNS_MAX, sizeof *cols);
        group = z->n;
        struct put_op *op = emit(z, PUT_GROUP);
        op->null_branch = branch_of(s->node, AV_NULL, NULL);
        op->cols = cols;
        op->n = collect(s, cols, 0);
    }
    if (s->node != s->value) {
        put_branch(z, branch_of(s->node, AV_NULL, s->value));
    }
    for (uint32_t i = 0; i < s->nfields; i++) {
        const struct avro_shape *field = &s->field[i];
        int rc = field->is_needed ? compile(z, field)
                                  : compile_absent(z, &s->value->field[i], field->name);
        if (rc < 0) {
            return rc;
        }
    }
    if (group != UINT32_MAX) {
        z->op[group].skip = z->n;
    }
    return 0;
}

int avro_encoder_compile(struct avro_encoder **out, struct arena *a, struct avro_shape *shape,
                         const struct schema *schema, struct err *e)
{
    struct compiler z = {.a = a, .schema = schema, .e = e};
    mark_needed(shape);
    int rc = shape->is_leaf && shape->target < 0 ? err_set(e, ERR_CONFIG, "no column for the value")
                                                 : compile(&z, shape);
    emit(&z, PUT_END);
    if (rc == 0) {
        struct avro_encoder *p = arena_alloc(a, sizeof *p);
        p->n = z.n;
        p->op = arena_array(a, z.n, sizeof *p->op);
        memcpy(p->op, z.op, z.n * sizeof *p->op);
        p->room = 0;
        for (uint32_t i = 0; i < p->n; i++) {
            p->room += OP_BYTES_MAX + (p->op[i].code == PUT_CONST ? p->op[i].n : 0);
        }
        *out = p;
    }
    mem_free(z.op);
    return rc;
}

/* ---- any value ---- */

static int put_value(struct buffer *out, const struct avro_node *s, const struct type *t,
                     const struct nested_value *v, int depth);

static int put_long(struct buffer *out, const struct avro_node *s, const struct type *t,
                    const struct nested_value *v)
{
    int64_t i = v->i;
    bool is_micros = s->logical == AV_TIMESTAMP_MICROS || s->logical == AV_LOCAL_TIMESTAMP_MICROS;
    if (t->kind == TYPE_DOUBLE) {
        if (!(fabs(v->d) < 9e18) || v->d != nearbyint(v->d)) {
            return -ERR_DATA;
        }
        i = (int64_t)v->d;
    }
    if ((t->kind == TYPE_TIMESTAMP && is_micros && __builtin_mul_overflow(i, 1000, &i)) ||
        (s->type == AV_INT && i != (int32_t)i)) {
        return -ERR_DATA;
    }
    buffer_varint(out, i);
    return 0;
}

static int put_slice(struct buffer *out, const struct avro_node *s, const struct nested_value *v)
{
    if (s->type == AV_STRING && !avro_is_utf8(v->s.p, v->s.n)) {
        return -ERR_DATA;
    }
    if (s->type == AV_FIXED && s->size != v->s.n) {
        return -ERR_DATA;
    }
    if (s->type != AV_FIXED) {
        buffer_varint(out, v->s.n);
    }
    buffer_add(out, v->s.p, v->s.n);
    return 0;
}

static int put_symbol(struct buffer *out, const struct avro_node *s, const struct nested_value *v)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (strlen(s->symbol[i]) == v->s.n && memcmp(s->symbol[i], v->s.p, v->s.n) == 0) {
            buffer_varint(out, i);
            return 0;
        }
    }
    return -ERR_DATA;
}

static int put_items(struct buffer *out, const struct avro_node *s, const struct type *t,
                     const struct nested_value *v, int depth)
{
    struct nested_cursor c = nested_open(t, v->s.p, v->s.n);
    struct nested_value item;
    const char *key;
    uint32_t n;
    if (c.left > 0) {
        buffer_varint(out, c.left);
    }
    while (c.left > 0) {
        if (!nested_next(&c, &key, &n, &item)) {
            return -ERR_DATA;
        }
        if (c.is_map) {
            buffer_varint(out, n);
            buffer_add(out, key, n);
        }
        int rc = put_value(out, s->branch[0], t->of, &item, depth + 1);
        if (rc < 0) {
            return rc;
        }
    }
    buffer_byte(out, 0);
    return 0;
}

static int put_record(struct buffer *out, const struct avro_node *s, const struct type *t,
                      const struct nested_value *v, int depth)
{
    const uint8_t *p = (const uint8_t *)v->s.p;
    struct nested_cursor c = {.p = p, .end = p + v->s.n};
    for (uint32_t i = 0; i < s->n; i++) {
        struct nested_value item;
        c.item = t->field[i].type;
        c.left = 1;
        if (!nested_next(&c, NULL, NULL, &item)) {
            return -ERR_DATA;
        }
        int rc = put_value(out, s->field[i].type, c.item, &item, depth + 1);
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* The first branch that takes the value; a double prefers one that keeps its fraction. */
static int put_union(struct buffer *out, const struct avro_node *s, const struct type *t,
                     const struct nested_value *v, int depth)
{
    size_t start = out->n;
    for (int pass = t->kind == TYPE_DOUBLE ? 0 : 1; pass < 2; pass++) {
        for (uint32_t i = 0; i < s->n; i++) {
            bool is_null = s->branch[i]->type == AV_NULL;
            bool is_double = s->branch[i]->type == AV_DOUBLE;
            if (is_null != v->is_null || (pass == 0 && !is_double) || !fits(s->branch[i], t)) {
                continue;
            }
            buffer_varint(out, i);
            if (put_value(out, s->branch[i], t, v, depth + 1) == 0) {
                return 0;
            }
            out->n = start;
        }
    }
    if (v->is_null && branch_of(s, AV_NULL, NULL) != NO_BRANCH) {
        buffer_varint(out, branch_of(s, AV_NULL, NULL));
        return 0;
    }
    return -ERR_DATA;
}

static int put_value(struct buffer *out, const struct avro_node *s, const struct type *t,
                     const struct nested_value *v, int depth)
{
    if (depth > AVRO_DEPTH_MAX) {
        return -ERR_DATA;
    }
    if (!v->is_null && avro_is_text(s, t)) {
        int64_t fuel = AVRO_ZERO_BYTES_MAX + 8 * (int64_t)v->s.n;
        return avro_from_json_text(out, s, v->s.p, v->s.n, AV_JSON_TEXT, &fuel);
    }
    if (s->type == AV_UNION) {
        return put_union(out, s, t, v, depth);
    }
    if (v->is_null != (s->type == AV_NULL)) {
        return -ERR_DATA;
    }
    double d = v->is_null || !type_is_numeric(t) ? 0 : t->kind == TYPE_LONG ? (double)v->i : v->d;
    float f = (float)d;
    switch (s->type) {
    case AV_NULL:
        return 0;
    case AV_BOOLEAN:
        buffer_byte(out, v->i != 0);
        return 0;
    case AV_INT:
    case AV_LONG:
        return put_long(out, s, t, v);
    case AV_FLOAT:
        buffer_add(out, &f, sizeof f);
        return 0;
    case AV_DOUBLE:
        buffer_add(out, &d, sizeof d);
        return 0;
    case AV_BYTES:
    case AV_FIXED:
        return s->logical == AV_DECIMAL ? avro_put_decimal(out, s, d) : put_slice(out, s, v);
    case AV_STRING:
        return put_slice(out, s, v);
    case AV_ENUM:
        return put_symbol(out, s, v);
    case AV_RECORD:
        return put_record(out, s, t, v, depth);
    case AV_ARRAY:
    case AV_MAP:
        return put_items(out, s, t, v, depth);
    case AV_UNION:
        break;
    }
    return -ERR_DATA;
}

/* ---- rows ---- */

static int put_cell(const struct put_op *op, const struct vec *v, uint16_t row, struct buffer *out)
{
    struct nested_value value = {.is_null = vec_is_null(v, row)};
    if (value.is_null) {
        return put_value(out, op->node, v->type, &value, 0);
    }
    if (type_is_str(v->type)) {
        value.s.p = str_data(&v->s[row]);
        value.s.n = v->s[row].n;
    } else if (v->type->kind == TYPE_DOUBLE) {
        value.d = v->d[row];
    } else {
        value.i = v->type->kind == TYPE_BOOLEAN ? v->b[row] : v->i[row];
    }
    return put_value(out, op->node, v->type, &value, 0);
}

static bool all_null(const struct put_op *op, const struct batch *b, uint16_t row)
{
    for (uint32_t i = 0; i < op->n; i++) {
        if (!vec_is_null(&b->col[op->cols[i]], row)) {
            return false;
        }
    }
    return true;
}

static inline char *put_varint(char *at, int64_t v)
{
    uint64_t u = (uint64_t)v << 1 ^ (uint64_t)(v >> 63);
    for (; u >= 0x80; u >>= 7) {
        *at++ = (char)(u | 0x80);
    }
    *at++ = (char)u;
    return at;
}

/* Puts a string behind `at`; there is room for the rest of the row behind it again. */
static char *put_bytes(char *at, const struct str *s, struct buffer *out, size_t room)
{
    out->n = (size_t)(at - out->data);
    at = buffer_reserve(out, s->n + room);
    at = put_varint(at, s->n);
    memcpy(at, str_data(s), s->n);
    return at + s->n;
}

/* Puts the value of one column behind `at`; NULL: it does not fit the schema. */
static char *put_op(const struct avro_encoder *p, const struct put_op *op, const struct vec *v,
                    uint16_t row, char *at, struct buffer *out)
{
    float f;
    switch (op->code) {
    case PUT_BOOLEAN:
        *at = (char)v->b[row];
        return at + 1;
    case PUT_INT:
        return v->i[row] == (int32_t)v->i[row] ? put_varint(at, v->i[row]) : NULL;
    case PUT_LONG:
        return put_varint(at, v->i[row]);
    case PUT_FLOAT:
        f = (float)v->d[row];
        memcpy(at, &f, sizeof f);
        return at + sizeof f;
    case PUT_DOUBLE:
        memcpy(at, &v->d[row], sizeof(double));
        return at + sizeof(double);
    case PUT_SLICE:
        return put_bytes(at, &v->s[row], out, p->room);
    case PUT_VALUE:
        out->n = (size_t)(at - out->data);
        return put_cell(op, v, row, out) < 0 ? NULL : buffer_reserve(out, p->room);
    case PUT_END:
    case PUT_CONST:
    case PUT_GROUP:
        break;
    }
    return NULL;
}

static int fail(const struct put_op *op, const struct batch *b, bool is_null, struct err *e)
{
    return err_set(e, ERR_DATA, "Avro: column %s: %s", b->schema->col[op->col].name,
                   is_null ? "null, but the schema has no null there"
                           : "the value does not fit the schema");
}

int avro_encode(const struct avro_encoder *p, const struct batch *b, uint16_t row,
                struct buffer *out, struct err *e)
{
    char *at = buffer_reserve(out, p->room);
    for (const struct put_op *op = p->op; op->code != PUT_END; op++) {
        if (op->code == PUT_CONST) {
            memcpy(at, op->bytes, op->n);
            at += op->n;
            continue;
        }
        if (op->code == PUT_GROUP) {
            if (all_null(op, b, row)) {
                at = put_varint(at, op->null_branch);
                op = &p->op[op->skip] - 1;
            }
            continue;
        }
        const struct vec *v = &b->col[op->col];
        bool is_null = vec_is_null(v, row);
        if (is_null && op->null_branch != NO_BRANCH) {
            at = put_varint(at, op->null_branch);
            continue;
        }
        if (is_null && op->code != PUT_VALUE) {
            return fail(op, b, true, e);
        }
        if (op->value_branch != NO_BRANCH) {
            at = put_varint(at, op->value_branch);
        }
        at = put_op(p, op, v, row, at, out);
        if (!at) {
            return fail(op, b, is_null, e);
        }
    }
    out->n = (size_t)(at - out->data);
    return 0;
}
