/* Names that every record has cannot be given to a column, whichever step names it. */
#include "engine/reserved.h"

#include "tests/unit/plan_harness.h"

#include <stdio.h>

static void names(void **state)
{
    (void)state;
    assert_true(name_is_reserved("_key") && name_is_reserved("_headers"));
    assert_false(name_is_reserved("key") || name_is_reserved("_keys") || name_is_reserved("_"));
}

#define TABLE                                                                                      \
    "tables:\n  tt: {from: {topic: tt, value: json, key: {host: string}, "                         \
    "columns: {host: string, z: long}}}\n"

static void no_step_gives_them(void **state)
{
    (void)state;
    static const char *const step[] = {
        "detect: {algorithm: zscore, features: [v], as: _key}",
        "drift: {algorithm: adwin, of: v, as: _value}",
        "bin: {columns: [v], per: key, as: _key}",
        "rename: {_key: v}",
        "add: v as _key",
        "select: 'host, v as _value'",
        "key_by: v as _key",
        "running: lag(v) as _key",
        "aggregate: count() as _key",
        "window: {tumbling: 10s, aggregate: count() as _time}",
        "window: {tumbling: 10s, aggregate: 'count() as n, max(v) as _offset'}",
        "lookup: {table: tt, on: host, take: {_key: z}}",
    };
    for (size_t i = 0; i < sizeof step / sizeof step[0]; i++) {
        char text[2000];
        snprintf(text, sizeof text,
                 "name: t\n" TABLE
                 "streams:\n" IN("{host: string}") "    steps: [{%s}]\n    to: o\n",
                 step[i]);
        assert_refused(text, "is the name of something that every record has");
    }
}

static void what_comes_in_goes_on(void **state)
{
    (void)state;
    struct plan_rig r;
    plan(&r,
         HEAD IN(
             "string") "    steps: [{select: '_key, _offset, v'}, {filter: v > 1}]\n    to: o\n");
    plan_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(no_step_gives_them),
        cmocka_unit_test(what_comes_in_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
