/* Aggregate sum: values, nulls, order, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_sum;

static void longs_are_exact(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_sum, &type_long, 40);
    rig_fill(&g, 1);
    int64_t sum = 0;
    for (uint16_t i = 0; i < 40; i++) {
        sum += vec_is_null(&g.x, i) ? 0 : g.x.i[i];
    }
    struct vec out = rig_all(&g);
    assert_int_equal(out.i[0], sum);
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
}

static void overflow_is_a_row_error(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_sum, &type_long, 4);
    const int64_t x[] = {INT64_MAX, 1, -5, 6};
    memcpy(g.x.i, x, sizeof x);
    void *sum = rig_state(&g);
    rig_add(&g, sum, 0, 4);
    assert_int_equal(g.errors.n, 2);
    assert_int_equal(g.errors.item[0].row, 1);
    assert_int_equal(g.errors.item[1].row, 3);
    assert_string_equal(g.errors.item[0].text, "sum leaves the range of a long");
    struct vec out = rig_result(&g, sum);
    assert_int_equal(out.i[0], INT64_MAX - 5);
    rig_done(&g);
}

static void two_sums_may_leave_the_range(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_sum, &type_long, 2);
    g.x.i[0] = INT64_MAX;
    g.x.i[1] = 1;
    void *a = rig_state(&g), *b = rig_state(&g);
    rig_add(&g, a, 0, 1);
    rig_add(&g, b, 1, 2);
    assert_null(g.call.def->failed(&g.call, a));
    g.call.def->combine(&g.call, a, b);
    assert_string_equal(g.call.def->failed(&g.call, a), "sum leaves the range of a long");
    struct vec out = rig_result(&g, a);
    assert_true(vec_is_null(&out, 0));
    rig_done(&g);
}

static void doubles_are_compensated(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_sum, &type_double, 4);
    const double x[] = {1, 1e100, 1, -1e100};
    memcpy(g.x.d, x, sizeof x);
    struct vec out = rig_all(&g);
    assert_true(out.d[0] == 2);
    rig_done(&g);
    rig_init(&g, &aggregate_sum, &type_double, 30);
    rig_fill(&g, 2);
    rig_any_batch_size(&g);
    rig_combines(&g, 1e-15);
    rig_done(&g);
}

static void infinities_as_ieee(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_sum, &type_double, 3);
    g.x.d[1] = (double)INFINITY;
    struct vec out = rig_all(&g);
    assert_true(isinf(out.d[0]) && out.d[0] > 0);
    g.x.d[2] = -(double)INFINITY;
    out = rig_all(&g);
    assert_true(isnan(out.d[0]));
    rig_done(&g);
}

static void null_of_nothing(void **state)
{
    (void)state;
    const struct type *const types[] = {&type_long, &type_double};
    for (int t = 0; t < 2; t++) {
        struct rig g;
        rig_init(&g, &aggregate_sum, types[t], 2);
        rig_null(&g, 0);
        rig_null(&g, 1);
        struct vec out = rig_all(&g);
        assert_true(vec_is_null(&out, 0));
        assert_true(g.call.nullable);
        rig_done(&g);
    }
    rig_refuses(&aggregate_sum, &type_string, "sum wants a number, not string");
    rig_refuses(&aggregate_sum, &type_timestamp, "sum wants a number, not timestamp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(longs_are_exact),         cmocka_unit_test(overflow_is_a_row_error),
        cmocka_unit_test(doubles_are_compensated), cmocka_unit_test(infinities_as_ieee),
        cmocka_unit_test(null_of_nothing),         cmocka_unit_test(two_sums_may_leave_the_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
