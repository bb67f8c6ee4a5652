/* Sessions at their boundaries, as Kafka Streams has them (seen there: gap 10, grace 5). */
#include "tests/unit/window_harness.h"

static void closes_behind_end_plus_gap_plus_grace(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{session: 10ms, grace: 5ms, aggregate: count() as n}");
    struct row r[] = {{"a", 20, 1, 0, NULL, 0}, {"b", 35, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 2, 1), 0);
    assert_string_equal(harness_out(&h), "");
    assert_int_equal(op_window.next_time(&h.op), 36);
    struct row more[] = {{"a", 20, 1, 0, NULL, 0}, /* still open */
                         {"b", 36, 1, 0, NULL, 0},
                         {"a", 20, 1, 0, NULL, 0}}; /* refused from 36 on */
    assert_int_equal(harness_run(&h, more, 3, 1), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=20 window_end=20 n=2 @20\n");
    assert_int_equal(h.op.counter[COUNT_LATE], 1);
    assert_int_equal(op_window.lag(&h.node), 15);
    harness_done(&h);
}

static void the_gap_is_included(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{session: 10ms, aggregate: count() as n}");
    struct row r[] = {{"a", 0, 1, 0, NULL, 0},
                      {"a", 10, 1, 0, NULL, 0},
                      {"b", 0, 1, 0, NULL, 0},
                      {"b", 11, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 4, 2048), 0);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(harness_out(&h), "host=b window_start=0 window_end=0 n=1 @0\n"
                                         "host=a window_start=0 window_end=10 n=2 @10\n"
                                         "host=b window_start=11 window_end=11 n=1 @11\n");
    harness_done(&h);
}

static void a_row_bridges_sessions(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{session: 10ms, grace: 50ms, aggregate: \"count() as n, first(s) as f, "
                     "last(s) as l, sum(d) as d\"}");
    struct row r[] = {{"a", 40, 1, 1.5, "forty, a long text", 0},
                      {"a", 5, 1, 2.5, "five, a long text", 0},
                      {"a", 22, 1, 4, "twenty-two", 0},
                      {"a", 31, 1, 8, "thirty-one", 0}}; /* joins 22 and 40 */
    assert_int_equal(harness_run(&h, r, 4, 2048), 0);
    assert_int_equal(state_count(h.op.state), 2);
    harness_restart(&h);
    struct row more[] = {{"a", 15, 1, 16, "x", 0}}; /* joins all */
    assert_int_equal(harness_run(&h, more, 1, 1), 0);
    assert_int_equal(state_count(h.op.state), 1);
    harness_restart(&h);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(harness_out(&h), "host=a window_start=5 window_end=40 n=5 "
                                         "f=five, a long text l=forty, a long text d=32.0 @40\n");
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

/* Older than any grace, and accepted: the session it ends up in is open. */
static void a_row_is_judged_by_its_session(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{session: 10ms, aggregate: count() as n}");
    struct row r[] = {{"a", 20, 1, 0, NULL, 0},
                      {"a", 30, 1, 0, NULL, 0},
                      {"b", 40, 1, 0, NULL, 0},
                      {"a", 15, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 4, 2048), 0);
    harness_advance(&h, 41);
    assert_string_equal(harness_out(&h), "host=a window_start=15 window_end=30 n=3 @30\n");
    harness_done(&h);
}

/* Open at end + gap + grace exactly, where the stock store of Kafka Streams no longer finds it. */
static void found_at_the_last_moment(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{session: 10ms, aggregate: count() as n}");
    struct row r[] = {{"a", 0, 1, 0, NULL, 0}, {"b", 10, 1, 0, NULL, 0}, {"a", 10, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 3, 1), 0);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=2 @10\n"
                                         "host=b window_start=10 window_end=10 n=1 @10\n");
    harness_done(&h);
}

/* All in one batch: closed as of the row, though its result is not out yet. */
static void a_closed_session_never_merges(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{session: 10ms, grace: 5ms, aggregate: count() as n}");
    struct row r[] = {{"a", 20, 1, 0, NULL, 20},
                      {"a", 36, 1, 0, NULL, 36},
                      {"a", 27, 1, 0, NULL, 36},  /* joins 36 only, not [20, 20] */
                      {"a", 20, 1, 0, NULL, 36}}; /* [20, 36] beside the closed [20, 20] */
    assert_int_equal(harness_push(&h, r, 4), 0);
    harness_restart(&h);
    harness_advance(&h, 36);
    assert_string_equal(harness_out(&h), "host=a window_start=20 window_end=20 n=1 @20\n");
    harness_restart(&h);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(harness_out(&h), "host=a window_start=20 window_end=20 n=1 @20\n"
                                         "host=a window_start=20 window_end=36 n=3 @36\n");
    harness_done(&h);
}

static void ordered_by_end_start_key(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{session: 10ms, aggregate: count() as n}");
    struct row r[] = {{"c", 1, 1, 0, NULL, 0}, {"b", 5, 1, 0, NULL, 0}, {"a", 5, 1, 0, NULL, 0},
                      {"c", 9, 1, 0, NULL, 0}, {"b", 9, 1, 0, NULL, 0}, {"a", 9, 1, 0, NULL, 0},
                      {"d", 8, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 7, 2048), 0);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(harness_out(&h), "host=d window_start=8 window_end=8 n=1 @8\n"
                                         "host=c window_start=1 window_end=9 n=2 @9\n"
                                         "host=a window_start=5 window_end=9 n=2 @9\n"
                                         "host=b window_start=5 window_end=9 n=2 @9\n");
    harness_done(&h);
}

static void the_end_of_time(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{session: 1d, grace: 1d, aggregate: count() as n}");
    struct row r[] = {
        {"a", TIME_MAX - 1, 1, 0, NULL, 0}, {"a", 5, 1, 0, NULL, 0}, {"a", -5, 1, 0, NULL, 0}};
    assert_int_equal(harness_push(&h, r, 3), 0);
    assert_int_equal(h.op.counter[COUNT_LATE], 1);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(harness_out(&h),
                        "host=a window_start=5 window_end=5 n=1 @5\n"
                        "host=a window_start=9223372036854775806 window_end=9223372036854775806 "
                        "n=1 @9223372036854775806\n");
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_behind_end_plus_gap_plus_grace),
        cmocka_unit_test(the_gap_is_included),
        cmocka_unit_test(a_row_bridges_sessions),
        cmocka_unit_test(a_row_is_judged_by_its_session),
        cmocka_unit_test(found_at_the_last_moment),
        cmocka_unit_test(a_closed_session_never_merges),
        cmocka_unit_test(ordered_by_end_start_key),
        cmocka_unit_test(the_end_of_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
