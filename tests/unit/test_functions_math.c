/* Mathematics: values, nulls, NaN, overflow, types. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void of_longs(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"abs(a)", "1 | 2 | 3 | 9223372036854775807"},
        {"abs(-9223372036854775808)",
         "error: overflow of a long: abs(-9223372036854775808) | error: overflow of a long: "
         "abs(-9223372036854775808) | error: overflow of a long: abs(-9223372036854775808) | "
         "error: overflow of a long: abs(-9223372036854775808)"},
        {"sign(a)", "1 | 1 | -1 | 1"},
        {"sign(b)", "1 | null | 0 | -1"},
        {"ceil(a)", "1 | 2 | -3 | 9223372036854775807"},
        {"floor(b)", "10 | null | 0 | -1"},
        {"round(a)", "1 | 2 | -3 | 9223372036854775807"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void of_doubles(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"abs(x)", "0.5 | 2.25 | NaN | 1e+300"},
        {"ceil(x)", "1.0 | -2.0 | NaN | 1e+300"},
        {"floor(x)", "0.0 | -3.0 | NaN | 1e+300"},
        {"round(x)", "1.0 | -2.0 | NaN | 1e+300"},
        {"round(-2.5)", "-3.0 | -3.0 | -3.0 | -3.0"},
        {"round(x, 1)", "0.5 | -2.3 | NaN | 1e+300"},
        {"round(1234.5678, -2)", "1200.0 | 1200.0 | 1200.0 | 1200.0"},
        {"round(1234.5678, 400)", "1234.5678 | 1234.5678 | 1234.5678 | 1234.5678"},
        {"round(1234.5678, -400)", "0.0 | 0.0 | 0.0 | 0.0"},
        {"sqrt(x * x)", "0.5 | 2.25 | NaN | Infinity"},
        {"sqrt(a)", "1.0 | 1.4142135623730951 | NaN | 3037000499.97605"},
        {"exp(y)", "7.38905609893065 | null | 1.0 | 0.0"},
        {"ln(y)", "0.6931471805599453 | null | -Infinity | NaN"},
        {"log10(100 * y)", "2.3010299956639813 | null | -Infinity | NaN"},
        {"pow(x, 2)", "0.25 | 5.0625 | NaN | Infinity"},
        {"sign(x)", "1.0 | -1.0 | NaN | 1.0"},
        {"sin(y)", "0.9092974268256817 | null | 0.0 | NaN"},
        {"cos(y * 0)", "1.0 | null | 1.0 | NaN"},
        {"tan(0)", "0.0 | 0.0 | 0.0 | 0.0"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void least_and_greatest(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"least(a, 2)", "1 | 2 | -3 | 2"},
        {"greatest(a, 2)", "2 | 2 | 2 | 9223372036854775807"},
        {"least(b, null, 5)", "5 | 5 | 0 | -1"},
        {"least(b, y)", "2.0 | null | 0.0 | -Infinity"},
        {"greatest(x, 0)", "0.5 | 0.0 | NaN | 1e+300"},
        {"least(x, 0)", "0.0 | -2.25 | 0.0 | 0.0"},
        {"greatest(s, 'b')", "b | b | b | b"},
        {"least(t, now())", "1234567 | 0 | -1 | 1234567"},
        {"least(a)", "1 | 2 | -3 | 9223372036854775807"},
        {"greatest(f, false)", "true | false | false | true"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void types(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"abs(a)", "long"},
        {"abs(x)", "double"},
        {"round(a, 1)", "double"},
        {"least(a, x)", "double"},
        {"least(a, b)", "long"},
        {"least(b, y)", "double?"},
        {"sqrt(s)", "1: sqrt() takes (double), found (string)"},
        {"pow(a)", "1: pow() takes (double, double), found (long)"},
        {"least(a, s)", "1: least() takes (any, …), found (long, string)"},
        {"least(tags, tags)", "1: arrays, maps and records have no order"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_longs),
        cmocka_unit_test(of_doubles),
        cmocka_unit_test(least_and_greatest),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
