/* A record to a row: bad values, tombstones, keys, event times, meta columns. */
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

/* What a bad record left in its row is not seen in the next one. */
static void bad_records_leave_no_trace(void **state)
{
    (void)state;
    const char *value[] = {
        "{\"h\":null,\"w\":null,\"v\":\"x\"}", "{\"h\":\"k\",\"v\":1,\"w\":\"y\"}",
        "{\"h\":\"long enough not to be short\",\"w\":\"zz\",\"v\":\"x\"}", "{\"v\":2}"};
    struct task_rig r;
    task_rig_init(&r, all, 0);
    task_rig_start(&r, 0);
    assert_int_equal(task_rig_push(&r, "x", 0, NULL, value, 4), 0);
    const struct produced *p = task_rig_find(&r, "out");
    assert_string_equal(p[0].value, "k,1,y");
    assert_string_equal(p[1].value, ",2,");
    assert_null(p[1].key);
    task_rig_done(&r);
}

static void tombstones_are_skipped(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, none, 0);
    task_rig_start(&r, 0);
    const char *value[] = {NULL, "{\"h\":\"k\",\"v\":1}", NULL};
    assert_int_equal(task_rig_push(&r, "x", 0, NULL, value, 3), 0);
    assert_int_equal(task_counts(r.task).tombstones, 2);
    assert_int_equal(task_counts(r.task).records, 3);
    assert_string_equal(task_rig_out(&r), "out k k,1,\n");
    assert_int_equal(task_position(r.task, 0, (char[50]){0}, 50), 3);
    task_rig_done(&r);
}

static void keys_fill_their_column(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(
        &r,
        "name: t\nstreams:\n  a:\n"
        "    from: {topic: x, value: json, key: {id: long}, columns: {v: long}}\n"
        "    steps:\n      - add: id + 1 as next\n    to: {topic: out, value: csv, key: none}\n",
        0);
    task_rig_start(&r, 0);
    struct record rec[] = {
        {.topic = "x",
         .offset = 0,
         .key = "\0\0\0\0\0\0\1\2",
         .key_n = 8,
         .value = "{\"v\":1}",
         .value_n = 7},
        {.topic = "x", .offset = 1, .value = "{\"v\":2}", .value_n = 7},
    };
    assert_int_equal(task_push(r.task, 0, rec, 2, &r.err), 0);
    assert_string_equal(task_rig_out(&r), "out - 1,258,259\nout - 2,,\n");
    rec[0].key_n = 3;
    assert_int_equal(task_push(r.task, 0, rec, 1, &r.err), -ERR_DATA);
    task_rig_done(&r);
}

static void meta_columns(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  "name: t\nstreams:\n  a:\n"
                  "    from: {topic: x, value: json, columns: {v: long}}\n    steps:\n"
                  "      - select: _key as k, _topic as t, _partition as p, _offset as o, _time "
                  "as ts, _headers['h'] as h, _headers['none'] as none\n"
                  "    to: {topic: out, value: csv}\n",
                  0);
    task_rig_start(&r, 0);
    struct header h[] = {{"h", "H\xc3\xa4", 3}, {"bad", "\xff", 1}, {"null", NULL, 0}};
    struct record rec = {.topic = "x",
                         .partition = 3,
                         .offset = 17,
                         .timestamp = 99,
                         .key = "kk",
                         .key_n = 2,
                         .value = "{\"v\":1}",
                         .value_n = 7,
                         .headers = h,
                         .nheaders = 3};
    assert_int_equal(task_push(r.task, 0, &rec, 1, &r.err), 0);
    assert_string_equal(task_rig_out(&r), "out kk kk,x,3,17,99,H\xc3\xa4,\n");
    task_rig_done(&r);
}

static int push_time(struct task_rig *r, const char *ts)
{
    char text[80];
    snprintf(text, sizeof text, "{\"ts\":%s}", ts);
    err_clear(&r->err);
    return task_rig_push_one(r, "x", 5, NULL, text);
}

static void event_times(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  "name: t\nstreams:\n  a:\n"
                  "    from: {topic: x, value: json, columns: {ts: long}}\n"
                  "    time: {field: ts, max_ahead: 10s}\n    to: {topic: out, value: csv}\n",
                  0);
    r.limit_ahead = true;
    task_rig_start(&r, 0);
    assert_int_equal(push_time(&r, "1010000"), 0);
    assert_int_equal(push_time(&r, "1010001"), -ERR_DATA);
    assert_non_null(strstr(r.err.text, "is more than time.max_ahead ahead of the wall clock"));
    assert_int_equal(push_time(&r, "null"), -ERR_DATA);
    assert_non_null(strstr(r.err.text, "event time ts is null"));
    assert_int_equal(push_time(&r, "-9223372036854775808"), -ERR_DATA);
    assert_non_null(strstr(r.err.text, "out of range"));
    assert_int_equal(push_time(&r, "-5"), 0);
    assert_int_equal(task_watermark(r.task, 0), 1010000);
    r.limit_ahead = false;
    task_rig_stop(&r);
    task_rig_start(&r, 0);
    assert_int_equal(push_time(&r, "9000000000000"), 0);
    task_rig_done(&r);
}

/* ---- repartitions ---- */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_records_leave_no_trace),
        cmocka_unit_test(tombstones_are_skipped),
        cmocka_unit_test(keys_fill_their_column),
        cmocka_unit_test(meta_columns),
        cmocka_unit_test(event_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
