/* lookup: columns, left and inner, types of all kinds through the table's bytes, batches.
 */
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define HEAD                                                                                       \
    "name: t\ntables:\n  h: {from: {topic: h, value: json, key: {host: string}, columns: {a: "     \
    "string, b: boolean, c: long, d: double, e: bytes, f: array<long>, g: map<string>, t: "        \
    "timestamp}}}\nstreams:\n  s:\n    from: {topic: s, value: json, key: {host: string}, "        \
    "columns: {i: long, c: string}}\n    steps:\n"
#define TAIL "    to: {topic: out, value: json}\n"
#define ALL  "a: a, b: b, c2: c, d: d, e: e, f: f, g: g, t: t"

static const char row[] = "{\"a\":\"x\",\"b\":true,\"c\":-5,\"d\":0.5,\"e\":\"AP8=\",\"f\":[1,2],"
                          "\"g\":{\"k\":\"v\"},\"t\":1000}";

static void every_type_comes_back(void **state)
{
    (void)state;
    static const uint16_t sizes[] = {1, 3, 0};
    for (int i = 0; i < 3; i++) {
        struct task_rig r;
        task_rig_init(&r, HEAD "      - lookup: {table: h, take: {" ALL "}}\n" TAIL, sizes[i]);
        task_rig_start(&r, 0);
        const char *key[] = {"k", "none", "k", "k"};
        const char *value[] = {"{\"i\":1}", "{\"i\":2}", "{\"i\":3}", "{\"i\":4}"};
        task_rig_push_one(&r, "h", 0, "k", row);
        task_rig_push_one(&r, "h", 1, "nulls", "{}");
        assert_int_equal(task_rig_push(&r, "s", 0, key, value, 3), 0);
        assert_string_equal(
            task_rig_out(&r),
            "out k {\"i\":1,\"c\":null,\"host\":\"k\",\"a\":\"x\",\"b\":true,\"c2\":-5,\"d\":0.5,"
            "\"e\":\"AP8=\",\"f\":[1,2],\"g\":{\"k\":\"v\"},\"t\":1000}\n"
            "out none {\"i\":2,\"c\":null,\"host\":\"none\",\"a\":null,\"b\":null,\"c2\":null,"
            "\"d\":null,\"e\":null,\"f\":null,\"g\":null,\"t\":null}\n"
            "out k {\"i\":3,\"c\":null,\"host\":\"k\",\"a\":\"x\",\"b\":true,\"c2\":-5,\"d\":0.5,"
            "\"e\":\"AP8=\",\"f\":[1,2],\"g\":{\"k\":\"v\"},\"t\":1000}\n");
        task_rig_push_one(&r, "s", 9, "nulls", "{\"i\":5}");
        assert_non_null(strstr(task_rig_out(&r), "\"a\":null"));
        task_rig_done(&r);
    }
}

static void inner_drops_what_finds_nothing(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  HEAD "      - lookup: {table: h, take: a, type: inner}\n"
                       "      - select: i, a\n" TAIL,
                  0);
    task_rig_start(&r, 0);
    task_rig_push_one(&r, "h", 0, "k", row);
    const char *key[] = {"none", "k", NULL};
    const char *value[] = {"{\"i\":1}", "{\"i\":2}", "{\"i\":3}"};
    assert_int_equal(task_rig_push(&r, "s", 0, key, value, 3), 0);
    assert_string_equal(task_rig_out(&r), "out k {\"i\":2,\"a\":\"x\"}\n");
    assert_int_equal(task_rig_push(&r, "s", 3, key, value, 1), 0);
    assert_string_equal(task_rig_out(&r), "");
    task_rig_done(&r);
}

static void columns(struct plan_rig *r, const char *steps, const char *expected)
{
    char text[2000];
    snprintf(text, sizeof text, "%s%s%s", HEAD, steps, TAIL);
    struct buffer b;
    buffer_init(&b);
    if (plan_rig_init(r, text) < 0) {
        fail_msg("%s", plan_rig_problems(r));
    }
    schema_print(&b, r->plan->sink[0]->schema);
    assert_string_equal(buffer_cstr(&b), expected);
    buffer_done(&b);
    plan_rig_done(r);
}

static void columns_and_their_types(void **state)
{
    (void)state;
    struct plan_rig r;
    columns(&r, "      - drop: c\n      - lookup: {table: h}\n",
            "i: long?, host: string?, a: string?, b: boolean?, c: long?, d: double?, e: bytes?, f: "
            "array<long>?, g: map<string>?, t: timestamp?");
    columns(&r, "      - lookup: {table: h, on: _key, take: [d, a]}\n",
            "i: long?, c: string?, host: string?, d: double?, a: string?");
    columns(&r,
            "      - lookup: {table: h, take: {x: a}}\n      - lookup: {table: h, take: {y: a}}\n",
            "i: long?, c: string?, host: string?, x: string?, y: string?");
}

static void what_is_looked_up_may_be_a_window(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  HEAD "      - window: {tumbling: 10ms, aggregate: count() as n}\n"
                       "      - lookup: {table: h, take: a}\n      - select: n, a\n" TAIL,
                  0);
    task_rig_start(&r, 0);
    task_rig_push_one(&r, "h", 0, "k", row);
    task_rig_push_one(&r, "s", 1, "k", "{\"i\":1}");
    task_rig_push_one(&r, "s", 2, "l", "{\"i\":1}");
    task_rig_push_one(&r, "s", 15, "k", "{\"i\":1}");
    assert_string_equal(task_rig_out(&r),
                        "out k {\"n\":1,\"a\":\"x\"}\nout l {\"n\":1,\"a\":null}\n");
    task_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_comes_back),
        cmocka_unit_test(inner_drops_what_finds_nothing),
        cmocka_unit_test(columns_and_their_types),
        cmocka_unit_test(what_is_looked_up_may_be_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
