/* Arithmetic: + - * / % and the unary minus.
 *
 *   long       overflow and division by zero are row errors. Sums are made without branches and the
 *              overflows of the whole batch collected in one word; only when there is one are the
 *              rows looked at again, one by one (a null row that "overflows" does no harm)
 *   double     IEEE 754; % is fmod
 *   timestamp  t - t is a long of ms; t + long, long + t, t - long are timestamps
 */
#include "engine/expression/kernel.h"

#include <inttypes.h>
#include <math.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

static void overflow(struct kernel_call *c, uint16_t row, char symbol)
{
    kernel_error(c, row, "overflow of a long: %" PRId64 " %c %" PRId64, c->arg[0].i[row], symbol,
                 c->arg[1].i[row]);
}

static int64_t wrap_add(int64_t x, int64_t y)
{
    return (int64_t)((uint64_t)x + (uint64_t)y);
}

static int64_t wrap_sub(int64_t x, int64_t y)
{
    return (int64_t)((uint64_t)x - (uint64_t)y);
}

static int add_long(struct kernel_call *c)
{
    const int64_t *x = c->arg[0].i, *y = c->arg[1].i;
    int64_t *z = c->out->i;
    int64_t over = 0;
    if (kernel_is_dense(c)) {
        for (size_t row = 0; row < c->rows; row++) {
            int64_t r = wrap_add(x[row], y[row]);
            over |= (x[row] ^ r) & (y[row] ^ r);
            z[row] = r;
        }
    } else {
        for (uint16_t k = 0; k < c->nsel; k++) {
            uint16_t row = c->sel[k];
            int64_t r = wrap_add(x[row], y[row]);
            over |= (x[row] ^ r) & (y[row] ^ r);
            z[row] = r;
        }
    }
    for (uint16_t k = 0; over < 0 && k < c->nsel; k++) {
        int64_t r;
        if (__builtin_add_overflow(x[c->sel[k]], y[c->sel[k]], &r)) {
            overflow(c, c->sel[k], '+');
        }
    }
    return 0;
}

static int sub_long(struct kernel_call *c)
{
    const int64_t *x = c->arg[0].i, *y = c->arg[1].i;
    int64_t *z = c->out->i;
    int64_t over = 0;
    if (kernel_is_dense(c)) {
        for (size_t row = 0; row < c->rows; row++) {
            int64_t r = wrap_sub(x[row], y[row]);
            over |= (x[row] ^ y[row]) & (x[row] ^ r);
            z[row] = r;
        }
    } else {
        for (uint16_t k = 0; k < c->nsel; k++) {
            uint16_t row = c->sel[k];
            int64_t r = wrap_sub(x[row], y[row]);
            over |= (x[row] ^ y[row]) & (x[row] ^ r);
            z[row] = r;
        }
    }
    for (uint16_t k = 0; over < 0 && k < c->nsel; k++) {
        int64_t r;
        if (__builtin_sub_overflow(x[c->sel[k]], y[c->sel[k]], &r)) {
            overflow(c, c->sel[k], '-');
        }
    }
    return 0;
}

static int mul_long(struct kernel_call *c)
{
    const int64_t *x = c->arg[0].i, *y = c->arg[1].i;
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        if (__builtin_mul_overflow(x[row], y[row], &c->out->i[row])) {
            overflow(c, row, '*');
        }
    }
    return 0;
}

/* False after a row error. */
static bool can_divide(struct kernel_call *c, uint16_t row, char symbol)
{
    int64_t x = c->arg[0].i[row], y = c->arg[1].i[row];
    if (y == 0) {
        kernel_error(c, row, "division by zero: %" PRId64 " %c 0", x, symbol);
        return false;
    }
    return true;
}

static int div_long(struct kernel_call *c)
{
    const int64_t *x = c->arg[0].i, *y = c->arg[1].i;
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        if (!can_divide(c, row, '/')) {
            continue;
        }
        if (x[row] == INT64_MIN && y[row] == -1) {
            overflow(c, row, '/');
            continue;
        }
        c->out->i[row] = x[row] / y[row];
    }
    return 0;
}

