/* Lanes over the log in memory: commits, rebalances, aborts, and how lanes end.
 */
#include "tests/support/lane_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char topology[] =
    "name: t\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long, ts: "
    "long}}\n"
    "    time: {field: ts, out_of_order: 5ms, idle: 10000d}\n"
    "  direct:\n    from: a\n    steps:\n"
    "      - window: {tumbling: 10ms, aggregate: \"count() as n, sum(v) as s\"}\n"
    "      - select: window_start, n, s\n    to: {topic: out, value: csv}\n"
    "  cut:\n    from: a\n    steps:\n"
    "      - key_by: v % 3 as g\n"
    "      - window: {tumbling: 20ms, aggregate: \"count() as n, sum(v) as s\"}\n"
    "      - select: window_start, n, s\n    to: {topic: by_g, value: csv}\n";

static void send_rows(struct lane_rig *r, int from, int to)
{
    static const char *const host[] = {"a", "b", "c", "d", "e"};
    for (int i = from; i < to; i++) {
        char value[100];
        int32_t partition = i % 5 % 3;
        snprintf(value, sizeof value, "{\"h\":\"%s\",\"v\":%d,\"ts\":%d}", host[i % 5], i,
                 i + (i * 7) % 5);
        lane_rig_send(r, "x", partition, host[i % 5], value, i);
    }
}

/* Rows far ahead close all windows before them. */
static void send_end(struct lane_rig *r)
{
    for (int32_t p = 0; p < 3; p++) {
        lane_rig_send(r, "x", p, "end", "{\"h\":\"end\",\"v\":0,\"ts\":100000}", 0);
    }
}

static void expected_output(struct buffer *out)
{
    struct lane_rig r;
    lane_rig_init(&r, topology, 3);
    send_rows(&r, 0, 600);
    send_end(&r);
    assert_int_equal(lane_rig_run(&r, 1), 0);
    lane_rig_output(&r, "out", out);
    buffer_text(out, "--\n");
    lane_rig_output(&r, "by_g", out);
    lane_rig_done(&r);
}

static void assert_same_output(struct lane_rig *r)
{
    struct buffer want, got;
    buffer_init(&want);
    buffer_init(&got);
    expected_output(&want);
    lane_rig_output(r, "out", &got);
    buffer_text(&got, "--\n");
    lane_rig_output(r, "by_g", &got);
    assert_string_equal(buffer_cstr(&got), buffer_cstr(&want));
    buffer_done(&want);
    buffer_done(&got);
}

static void one_lane(void **state)
{
    (void)state;
    struct lane_rig r;
    struct buffer out;
    buffer_init(&out);
    lane_rig_init(&r, topology, 3);
    send_rows(&r, 0, 600);
    send_end(&r);
    lane_rig_start(&r, 0);
    assert_int_equal(lane_rig_settle(&r), 0);
    struct lane_counts c = lane_counts(r.lane[0]);
    assert_true(c.commits > 0);
    assert_true(c.records >= 603);
    assert_int_equal(c.bad, 0);
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    lane_rig_output(&r, "out", &out);
    int64_t rows = 0;
    for (const char *p = buffer_cstr(&out); *p; p = strchr(p, '\n') + 1) {
        long long n = 0;
        assert_int_equal(sscanf(strchr(p, ','), ",%lld", &n), 1);
        rows += n;
    }
    assert_int_equal(rows, 600);
    buffer_done(&out);
    lane_rig_done(&r);
}

static void batches_do_not_show(void **state)
{
    (void)state;
    static const uint16_t batch[] = {1, 3};
    for (int i = 0; i < 2; i++) {
        struct lane_rig r;
        lane_rig_init(&r, topology, 3);
        r.batch_rows = batch[i];
        send_rows(&r, 0, 600);
        send_end(&r);
        assert_int_equal(lane_rig_run(&r, 1), 0);
        assert_same_output(&r);
        lane_rig_done(&r);
    }
}

static void two_lanes_in_a_group(void **state)
{
    (void)state;
    struct lane_rig r;
    lane_rig_init(&r, topology, 3);
    send_rows(&r, 0, 600);
    send_end(&r);
    assert_int_equal(lane_rig_run(&r, 2), 0);
    assert_same_output(&r);
    lane_rig_done(&r);
}

