/* What a join does with rows: partners, edges of the interval, rows alone, nulls, late rows. */
#include "tests/unit/join_harness.h"

/* Rows of both sides whose watermarks follow the largest times, each pushed alone. */
static void feed(struct harness *h, int64_t newest[2], const struct join_row *r, int n)
{
    for (int i = 0; i < n; i++) {
        struct join_row x = r[i];
        int64_t *top = &newest[x.side];
        *top = x.time > *top ? x.time : *top;
        x.seen = x.low = newest[LEFT] < newest[RIGHT] ? newest[LEFT] : newest[RIGHT];
        assert_int_equal(harness_push(h, &x, 1), 0);
    }
}

static void expect(const char *join, const struct join_row *r, int n, const char *expected)
{
    struct harness h;
    int64_t newest[2] = {TIME_MIN, TIME_MIN};
    harness_init(&h, join, "string");
    feed(&h, newest, r, n);
    assert_string_equal(harness_out(&h), expected);
    harness_done(&h);
}

#define L(time, key, v)                                                                            \
    {                                                                                              \
        LEFT, time, key, v, NULL, 0, 0                                                             \
    }
#define R(time, key, v)                                                                            \
    {                                                                                              \
        RIGHT, time, key, v, NULL, 0, 0                                                            \
    }
#define EXPECT(join, r, ex) expect(join, r, (int)(sizeof r / sizeof *r), ex)
#define PAIR(lv, rv, at)    "v=" #lv " k=a s=null right_v=" #rv " t=null @" #at "\n"

static void interval_includes_both_ends(void **state)
{
    (void)state;
    const struct join_row r[] = {L(100, "a", 1), R(90, "a", 2),  R(89, "a", 3), R(110, "a", 4),
                                 R(111, "a", 5), R(100, "b", 6), L(100, "a", 7)};
    EXPECT("{with: right, within: 10ms}", r,
           PAIR(1, 2, 100) PAIR(1, 4, 110) PAIR(7, 2, 100) PAIR(7, 4, 110));
}

static void before_and_after_are_of_the_left_row(void **state)
{
    (void)state;
    const struct join_row r[] = {L(100, "a", 1), R(98, "a", 2),  R(97, "a", 3),
                                 R(105, "a", 4), R(106, "a", 5), L(100, "a", 6)};
    EXPECT("{with: right, within: {before: 2ms, after: 5ms}}", r,
           PAIR(1, 2, 100) PAIR(1, 4, 105) PAIR(6, 2, 100) PAIR(6, 4, 105));
    const struct join_row s[] = {R(98, "a", 1), R(99, "a", 2), L(100, "a", 3), R(100, "a", 4),
                                 R(101, "a", 5)};
    EXPECT("{with: right, within: {before: 1ms}}", s, PAIR(3, 2, 100) PAIR(3, 4, 100));
}

static void equal_times_all_meet_in_order(void **state)
{
    (void)state;
    const struct join_row r[] = {R(5, "a", 1), R(4, "a", 2), R(5, "a", 3), R(5, "b", 9),
                                 L(5, "a", 4)};
    EXPECT("{with: right, within: 1ms}", r, PAIR(4, 2, 5) PAIR(4, 1, 5) PAIR(4, 3, 5));
    const struct join_row s[] = {R(5, "a", 1), L(6, "a", 2), L(5, "a", 3)};
    EXPECT("{with: right, within: 0ms}", s, PAIR(3, 1, 5));
}

