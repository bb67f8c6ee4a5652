/* Binder hints: what is said of names and types that do not fit, to those who come from SQL. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COLUMNS "a, b, x, y, s, u, t, f, raw, tags, nums, m, recs, a.b, odd name"

static void names(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"s = \"500\"",
         "5: there is no column '500'; text stands in single quotes: '500' (columns: " COLUMNS ")"},
        {"s = \"tag\"", "5: there is no column 'tag'; did you mean 'tags'? Text stands in single "
                        "quotes (columns: " COLUMNS ")"},
        {"ifnull(a, 1)", "1: there is no function 'ifnull'; write coalesce(a, b)"},
        {"len(s) > 1", "1: there is no function 'len'; write length(text)"},
        {"mean(a)", "1: there is no function 'mean'; write avg(a)"},
        {"lenght(s)", "1: there is no function 'lenght'; did you mean 'length'?"},
        {"nothing_of_it(s)", "1: there is no function 'nothing_of_it'"},
        {"sum(a)", "1: there is no function 'sum' here (aggregates belong into `aggregate`, "
                   "`running` or `having`, and not into each other)"},
        {"count(distinct s)", "7: `distinct` is no keyword: write count_distinct(s)"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

static void types(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"a == 1", "3: equality is one `=`, found `==`"},
        {"a = '5'", "3: `=` cannot compare long with string; a number stands without quotes"},
        {"s > 5", "3: `>` cannot compare string with long; put the number into single quotes, or "
                  "write cast(x as double)"},
        {"s <> a", "3: `<>` cannot compare string with long; text becomes a number by cast(x as "
                   "double)"},
        {"t < '2026-01-31'",
         "3: `<` cannot compare timestamp with string; text becomes a timestamp "
         "by to_timestamp('2026-01-31T12:00:00Z')"},
        {"f || f", "3: `||` takes (string, string) or (bytes, bytes), found (boolean, boolean); of "
                   "two conditions: "
                   "write `or`"},
        {"cast(a as varchar)", "1: there is no type 'varchar'; did you mean 'string'?"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
