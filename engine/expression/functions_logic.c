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
#include "engine/expression/kernel.h"

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

/* Rows where x is `settling` are settled; otherwise y is looked at. */
static void join_with_nulls(struct kernel_call *c, uint8_t settling)
{
    const struct vec *x = &c->arg[0], *y = &c->arg[1];
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        bool x_null = vec_is_null(x, row);
        if (!x_null && x->b[row] == settling) {
            c->out->b[row] = settling;
            continue;
        }
        bool y_null = vec_is_null(y, row);
        if (!y_null && y->b[row] == settling) {
            c->out->b[row] = settling;
        } else if (x_null || y_null) {
            kernel_set_null(c, row);
        } else {
            c->out->b[row] = !settling;
        }
    }
}

static int and_boolean(struct kernel_call *c)
{
    const uint8_t *x = c->arg[0].b, *y = c->arg[1].b;
    uint8_t *restrict z = c->out->b;
    if (c->arg[0].null != NULL || c->arg[1].null != NULL) {
        join_with_nulls(c, 0);
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
        join_with_nulls(c, 1);
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
