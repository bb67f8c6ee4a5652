/* JSON paths: values, escapes, damage, depth without stack. */
#include "engine/expression/json_path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const char *json, const char *path, const char *expected)
{
    struct buffer b;
    buffer_init(&b);
    bool found = json_path_get(&b, json, (uint32_t)strlen(json), path, (uint32_t)strlen(path));
    assert_int_equal(found, expected != NULL);
    if (expected != NULL) {
        assert_string_equal(buffer_cstr(&b), expected);
    }
    buffer_done(&b);
}

static void gets_values(void **state)
{
    (void)state;
    check("{\"a\": 1}", "a", "1");
    check("{\"a\": {\"b\": [10, 20]}}", "$.a.b[1]", "20");
    check(" [ [1], {\"x\" : \"y\"} ] ", "[1].x", "y");
    check("{\"a\": \"\"}", "a", "");
    check("{\"a b\": true}", "[\"a b\"]", "true");
    check("{\"a\": [ {} , null ]}", "a[0]", "{}");
    check("{\"a\\\"b\": 1, \"c\": \"\\t\\\\\\/\"}", "c", "\t\\/");
    check("\"plain\"", "$", "plain");
    check("{\"skip\": \"}]\\\"\", \"a\": 2}", "a", "2");
    check("{\"a\": 1, \"a\": 2}", "a", "1");
    check("{\"a\": -1.5e3}", "a", "-1.5e3");
}

static void finds_nothing(void **state)
{
    (void)state;
    check("{\"a\": null}", "a", NULL);
    check("{\"a\": 1}", "a.b", NULL);
    check("{\"a\": 1}", "[0]", NULL);
    check("[1]", "[1]", NULL);
    check("[1]", "[99999999999999999999]", NULL);
    check("[]", "[0]", NULL);
    check("{}", "a", NULL);
    check("", "a", NULL);
    check("{\"a\"", "a", NULL);
    check("{\"a\": ", "a", NULL);
    check("{\"a\": [1, 2", "a", NULL);
    check("{\"a\": \"x\\", "a", NULL);
    check("{a: 1}", "a", NULL);
    check("not json", "a", NULL);
}

static void survives_depth(void **state)
{
    (void)state;
    enum { DEPTH = 1000000 };
    char *deep = malloc(2 * DEPTH + 1);
    memset(deep, '[', DEPTH);
    memset(deep + DEPTH, ']', DEPTH);
    deep[2 * DEPTH] = 0;
    struct buffer b;
    buffer_init(&b);
    assert_true(json_path_get(&b, deep, 2 * DEPTH, "[0]", 3));
    assert_int_equal(b.n, 2 * DEPTH - 2);
    assert_false(json_path_get(&b, deep, DEPTH, "[0]", 3));
    buffer_done(&b);
    free(deep);
}

static void checks_paths(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "$", "$.a", "a[0]", "['x'].y", "$[0][1]"};
    static const char *const bad[] = {"", ".", "a.", "a[", "a[x]", "a['x]", "a[0", "$a", "a..b"};
    for (size_t k = 0; k < sizeof good / sizeof good[0]; k++) {
        assert_true(json_path_valid(good[k], (uint32_t)strlen(good[k])));
    }
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        assert_false(json_path_valid(bad[k], (uint32_t)strlen(bad[k])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gets_values),
        cmocka_unit_test(finds_nothing),
        cmocka_unit_test(survives_depth),
        cmocka_unit_test(checks_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
