/* Sliding windows at their boundaries, as Kafka Streams has them (seen there: size 10, grace 5). */
#include "tests/unit/window_harness.h"

static void closes_behind_end_plus_grace(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{sliding: 10ms, grace: 5ms, aggregate: count() as n}");
    struct row r[] = {{"a", 20, 1, 0, NULL, 0}, {"b", 25, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 2, 1), 0);
    assert_string_equal(harness_out(&h), "");
    struct row more[] = {{"b", 26, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, more, 1, 1), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=10 window_end=20 n=1 @20\n");
    assert_int_equal(op_window.lag(&h.node), 5);
    harness_done(&h);
}

static void left_and_right_windows(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{sliding: 10ms, aggregate: \"count() as n, sum(v) as s\"}");
    struct row r[] = {{"a", 20, 1, 0, NULL, 0},
                      {"a", 25, 2, 0, NULL, 0},
                      {"b", 25, 8, 0, NULL, 0},
                      {"a", 31, 4, 0, NULL, 0},
                      {"z", 999, 0, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 5, 2048), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=10 window_end=20 n=1 s=1 @20\n"
                                         "host=a window_start=15 window_end=25 n=2 s=3 @25\n"
                                         "host=b window_start=15 window_end=25 n=1 s=8 @25\n"
                                         "host=a window_start=21 window_end=31 n=2 s=6 @31\n"
                                         "host=a window_start=26 window_end=36 n=1 s=4 @36\n");
    harness_done(&h);
}

static void rows_before_size_share_a_window(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{sliding: 10ms, aggregate: count() as n}");
    struct row r[] = {{"a", 0, 1, 0, NULL, 0},
                      {"a", 3, 1, 0, NULL, 0},
                      {"a", 10, 1, 0, NULL, 0},
                      {"a", -1, 1, 0, NULL, 0},
                      {"z", 99, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 5, 3), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=3 @10\n"
                                         "host=a window_start=1 window_end=11 n=2 @11\n"
                                         "host=a window_start=4 window_end=14 n=1 @14\n");
    assert_int_equal(h.op.counter[COUNT_LATE], 1);
    harness_done(&h);
}

/* Where Kafka Streams loses a row: 126 comes when its left window is closed; the window of 135
 * holds it by definition. */
static void a_late_row_counts_in_windows_still_open(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{sliding: 10ms, aggregate: count() as n}");
    struct row r[] = {{"a", 133, 1, 0, NULL, 0},
                      {"a", 133, 1, 0, NULL, 0},
                      {"b", 135, 1, 0, NULL, 0},
                      {"a", 126, 1, 0, NULL, 0},
                      {"a", 135, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 5, 2048), 0);
    harness_restart(&h);
    harness_advance(&h, 136);
    assert_string_equal(harness_out(&h), "host=a window_start=123 window_end=133 n=2 @133\n"
                                         "host=a window_start=125 window_end=135 n=4 @135\n"
                                         "host=b window_start=125 window_end=135 n=1 @135\n");
    assert_int_equal(h.op.counter[COUNT_LATE], 0);
    harness_done(&h);
}

static void refused_behind_size_plus_grace(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{sliding: 10ms, grace: 5ms, aggregate: count() as n}");
    struct row r[] = {{"b", 35, 1, 0, NULL, 0}, {"a", 20, 1, 0, NULL, 0}}; /* 20 + 10 + 5 */
    assert_int_equal(harness_run(&h, r, 2, 1), 0);
    assert_int_equal(h.op.counter[COUNT_LATE], 0);
    struct row more[] = {{"b", 36, 1, 0, NULL, 0}, {"a", 20, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, more, 2, 1), 0);
    assert_int_equal(h.op.counter[COUNT_LATE], 1);
    harness_advance(&h, TIME_MAX);
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

static void the_end_of_time(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{sliding: 10ms, grace: 1d, aggregate: count() as n}");
    struct row r[] = {{"a", TIME_MAX - 1, 1, 0, NULL, 0}, {"a", 5, 1, 0, NULL, 0}};
    assert_int_equal(harness_push(&h, r, 2), 0);
    harness_advance(&h, TIME_MAX);
    assert_int_equal(strncmp(harness_out(&h), "host=a window_start=0 window_end=10 n=1 @10\n", 44),
                     0);
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_behind_end_plus_grace),
        cmocka_unit_test(left_and_right_windows),
        cmocka_unit_test(rows_before_size_share_a_window),
        cmocka_unit_test(a_late_row_counts_in_windows_still_open),
        cmocka_unit_test(refused_behind_size_plus_grace),
        cmocka_unit_test(the_end_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
