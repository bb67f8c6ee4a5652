/* `emit: {every: DURATION}` (windows/every.c): by event time, by ticks, over restarts. */
#include "tests/unit/window_harness.h"

static void changed_windows_by_event_time(void **state)
{
    (void)state;
    for (uint16_t batch = 1; batch <= 4; batch++) {
        struct harness h;
        harness_init(&h, "{tumbling: 100ms, emit: {every: 10ms}, aggregate: count() as n}");
        h.judged_by_row = true;
        struct row r[] = {{"b", 3, 1, 0, NULL, 0},   {"a", 4, 1, 0, NULL, 0},
                          {"b", 9, 1, 0, NULL, 0},   {"b", 12, 1, 0, NULL, 0},
                          {"a", 47, 1, 0, NULL, 0},  {"z", 101, 1, 0, NULL, 0},
                          {"z", 105, 1, 0, NULL, 0}, {"z", 119, 1, 0, NULL, 0}};
        assert_int_equal(harness_run(&h, r, 8, batch), 0);
        assert_string_equal(harness_out(&h),
                            "host=a window_start=0 window_end=100 n=1 @99\n" /* at 12 */
                            "host=b window_start=0 window_end=100 n=3 @99\n"
                            "host=a window_start=0 window_end=100 n=2 @99\n" /* at 47 */
                            "host=z window_start=100 window_end=200 n=1 @199\n"
                            "host=z window_start=100 window_end=200 n=3 @199\n");
        harness_done(&h);
    }
}

static void what_changed_last_comes_out_when_it_closes(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{hopping: {size: 20ms, every: 10ms}, emit: {every: 1s}, "
                     "aggregate: count() as n}");
    h.judged_by_row = true;
    struct row r[] = {{"b", 3, 1, 0, NULL, 0}, {"a", 12, 1, 0, NULL, 0}, {"a", 25, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 3, 2048), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=20 n=1 @19\n"
                                         "host=b window_start=0 window_end=20 n=1 @19\n");
    harness_restart(&h); /* open windows count as changed */
    harness_advance(&h, 40);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=20 n=1 @19\n"
                                         "host=b window_start=0 window_end=20 n=1 @19\n"
                                         "host=a window_start=10 window_end=30 n=2 @29\n"
                                         "host=a window_start=20 window_end=40 n=1 @39\n");
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

static void ticks_replace_event_time(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 100ms, emit: {every: 10ms}, aggregate: count() as n}");
    h.judged_by_row = true;
    assert_int_equal(op_window.tick(&h.op, 1000), 0);
    struct row r[] = {{"a", 3, 1, 0, NULL, 0}, {"a", 44, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 2, 1), 0);
    assert_int_equal(op_window.next_time(&h.op), 100);
    assert_int_equal(op_window.tick(&h.op, 1009), 0);
    assert_string_equal(harness_out(&h), "");
    assert_int_equal(op_window.tick(&h.op, 1010), 0);
    assert_int_equal(op_window.tick(&h.op, 1020), 0); /* nothing changed */
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=100 n=2 @99\n");
    harness_advance(&h, TIME_MAX); /* nor now */
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=100 n=2 @99\n");
    harness_done(&h);
}

static void many_windows(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{hopping: {size: 1000ms, every: 1ms}, emit: {every: 1ms}, "
                     "aggregate: count() as n}");
    h.judged_by_row = true;
    struct row r[] = {{"a", 2000, 1, 0, NULL, 0}, {"z", 5000, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 2, 1), 0);
    uint64_t lines = 0;
    for (const char *p = harness_out(&h); *p; p++) {
        lines += *p == '\n';
    }
    assert_int_equal(lines, 2000);
    harness_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changed_windows_by_event_time),
        cmocka_unit_test(what_changed_last_comes_out_when_it_closes),
        cmocka_unit_test(ticks_replace_event_time),
        cmocka_unit_test(many_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
