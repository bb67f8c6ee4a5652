/* Arrays, maps, records and JSON: values, nulls, damage, types. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void elements(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"tags[0]", "p | null | null | null"},
        {"tags[1]", "q | null | null | null"},
        {"tags[-1]", "null | null | null | null"},
        {"nums[a]", "2.0 | null | null | null"},
        {"nums[0]", "1.0 | null | 3.0 | 0.5"},
        {"m['k']", "7 | null | null | 2"},
        {"m['z']", "null | null | null | null"},
        {"map_get(m, 'k') + 1", "8 | null | null | 3"},
        {"recs[0].id", "5 | null | null | null"},
        {"recs[0].name || '!'", "n! | null | null | null"},
        {"recs[0].id + a.b", "105 | null | null | null"},
        {"array_length(tags)", "2 | 0 | 1 | null"},
        {"array_length(m)", "1 | 0 | 1 | 2"},
        {"array_length(recs)", "1 | 0 | 0 | 0"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void dots(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"array_dot(nums, nums)", "5.0 | 0.0 | 25.0 | null"},
        {"array_dot(nums, cast(null as array<double>))", "null | null | null | null"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void json(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"json_get('{\"a\": {\"b\": [1, 2.5, \"x\\n\\u00e9\"]}, \"c\": null, \"a\": 9}', 'a.b[0]')",
         "1 | 1 | 1 | 1"},
        {"json_get('{\"a\": {\"b\": [1, 2.5, \"x\"]}}', '$.a.b[1]')", "2.5 | 2.5 | 2.5 | 2.5"},
        {"json_get('{\"a\": {\"b\": [1, 2.5, \"x\\u00e9\\ud83d\\ude00\\\"y\"]}}', 'a.b[2]')",
         "xé😀\"y | xé😀\"y | xé😀\"y | xé😀\"y"},
        {"json_get('{\"a\": {\"b\": [1, {\"c\": true}]}}', 'a.b')",
         "[1, {\"c\": true}] | [1, {\"c\": true}] | [1, {\"c\": true}] | [1, {\"c\": true}]"},
        {"json_get('{\"a\": null}', 'a')", "null | null | null | null"},
        {"json_get('{\"a\": 1}', 'b')", "null | null | null | null"},
        {"json_get('{\"x y\": {\"\\u0061\": false}}', '[''x y''].a')",
         "false | false | false | false"},
        {"json_get('[[], [3]]', '[1][0]')", "3 | 3 | 3 | 3"},
        {"json_get('[]', '[0]')", "null | null | null | null"},
        {"json_get(s, 'a')", "null | null | null | null"},
        {"json_get('{\"a\": \"\\ud800\"}', 'a')", "� | � | � | �"},
        {"json_get('{\"a\": \"open', 'a')", "null | null | null | null"},
        {"json_get('  7 ', '$')", "7 | 7 | 7 | 7"},
        {"json_get('{\"a\":1}', u)", "null | null | null | null"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void types(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"tags[0]", "string?"},
        {"m['k']", "long?"},
        {"recs[0].name", "string?"},
        {"array_length(nums)", "long"},
        {"array_dot(nums, nums)", "double?"},
        {"tags['x']",
         "5: x[i] takes (array, long) or (map, string), found (array<string>, string)"},
        {"a[0]", "2: x[i] takes (array, long) or (map, string), found (long, long)"},
        {"recs[0]", "5: a record cannot be a column: name one of its fields, as in x[0].field"},
        {"recs[0].nam",
         "8: there is no field 'nam' in record<id: long, name: string>; did you mean 'name'?"},
        {"tags[0].x", "8: '.x' needs a record, found string"},
        {"array_dot(nums, tags)", "1: array_dot() takes two arrays of numbers, argument 2 is none"},
        {"json_get(s, 'a..b')",
         "1: 'a..b' is not a path in JSON, such as 'a.b[0]' or '$.a[''b c'']'"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements),
        cmocka_unit_test(dots),
        cmocka_unit_test(json),
        cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
