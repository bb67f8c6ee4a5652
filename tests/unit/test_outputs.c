/* Outputs: lines by the sink's formats, offsets that count per topic and partition. */
#include "schemas/registry_memory.h"
#include "tests/support/plan_rig.h"
#include "worker/outputs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char topology[] =
    "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, columns: {g: string, v: long}}\n"
    "    to: [{topic: table, value: csv}, {topic: lines, value: json}]\n";

struct printing {
    struct plan_rig plan;
    struct outputs outputs;
    struct schema_store *schemas;
    struct err e;
};

static void printing_init(struct printing *x)
{
    *x = (struct printing){.schemas = registry_memory_new()};
    assert_int_equal(plan_rig_init(&x->plan, topology), 0);
    outputs_init(&x->outputs, x->plan.plan, x->schemas);
}

static void printing_done(struct printing *x)
{
    outputs_done(&x->outputs);
    plan_rig_done(&x->plan);
    x->schemas->free(x->schemas);
}

static struct output *expect_line(struct printing *x, const char *topic, int32_t partition,
                                  const char *value, const char *line)
{
    struct output *o = NULL;
    struct record r = {.topic = topic,
                       .partition = partition,
                       .offset = -1,
                       .timestamp = 7,
                       .value = value,
                       .value_n = value ? strlen(value) : 0};
    int result = outputs_print(&x->outputs, &r, &o, &x->e);
    if (result < 0) {
        print_message("%s\n", x->e.text);
    }
    assert_int_equal(result, 0);
    assert_string_equal(buffer_cstr(&x->outputs.line), line);
    assert_string_equal(o->topic, topic);
    return o;
}

#define LINE(topic, partition, offset, value)                                                      \
    "{\"topic\":\"" topic "\",\"partition\":" #partition ",\"offset\":" #offset                    \
    ",\"key\":null,\"timestamp\":7,\"value\":" value "}"

static void test_offsets_count_per_partition(void **unused)
{
    struct printing x;
    (void)unused;
    printing_init(&x);
    expect_line(&x, "lines", 0, "{\"g\":1}", LINE("lines", 0, 0, "{\"g\":1}"));
    expect_line(&x, "lines", 3, NULL, LINE("lines", 3, 0, "null"));
    expect_line(&x, "lines", 0, NULL, LINE("lines", 0, 1, "null"));
    expect_line(&x, "lines", 1, NULL, LINE("lines", 1, 0, "null"));
    struct output *o =
        expect_line(&x, "table", 0, "a,5", LINE("table", 0, 0, "{\"g\":\"a\",\"v\":5}"));
    assert_null(o->f);
    expect_line(&x, "lines", 3, NULL, LINE("lines", 3, 1, "null"));
    assert_int_equal(x.outputs.n, 2);
    printing_done(&x);
}

static void test_other_topics_hold_what_came_in(void **unused)
{
    struct printing x;
    (void)unused;
    printing_init(&x);
    expect_line(&x, "dead", 0, "{\"a\":", LINE("dead", 0, 0, "\"{\\\"a\\\":\""));
    expect_line(&x, "dead", 0, "{\"a\":1}", LINE("dead", 0, 1, "{\"a\":1}"));
    printing_done(&x);
}

static void test_a_record_that_is_not_of_its_format(void **unused)
{
    struct printing x;
    struct output *o;
    struct record r = {.topic = "table", .value = "a,x", .value_n = 3};
    (void)unused;
    printing_init(&x);
    assert_int_equal(outputs_print(&x.outputs, &r, &o, &x.e), -ERR_DATA);
    assert_true(x.e.text[0] != 0);
    printing_done(&x);
}

static void test_files_are_closed(void **unused)
{
    struct printing x;
    char text[64] = "";
    (void)unused;
    printing_init(&x);
    struct output *o = expect_line(&x, "lines", 0, NULL, LINE("lines", 0, 0, "null"));
    o->f = fmemopen(text, sizeof text, "w");
    fputs("buffered", o->f);
    o = expect_line(&x, "dead", 0, NULL, LINE("dead", 0, 0, "null"));
    o->f = stdout; /* stays open */
    printing_done(&x);
    assert_string_equal(text, "buffered");
    assert_true(fputs("", stdout) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_count_per_partition),
        cmocka_unit_test(test_other_topics_hold_what_came_in),
        cmocka_unit_test(test_a_record_that_is_not_of_its_format),
        cmocka_unit_test(test_files_are_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
