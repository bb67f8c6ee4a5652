/* Aggregate median: the middle, and the bits of quantile(x, 0.5). */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_median, aggregate_quantile;

static void the_middle(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_median, &type_long, 5);
    const int64_t x[] = {30, 10, 0, 20, 50};
    memcpy(g.x.i, x, sizeof x);
    assert_true(rig_all(&g).d[0] == 20);
    rig_null(&g, 2);
    assert_true(rig_all(&g).d[0] == 25);
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
}

static void is_a_quantile(void **state)
{
    (void)state;
    struct rig g, h;
    rig_init(&g, &aggregate_median, &type_double, 1000);
    rig_init_two(&h, &aggregate_quantile, &type_double, NULL, "0.5", 1000);
    rig_fill(&g, 8);
    rig_fill(&h, 8);
    struct vec a = rig_all(&g), b = rig_all(&h);
    assert_memory_equal(a.d, b.d, sizeof(double));
    rig_done(&g);
    rig_done(&h);
}

static void null_of_nothing(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_median, &type_long, 1);
    rig_null(&g, 0);
    struct vec out = rig_all(&g);
    assert_true(vec_is_null(&out, 0));
    rig_done(&g);
    rig_refuses(&aggregate_median, &type_timestamp, "median wants a number, not timestamp");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_middle),
                                       cmocka_unit_test(is_a_quantile),
                                       cmocka_unit_test(null_of_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
