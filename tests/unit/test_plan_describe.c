/* What steps do, in words: on one line, cut, without secrets and control characters; and topics. */
#include "tests/support/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_yaml(const char *text, size_t most, const char *expected)
{
    struct arena a;
    struct diags d;
    struct buffer b;
    struct yaml *y;
    arena_init(&a);
    diags_init(&d);
    buffer_init(&b);
    assert_int_equal(yaml_parse(&y, &a, "t", text, strlen(text), &d), 0);
    plan_print_yaml(&b, y, most);
    assert_string_equal(buffer_cstr(&b), expected);
    buffer_done(&b);
    diags_done(&d);
    arena_done(&a);
}

static void test_yaml_on_one_line(void **unused)
{
    (void)unused;
    expect_yaml("a > 1 and b = 'x'", 99, "a > 1 and b = 'x'");
    expect_yaml("[a, b, [c, d]]", 99, "a, b, [c, d]");
    expect_yaml("{size: 10s, every: {a: 1.50, b: null, c: true}}", 99,
                "size: 10s, every: {a: 1.50, b: null, c: true}");
    expect_yaml(">-\n  case when a\n    then 1\n  end\n", 99, "case when a then 1 end");
    expect_yaml("\"a\\tb\\x07c \"", 99, "a b.c");
    expect_yaml("[]", 99, "");
}

static void test_secrets_are_not_shown(void **unused)
{
    (void)unused;
    setenv("KLAMM_SECRET", "password", 1);
    expect_yaml("{token: \"${env:KLAMM_SECRET}\", url: x}", 99, "token: ***, url: x");
}

static void test_long_values_are_cut_between_characters(void **unused)
{
    (void)unused;
    expect_yaml("abcdef", 6, "abcdef");
    expect_yaml("abcdefg", 6, "abcdef…");
    expect_yaml("abcdeäg", 6, "abcde…");
    expect_yaml("abcdäefg", 6, "abcdä…");
}

static void test_a_step(void **unused)
{
    struct plan_rig r;
    struct buffer b;
    (void)unused;
    buffer_init(&b);
    assert_int_equal(
        plan_rig_init(&r, "name: t\nstreams:\n  s:\n    from: {topic: x, value: json, key: {h: "
                          "string}, columns: {h: string, v: long}}\n    steps:\n"
                          "      - filter: v > 1\n"
                          "      - window: {tumbling: 1s, grace: 2s, aggregate: {n: count(), m: "
                          "max(v)}}\n    to: out\n"),
        0);
    for (uint16_t i = 0; i < r.plan->nvertices; i++) {
        if (r.plan->vertex[i]->kind == VERTEX_STEP) {
            plan_print_step(&b, r.plan->vertex[i]->node);
        }
    }
    assert_string_equal(buffer_cstr(&b), "  v > 1\n"
                                         "\n"
                                         "             tumbling:  1s\n"
                                         "             grace:     2s\n"
                                         "             aggregate: n: count(), m: max(v)\n");
    buffer_done(&b);
    plan_rig_done(&r);
}

static void test_topics_are_told_once(void **unused)
{
    struct plan_rig r;
    struct buffer b;
    (void)unused;
    buffer_init(&b);
    assert_int_equal(
        plan_rig_init(&r,
                      "name: t\nerrors: {tolerance: all, dead_letter_topic: bad}\nstreams:\n"
                      "  a: {from: {topic: [x, y], value: json, columns: {v: long}}, to: out}\n"
                      "  b: {from: {topic: x, value: csv, columns: {v: long}}, to: {topic: out2, "
                      "value: json}}\n"
                      "  g: {from: {generator: {columns: {v: row}}}, to: {log: {}}}\n"),
        0);
    plan_print_topics(&b, r.plan);
    assert_string_equal(buffer_cstr(&b), "\ntopics\n"
                                         "  read         x (json), y (json)\n"
                                         "  written      out (avro), out2 (json)\n"
                                         "  dead letters bad\n"
                                         "  internal     t-g-source, t-sources, t-g-log\n");
    buffer_done(&b);
    plan_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml_on_one_line),
        cmocka_unit_test(test_secrets_are_not_shown),
        cmocka_unit_test(test_long_values_are_cut_between_characters),
        cmocka_unit_test(test_a_step),
        cmocka_unit_test(test_topics_are_told_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
