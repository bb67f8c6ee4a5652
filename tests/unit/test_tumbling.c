/* Tumbling windows at their boundaries, as Kafka Streams has them (seen there: size 10, grace 5).
 */
#include "tests/unit/window_harness.h"

static void closes_at_end_plus_grace(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, grace: 5ms, aggregate: count() as n}");
    struct row r[] = {{"a", 3, 1, 0, NULL, 0}, {"a", 14, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 2, 1), 0);
    assert_string_equal(harness_out(&h), "");
    struct row late[] = {{"a", 5, 1, 0, NULL, 0}, /* still in its grace */
                         {"b", 15, 1, 0, NULL, 0},
                         {"a", 3, 1, 0, NULL, 0}}; /* refused from 15 on */
    assert_int_equal(harness_run(&h, late, 3, 1), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=2 @9\n");
    assert_int_equal(h.op.counter[COUNT_LATE], 1);
    assert_int_equal(op_window.lag(&h.node), 5);
    harness_done(&h);
}

static void lateness_is_judged_row_by_row(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, aggregate: count() as n}");
    /* One batch: the watermark as of each row decides, not that of the batch. */
    struct row r[] = {{"a", 1, 1, 0, NULL, 1},
                      {"a", 9, 1, 0, NULL, 9},
                      {"a", 10, 1, 0, NULL, 10},
                      {"a", 2, 1, 0, NULL, 10},
                      {"a", 19, 1, 0, NULL, 19}};
    assert_int_equal(harness_push(&h, r, 5), 0);
    assert_int_equal(h.op.counter[COUNT_LATE], 1);
    assert_int_equal(op_window.next_time(&h.op), 10);
    assert_int_equal(harness_advance(&h, 19), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=2 @9\n");
    assert_int_equal(op_window.next_time(&h.op), 20);
    harness_done(&h);
}

static void a_fired_window_never_opens_again(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, aggregate: count() as n}");
    harness_advance(&h, 30); /* an idle time-out, say */
    struct row r[] = {{"a", 5, 1, 0, NULL, 5}, {"a", 30, 1, 0, NULL, 30}};
    assert_int_equal(harness_push(&h, r, 2), 0);
    assert_int_equal(h.op.counter[COUNT_LATE], 1);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(harness_out(&h), "host=a window_start=30 window_end=40 n=1 @39\n");
    harness_done(&h);
}

static void no_negative_windows(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, aggregate: count() as n}");
    struct row r[] = {{"a", -1, 1, 0, NULL, -1},
                      {"a", -10, 1, 0, NULL, -1},
                      {"a", TIME_MIN, 1, 0, NULL, -1},
                      {"a", 0, 1, 0, NULL, 0}};
    assert_int_equal(harness_push(&h, r, 4), 0);
    assert_int_equal(h.op.counter[COUNT_LATE], 3);
    harness_advance(&h, 10);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=1 @9\n");
    harness_done(&h);
}

static void the_end_of_time(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, grace: 1d, aggregate: count() as n}");
    struct row r[] = {{"a", TIME_MAX - 1, 1, 0, NULL, 0}, {"a", 5, 1, 0, NULL, 0}};
    assert_int_equal(harness_push(&h, r, 2), 0);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(harness_out(&h),
                        "host=a window_start=0 window_end=10 n=1 @9\n"
                        "host=a window_start=9223372036854775800 window_end=9223372036854775807 "
                        "n=1 @9223372036854775806\n");
    assert_int_equal(op_window.next_time(&h.op), TIME_MAX);
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

static void ordered_by_end_then_key(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, aggregate: count() as n}");
    struct row r[] = {
        {"b", 31, 1, 0, NULL, 0},        {"a host with a long name", 35, 1, 0, NULL, 0},
        {"a", 32, 1, 0, NULL, 0},        {"c", 3, 1, 0, NULL, 0},
        {"\xc3\xa4", 33, 1, 0, NULL, 0}, {"", 32, 1, 0, NULL, 0}};
    assert_int_equal(harness_push(&h, r, 6), 0);
    harness_advance(&h, 100); /* a jump over many windows loses none */
    assert_string_equal(harness_out(&h),
                        "host=c window_start=0 window_end=10 n=1 @9\n"
                        "host= window_start=30 window_end=40 n=1 @39\n"
                        "host=a window_start=30 window_end=40 n=1 @39\n"
                        "host=a host with a long name window_start=30 window_end=40 n=1 @39\n"
                        "host=b window_start=30 window_end=40 n=1 @39\n"
                        "host=\xc3\xa4 window_start=30 window_end=40 n=1 @39\n");
    harness_done(&h);
}

static void a_restart_keeps_open_windows(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, aggregate: \"count() as n, last(s) as s\"}");
    struct row r[] = {{"a", 1, 1, 0, "some text of the first row", 1},
                      {"b", 12, 1, 0, "x", 12},
                      {"a", 13, 1, 0, NULL, 12}};
    assert_int_equal(harness_push(&h, r, 3), 0);
    harness_restart(&h);
    assert_int_equal(op_window.next_time(&h.op), 10);
    harness_advance(&h, 12);
    harness_restart(&h);
    struct row more[] = {{"b", 14, 1, 0, "another text, of the last", 14}};
    assert_int_equal(harness_push(&h, more, 1), 0);
    harness_restart(&h);
    harness_advance(&h, 20);
    assert_string_equal(
        harness_out(&h),
        "host=a window_start=0 window_end=10 n=1 s=some text of the first row @9\n"
        "host=a window_start=10 window_end=20 n=1 s=null @19\n"
        "host=b window_start=10 window_end=20 n=2 s=another text, of the last @19\n");
    harness_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_at_end_plus_grace),
        cmocka_unit_test(lateness_is_judged_row_by_row),
        cmocka_unit_test(a_fired_window_never_opens_again),
        cmocka_unit_test(no_negative_windows),
        cmocka_unit_test(the_end_of_time),
        cmocka_unit_test(ordered_by_end_then_key),
        cmocka_unit_test(a_restart_keeps_open_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
