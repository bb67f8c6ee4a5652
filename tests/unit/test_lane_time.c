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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_one_lane),
        cmocka_unit_test(and_in_another),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
