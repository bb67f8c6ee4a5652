/* Casts: values, failures, try_cast, types. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void to_numbers(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"cast(x as long)",
         "0 | -2 | error: cannot cast nan to long | error: cannot cast 1e+300 to long"},
        {"try_cast(x as long)", "0 | -2 | null | null"},
        {"cast(f as long)", "1 | null | 0 | 1"},
        {"cast(t as long)", "1769862896789 | 0 | -1 | 1709164800000"},
        {"cast(u as long)", "error: cannot cast 'x' to long | null | error: cannot cast 'long "
                            "text: over twelve bytes' to long | 7"},
        {"try_cast(u as long)", "null | null | null | 7"},
        {"cast(' -12 ' as long)", "-12 | -12 | -12 | -12"},
        {"cast('-9223372036854775808' as long)", "-9223372036854775808 | -9223372036854775808 | "
                                                 "-9223372036854775808 | -9223372036854775808"},
        {"try_cast('9223372036854775808' as long)", "null | null | null | null"},
        {"try_cast('1.5' as long)", "null | null | null | null"},
        {"try_cast('' as long)", "null | null | null | null"},
        {"try_cast('-' as long)", "null | null | null | null"},
        {"cast(a as double)", "1.0 | 2.0 | -3.0 | 9.223372036854776e+18"},
        {"cast(f as double)", "1.0 | null | 0.0 | 1.0"},
        {"cast('1e3' as double)", "1000.0 | 1000.0 | 1000.0 | 1000.0"},
        {"cast('-Infinity' as double)", "-Infinity | -Infinity | -Infinity | -Infinity"},
        {"cast('nan' as double)", "NaN | NaN | NaN | NaN"},
        {"try_cast('0x10' as double)", "null | null | null | null"},
        {"try_cast('1,5' as double)", "null | null | null | null"},
        {"try_cast('inf' as double)", "null | null | null | null"},
        {"cast(b as int)", "10 | null | 0 | -1"},
        {"cast(null as long) + a", "null | null | null | null"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void to_others(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"cast(a as boolean)", "true | true | true | true"},
        {"cast(b as boolean)", "true | null | false | true"},
        {"cast('Yes' as boolean)", "true | true | true | true"},
        {"cast(' f ' as boolean)", "false | false | false | false"},
        {"try_cast('maybe' as boolean)", "null | null | null | null"},
        {"cast(a as string)", "1 | 2 | -3 | 9223372036854775807"},
        {"cast(x as string)", "0.5 | -2.25 | NaN | 1e+300"},
        {"cast(f as string)", "true | null | false | true"},
        {"cast(t as string)", "2026-01-31T12:34:56.789Z | 1970-01-01T00:00:00.000Z | "
                              "1969-12-31T23:59:59.999Z | 2024-02-29T00:00:00.000Z"},
        {"cast(raw as string)",
         "AB |  | error: cannot cast bytes to string: they are not valid UTF-8 | A"},
        {"cast(tags as string)", "[\"p\", \"q\"] | [] | [null] | null"},
        {"cast(m as string)", "{\"k\": 7} | {} | {\"k\": null} | {\"k\": 1, \"k\": 2}"},
        {"cast(a as timestamp)", "1 | 2 | -3 | 9223372036854775807"},
        {"cast('2026-01-31T12:34:56.789Z' as timestamp)",
         "1769862896789 | 1769862896789 | 1769862896789 | 1769862896789"},
        {"try_cast(s as timestamp)", "null | null | null | null"},
        {"cast('AB' as bytes) = raw", "true | false | false | false"},
        {"cast(s as string)", "abc |  | Grüße aus Köln | a,b,c"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void types(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"cast(a as string)", "string"},
        {"cast(b as string)", "string?"},
        {"try_cast(s as long)", "long?"},
        {"try_cast(a as double)", "double"},
        {"cast(null as map<long>)", "map<long>?"},
        {"cast(a as bytes)", "1: a long cannot be cast to bytes"},
        {"cast(x as boolean)", "1: a double cannot be cast to boolean"},
        {"cast(tags as array<long>)", "1: a array<string> cannot be cast to array<long>"},
        {"cast(a as strng)", "1: there is no type 'strng'; did you mean 'string'?"},
        {"cast(a as)", "1: there is no type '' (boolean, long, double, string, timestamp, bytes)"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(to_numbers),
        cmocka_unit_test(to_others),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
