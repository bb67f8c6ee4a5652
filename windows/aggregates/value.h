/* What aggregates share: arguments, order of values and of rows, blobs, failed rows, and results
 * into columns. Any thread; owns nothing. */
#ifndef KLAMM_WINDOWS_AGGREGATES_VALUE_H
#define KLAMM_WINDOWS_AGGREGATES_VALUE_H

#include "engine/aggregate.h"
#include "engine/arena.h"
#include "engine/memory.h"
#include "engine/nested.h"

#include <math.h>
#include <string.h>

static inline void blob_set(struct blob *b, const void *p, uint32_t n)
{
    if (n > b->cap) {
        b->cap = n < 16 ? 16 : n;
        b->p = mem_resize(b->p, b->cap, 1);
    }
    if (n > 0) {
        memmove(b->p, p, n);
    }
    b->n = n;
}

/* Room for `more` bytes behind n; returns the first byte of all. Grows by half, so that appending
 * costs little. */
static inline char *blob_room(struct blob *b, uint32_t more)
{
    if (more > b->cap - b->n) {
        uint32_t least = b->n + more, cap = b->cap + b->cap / 2;
        b->cap = cap < least ? least : cap;
        b->p = mem_resize(b->p, b->cap, 1);
    }
    return b->p;
}

static inline void blob_append(struct blob *b, const void *p, uint32_t n)
{
    if (n > 0) {
        memcpy(blob_room(b, n) + b->n, p, n);
        b->n += n;
    }
}

/* Adds a failed row; `text` is a constant. Rows come ascending. */
static inline void row_failed(const struct aggregate_rows *r, struct row_errors *errors,
                              uint16_t row, const char *text)
{
    if (errors->item == NULL) {
        errors->item = arena_array(r->batch->mem, r->n, sizeof *errors->item);
    }
    errors->item[errors->n++] = (struct row_error){row, text};
}

/* "sum wants a number, not string"; i is the argument that is wrong. */
static inline int wrong_argument(const struct aggregate_call *c, int i, const char *wanted,
                                 struct err *e)
{
    struct buffer b;
    buffer_init(&b);
    type_print(&b, c->arg_type[i]);
    int status =
        err_set(e, ERR_CONFIG, "%s wants %s, not %s", c->def->name, wanted, buffer_cstr(&b));
    buffer_done(&b);
    return status;
}

static inline int wrong_type(const struct aggregate_call *c, const char *wanted, struct err *e)
{
    return wrong_argument(c, 0, wanted, e);
}

/* The value of an argument that is a constant number. */
static inline bool constant_number(const struct aggregate_call *c, int i, double *x)
{
    struct nested_value v;
    if (!type_is_numeric(c->arg_type[i]) || !expression_constant(c->arg[i], &v) || v.is_null) {
        return false;
    }
    *x = c->arg_type[i]->kind == TYPE_LONG ? (double)v.i : v.d;
    return true;
}

/* The value of an argument that is a constant long within these bounds. */
static inline bool constant_long(const struct aggregate_call *c, int i, int64_t least, int64_t most,
                                 int64_t *n)
{
    struct nested_value v;
    if (c->arg_type[i]->kind != TYPE_LONG || !expression_constant(c->arg[i], &v) || v.is_null ||
        v.i < least || v.i > most) {
        return false;
    }
    *n = v.i;
    return true;
}

/* NaN above all, -0.0 below 0.0: a total order. */
static inline int compare_doubles(double a, double b)
{
    if (isnan(a) || isnan(b)) {
        return (isnan(a) != 0) - (isnan(b) != 0);
    }
    return a == b ? (signbit(b) != 0) - (signbit(a) != 0) : (a > b) - (a < b);
}

/* Two values as fixed_bits() has them. */
static inline int compare_fixed(const struct type *t, int64_t a, int64_t b)
{
    if (t->kind != TYPE_DOUBLE) {
        return (a > b) - (a < b);
    }
    double x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return compare_doubles(x, y);
}

/* A long or a double. */
static inline double number_at(const struct vec *v, uint16_t row)
{
    return v->type->kind == TYPE_LONG ? (double)v->i[row] : v->d[row];
}

/* A fixed value (everything that is no struct str) as 8 bytes, and back. */
static inline int64_t fixed_bits(const struct vec *v, uint16_t row)
{
    if (v->type->kind == TYPE_BOOLEAN) {
        return v->b[row];
    }
    int64_t bits;
    memcpy(&bits, (const char *)v->data + (size_t)row * sizeof bits, sizeof bits);
    return bits;
}

/* The same, with one NaN and one zero: equal values have equal bits. */
static inline int64_t plain_bits(const struct vec *v, uint16_t row)
{
    if (v->type->kind == TYPE_DOUBLE && (isnan(v->d[row]) || v->d[row] == 0)) {
        return v->d[row] == 0 ? 0 : INT64_C(0x7ff8000000000000);
    }
    return fixed_bits(v, row);
}

static inline void fixed_result(struct vec *out, uint16_t row, int64_t bits)
{
    if (out->type->kind == TYPE_BOOLEAN) {
        out->b[row] = (uint8_t)bits;
    } else {
        memcpy((char *)out->data + (size_t)row * sizeof bits, &bits, sizeof bits);
    }
}

/* A value for engine/nested.h, out of a column, or out of bytes: fixed ones as fixed_bits(). */
static inline struct nested_value nested_of_bytes(const struct type *t, const char *p, uint32_t n)
{
    struct nested_value x = {0};
    if (type_is_str(t)) {
        x.s.p = p;
        x.s.n = n;
    } else {
        memcpy(&x.i, p, sizeof x.i); /* of a double: its bits */
    }
    return x;
}

static inline struct nested_value nested_at_row(const struct vec *v, uint16_t row)
{
    if (type_is_str(v->type)) {
        return nested_of_bytes(v->type, str_data(&v->s[row]), v->s[row].n);
    }
    int64_t bits = fixed_bits(v, row);
    return nested_of_bytes(v->type, (const char *)&bits, sizeof bits);
}

#endif
