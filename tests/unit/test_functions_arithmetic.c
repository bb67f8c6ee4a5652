/* Arithmetic: values, nulls, overflow, division by zero, types. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void computes_longs(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"a + 1", "2 | 3 | -2 | error: overflow of a long: 9223372036854775807 + 1"},
        {"a - 1", "0 | 1 | -4 | 9223372036854775806"},
        {"a * 2", "2 | 4 | -6 | error: overflow of a long: 9223372036854775807 * 2"},
        {"a - -1", "2 | 3 | -2 | error: overflow of a long: 9223372036854775807 - -1"},
        {"7 / (a + 1 - 1 - 0 * a)",
         "7 | 3 | -2 | error: overflow of a long: 9223372036854775807 + 1"},
        {"-7 / 2 + 0 * \"odd name\"", "-3 | -3 | -3 | -3"},
        {"-7 % 3 + 0 * \"odd name\"", "-1 | -1 | -1 | -1"},
        {"a % 2", "1 | 0 | -1 | 1"},
        {"a / b", "0 | null | error: division by zero: -3 / 0 | -9223372036854775807"},
        {"a % b", "1 | null | error: division by zero: -3 % 0 | 0"},
        {"b + b", "20 | null | 0 | -2"},
        {"-a", "-1 | -2 | 3 | -9223372036854775807"},
        {"-(-9223372036854775807 - \"odd name\" / 4 - 0)",
         "9223372036854775807 | 9223372036854775807 | 9223372036854775807 | "
         "error: overflow of a long: - (-9223372036854775808)"},
        {"-9223372036854775808 / -b",
         "922337203685477580 | null | error: division by zero: -9223372036854775808 / 0 | "
         "-9223372036854775808"},
        {"-9223372036854775808 / b",
         "-922337203685477580 | null | error: division by zero: -9223372036854775808 / 0 | "
         "error: overflow of a long: -9223372036854775808 / -1"},
        {"-9223372036854775808 % b",
         "-8 | null | error: division by zero: -9223372036854775808 % 0 | 0"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void null_rows_do_not_overflow(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"b - 9223372036854775807 - 1", "-9223372036854775798 | null | -9223372036854775808 | "
                                        "error: overflow of a long: -9223372036854775808 - 1"},
        {"b + null", "null | null | null | null"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void computes_doubles(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"x + y", "2.5 | null | NaN | -Infinity"},
        {"x / y", "0.25 | null | NaN | -0.0"},
        {"x * 1e10", "5000000000.0 | -22500000000.0 | NaN | Infinity"},
        {"x - a", "-0.5 | -4.25 | NaN | 1e+300"},
        {"a / 2.0", "0.5 | 1.0 | -1.5 | 4.611686018427388e+18"},
        {"x / 0", "Infinity | -Infinity | NaN | Infinity"},
        {"-7.5 % 2 + 0 * \"odd name\"", "-1.5 | -1.5 | -1.5 | -1.5"},
        {"-x", "-0.5 | 2.25 | NaN | -1e+300"},
        {"1.0 / 0", "Infinity | Infinity | Infinity | Infinity"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void computes_timestamps(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"cast(t + 1h as string)", "2026-01-31T13:34:56.789Z | 1970-01-01T01:00:00.000Z | "
                                   "1970-01-01T00:59:59.999Z | 2024-02-29T01:00:00.000Z"},
        {"cast(10m + t - 10m = t as string)", "true | true | true | true"},
        {"t - (t - 250ms)", "250 | 250 | 250 | 250"},
        {"2d / 1h + 0 * \"odd name\"", "48 | 48 | 48 | 48"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void types_are_checked(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"a + 1", "long"},
        {"a + b", "long?"},
        {"a + x", "double"},
        {"t - t", "long"},
        {"t + 1", "timestamp"},
        {"1 - t", "3: `-` takes (long, long) or (double, double) or (timestamp, timestamp) or "
                  "(timestamp, long), found (long, timestamp); a long of ms becomes a timestamp by "
                  "cast(x as timestamp)"},
        {"a + s", "3: `+` takes (long, long) or (double, double) or (timestamp, long) or (long, "
                  "timestamp), found (long, string); text is joined by ||"},
        {"-s", "1: unary `-` takes (long) or (double), found (string); text becomes a number by "
               "cast(x as double)"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(computes_longs),    cmocka_unit_test(null_rows_do_not_overflow),
        cmocka_unit_test(computes_doubles),  cmocka_unit_test(computes_timestamps),
        cmocka_unit_test(types_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
