/* Results of windows: expressions over aggregates, having, failing expressions, many rows, odd
 * keys. */
#include "tests/unit/window_harness.h"

static void expressions_over_aggregates(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h,
                 "{tumbling: 10ms, aggregate: \"sum(v) * 100.0 / count() as share, "
                 "upper(host) || '!' as name, window_end - window_start as width, 7 as seven\"}");
    struct row r[] = {{"a", 1, 1, 0, NULL, 1}, {"a", 2, 0, 0, NULL, 2}, {"b", 3, 5, 0, NULL, 3}};
    assert_int_equal(harness_push(&h, r, 3), 0);
    harness_advance(&h, 10);
    assert_string_equal(
        harness_out(&h),
        "host=a window_start=0 window_end=10 share=50.0 name=A! width=10 seven=7 @9\n"
        "host=b window_start=0 window_end=10 share=500.0 name=B! width=10 seven=7 @9\n");
    harness_done(&h);
}

static void having_sees_results_and_aggregates(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, aggregate: count() as n, having: \"n > 1 and min(v) < 5\"}");
    struct row r[] = {{"a", 1, 1, 0, NULL, 1},
                      {"b", 2, 1, 0, NULL, 2},
                      {"b", 3, 9, 0, NULL, 3},
                      {"c", 3, 9, 0, NULL, 3},
                      {"c", 3, 9, 0, NULL, 3}};
    assert_int_equal(harness_push(&h, r, 5), 0);
    harness_advance(&h, 10);
    assert_string_equal(harness_out(&h), "host=b window_start=0 window_end=10 n=2 @9\n");
    assert_int_equal(state_count(h.op.state), 0); /* the others are gone too */
    harness_done(&h);
}

static void a_failing_result_is_a_bad_row(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, aggregate: \"10 / sum(v) as x, count() as n\", "
                     "having: \"100 / (n - 2) > 0 or n < 2\"}");
    h.tolerates = true;
    struct row r[] = {{"a", 1, 0, 0, NULL, 1},
                      {"b", 2, 5, 0, NULL, 2},
                      {"c", 3, 1, 0, NULL, 3},
                      {"c", 3, 1, 0, NULL, 3}};
    assert_int_equal(harness_push(&h, r, 4), 0);
    harness_advance(&h, 10);
    assert_string_equal(harness_out(&h), "host=b window_start=0 window_end=10 x=2 n=1 @9\n");
    assert_memory_equal(buffer_cstr(&h.bad), "9: ", 3);
    assert_non_null(strchr(h.bad.data, '\n') + 1);
    assert_int_equal(strncmp(strchr(h.bad.data, '\n') + 1, "9: ", 3), 0);
    harness_done(&h);
    harness_init(&h, "{tumbling: 10ms, aggregate: 10 / sum(v) as x}");
    assert_int_equal(harness_push(&h, r, 1), 0);
    assert_int_equal(harness_advance(&h, 10), -ERR_DATA);
    harness_done(&h);
}

static int leave_the_range(void *ctx, struct state_entry *e)
{
    uint32_t n;
    const char *key = state_key(e, &n);
    if (key[n - 1] == 'b') {
        const int64_t sum[] = {INT64_MIN, 2, 1}; /* as a combine leaves it */
        memcpy((char *)state_value(e) + sizeof(int64_t), sum, sizeof sum);
        *(int *)ctx += 1;
    }
    return 0;
}

static void a_failed_aggregate_is_a_bad_row(void **state)
{
    (void)state;
    struct harness h;
    int changed = 0;
    harness_init(&h, "{tumbling: 10ms, aggregate: \"count() as n, sum(v) as x, 1 / sum(v) as y\"}");
    h.tolerates = true;
    struct row r[] = {{"a", 1, 1, 0, NULL, 1}, {"b", 2, 5, 0, NULL, 2}, {"c", 3, 1, 0, NULL, 3}};
    assert_int_equal(harness_push(&h, r, 3), 0);
    assert_int_equal(state_each(h.op.state, leave_the_range, &changed), 0);
    assert_int_equal(changed, 1);
    assert_int_equal(harness_advance(&h, 10), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=1 x=1 y=1 @9\n"
                                         "host=c window_start=0 window_end=10 n=1 x=1 y=1 @9\n");
    assert_string_equal(buffer_cstr(&h.bad), "9: sum leaves the range of a long\n");
    harness_done(&h);
}

static void more_rows_than_a_batch(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, aggregate: count() as n}");
    h.slice = 100000;
    char host[16];
    for (int i = 0; i < 5000; i++) {
        snprintf(host, sizeof host, "host-%d", i % 2500);
        struct row r = {host, i < 2500 ? 5 : 15, 1, 0, NULL, 5};
        assert_int_equal(harness_push(&h, &r, 1), 0);
    }
    harness_advance(&h, 30);
    const char *at = harness_out(&h);
    int rows = 0;
    for (; *at; at = strchr(at, '\n') + 1) {
        rows++;
    }
    assert_int_equal(rows, 5000);
#ifdef KLAMM_SMALL
    assert_int_equal(h.emitted, 2 * 834);
#else
    assert_int_equal(h.emitted, 4);
#endif
    harness_done(&h);
}

static void keys_of_several_columns_and_of_none(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    for (int none = 0; none < 2; none++) {
        struct schema *s = schema_new(&a, 2);
        schema_add(s, "x", &type_long, true, false);
        schema_add(s, "y", &type_string, true, false);
        s->keyed = true;
        s->nkey = none ? 0 : 2;
        s->key[0] = 1;
        s->key[1] = 0;
        struct harness h;
        assert_int_equal(harness_bind(&h, "{tumbling: 10ms, aggregate: sum(x) as sum}", s), 0);
        harness_open(&h);
        struct batch *b = batch_new(&h.mem, s, 4, NULL);
        b->nsel = 4;
        const int64_t x[] = {10, 9, 10, 9};
        memcpy(b->col[0].i, x, sizeof x);
        for (int i = 0; i < 4; i++) {
            b->col[1].s[i] = i == 3 ? str_ref("a", 1) : str_ref("b", 1);
        }
        assert_int_equal(op_window.push(&h.op, 0, b), 0);
        harness_advance(&h, 10);
        /* Ordered by the text of the key: "b|10" before "b|9". */
        assert_string_equal(harness_out(&h), none
                                                 ? "window_start=0 window_end=10 sum=38 @9\n"
                                                 : "y=a x=9 window_start=0 window_end=10 sum=9 @9\n"
                                                   "y=b x=10 window_start=0 window_end=10 sum=20 "
                                                   "@9\n"
                                                   "y=b x=9 window_start=0 window_end=10 sum=9 "
                                                   "@9\n");
        harness_done(&h);
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_over_aggregates),
        cmocka_unit_test(having_sees_results_and_aggregates),
        cmocka_unit_test(a_failing_result_is_a_bad_row),
        cmocka_unit_test(a_failed_aggregate_is_a_bad_row),
        cmocka_unit_test(more_rows_than_a_batch),
        cmocka_unit_test(keys_of_several_columns_and_of_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