/* Members come and go while rows come in: what is revoked has been committed before. */
static void rebalances_lose_nothing(void **state)
{
    (void)state;
    struct lane_rig r;
    lane_rig_init(&r, topology, 3);
    lane_rig_start(&r, 0);
    for (int i = 0; i < 6; i++) {
        send_rows(&r, i * 100, i * 100 + 100);
        if (i % 2) {
            assert_int_equal(lane_rig_stop(&r, 1), 0);
        } else {
            lane_rig_start(&r, 1);
        }
    }
    send_end(&r);
    assert_int_equal(lane_rig_settle(&r), 0);
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    assert_same_output(&r);
    lane_rig_done(&r);
}

static void a_restart_goes_on(void **state)
{
    (void)state;
    struct lane_rig r;
    lane_rig_init(&r, topology, 3);
    for (int i = 0; i < 6; i++) {
        send_rows(&r, i * 100, i * 100 + 100);
        assert_int_equal(lane_rig_run(&r, 1), 0);
    }
    send_end(&r);
    assert_int_equal(lane_rig_run(&r, 1), 0);
    assert_same_output(&r);
    lane_rig_done(&r);
}

static void aborts_and_crashes_do_not_show(void **state)
{
    (void)state;
    struct lane_rig r;
    lane_rig_init(&r, topology, 3);
    r.seed = 7;
    atomic_store(&r.faults, 40);
    send_rows(&r, 0, 600);
    send_end(&r);
    assert_int_equal(lane_rig_run(&r, 1), 0);
    assert_true(atomic_load(&r.opened) > 1);
    assert_same_output(&r);
    lane_rig_done(&r);
}

static void a_bad_record_ends_the_lane(void **state)
{
    (void)state;
    struct lane_rig r;
    lane_rig_init(&r, topology, 3);
    send_rows(&r, 0, 10);
    lane_rig_send(&r, "x", 1, "k", "oops", 5);
    lane_rig_start(&r, 0);
    assert_int_equal(lane_rig_settle(&r), -ERR_DATA);
    assert_non_null(strstr(r.err[0].text, "x partition 1 offset "));
    lane_rig_done(&r);
}

static void dead_letters_commit_with_the_rest(void **state)
{
    (void)state;
    struct lane_rig r;
    struct buffer out;
    buffer_init(&out);
    lane_rig_init(&r,
                  "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\nstreams:\n"
                  "  a: {from: {topic: x, value: json, columns: {v: long}}, to: {topic: out, "
                  "value: csv}}\n",
                  1);
    r.seed = 3;
    atomic_store(&r.faults, 20);
    for (int i = 0; i < 50; i++) {
        lane_rig_send(&r, "x", 0, "k", i % 10 ? "{\"v\":1}" : "oops", i);
    }
    assert_int_equal(lane_rig_run(&r, 1), 0);
    lane_rig_output(&r, "dead", &out);
    assert_string_equal(buffer_cstr(&out), "0 k oops\n0 k oops\n0 k oops\n0 k oops\n0 k oops\n");
    buffer_clear(&out);
    lane_rig_output(&r, "out", &out);
    assert_int_equal(out.n, 45 * strlen("0 k 1\n"));
    buffer_done(&out);
    lane_rig_done(&r);
}

