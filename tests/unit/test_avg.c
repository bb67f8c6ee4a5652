/* Aggregate avg: values, nulls, order, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_avg;

static void mean(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_avg, &type_long, 4);
    const int64_t x[] = {1, 2, 4, 100};
    memcpy(g.x.i, x, sizeof x);
    g.x.i[3] = 0;
    rig_null(&g, 3);
    struct vec out = rig_all(&g);
    assert_true(out.d[0] == 7.0 / 3);
    rig_done(&g);
    rig_init(&g, &aggregate_avg, &type_double, 30);
    rig_fill(&g, 3);
    rig_any_batch_size(&g);
    rig_combines(&g, 1e-15);
    rig_done(&g);
}

static void large_offsets_lose_nothing(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_avg, &type_double, 1000);
    for (uint16_t i = 0; i < 1000; i++) {
        g.x.d[i] = 1e16 + (i % 2 ? 2 : 0);
    }
    struct vec out = rig_all(&g);
    assert_true(out.d[0] == 1e16 + 1 || out.d[0] == 1e16 + 2 || out.d[0] == 1e16);
    g.x.d[0] = 1e300;
    g.x.d[1] = -1e300;
    for (uint16_t i = 2; i < 1000; i++) {
        g.x.d[i] = 0.5;
    }
    out = rig_all(&g);
    assert_true(out.d[0] == 0.499);
    rig_done(&g);
}

static void null_of_nothing(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_avg, &type_double, 0);
    struct vec out = rig_all(&g);
    assert_true(vec_is_null(&out, 0));
    rig_done(&g);
    rig_refuses(&aggregate_avg, &type_boolean, "avg wants a number, not boolean");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(mean),
                                       cmocka_unit_test(large_offsets_lose_nothing),
                                       cmocka_unit_test(null_of_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
