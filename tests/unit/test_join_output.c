/* Rows that come out of a join: gathered into batches, their columns, their watermarks. */
#include "tests/unit/join_harness.h"

#ifdef KLAMM_SMALL
#define OUTPUT_ROWS 3
#else
#define OUTPUT_ROWS 2048
#endif

static struct join_row row(int side, int64_t time, const char *key, int64_t v, const char *s)
{
    return (struct join_row){side, time, key, v, s, TIME_MIN, TIME_MIN};
}

static void full_batches_leave(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{with: right, type: left, within: 1s}", "string");
    for (int i = 0; i < 100; i++) {
        struct join_row r = row(RIGHT, i, "a", i, "a text of more than twelve bytes");
        assert_int_equal(harness_push(&h, &r, 1), 0);
    }
    assert_int_equal(h.batches, 0);
    struct join_row many[100];
    for (int i = 0; i < 100; i++) {
        many[i] = row(LEFT, i, "a", i, "another text of more than twelve");
    }
    assert_int_equal(harness_push(&h, many, 100), 0);
    uint64_t lines = 0;
    for (const char *p = harness_out(&h); *p; p++) {
        lines += *p == '\n';
    }
    assert_int_equal(lines, 10000);
    assert_true(h.batches >= 10000 / OUTPUT_ROWS && h.batches <= 10000 / OUTPUT_ROWS + 10);
    assert_non_null(strstr(harness_out(&h),
                           "v=99 k=a s=another text of more than twelve right_v=98 t=a text of "
                           "more than twelve bytes @99\n"));
    harness_done(&h);
}

static void rows_alone_leave_in_batches(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{with: right, type: left, within: 1s}", "long");
    h.slice = 100000;
    for (int i = 0; i < 5000; i++) {
        struct join_row r = row(LEFT, i, "a", i, NULL);
        assert_int_equal(harness_push(&h, &r, 1), 0);
    }
    harness_advance(&h, TIME_MAX);
    assert_true(h.batches <= 5000 / OUTPUT_ROWS + 10);
    assert_int_equal(strncmp(harness_out(&h), "v=0 k=1 s=null right_v=null t=null @0\nv=1 ", 42),
                     0);
    harness_done(&h);
}

/* Columns that nobody reads are neither kept nor made. */
static void unread_columns(void **state)
{
    (void)state;
    struct harness h;
    bool out[] = {false, true, true, true, false}, left[8] = {false}, right[8] = {false};
    int status = harness_bind(&h, "{with: right, within: 1s}", "string");
    assert_int_equal(status, 0);
    assert_int_equal(h.node.out[0]->n, 5);
    op_join.needs(&h.node, out, left);
    op_join.second_needs(&h.node, out, right);
    const bool wants_left[] = {false, true, true}, wants_right[] = {true, true, false};
    assert_memory_equal(left, wants_left, sizeof wants_left);
    assert_memory_equal(right, wants_right, sizeof wants_right);
    harness_open(&h);
    struct join_row l = row(LEFT, 1, "a", 1, "x"), r = row(RIGHT, 2, "a", 2, "y");
    assert_int_equal(harness_push(&h, &l, 1), 0);
    assert_int_equal(harness_push(&h, &r, 1), 0);
    assert_string_equal(harness_out(&h), "k=a s=x right_v=2 @2\n");
    harness_done(&h);
}

/* Watermarks of rows are lowered as that of the step: steps behind judge by them. */
static void rows_are_not_late_for_what_follows(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{with: right, type: outer, within: {before: 7ms, after: 2ms}, grace: 3ms}",
                 "string");
    for (int i = 0; i < 200; i++) {
        struct join_row r = row(i % 2, i, i % 3 ? "a" : "b", i, NULL);
        r.seen = r.low = i - 1;
        assert_int_equal(harness_push(&h, &r, 1), 0);
    }
    harness_advance(&h, TIME_MAX);
    assert_int_equal(h.late, 0);
    /* what was late before stays late */
    struct join_row late = row(LEFT, 5, "z", 1, NULL);
    late.seen = late.low = 1000;
    h.op.watermark = TIME_MIN;
    assert_int_equal(harness_push(&h, &late, 1), 0);
    assert_int_equal(h.late, 1);
    harness_done(&h);
}

static void all_types(void **state)
{
    (void)state;
    struct harness h;
    int status = harness_bind(&h, "{with: right, type: outer, within: 1s}", "string,double");
    assert_int_equal(status, 0);
    harness_open(&h);
    struct join_row l = row(LEFT, 1, "abc", 1, "x"), r = row(RIGHT, 2, "abc", NONE, NULL);
    assert_int_equal(harness_push(&h, &l, 1), 0);
    assert_int_equal(harness_push(&h, &r, 1), 0);
    assert_string_equal(harness_out(&h), "v=1 k=abc s=x k2=1.5 right_v=null t=null @2\n");
    harness_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_batches_leave), cmocka_unit_test(rows_alone_leave_in_batches),
        cmocka_unit_test(unread_columns),     cmocka_unit_test(rows_are_not_late_for_what_follows),
        cmocka_unit_test(all_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
