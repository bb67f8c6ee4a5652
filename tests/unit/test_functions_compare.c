/* Comparisons, between, in: values, nulls, NaN, types. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void compares_numbers(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"a = 1", "true | false | false | false"},
        {"a <> 1", "false | true | true | true"},
        {"a != 1", "false | true | true | true"},
        {"a < 2", "true | false | true | false"},
        {"a <= 2", "true | true | true | false"},
        {"a > x", "true | true | false | false"},
        {"x > 0", "true | false | false | true"},
        {"x = x", "true | true | false | true"},
        {"x <> x", "false | false | true | false"},
        {"x >= 0.5", "true | false | false | true"},
        {"b >= 0", "true | null | true | false"},
        {"y < 1", "false | null | true | true"},
        {"null = a", "null | null | null | null"},
        {"a = 1.0", "true | false | false | false"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void compares_text_time_and_booleans(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"s = 'abc'", "true | false | false | false"},
        {"s < 'b'", "true | true | true | true"},
        {"s >= 'abc'", "true | false | false | false"},
        {"u > 'long text: over twelve bytea'", "true | null | true | false"},
        {"u = 'long text: over twelve bytes'", "false | null | true | false"},
        {"u <= 'x'", "true | null | true | true"},
        {"s <> u", "true | null | true | true"},
        {"t > to_timestamp(0)", "true | false | false | true"},
        {"t < now()", "false | true | true | false"},
        {"f = true", "true | null | false | true"},
        {"f > false", "true | null | false | true"},
        {"raw = cast('AB' as bytes)", "true | false | false | false"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void between_works(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"a between 1 and 2", "true | true | false | false"},
        {"a not between 1 and 2", "false | false | true | true"},
        {"x between -10 and a", "true | true | false | false"},
        {"b between null and -1", "false | null | false | null"},
        {"b between 0 and null", "null | null | null | false"},
        {"s between 'a' and 'b'", "true | false | false | true"},
        {"\"odd name\" between 2 and 1.5 + 1.5", "false | true | true | false"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void in_works(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"a in (1, 2, 3)", "true | true | false | false"},
        {"a not in (1, 2)", "false | false | true | true"},
        {"b in (10, null)", "true | null | null | null"},
        {"b not in (10, null)", "false | null | null | null"},
        {"x in (0.5, -2.25, 1)", "true | true | false | false"},
        {"a in (1.0, 2.5)", "true | false | false | false"},
        {"a in (b, \"odd name\", 1)", "true | true | false | false"},
        {"b in (a, 0)", "false | null | true | false"},
        {"s in ('abc', 'a,b,c', '')", "true | true | false | true"},
        {"u in ('7', 'long text: over twelve bytes')", "false | null | true | true"},
        {"f in (false)", "false | null | true | false"},
        {"f in (true, null)", "true | null | null | true"},
        {"x in (0.0 / 0, 0.5)", "true | false | false | false"},
        {"5 in (1, 5)", "true | true | true | true"},
        {"null in (1)", "null | null | null | null"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void types(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"a = 1", "boolean"},
        {"b = 1", "boolean?"},
        {"a in (1, 2)", "boolean"},
        {"a in (1, null)", "boolean?"},
        {"b in (1, 2)", "boolean?"},
        {"t = '2026-01-01'",
         "3: `=` cannot compare timestamp with string; text becomes a timestamp by "
         "to_timestamp('2026-01-31T12:00:00Z')"},
        {"t > 5", "3: `>` cannot compare timestamp with long; a long of ms becomes a timestamp by "
                  "cast(x as timestamp)"},
        {"a between 'x' and 2",
         "3: the values of `between` must be of one type, found long and string"},
        {"a in (1, 'x')", "3: `in` takes (any, any, …), found (long, long, string)"},
        {"tags in (tags)", "6: `in` cannot compare arrays, maps or records"},
        {"tags = tags",
         "6: `=` takes (boolean, boolean) or (long, long) or (double, double) or (timestamp, "
         "timestamp) or (string, string) or (bytes, bytes), found (array<string>, array<string>)"},
        {"tags between tags and tags",
         "6: values of type array<string> have no order for `between`"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares_numbers),
        cmocka_unit_test(compares_text_time_and_booleans),
        cmocka_unit_test(between_works),
        cmocka_unit_test(in_works),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
