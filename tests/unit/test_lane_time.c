/* Inputs that fall silent, over real lanes: their windows close as time goes on elsewhere. */
#include "tests/support/lane_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WAIT_NS 60000000000

static const char topology[] =
    "name: t\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, ts: long}}\n"
    "    time: {field: ts, idle: 1s}\n    steps:\n"
    "      - window: {tumbling: 10ms, aggregate: count() as n}\n"
    "      - select: window_start, n\n    to: {topic: out, value: csv}\n";

/* Partition 0 goes on, partition 1 has had its only row. */
static void follow(int lanes)
{
    struct lane_rig r;
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    lane_rig_init(&r, topology, 2);
    for (int i = 0; i < lanes; i++) {
        lane_rig_start(&r, i);
    }
    lane_rig_send(&r, "x", 1, "b", "{\"h\":\"b\",\"ts\":3}", 0);
    for (int i = 0, is_there = 0; !is_there; i++) {
        char row[40];
        struct buffer out;
        snprintf(row, sizeof row, "{\"h\":\"a\",\"ts\":%d}", i);
        lane_rig_send(&r, "x", 0, "a", row, 0);
        buffer_init(&out);
        lane_rig_output(&r, "out", &out);
        is_there = strstr(buffer_cstr(&out), " b 0,1\n") != NULL;
        buffer_done(&out);
        assert_true(clock_monotonic_ns() < end);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    lane_rig_done(&r);
}

static void in_one_lane(void **state)
{
    (void)state;
    follow(1);
}

static void and_in_another(void **state)
{
    (void)state;
    follow(2);
}

static const char looked_up[] =
    "name: t\n"
    "tables: {h: {from: {topic: h, value: json, columns: {v: long, ts: long}}, merge_wait: 10000d, "
    "time: {field: ts}}}\n"
    "streams:\n  s:\n    from: {topic: s, value: json, columns: {ts: long}}\n"
    "    time: {field: ts, idle: 1s}\n    steps:\n      - lookup: {table: h, take: v}\n"
    "      - window: {tumbling: 10ms, aggregate: count() as n}\n"
    "      - select: window_start, n\n    to: {topic: out, value: csv}\n";

static void send(struct lane_rig *r, const char *topic, int32_t partition, int time)
{
    char row[40];
    snprintf(row, sizeof row, "{\"v\":1,\"ts\":%d}", time);
    lane_rig_send(r, topic, partition, "k", row, 0);
}

/* Partition 1 does not follow partition 0 while a row of it waits for its table. */
static void what_waits_is_not_silent(void **state)
{
    (void)state;
    struct lane_rig r;
    struct buffer out;
    int64_t end = clock_monotonic_ns() + WAIT_NS;
    lane_rig_init(&r, looked_up, 2);
    lane_rig_start(&r, 0);
    for (int32_t p = 0; p < 2; p++) {
        send(&r, "h", p, 10);
        send(&r, "s", p, 10);
    }
    assert_int_equal(lane_rig_settle(&r), 0);
    send(&r, "s", 1, 20);
    send(&r, "h", 0, 1000);
    send(&r, "s", 0, 1000);
    for (int64_t since = atomic_load(&r.clock.ms); atomic_load(&r.clock.ms) < since + 20000;) {
        assert_true(clock_monotonic_ns() < end);
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    send(&r, "h", 1, 1500);
    send(&r, "s", 1, 1500);
    assert_int_equal(lane_rig_settle(&r), 0);
    assert_int_equal(lane_rig_stop(&r, 0), 0);
    buffer_init(&out);
    lane_rig_output(&r, "out", &out);
    assert_non_null(strstr(buffer_cstr(&out), " k 20,1\n"));
    buffer_done(&out);
    lane_rig_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_one_lane),
        cmocka_unit_test(and_in_another),
        cmocka_unit_test(what_waits_is_not_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
