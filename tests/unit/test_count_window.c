/* Windows of a number of rows (windows/count.c). */
#include "tests/unit/window_harness.h"

static void closes_with_its_last_row(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{count: 3, aggregate: \"count() as n, sum(v) as s\"}");
    h.judged_by_row = true;
    struct row r[] = {{"a", 5, 1, 0, NULL, 0}, {"b", 6, 1, 0, NULL, 0}, {"a", -3, 2, 0, NULL, 0},
                      {"a", 4, 4, 0, NULL, 0}, {"a", 9, 8, 0, NULL, 0}, {"b", 1, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 4, 2048), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=-3 window_end=5 n=3 s=7 @5\n");
    harness_restart(&h);
    assert_int_equal(harness_run(&h, r + 4, 2, 1), 0);
    harness_advance(&h, TIME_MAX);
    assert_int_equal(h.op.counter[COUNT_LATE], 0);
    assert_int_equal(state_count(h.op.state), 2); /* incomplete ones stay */
    assert_string_equal(harness_out(&h), "host=a window_start=-3 window_end=5 n=3 s=7 @5\n");
    harness_done(&h);
}

static void the_last_rows_every_few(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{count: {size: 5, every: 2}, aggregate: \"count() as n, sum(v) as s\"}");
    h.judged_by_row = true;
    struct row r[9];
    for (int i = 0; i < 9; i++) {
        r[i] = (struct row){"a", i * 10, 1 << i, 0, NULL, 0};
    }
    assert_int_equal(harness_run(&h, r, 6, 3), 0);
    harness_restart(&h);
    assert_int_equal(harness_run(&h, r + 6, 3, 3), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=40 n=5 s=31 @40\n"
                                         "host=a window_start=20 window_end=60 n=5 s=124 @60\n"
                                         "host=a window_start=40 window_end=80 n=5 s=496 @80\n");
    harness_done(&h);
}

static void one_row_each(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{count: 1, aggregate: last(s) as s}");
    h.judged_by_row = true;
    struct row r[] = {{"a", 5, 1, 0, "a text that is long", 0}, {"a", 6, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 2, 2048), 0);
    assert_string_equal(harness_out(&h),
                        "host=a window_start=5 window_end=5 s=a text that is long @5\n"
                        "host=a window_start=6 window_end=6 s=null @6\n");
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

static void assert_refused(const char *text, const char *why)
{
    struct harness h;
    char line[600] = "";
    assert_true(harness_bind(&h, text, NULL) < 0);
    assert_true(h.diags.n > 0);
    diags_format(&h.diags, 0, line, sizeof line);
    if (strstr(line, why) == NULL) {
        fail_msg("%s", line);
    }
    harness_done(&h);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    assert_refused("{count: {size: 3, every: 4}, aggregate: count() as n}", "larger than size");
    assert_refused("{count: 3, grace: 1s, aggregate: count() as n}", "never waits");
    assert_refused("{count: 0, aggregate: count() as n}", "count");
    assert_refused("{count: 3s, aggregate: count() as n}", "count");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closes_with_its_last_row),
        cmocka_unit_test(the_last_rows_every_few),
        cmocka_unit_test(one_row_each),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
