/* Tasks of a lane: what is known of an input when its task is built. What restores and rebalances
 * do to the output: test_lane.c. */
#include "tests/support/lane_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char topology[] =
    "name: t\nstreams:\n"
    "  a:\n    from: {topic: x, value: json, columns: {g: string, ts: long}}\n"
    "    time: {field: ts, idle: 10000d}\n    steps:\n      - key_by: g\n"
    "      - window: {tumbling: 10ms, aggregate: count() as n}\n"
    "      - select: window_start, n\n    to: {topic: out, value: csv}\n";

/* Rows in two partitions of three. */
static void run(bool until_end, struct buffer *out)
{
    struct lane_rig r;
    lane_rig_init(&r, topology, 3);
    r.until_end = until_end;
    for (int32_t p = 0; p < 2; p++) {
        lane_rig_send(&r, "x", p, NULL, "{\"g\":\"a\",\"ts\":3}", 0);
        lane_rig_send(&r, "x", p, NULL, "{\"g\":\"a\",\"ts\":50}", 0);
    }
    assert_int_equal(lane_rig_run(&r, 1), 0);
    lane_rig_output(&r, "out", out);
    lane_rig_done(&r);
}

static void an_empty_partition_is_waited_for(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out);
    run(false, &out);
    assert_int_equal(out.n, 0);
    buffer_done(&out);
}

static void but_not_at_the_end_of_all_input(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out);
    run(true, &out);
    assert_non_null(strstr(buffer_cstr(&out), " a 0,2\n"));
    assert_null(strstr(buffer_cstr(&out), "50,"));
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_partition_is_waited_for),
        cmocka_unit_test(but_not_at_the_end_of_all_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
