/* Special forms: common types, nullability, refusals. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void wants_common_types(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"case when a then 1 end", "1: conditions must be of one type, found boolean and long"},
        {"case a when 's' then 1 end",
         "1: the values that `case` compares must be of one type, found long and string"},
        {"case when f then 1 when f then 's' end",
         "1: the results of `case` must be of one type, found long and string"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

static void knows_nullability(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"case when f then a else 1 end", "long"},
        {"case when f then a end", "long?"},
        {"case when f then a else x end", "double"},
        {"case a when 1 then b else a end", "long?"},
        {"a between 1 and b", "boolean?"},
        {"a > 0 and b > 0", "boolean?"},
        {"coalesce(b, 0) + a", "long"},
        {"1 + 1", "long"},
        {"now() + 5m", "timestamp"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wants_common_types),
        cmocka_unit_test(knows_nullability),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
