/* `on` in all its shapes. */
#include "engine/on_columns.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct diags problems;

static int read(const char *text, struct second_input *out)
{
    struct yaml *y;
    struct node n = {.path = "steps[1].join", .mem = &arena, .diags = &problems};
    *out = (struct second_input){0};
    diags_init(&problems);
    assert_int_equal(yaml_parse(&y, &arena, "on", text, strlen(text), &problems), 0);
    return on_columns_read(&n, y, out);
}

static void one_several_and_other_names(void **state)
{
    (void)state;
    struct second_input s;
    assert_int_equal(read("host", &s), 0);
    assert_int_equal(s.non, 1);
    assert_string_equal(s.on[0][0].text, "host");
    assert_string_equal(s.on[1][0].text, "host");
    assert_int_equal(read("[a, b]", &s), 0);
    assert_int_equal(s.non, 2);
    assert_string_equal(s.on[1][1].text, "b");
    assert_int_equal(read("{a: x, b: y}", &s), 0);
    assert_int_equal(s.non, 2);
    assert_string_equal(s.on[0][1].text, "b");
    assert_string_equal(s.on[1][1].text, "y");
    diags_done(&problems);
}

static void what_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {"[]",     "{}",           "[1]", "{a: [b]}",
                                        "[a, a]", "{a: x, b: x}", "7"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct second_input s;
        assert_int_equal(read(wrong[i], &s), -ERR_CONFIG);
        assert_int_equal(problems.n, 1);
        diags_done(&problems);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_several_and_other_names),
        cmocka_unit_test(what_is_none),
    };
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
