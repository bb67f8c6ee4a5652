/* Dead letters: what goes where, in which order, with which headers.
 */
#include "tests/support/task_rig.h"

#include "engine/buffer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define PLAIN                                                                                      \
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long, w: "  \
    "string}}\n    to: {topic: out, value: csv}\n"

static const char none[] = "name: t\nstreams:\n" PLAIN;
static const char all[] =
    "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\nstreams:\n" PLAIN;

static void bad_records_stop_the_task(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, none, 0);
    task_rig_start(&r, 0);
    assert_int_equal(task_rig_push_one(&r, "x", 7, "k", "{\"h\": 5}"), -ERR_DATA);
    assert_non_null(strstr(r.err.text, "x partition 0 offset 7: "));
    assert_non_null(strstr(r.err.text, "errors: {tolerance: all, dead_letter_topic: …}"));
    assert_int_equal(task_counts(r.task).bad, 1);
    task_rig_done(&r);
}

static void or_are_set_aside(void **state)
{
    (void)state;
    const char *value[] = {"{\"h\":\"k\",\"v\":1}", "{\"h\":", "{\"h\":\"k\",\"v\":\"two\"}",
                           "{\"h\":\"k\",\"v\":3}"};
    static const uint16_t batch[] = {1, 2, 2048};
    for (int i = 0; i < 3; i++) {
        struct task_rig r;
        task_rig_init(&r, all, batch[i]);
        task_rig_start(&r, 0);
        assert_int_equal(task_rig_push(&r, "x", 10, NULL, value, 4), 0);
        assert_int_equal(task_counts(r.task).bad, 2);
        const struct produced *p = task_rig_find(&r, "dead");
        assert_string_equal(p->value, value[1]);
        assert_null(p->key);
        assert_int_equal(p->timestamp, 11);
        assert_non_null(strstr(p->headers, "__connect.errors.topic=x,__connect.errors.partition=0,"
                                           "__connect.errors.offset=11,"
                                           "__connect.errors.connector.name=t,"
                                           "__connect.errors.task.id=0,"
                                           "__connect.errors.stage=VALUE_CONVERTER,"));
        assert_non_null(strstr(p->headers, "__connect.errors.exception.message="));
        assert_string_equal(p[1].value, value[2]);
        p = task_rig_find(&r, "out");
        assert_string_equal(p->value, "k,1,");
        task_rig_done(&r);
    }
}

static void dead_letters_keep_the_order_of_records(void **state)
{
    (void)state;
    static const char topology[] =
        "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\nstreams:\n"
        "  a:\n    from: {topic: x, value: json, key: none, columns: {v: long}}\n    steps:\n"
        "      - add: 100 / (v - 1) as one\n      - add: 100 / (v - 2) as two\n"
        "    to: {topic: out, value: csv}\n";
    const char *value[] = {"{\"v\":2}", "{\"v\":1}", "oops", "{\"v\":3}", "{\"v\":1}"};
    static const uint16_t batch[] = {1, 2, 2048};
    for (int i = 0; i < 3; i++) {
        struct task_rig r;
        task_rig_init(&r, topology, batch[i]);
        task_rig_start(&r, 0);
        assert_int_equal(task_rig_push(&r, "x", 0, NULL, value, 5), 0);
        struct buffer b;
        buffer_init(&b);
        for (size_t k = 0; k < r.n; k++) {
            if (strcmp(r.item[k].topic, "dead") == 0) {
                buffer_printf(&b, "%s ", r.item[k].value);
                bool is_read = strstr(r.item[k].headers, "stage=TRANSFORMATION") != NULL;
                assert_true(is_read == (r.item[k].value[0] == '{'));
            }
        }
        assert_string_equal(buffer_cstr(&b), "{\"v\":2} {\"v\":1} oops {\"v\":1} ");
        buffer_done(&b);
        task_rig_done(&r);
    }
}

/* Behind a window a row has no record: it goes out as JSON. */
static void rows_without_record(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\nstreams:\n  a:\n"
                  "    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: "
                  "double}}\n    steps:\n"
                  "      - window: {tumbling: 10ms, aggregate: \"count() as n, max(v) as m\"}\n"
                  "      - add: 1 / (n - 1) as x\n    to: {topic: out, value: csv}\n",
                  0);
    task_rig_start(&r, 0);
    assert_int_equal(task_rig_push_one(&r, "x", 1, "k", "{\"h\":\"say \\\"k\\\"\",\"v\":\"NaN\"}"),
                     0);
    assert_int_equal(task_finish(r.task, &r.err), 0);
    const struct produced *p = task_rig_find(&r, "dead");
    assert_non_null(p);
    assert_string_equal(p->value, "{\"h\":\"say \\\"k\\\"\",\"window_start\":0,\"window_end\":10,"
                                  "\"n\":1,\"m\":\"NaN\"}");
    assert_non_null(strstr(p->headers, "streams.a.steps[2].add: division by zero"));
    task_rig_done(&r);
}

/* Of a record that becomes several rows it goes out once, with the first cause, whatever memory the
 * step that made the rows has given back by then. */
static void a_record_of_many_bad_rows_goes_out_once(void **state)
{
    (void)state;
    static const char topology[] =
        "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\nstreams:\n"
        "  a:\n    from: {topic: x, value: json, key: none, columns: {v: array<long>}}\n    "
        "steps:\n"
        "      - flatten: v\n      - add: 12 / v as one\n      - add: 12 / (v - 1) as two\n"
        "    to: {topic: out, value: csv}\n";
    const char *value[] = {"{\"v\":[2,1,0,1]}", "{\"v\":[0,3]}", "{\"v\":[4]}", "{\"v\":[1,0]}"};
    static const uint16_t batch[] = {1, 2, 2048};
    for (int i = 0; i < 3; i++) {
        struct task_rig r;
        task_rig_init(&r, topology, batch[i]);
        task_rig_start(&r, 0);
        assert_int_equal(task_rig_push(&r, "x", 0, NULL, value, 4), 0);
        assert_int_equal(task_counts(r.task).bad, 3);
        int dead = 0;
        for (size_t k = 0; k < r.n; k++) {
            if (strcmp(r.item[k].topic, "dead") == 0) {
                assert_string_equal(r.item[k].value, value[dead == 2 ? 3 : dead]);
                assert_non_null(strstr(r.item[k].headers, "steps[2].add: division by zero"));
                dead++;
            }
        }
        assert_int_equal(dead, 3);
        task_rig_done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_records_stop_the_task),
        cmocka_unit_test(or_are_set_aside),
        cmocka_unit_test(dead_letters_keep_the_order_of_records),
        cmocka_unit_test(rows_without_record),
        cmocka_unit_test(a_record_of_many_bad_rows_goes_out_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
