/* Vector: making, copying, comparing and printing single values; kernels work on the arrays
 * directly.
 */
#include "engine/vector.h"

#include "engine/arena.h"
#include "engine/nested.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

size_t vec_width(const struct type *type)
{
    if (type_is_str(type)) {
        return sizeof(struct str);
    }
    return type->kind == TYPE_BOOLEAN ? 1 : 8;
}

struct vec vec_new(struct arena *a, const struct type *type, uint16_t rows)
{
    return (struct vec){.type = type, .data = arena_zalloc(a, rows * vec_width(type))};
}

uint8_t *vec_nulls(struct vec *v, struct arena *a, uint16_t rows)
{
    if (v->null == NULL) {
        v->null = arena_zalloc(a, rows);
    }
    return v->null;
}

void vec_set_null(struct vec *v, struct arena *a, uint16_t rows, uint16_t row)
{
    vec_nulls(v, a, rows)[row] = 1;
}

struct nested_value vec_value(const struct vec *v, uint16_t row)
{
    struct nested_value x = {.is_null = vec_is_null(v, row)};
    if (x.is_null) {
        return x;
    }
    if (type_is_str(v->type)) {
        x.s.p = str_data(&v->s[row]);
        x.s.n = v->s[row].n;
    } else if (v->type->kind == TYPE_DOUBLE) {
        x.d = v->d[row];
    } else {
        x.i = v->type->kind == TYPE_BOOLEAN ? v->b[row] : v->i[row];
    }
    return x;
}

void vec_set_value(struct vec *col, struct arena *a, uint16_t row, const struct nested_value *v)
{
    if (col->null != NULL) {
        col->null[row] = 0;
    }
    if (type_is_str(col->type)) {
        col->s[row] = str_copy(a, v->s.p ? v->s.p : "", v->s.n);
    } else if (col->type->kind == TYPE_DOUBLE) {
        col->d[row] = v->d;
    } else if (col->type->kind == TYPE_BOOLEAN) {
        col->b[row] = (uint8_t)v->i;
    } else {
        col->i[row] = v->i;
    }
}

void vec_clear_row(struct vec *col, struct arena *a, uint16_t rows, uint16_t row)
{
    size_t width = vec_width(col->type);
    memset((char *)col->data + row * width, 0, width);
    vec_set_null(col, a, rows, row);
}

void vec_print(struct buffer *b, const struct vec *v, uint16_t row)
{
    struct nested_value x = vec_value(v, row);
    nested_print(b, v->type, &x);
}

/* Decimals of up to 15 digits, which most measurements are, without the C library: as %.15g prints
 * them, since n / 10^k, both exact, reads back as d. False when d is no such number. */
static bool print_decimal(struct buffer *b, double d)
{
    static const double power[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    double size = fabs(d);
    if (!(size >= 1e-4 && size < 1e15)) {
        return false;
    }
    int k = 0;
    double n = size;
    for (; k < 10; k++) {
        n = nearbyint(size * power[k]);
        if (n >= 1e15) {
            return false;
        }
        if (n / power[k] == size) {
            break;
        }
    }
    if (k == 10) {
        return false;
    }
    char text[24];
    size_t at = sizeof text;
    uint64_t left = (uint64_t)n;
    if (k == 0) {
        text[--at] = '0';
        text[--at] = '.';
    }
    for (int digit = 0; left > 0 || digit <= k; digit++) {
        if (digit > 0 && digit == k) {
            text[--at] = '.';
        }
        text[--at] = (char)('0' + left % 10);
        left /= 10;
    }
    if (d < 0) {
        text[--at] = '-';
    }
    buffer_add(b, text + at, sizeof text - at);
    return true;
}

void print_double(struct buffer *b, double d)
{
    if (print_decimal(b, d)) {
        return;
    }
    if (isnan(d)) {
        buffer_text(b, "NaN");
        return;
    }
    if (isinf(d)) {
        buffer_text(b, d > 0 ? "Infinity" : "-Infinity");
        return;
    }
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, d);
        if (strtod(text, NULL) == d) {
            break;
        }
    }
    buffer_text(b, text);
    if (strpbrk(text, ".e") == NULL) {
        buffer_text(b, ".0");
    }
}

bool vec_same(const struct vec *a, uint16_t i, const struct vec *b, uint16_t j)
{
    bool a_null = vec_is_null(a, i);
    bool b_null = vec_is_null(b, j);
    if (a_null || b_null) {
        return a_null && b_null;
    }
    if (type_is_str(a->type)) {
        return str_equal(&a->s[i], &b->s[j]);
    }
    if (a->type->kind == TYPE_DOUBLE) {
        return a->d[i] == b->d[j] || (isnan(a->d[i]) && isnan(b->d[j]));
    }
    return a->type->kind == TYPE_BOOLEAN ? a->b[i] == b->b[j] : a->i[i] == b->i[j];
}

void vec_copy_row(struct vec *dst, uint16_t to, uint16_t rows, const struct vec *src, uint16_t from,
                  struct arena *a)
{
    if (vec_is_null(src, from)) {
        vec_set_null(dst, a, rows, to);
        size_t width = vec_width(dst->type);
        memset((char *)dst->data + to * width, 0, width);
        return;
    }
    if (dst->null) {
        dst->null[to] = 0;
    }
    if (type_is_str(src->type)) {
        dst->s[to] = str_copy(a, str_data(&src->s[from]), src->s[from].n);
    } else if (src->type->kind == TYPE_BOOLEAN) {
        dst->b[to] = src->b[from];
    } else {
        memcpy(&dst->i[to], &src->i[from], sizeof dst->i[to]);
    }
}
