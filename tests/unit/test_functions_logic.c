/* Logic: three values, is tests, and which side is evaluated. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void three_values(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"f and true", "true | null | false | true"},
        {"f and false", "false | false | false | false"},
        {"f and null", "null | null | false | null"},
        {"f or true", "true | true | true | true"},
        {"f or false", "true | null | false | true"},
        {"f or null", "true | null | null | true"},
        {"not f", "false | null | true | false"},
        {"f and f = f", "true | null | false | true"},
        {"(a > 0) and (x > 0)", "true | false | false | true"},
        {"(a > 0) or (x > 0)", "true | true | false | true"},
        {"(b > 0) and (y > 0)", "true | null | false | false"},
        {"(b > 0) or (y > 0)", "true | null | false | false"},
        {"null and false", "false | false | false | false"},
        {"null or true", "true | true | true | true"},
        {"null and null", "null | null | null | null"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void is_tests(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"b is null", "false | true | false | false"},
        {"b is not null", "true | false | true | true"},
        {"a is null", "false | false | false | false"},
        {"f is true", "true | false | false | true"},
        {"f is not true", "false | true | true | false"},
        {"f is false", "false | false | true | false"},
        {"f is not false", "true | true | false | true"},
        {"null is null", "true | true | true | true"},
        {"(a > 1) is true", "false | true | false | true"},
        {"a > 1 is true", "false | true | false | true"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void the_right_side_only_where_needed(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"b is null or 10 / b > 0", "true | true | error: division by zero: 10 / 0 | false"},
        {"b <> 0 and 10 / b > 0", "true | null | false | false"},
        {"false and 1 / 0 = 1", "false | false | false | false"},
        {"true or 1 / 0 = 1", "true | true | true | true"},
        {"a > 2 and a * 2 > 0",
         "false | false | false | error: overflow of a long: 9223372036854775807 * 2"},
        {"a < 2 or a + 1 > 0",
         "true | true | true | error: overflow of a long: 9223372036854775807 + 1"},
        {"1 / 0 = 1 and a > 5", "error: division by zero: 1 / 0 | error: division by zero: 1 / 0 | "
                                "error: division by zero: 1 / 0 | error: division by zero: 1 / 0"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void types(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"f and true", "boolean?"},
        {"a > 1 and x > 1", "boolean"},
        {"f is true", "boolean"},
        {"b is null", "boolean"},
        {"a and f", "3: `and` takes two booleans, found (long, boolean)"},
        {"f or 'x'", "3: `or` takes two booleans, found (boolean, string)"},
        {"not a", "1: `not` takes (boolean), found (long)"},
        {"a is true", "3: `is true` takes (boolean), found (long)"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(three_values),
        cmocka_unit_test(is_tests),
        cmocka_unit_test(the_right_side_only_where_needed),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
