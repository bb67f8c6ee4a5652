/* Mathematics: abs ceil floor round sqrt exp ln log10 pow sign sin cos tan least greatest.
 *
 *   abs sign ceil floor round   of a long: a long; abs of the least long is a row error
 *   round(x)                    half away from zero; round(x, n) to n decimal places
 *   others                      of doubles, IEEE 754: sqrt(-1) is NaN, ln(0) is -Infinity
 *   least greatest              of values of one type, nulls left out; a NaN counts as the greatest
 */
#include "engine/expression/kernel.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

#define MATH_KERNEL(NAME, EXPR)                                                                    \
    static int NAME(struct kernel_call *c)                                                         \
    {                                                                                              \
        const double *xs = c->arg[0].d;                                                            \
        double *restrict z = c->out->d;                                                            \
        for (uint16_t k = 0; k < c->nsel; k++) {                                                   \
            double x = xs[c->sel[k]];                                                              \
            z[c->sel[k]] = (EXPR);                                                                 \
        }                                                                                          \
        return 0;                                                                                  \
    }

MATH_KERNEL(abs_double, fabs(x))
MATH_KERNEL(ceil_double, ceil(x))
MATH_KERNEL(floor_double, floor(x))
MATH_KERNEL(round_double, round(x))
MATH_KERNEL(sqrt_double, sqrt(x))
MATH_KERNEL(exp_double, exp(x))
MATH_KERNEL(ln_double, log(x))
MATH_KERNEL(log10_double, log10(x))
MATH_KERNEL(sin_double, sin(x))
MATH_KERNEL(cos_double, cos(x))
MATH_KERNEL(tan_double, tan(x))
MATH_KERNEL(sign_double, x > 0 ? 1.0 : x < 0 ? -1.0 : x)

static int pow_double(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        c->out->d[row] = pow(c->arg[0].d[row], c->arg[1].d[row]);
    }
    return 0;
}

/* Places that a double cannot show leave it alone or make it zero. */
static double round_to(double x, int64_t places)
{
    if (places > 308 || !isfinite(x)) {
        return x;
    }
    if (places < -308) {
        return 0;
    }
    double scale = pow(10, (double)(places < 0 ? -places : places));
    double r = places < 0 ? round(x / scale) * scale : round(x * scale) / scale;
    return isfinite(r) ? r : x;
}

static int round_places(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        c->out->d[row] = round_to(c->arg[0].d[row], c->arg[1].i[row]);
    }
    return 0;
}

static int abs_long(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        int64_t x = c->arg[0].i[row];
        if (x == INT64_MIN) {
            kernel_error(c, row, "overflow of a long: abs(%" PRId64 ")", x);
        } else {
            c->out->i[row] = x < 0 ? -x : x;
        }
    }
    return 0;
}

static int sign_long(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        int64_t x = c->arg[0].i[row];
        c->out->i[row] = (x > 0) - (x < 0);
    }
    return 0;
}

static int same_long(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        c->out->i[c->sel[k]] = c->arg[0].i[c->sel[k]];
    }
    return 0;
}

/* ---- least and greatest ---- */

static int order(const struct vec *x, const struct vec *y, uint16_t row)
{
    switch (x->type->kind) {
    case TYPE_DOUBLE: {
        double a = x->d[row], b = y->d[row];
        if (isnan(a) || isnan(b)) {
            return (isnan(a) != 0) - (isnan(b) != 0);
        }
        return (a > b) - (a < b);
    }
    case TYPE_BOOLEAN:
        return x->b[row] - y->b[row];
    case TYPE_LONG:
    case TYPE_TIMESTAMP:
        return (x->i[row] > y->i[row]) - (x->i[row] < y->i[row]);
    case TYPE_STRING:
    case TYPE_BYTES:
    case TYPE_ARRAY:
    case TYPE_MAP:
    case TYPE_RECORD:
        break;
    }
    return str_compare(&x->s[row], &y->s[row]);
}

