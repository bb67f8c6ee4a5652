/* Null and choice: values, what is not evaluated, stable hashes, types. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void coalesces(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"coalesce(b, a)", "10 | 2 | 0 | -1"},
        {"coalesce(b, null, 5)", "10 | 5 | 0 | -1"},
        {"coalesce(b, y, 1)", "10.0 | 1.0 | 0.0 | -1.0"},
        {"coalesce(null, a)", "1 | 2 | -3 | 9223372036854775807"},
        {"coalesce(b, 1 / 0)", "10 | error: division by zero: 1 / 0 | 0 | -1"},
        {"coalesce(a, 1 / 0)", "1 | 2 | -3 | 9223372036854775807"},
        {"coalesce(1, 1 / 0)", "1 | 1 | 1 | 1"},
        {"coalesce(u, s)", "x |  | long text: over twelve bytes | 7"},
        {"coalesce(10 / b, 5)", "1 | 5 | error: division by zero: 10 / 0 | -10"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void chooses(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"if(a > 1, 'big', 'small')", "small | big | small | big"},
        {"if(b > 1, a)", "1 | null | null | null"},
        {"if(f, a, x)", "1.0 | -2.25 | NaN | 9.223372036854776e+18"},
        {"if(b = 0, 0, 10 / b)", "1 | null | 0 | -10"},
        {"if(b <> 0, 10 / b, 0)", "1 | 0 | 0 | -10"},
        {"nullif(a, 1)", "null | 2 | -3 | 9223372036854775807"},
        {"nullif(s, '')", "abc | null | Grüße aus Köln | a,b,c"},
        {"nullif(b, null)", "10 | null | 0 | -1"},
        {"nullif(x, 0.5)", "null | -2.25 | NaN | 1e+300"},
        {"is_nan(x)", "false | false | true | false"},
        {"is_nan(y)", "false | null | false | false"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void hashes_are_stable(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"hash(a) = hash(1)", "true | false | false | false"},
        {"hash(0.0) = hash(-0.0)", "true | true | true | true"},
        {"hash('abc')",
         "8696274497037089104 | 8696274497037089104 | 8696274497037089104 | 8696274497037089104"},
        {"hash(s) = hash('abc')", "true | false | false | false"},
        {"hash(u) >= 0", "true | null | true | true"},
        {"hash(x) % 10 >= 0", "true | true | true | true"},
        {"hash(f) is null", "false | true | false | false"},
        {"hash(x) = hash(0.0 / 0)", "false | false | true | false"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void types(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"coalesce(b, a)", "long"},
        {"coalesce(b, b)", "long?"},
        {"coalesce(b, x)", "double"},
        {"if(f, a)", "long?"},
        {"if(f, a, b)", "long?"},
        {"if(f, a, 1)", "long"},
        {"nullif(a, 1)", "long?"},
        {"is_nan(a)", "boolean"},
        {"hash(s)", "long"},
        {"coalesce(a, s)",
         "1: the arguments of coalesce() must be of one type, found long and string"},
        {"if(a, 1, 2)", "1: the condition of if() must be a boolean, found long"},
        {"if(f)", "1: if() takes (boolean, any, any?): condition, value, value otherwise"},
        {"if(f, 1, 'x')",
         "1: the results of `case` must be of one type, and that after `else` too"},
        {"coalesce()", "1: coalesce() takes one argument or more"},
        {"coalesce(null, null)", "1: the type of this null is not known: write cast(null as TYPE)"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coalesces),
        cmocka_unit_test(chooses),
        cmocka_unit_test(hashes_are_stable),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
