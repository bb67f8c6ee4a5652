/* Logic of three values: and, or, not, is [not] null, is [not] true, is [not] false.
 *
 *   and      true   null   false        or       true   null   false
 *   true     true   null   false        true     true   true   true
 *   null     null   null   false        null     true   null   null
 *   false    false  false  false        false    true   null   false
 *
 * The right side of `and` and `or` may hold garbage where the left side settles the matter: it was
 * not evaluated there.
 */
#include "engine/arena.h"
#include "engine/expression/kernel.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

/* The null flags of an argument, made where there are none. */
static const uint8_t *flags_of(const struct kernel_call *c, const struct vec *v)
{
    return v->null != NULL ? v->null : arena_zalloc(c->mem, c->rows);
}

/* A null row's value is 0, so that only a row without null can be 1. Null is what is null on a side
 * and false on none (the flags of y may be garbage where x is false: masked). */
static void and_with_nulls(struct kernel_call *c)
{
    const uint8_t *x = c->arg[0].b, *y = c->arg[1].b;
    const uint8_t *xn = flags_of(c, &c->arg[0]), *yn = flags_of(c, &c->arg[1]);
    uint8_t *restrict z = c->out->b, *restrict zn = vec_nulls(c->out, c->mem, c->rows);
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        uint8_t x_open = x[row] | xn[row], y_open = y[row] | yn[row];
        z[row] = x[row] & y[row] & (uint8_t)~xn[row] & (uint8_t)~yn[row];
        zn[row] = (xn[row] | yn[row]) & x_open & y_open & 1;
    }
}

/* The same with true and false exchanged. */
static void or_with_nulls(struct kernel_call *c)
{
    const uint8_t *x = c->arg[0].b, *y = c->arg[1].b;
    const uint8_t *xn = flags_of(c, &c->arg[0]), *yn = flags_of(c, &c->arg[1]);
    uint8_t *restrict z = c->out->b, *restrict zn = vec_nulls(c->out, c->mem, c->rows);
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        uint8_t x_true = x[row] & (uint8_t)~xn[row], y_true = y[row] & (uint8_t)~yn[row];
        z[row] = (x_true | y_true) & 1;
        zn[row] = (xn[row] | yn[row]) & (uint8_t) ~(x_true | y_true) & 1;
    }
}

static int and_boolean(struct kernel_call *c)
{
    const uint8_t *x = c->arg[0].b, *y = c->arg[1].b;
    uint8_t *restrict z = c->out->b;
    if (c->arg[0].null != NULL || c->arg[1].null != NULL) {
        and_with_nulls(c);
    } else if (kernel_is_dense(c)) {
        for (size_t row = 0; row < c->rows; row++) {
            z[row] = x[row] & y[row];
        }
    } else {
        for (uint16_t k = 0; k < c->nsel; k++) {
            z[c->sel[k]] = x[c->sel[k]] & y[c->sel[k]];
        }
    }
    return 0;
}

static int or_boolean(struct kernel_call *c)
{
    const uint8_t *x = c->arg[0].b, *y = c->arg[1].b;
    uint8_t *restrict z = c->out->b;
    if (c->arg[0].null != NULL || c->arg[1].null != NULL) {
        or_with_nulls(c);
    } else if (kernel_is_dense(c)) {
        for (size_t row = 0; row < c->rows; row++) {
            z[row] = (x[row] | y[row]) & 1;
        }
    } else {
        for (uint16_t k = 0; k < c->nsel; k++) {
            z[c->sel[k]] = (x[c->sel[k]] | y[c->sel[k]]) & 1;
        }
    }
    return 0;
}

static int not_boolean(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->b[c->sel[k]] = !c->arg[0].b[c->sel[k]];
    }
    return 0;
}

static int is_null(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->b[c->sel[k]] = vec_is_null(&c->arg[0], c->sel[k]);
    }
    return 0;
}

static int is_not_null(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->b[c->sel[k]] = !vec_is_null(&c->arg[0], c->sel[k]);
    }
    return 0;
}

static void is_value(struct kernel_call *c, uint8_t value, uint8_t when_it_is)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        bool is = !vec_is_null(&c->arg[0], row) && c->arg[0].b[row] == value;
        c->out->b[row] = is ? when_it_is : !when_it_is;
    }
}

static int is_true(struct kernel_call *c)
{
    is_value(c, 1, 1);
    return 0;
}

static int is_not_true(struct kernel_call *c)
{
    is_value(c, 1, 0);
    return 0;
}

static int is_false(struct kernel_call *c)
{
    is_value(c, 0, 1);
    return 0;
}

static int is_not_false(struct kernel_call *c)
{
    is_value(c, 0, 0);
    return 0;
}

static const struct function_def functions[] = {
    {"_ and _", "bb", 'b', NULL_OWN, and_boolean, .doc = "both", .is_harmless = true},
    {"_ or _", "bb", 'b', NULL_OWN, or_boolean, .doc = "at least one", .is_harmless = true},
    {"not _", "b", 'b', NULL_IF_ANY, not_boolean, .doc = "the opposite", .is_harmless = true},
    {"_ is null", "*", 'b', NULL_NEVER, is_null, .doc = "null", .is_harmless = true},
    {"_ is not null", "*", 'b', NULL_NEVER, is_not_null, .doc = "not null", .is_harmless = true},
    {"_ is true", "b", 'b', NULL_NEVER, is_true, .doc = "true, not null", .is_harmless = true},
    {"_ is not true", "b", 'b', NULL_NEVER, is_not_true, .doc = "false or null",
     .is_harmless = true},
    {"_ is false", "b", 'b', NULL_NEVER, is_false, .doc = "false, not null", .is_harmless = true},
    {"_ is not false", "b", 'b', NULL_NEVER, is_not_false, .doc = "true or null",
     .is_harmless = true},
    {0},
};

const struct function_table functions_logic = {
    .family = "logic",
    .functions = functions,
};