/* Alone once watermark > time + within + grace, not before. */
static void alone_when_time_is_up(void **state)
{
    (void)state;
    struct harness h;
    int64_t newest[2] = {TIME_MIN, TIME_MIN};
    const struct join_row first[] = {L(100, "a", 1), R(113, "x", 2), L(113, "x", 3)};
    harness_init(&h, "{with: right, type: left, within: 10ms, grace: 3ms}", "string");
    assert_int_equal(op_join.lag(&h.node), 13);
    feed(&h, newest, first, 3);
    assert_string_equal(harness_out(&h), "v=3 k=x s=null right_v=2 t=null @113\n");
    assert_int_equal(state_count(h.op.state), 3);
    buffer_clear(&h.out);
    /* still found at exactly that watermark */
    const struct join_row at_end[] = {R(110, "a", 4)};
    feed(&h, newest, at_end, 1);
    assert_string_equal(harness_out(&h), PAIR(1, 4, 110));
    const struct join_row beyond[] = {R(114, "x", 5), L(114, "y", 6), R(110, "a", 7)};
    buffer_clear(&h.out);
    feed(&h, newest, beyond, 3);
    assert_string_equal(harness_out(&h), "v=3 k=x s=null right_v=5 t=null @114\n");
    buffer_clear(&h.out);
    harness_advance(&h, 127); /* y is of time 114: not yet */
    assert_string_equal(harness_out(&h), "");
    harness_advance(&h, 128);
    assert_string_equal(harness_out(&h), "v=6 k=y s=null right_v=null t=null @114\n");
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

static void order_of_rows_alone(void **state)
{
    (void)state;
    struct harness h;
    int64_t newest[2] = {TIME_MIN, TIME_MIN};
    const struct join_row r[] = {R(7, "b", 1), L(7, "c", 2), L(7, "\xc3\xa4", 3), R(6, "d", 4),
                                 L(7, "B", 5), R(7, "a", 6), L(5, "e", 7),        L(7, "c", 8)};
    harness_init(&h, "{with: right, type: outer, within: 2ms}", "string");
    feed(&h, newest, r, 8);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(harness_out(&h), "v=7 k=e s=null right_v=null t=null @5\n"
                                         "v=null k=d s=null right_v=4 t=null @6\n"
                                         "v=5 k=B s=null right_v=null t=null @7\n"
                                         "v=2 k=c s=null right_v=null t=null @7\n"
                                         "v=8 k=c s=null right_v=null t=null @7\n"
                                         "v=3 k=\xc3\xa4 s=null right_v=null t=null @7\n"
                                         "v=null k=a s=null right_v=6 t=null @7\n"
                                         "v=null k=b s=null right_v=1 t=null @7\n");
    harness_done(&h);
}

/* Each side waits as long as its own partners may come. */
static void sides_wait_differently(void **state)
{
    (void)state;
    struct harness h;
    int64_t newest[2] = {TIME_MIN, TIME_MIN};
    const struct join_row r[] = {L(10, "l", 1), R(10, "r", 2)};
    harness_init(&h, "{with: right, type: outer, within: {before: 50ms, after: 5ms}}", "string");
    assert_int_equal(op_join.lag(&h.node), 50);
    feed(&h, newest, r, 2);
    harness_advance(&h, 15);
    assert_string_equal(harness_out(&h), "");
    harness_advance(&h, 16);
    assert_string_equal(harness_out(&h), "v=1 k=l s=null right_v=null t=null @10\n");
    buffer_clear(&h.out);
    harness_advance(&h, 60);
    assert_string_equal(harness_out(&h), "");
    harness_advance(&h, 61);
    assert_string_equal(harness_out(&h), "v=null k=r s=null right_v=2 t=null @10\n");
    harness_done(&h);
}

static void null_keys(void **state)
{
    (void)state;
    struct {
        const char *join, *expected;
        uint64_t dropped;
    } c[] = {
        {"{with: right, within: 1ms}", "", 2},
        {"{with: right, type: left, within: 1ms}", "v=1 k=null s=null right_v=null t=null @1\n", 1},
        {"{with: right, type: outer, within: 1ms}",
         "v=1 k=null s=null right_v=null t=null @1\nv=null k=null s=null right_v=2 t=null @1\n", 0},
    };
    for (size_t i = 0; i < sizeof c / sizeof *c; i++) {
        struct harness h;
        int64_t newest[2] = {TIME_MIN, TIME_MIN};
        const struct join_row r[] = {L(1, NULL, 1), R(1, NULL, 2)};
        harness_init(&h, c[i].join, "string");
        feed(&h, newest, r, 2);
        assert_string_equal(harness_out(&h), c[i].expected);
        assert_int_equal(h.op.counter[COUNT_NULL_KEY], c[i].dropped);
        assert_int_equal(state_count(h.op.state), 0);
        harness_done(&h);
    }
}

/* A key of two columns is null when either is; a kept row shows the other one. */
static void half_null_keys(void **state)
{
    (void)state;
    struct harness h;
    struct join_row r = {RIGHT, 1, NULL, 2, "x", 0, 0};
    harness_init(&h, "{with: right, type: outer, within: 1ms}", "string,double");
    assert_int_equal(harness_push(&h, &r, 1), 0);
    assert_string_equal(harness_out(&h), "v=null k=null s=null k2=0.0 right_v=2 t=x @1\n");
    harness_done(&h);
}

static void late_rows(void **state)
{
    (void)state;
    /* Watermark 100, within 10: 89 is too late to wait, yet meets 95, which still waits. */
    const struct join_row r[] = {L(100, "x", 1), R(100, "x", 2), R(95, "a", 3), L(89, "a", 4),
                                 L(84, "a", 5),  R(84, "a", 6),  L(90, "a", 7), R(90, "a", 8)};
    struct harness h;
    int64_t newest[2] = {TIME_MIN, TIME_MIN};
    harness_init(&h, "{with: right, within: 10ms}", "string");
    feed(&h, newest, r, 8);
    assert_string_equal(harness_out(&h), "v=1 k=x s=null right_v=2 t=null @100\n" PAIR(4, 3, 95)
                                             PAIR(7, 3, 95) PAIR(7, 8, 90));
    assert_int_equal(h.op.counter[COUNT_LATE], 2); /* 5 and 6 */
    harness_done(&h);
    EXPECT("{with: right, type: left, within: 10ms}", r,
           "v=1 k=x s=null right_v=2 t=null @100\n" PAIR(4, 3, 95) PAIR(5, null, 84) PAIR(7, 3, 95)
               PAIR(7, 8, 90));
}

/* The rows that a row makes expire come out before its own results, wherever the batch ends. */
static void expired_rows_come_first(void **state)
{
    (void)state;
    struct join_row r[] = {L(1, "a", 1), L(50, "b", 2), L(51, "b", 3)};
    const struct join_row right = {RIGHT, 50, "b", 9, NULL, TIME_MIN, TIME_MIN};
    for (int i = 0; i < 3; i++) {
        r[i].seen = r[i].low = r[i].time;
    }
    for (uint16_t batch = 1; batch <= 3; batch++) {
        struct harness h;
        harness_init(&h, "{with: right, type: left, within: 5ms}", "string");
        assert_int_equal(harness_push(&h, &right, 1), 0);
        for (uint16_t at = 0; at < 3; at = (uint16_t)(at + batch)) {
            uint16_t n = (uint16_t)(3 - at) < batch ? (uint16_t)(3 - at) : batch;
            assert_int_equal(harness_push(&h, &r[at], n), 0);
        }
        assert_string_equal(harness_out(&h),
                            PAIR(1, null, 1) "v=2 k=b s=null right_v=9 t=null @50\n"
                                             "v=3 k=b s=null right_v=9 t=null @51\n");
        harness_done(&h);
    }
}

/* Behind a repartition a row may have seen more than all partitions have: nothing expires by it. */
static void expires_by_the_least_of_all_partitions(void **state)
{
    (void)state;
    struct join_row l = L(10, "a", 1), r = R(100, "x", 2), partner = R(12, "a", 3);
    struct harness h;
    l.seen = l.low = TIME_MIN;
    r.seen = 100;
    r.low = 5;
    partner.seen = partner.low = 12;
    harness_init(&h, "{with: right, type: left, within: 5ms}", "string");
    assert_int_equal(harness_push(&h, &l, 1), 0);
    assert_int_equal(harness_push(&h, &r, 1), 0);
    assert_int_equal(harness_push(&h, &partner, 1), 0);
    assert_string_equal(harness_out(&h), PAIR(1, 3, 12));
    harness_done(&h);
}

/* A partition that was idle has seen less than what time is by now: it is judged by that. */
static void partition_that_is_back(void **state)
{
    (void)state;
    struct join_row l = L(10, "a", 1);
    struct harness h;
    l.seen = 10;
    l.low = 100;
    harness_init(&h, "{with: right, type: left, within: 5ms}", "string");
    assert_int_equal(harness_push(&h, &l, 1), 0);
    assert_string_equal(harness_out(&h), PAIR(1, null, 10));
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

static void deletions_are_skipped(void **state)
{
    (void)state;
    struct harness h;
    struct join_row l = L(1, "a", 1);
    harness_init(&h, "{with: right, type: outer, within: 5ms}", "string");
    struct batch *b = harness_batch(&h, &l, 1);
    uint8_t gone = ROW_DELETE;
    b->row_op = &gone;
    assert_int_equal(op_join.push(&h.op, LEFT, b), 0);
    assert_int_equal(h.op.counter[COUNT_SKIPPED], 1);
    assert_int_equal(state_count(h.op.state), 0);
    assert_string_equal(harness_out(&h), "");
    harness_done(&h);
}

/* A hot key: every row meets as many as lie in the interval, whatever else waits. */
static void hot_key(void **state)
{
    (void)state;
    struct harness h;
    uint64_t expected = 0, found = 0;
    harness_init(&h, "{with: right, within: 2ms, grace: 1d}", "string");
    for (int64_t t = 0; t < 3000; t++) {
        struct join_row l = L((t * 7919) % 3000, "a", t), r = R((t * 104729) % 3000, "a", t);
        l.seen = l.low = r.seen = r.low = 0;
        assert_int_equal(harness_push(&h, &l, 1), 0);
        assert_int_equal(harness_push(&h, &r, 1), 0);
    }
    for (int64_t t = 0; t < 3000; t++) {
        expected += (uint64_t)((t < 2 ? t : 2) + (2999 - t < 2 ? 2999 - t : 2) + 1);
    }
    for (const char *p = harness_out(&h); *p; p++) {
        found += *p == '\n';
    }
    assert_int_equal(found, expected);
    assert_true(state_count(h.op.state) > 0);
    harness_advance(&h, TIME_MAX);
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(interval_includes_both_ends),
        cmocka_unit_test(before_and_after_are_of_the_left_row),
        cmocka_unit_test(equal_times_all_meet_in_order),
        cmocka_unit_test(alone_when_time_is_up),
        cmocka_unit_test(order_of_rows_alone),
        cmocka_unit_test(sides_wait_differently),
        cmocka_unit_test(null_keys),
        cmocka_unit_test(half_null_keys),
        cmocka_unit_test(late_rows),
        cmocka_unit_test(expired_rows_come_first),
        cmocka_unit_test(expires_by_the_least_of_all_partitions),
        cmocka_unit_test(partition_that_is_back),
        cmocka_unit_test(deletions_are_skipped),
        cmocka_unit_test(hot_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