/* Two streams read one topic by different clocks: each has its watermark back after a restart. */
static void rows_without_key_are_counted(void **state)
{
    (void)state;
    struct lane_rig r;
    lane_rig_init(
        &r,
        "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, columns: {h: string}}\n"
        "    steps:\n      - key_by: h\n      - running: count() as n\n"
        "    to: {topic: out, value: json}\n",
        1);
    lane_rig_send(&r, "x", 0, "k", "{\"h\":null}", 0);
    lane_rig_send(&r, "x", 0, "k", "{\"h\":\"a\"}", 0);
    lane_rig_send(&r, "x", 0, "k", "{}", 0);
    lane_rig_start(&r, 0);
    assert_int_equal(lane_rig_settle(&r), 0);
    lane_stop(r.lane[0], true);
    while (!lane_is_done(r.lane[0])) {
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    assert_int_equal(lane_counts(r.lane[0]).no_key, 2);
    lane_rig_done(&r);
}

static void two_streams_of_one_topic(void **state)
{
    (void)state;
    static const char two[] =
        "name: t\nstreams:\n"
        "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long, "
        "ts: "
        "long}}\n    time: {field: ts}\n    steps:\n      - window: {tumbling: 10ms, aggregate: "
        "count() as n}\n      - select: window_start, n\n    to: {topic: one, value: csv}\n"
        "  b:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, v: long, "
        "ts: "
        "long}}\n    time: {field: v}\n    steps:\n      - window: {tumbling: 10ms, aggregate: "
        "count() as n}\n      - select: window_start, n\n    to: {topic: two, value: csv}\n";
    struct buffer out;
    buffer_init(&out);
    struct lane_rig r;
    lane_rig_init(&r, two, 1);
    for (int i = 0; i < 6; i++) {
        char value[100];
        snprintf(value, sizeof value, "{\"h\":\"k\",\"v\":%d,\"ts\":%d}", 5 * i, 5000 + 5 * i);
        lane_rig_send(&r, "x", 0, "k", value, i);
        assert_int_equal(lane_rig_run(&r, 1), 0);
    }
    lane_rig_output(&r, "one", &out);
    assert_string_equal(buffer_cstr(&out), "0 k 5000,2\n0 k 5010,2\n");
    buffer_clear(&out);
    lane_rig_output(&r, "two", &out);
    assert_string_equal(buffer_cstr(&out), "0 k 0,2\n0 k 10,2\n");
    buffer_done(&out);
    lane_rig_done(&r);
}

static void at_least_once_loses_nothing(void **state)
{
    (void)state;
    struct lane_rig r;
    struct buffer out;
    buffer_init(&out);
    lane_rig_init(&r,
                  "name: t\nguarantee: at_least_once\nstreams:\n"
                  "  a: {from: {topic: x, value: json, columns: {v: long}}, to: {topic: out, "
                  "value: csv}}\n",
                  1);
    r.at_least_once = true;
    r.seed = 11;
    atomic_store(&r.faults, 10);
    for (int i = 0; i < 200; i++) {
        char value[20];
        snprintf(value, sizeof value, "{\"v\":%d}", i);
        lane_rig_send(&r, "x", 0, "k", value, i);
    }
    assert_int_equal(lane_rig_run(&r, 1), 0);
    lane_rig_output(&r, "out", &out);
    for (int i = 0; i < 200; i++) {
        char line[20];
        snprintf(line, sizeof line, "0 k %d\n", i);
        assert_non_null(strstr(buffer_cstr(&out), line));
    }
    buffer_done(&out);
    lane_rig_done(&r);
}

/* The topic has gained a partition since the topology began. */
static void state_has_no_room_for_more_partitions(void **state)
{
    (void)state;
    struct lane_rig r;
    lane_rig_init(&r, topology, 3);
    send_rows(&r, 0, 10);
    r.topics.tasks[0] = 2;
    lane_rig_start(&r, 0);
    assert_int_equal(lane_rig_settle(&r), -ERR_CONFIG);
    assert_string_equal(r.err[0].text,
                        "changelog t-direct-window-changelog has 2 partitions, but the input has "
                        "more now: state is bound to partitions; put a key_by (repartition) before "
                        "the step, or delete the changelog to begin anew");
    lane_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_lane),
        cmocka_unit_test(batches_do_not_show),
        cmocka_unit_test(two_lanes_in_a_group),
        cmocka_unit_test(rebalances_lose_nothing),
        cmocka_unit_test(a_restart_goes_on),
        cmocka_unit_test(aborts_and_crashes_do_not_show),
        cmocka_unit_test(a_bad_record_ends_the_lane),
        cmocka_unit_test(dead_letters_commit_with_the_rest),
        cmocka_unit_test(rows_without_key_are_counted),
        cmocka_unit_test(two_streams_of_one_topic),
        cmocka_unit_test(at_least_once_loses_nothing),
        cmocka_unit_test(state_has_no_room_for_more_partitions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
