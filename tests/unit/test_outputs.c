/* What a local run writes: lines by each topic's format, numbered per topic and partition.
 */
#include "worker/outputs.h"

#include "schemas/registry_memory.h"
#include "tests/support/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char topology[] =
    "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\nstreams:\n"
    "  a: {from: {topic: x, value: json, key: {id: long}, columns: {v: long, s: string}}, to: "
    "[{topic: c, value: csv, key: long}, {topic: j, value: json}]}\n";

static const char *print(struct outputs *o, const char *topic, int32_t partition, const void *key,
                         size_t key_n, const char *value)
{
    struct output *out;
    struct err e = {0};
    struct record r = {.topic = topic,
                       .partition = partition,
                       .offset = 77,
                       .timestamp = 5,
                       .key = key,
                       .key_n = key_n,
                       .value = value,
                       .value_n = value ? strlen(value) : 0};
    assert_int_equal(outputs_print(o, &r, &out, &e), 0);
    assert_string_equal(out->topic, topic);
    return buffer_cstr(&o->line);
}

static void each_topic_by_its_format(void **state)
{
    (void)state;
    struct plan_rig r;
    struct outputs o;
    struct schema_store *schemas = registry_memory_new();
    assert_int_equal(plan_rig_init(&r, topology), 0);
    outputs_init(&o, r.plan, schemas);
    assert_string_equal(print(&o, "c", 0, "\0\0\0\0\0\0\0\7", 8, "1,\"a,b\",7"),
                        "{\"topic\":\"c\",\"partition\":0,\"offset\":0,\"key\":7,\"timestamp\":5,"
                        "\"value\":{\"v\":1,\"s\":\"a,b\",\"id\":7}}");
    assert_string_equal(
        print(&o, "j", 3, "k", 1, "{\"v\":1}"),
        "{\"topic\":\"j\",\"partition\":3,\"offset\":0,\"key\":\"k\",\"timestamp\":5,"
        "\"value\":{\"v\":1}}");
    assert_non_null(strstr(print(&o, "j", 3, NULL, 0, NULL), "\"offset\":1,\"key\":null"));
    assert_non_null(strstr(print(&o, "j", 0, NULL, 0, NULL), "\"partition\":0,\"offset\":0"));
    assert_non_null(
        strstr(print(&o, "dead", 0, "k", 1, "{\"broken"), "\"value\":\"{\\\"broken\"}"));
    assert_int_equal(o.n, 3);
    outputs_done(&o);
    schemas->free(schemas);
    plan_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_topic_by_its_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