static void pick(struct kernel_call *c, int sign)
{
    size_t width = vec_width(c->out->type);
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        const struct vec *best = NULL;
        for (int i = 0; i < c->nargs; i++) {
            if (!vec_is_null(&c->arg[i], row) &&
                (best == NULL || order(&c->arg[i], best, row) * sign < 0)) {
                best = &c->arg[i];
            }
        }
        if (best == NULL) {
            kernel_set_null(c, row);
        } else {
            memcpy((char *)c->out->data + row * width, (const char *)best->data + row * width,
                   width);
        }
    }
}

static int least(struct kernel_call *c)
{
    pick(c, 1);
    return 0;
}

static int greatest(struct kernel_call *c)
{
    pick(c, -1);
    return 0;
}

static int prepare_order(const void **state, struct arena *a, int nargs,
                         const struct expression *const *arg, struct err *e)
{
    (void)a;
    *state = NULL;
    for (int k = 0; k < nargs; k++) {
        if (expression_type(arg[k])->kind >= TYPE_ARRAY) {
            return err_set(e, ERR_CONFIG, "arrays, maps and records have no order");
        }
    }
    return 0;
}

static const struct function_def functions[] = {
    {"abs", "l", 'l', NULL_IF_ANY, abs_long, .doc = "absolute value"},
    {"abs", "d", 'd', NULL_IF_ANY, abs_double, .doc = "absolute value", .is_harmless = true},
    {"ceil", "l", 'l', NULL_IF_ANY, same_long, .doc = "the number itself", .is_harmless = true},
    {"ceil", "d", 'd', NULL_IF_ANY, ceil_double, .doc = "least whole number not below x",
     .is_harmless = true},
    {"floor", "l", 'l', NULL_IF_ANY, same_long, .doc = "the number itself", .is_harmless = true},
    {"floor", "d", 'd', NULL_IF_ANY, floor_double, .doc = "greatest whole number not above x",
     .is_harmless = true},
    {"round", "l", 'l', NULL_IF_ANY, same_long, .doc = "the number itself", .is_harmless = true},
    {"round", "d", 'd', NULL_IF_ANY, round_double,
     .doc = "nearest whole number, half away from zero", .is_harmless = true},
    {"round", "dl", 'd', NULL_IF_ANY, round_places, .doc = "x with n decimal places",
     .is_harmless = true},
    {"sqrt", "d", 'd', NULL_IF_ANY, sqrt_double, .doc = "square root", .is_harmless = true},
    {"exp", "d", 'd', NULL_IF_ANY, exp_double, .doc = "e to the power of x", .is_harmless = true},
    {"ln", "d", 'd', NULL_IF_ANY, ln_double, .doc = "natural logarithm", .is_harmless = true},
    {"log10", "d", 'd', NULL_IF_ANY, log10_double, .doc = "logarithm to base 10",
     .is_harmless = true},
    {"pow", "dd", 'd', NULL_IF_ANY, pow_double, .doc = "x to the power of y", .is_harmless = true},
    {"sign", "l", 'l', NULL_IF_ANY, sign_long, .doc = "-1, 0 or 1", .is_harmless = true},
    {"sign", "d", 'd', NULL_IF_ANY, sign_double, .doc = "-1.0, 0.0 or 1.0; NaN of NaN",
     .is_harmless = true},
    {"sin", "d", 'd', NULL_IF_ANY, sin_double, .doc = "sine of x in radians", .is_harmless = true},
    {"cos", "d", 'd', NULL_IF_ANY, cos_double, .doc = "cosine of x in radians",
     .is_harmless = true},
    {"tan", "d", 'd', NULL_IF_ANY, tan_double, .doc = "tangent of x in radians",
     .is_harmless = true},
    {"least", "*+", '=', NULL_IF_ALL, least, prepare_order, .doc = "the smallest, nulls left out",
     .is_harmless = true},
    {"greatest", "*+", '=', NULL_IF_ALL, greatest, prepare_order,
     .doc = "the largest, nulls left out", .is_harmless = true},
    {0},
};

const struct function_table functions_math = {
    .family = "mathematics",
    .functions = functions,
};