static int rem_long(struct kernel_call *c)
{
    const int64_t *x = c->arg[0].i, *y = c->arg[1].i;
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        if (can_divide(c, row, '%')) {
            c->out->i[row] = y[row] == -1 ? 0 : x[row] % y[row];
        }
    }
    return 0;
}

static int neg_long(struct kernel_call *c)
{
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        if (__builtin_sub_overflow((int64_t)0, c->arg[0].i[row], &c->out->i[row])) {
            kernel_error(c, row, "overflow of a long: - (%" PRId64 ")", c->arg[0].i[row]);
        }
    }
    return 0;
}

/* One loop for all rows, one for a selection; EXPR sees x and y. */
#define DOUBLE_KERNEL(NAME, EXPR)                                                                  \
    static int NAME(struct kernel_call *c)                                                         \
    {                                                                                              \
        const double *xs = c->arg[0].d, *ys = c->arg[c->nargs - 1].d;                              \
        double *restrict z = c->out->d;                                                            \
        if (kernel_is_dense(c)) {                                                                  \
            for (size_t row = 0; row < c->rows; row++) {                                           \
                double x = xs[row], y = ys[row];                                                   \
                (void)y;                                                                           \
                z[row] = (EXPR);                                                                   \
            }                                                                                      \
            return 0;                                                                              \
        }                                                                                          \
        for (uint16_t k = 0; k < c->nsel; k++) {                                                   \
            double x = xs[c->sel[k]], y = ys[c->sel[k]];                                           \
            (void)y;                                                                               \
            z[c->sel[k]] = (EXPR);                                                                 \
        }                                                                                          \
        return 0;                                                                                  \
    }

DOUBLE_KERNEL(add_double, x + y)
DOUBLE_KERNEL(sub_double, x - y)
DOUBLE_KERNEL(mul_double, x *y)
DOUBLE_KERNEL(div_double, x / y)
DOUBLE_KERNEL(rem_double, fmod(x, y))
DOUBLE_KERNEL(neg_double, -x)

static const struct function_def functions[] = {
    {"+", "ll", 'l', NULL_IF_ANY, add_long, .doc = "sum of two longs"},
    {"+", "dd", 'd', NULL_IF_ANY, add_double, .doc = "sum", .is_harmless = true},
    {"+", "tl", 't', NULL_IF_ANY, add_long, .doc = "timestamp plus a duration"},
    {"+", "lt", 't', NULL_IF_ANY, add_long, .doc = "duration plus a timestamp"},
    {"-", "ll", 'l', NULL_IF_ANY, sub_long, .doc = "difference of two longs"},
    {"-", "dd", 'd', NULL_IF_ANY, sub_double, .doc = "difference", .is_harmless = true},
    {"-", "tt", 'l', NULL_IF_ANY, sub_long, .doc = "ms between two timestamps"},
    {"-", "tl", 't', NULL_IF_ANY, sub_long, .doc = "timestamp minus a duration"},
    {"*", "ll", 'l', NULL_IF_ANY, mul_long, .doc = "product of two longs"},
    {"*", "dd", 'd', NULL_IF_ANY, mul_double, .doc = "product", .is_harmless = true},
    {"/", "ll", 'l', NULL_IF_ANY, div_long, .doc = "integer division, towards zero"},
    {"/", "dd", 'd', NULL_IF_ANY, div_double, .doc = "quotient", .is_harmless = true},
    {"%", "ll", 'l', NULL_IF_ANY, rem_long, .doc = "remainder, with the sign of the dividend"},
    {"%", "dd", 'd', NULL_IF_ANY, rem_double, .doc = "remainder", .is_harmless = true},
    {"- _", "l", 'l', NULL_IF_ANY, neg_long, .doc = "negative"},
    {"- _", "d", 'd', NULL_IF_ANY, neg_double, .doc = "negative", .is_harmless = true},
    {0},
};

const struct function_table functions_arithmetic = {
    .family = "arithmetic",
    .functions = functions,
};
