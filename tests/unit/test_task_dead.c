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

#define BEHIND                                                                                     \
    "  a:\n    from: {topic: x, value: json, key: none, columns: {h: string, v: long}}\n"          \
    "    steps:\n      - key_by: h\n      - running: lag(v) as before\n"                           \
    "      - add: 1 / v as w\n    to: {topic: out, value: csv}\n"

/* Behind a repartition: the record of the internal topic with its position, and the row to read. */
static void behind_a_repartition(void **state)
{
    (void)state;
    for (int tolerates = 0; tolerates < 2; tolerates++) {
        struct task_rig r;
        struct record in = {.topic = "t-a-repartition", .offset = 40, .timestamp = 5};
        task_rig_init(&r,
                      tolerates ? "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\n"
                                  "streams:\n" BEHIND
                                : "name: t\nstreams:\n" BEHIND,
                      0);
        task_rig_start(&r, 0);
        assert_int_equal(task_rig_push_one(&r, "x", 7, NULL, "{\"h\":\"k\",\"v\":0}"), 0);
        const struct produced *p = task_rig_find(&r, in.topic);
        char key[8], value[100];
        memcpy(key, p->key, p->key_n);
        memcpy(value, p->value, p->value_n);
        in.key = key;
        in.key_n = p->key_n;
        in.value = value;
        in.value_n = p->value_n;
        task_rig_stop(&r);
        task_rig_clear(&r);
        task_rig_start(&r, 1);
        int status = task_push(r.task, 0, &in, 1, &r.err);
        if (!tolerates) {
            assert_int_equal(status, -ERR_DATA);
            assert_non_null(strstr(r.err.text, "t-a-repartition partition 0 offset 40, row "
                                               "{\"h\":\"k\",\"v\":0"));
            task_rig_done(&r);
            continue;
        }
        assert_int_equal(status, 0);
        p = task_rig_find(&r, "dead");
        assert_int_equal(p->value_n, in.value_n);
        assert_memory_equal(p->value, value, in.value_n);
        assert_memory_equal(p->key, key, in.key_n);
        assert_int_equal(p->timestamp, 5);
        assert_non_null(strstr(p->headers, "__connect.errors.topic=t-a-repartition,"
                                           "__connect.errors.partition=0,"
                                           "__connect.errors.offset=40,"));
        assert_non_null(strstr(p->headers, "klamm.row={\"h\":\"k\",\"v\":0,"));
        task_rig_done(&r);
    }
}

static void headers_as_connect_has_them(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\nstreams:\n"
                  "  a:\n    from: {topic: x, value: json, key: none, columns: {v: long}}\n"
                  "    steps:\n      - add: 1 / v as w\n    to: {topic: out, value: csv}\n",
                  0);
    task_rig_start(&r, 0);
    assert_int_equal(task_rig_push_one(&r, "x", 1, NULL, "{\"v\":0}"), 0);
    assert_string_equal(
        task_rig_find(&r, "dead")->headers,
        "__connect.errors.topic=x,__connect.errors.partition=0,__connect.errors.offset=1,"
        "__connect.errors.connector.name=t,__connect.errors.task.id=0,"
        "__connect.errors.stage=TRANSFORMATION,__connect.errors.class.name=add,"
        "__connect.errors.exception.class.name=org.apache.kafka.connect.errors.DataException,"
        "__connect.errors.exception.message=streams.a.steps[1].add: division by zero: 1 / 0,"
        "__connect.errors.exception.stacktrace=org.apache.kafka.connect.errors.DataException: "
        "streams.a.steps[1].add: division by zero: 1 / 0\n\tat add (streams.a.steps[1].add, "
        "t.yaml:7)\n\tat stream a\n\tat topology t, sub-plan 0, task 0,");
    task_rig_done(&r);
}

/* What does not fit behind the headers is left out, and a header tells; first the value. */
static void large_records(void **state)
{
    (void)state;
    static const struct {
        size_t most;
        const char *left;
        bool has_value, has_key;
    } cases[] = {{0, NULL, true, true},
                 {100000, NULL, true, true},
                 {2000, "klamm.left.out=value,", false, true},
                 {800, "klamm.left.out=key, value,", false, false}};
    char key[1001], value[3001];
    memset(key, 'k', 1000);
    memset(value, 'v', 3000);
    key[1000] = value[3000] = '\0';
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct task_rig r;
        task_rig_init(&r, all, 0);
        r.most_bytes = cases[i].most;
        task_rig_start(&r, 0);
        assert_int_equal(task_rig_push_one(&r, "x", 3, key, value), 0);
        const struct produced *p = task_rig_find(&r, "dead");
        assert_int_equal(p->value != NULL, cases[i].has_value);
        assert_int_equal(p->key != NULL, cases[i].has_key);
        assert_non_null(strstr(p->headers, "__connect.errors.offset=3,"));
        const char *left = strstr(p->headers, "klamm.left.out");
        assert_int_equal(left == NULL, cases[i].left == NULL);
        if (left) {
            assert_string_equal(left, cases[i].left);
        }
        task_rig_done(&r);
    }
}

/* A row whose record the producer would refuse is one bad row: the others go out. */
static void outputs_that_are_too_large(void **state)
{
    (void)state;
    struct task_rig r;
    char big[1500];
    char wide[1001];
    memset(wide, 'w', 1000);
    wide[1000] = '\0';
    snprintf(big, sizeof big, "{\"h\":\"b\",\"v\":2,\"w\":\"%s\"}", wide);
    const char *value[] = {"{\"h\":\"a\",\"v\":1}", big, "{\"h\":\"c\",\"v\":3}"};
    task_rig_init(&r, all, 0);
    r.most_bytes = 1000;
    task_rig_start(&r, 0);
    assert_int_equal(task_rig_push(&r, "x", 0, NULL, value, 3), 0);
    assert_int_equal(task_counts(r.task).bad, 1);
    assert_int_equal(task_counts(r.task).rows_out, 2);
    const struct produced *p = task_rig_find(&r, "dead");
    assert_non_null(strstr(p->headers, "__connect.errors.stage=KAFKA_PRODUCE,"));
    assert_non_null(strstr(p->headers, "RecordTooLargeException,"));
    assert_non_null(strstr(p->headers, "__connect.errors.offset=1,"));
    assert_non_null(strstr(p->headers, "message.max.bytes"));
    task_rig_done(&r);
    task_rig_init(&r, none, 0);
    r.most_bytes = 1000;
    task_rig_start(&r, 0);
    assert_int_equal(task_rig_push(&r, "x", 0, NULL, value, 3), -ERR_DATA);
    assert_non_null(strstr(r.err.text, "x partition 0 offset 1: "));
    task_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_records_stop_the_task),
        cmocka_unit_test(or_are_set_aside),
        cmocka_unit_test(dead_letters_keep_the_order_of_records),
        cmocka_unit_test(rows_without_record),
        cmocka_unit_test(a_record_of_many_bad_rows_goes_out_once),
        cmocka_unit_test(behind_a_repartition),
        cmocka_unit_test(headers_as_connect_has_them),
        cmocka_unit_test(large_records),
        cmocka_unit_test(outputs_that_are_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
