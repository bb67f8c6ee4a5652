/* Aggregate slope: against the formula in long double, far from the origin, nulls, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_slope;

/* Two passes in long double: sum (t - mean t)(x - mean x) / sum (t - mean t)^2. */
static double two_passes(const struct rig *g)
{
    long double n = 0, t = 0, x = 0, cross = 0, spread = 0;
    for (uint16_t i = 0; i < g->rows; i++) {
        bool is_null = vec_is_null(&g->x, i);
        n += !is_null;
        t += is_null ? 0 : (long double)g->batch.time[i];
        x += is_null ? 0 : (long double)g->x.d[i];
    }
    for (uint16_t i = 0; i < g->rows; i++) {
        if (!vec_is_null(&g->x, i)) {
            long double u = (long double)g->batch.time[i] - t / n;
            cross += u * ((long double)g->x.d[i] - x / n);
            spread += u * u;
        }
    }
    return (double)(cross / spread * 1000);
}

static void as_the_formula(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct rig g;
        rig_init(&g, &aggregate_slope, &type_double, 30);
        rig_fill(&g, seed);
        struct random r;
        random_seed(&r, seed, 2);
        for (uint16_t i = 0; i < 30; i++) {
            g.batch.time[i] = INT64_C(1700000000000) + i * 1000 + random_below(&r, 900);
            g.x.d[i] = vec_is_null(&g.x, i) ? 0 : g.x.d[i] + i * 100 + 1e6;
        }
        double wanted = two_passes(&g), got = rig_all(&g).d[0];
        assert_true(fabs(got - wanted) <= 1e-11 * fabs(wanted));
        rig_any_batch_size(&g);
        rig_combines(&g, 1e-14);
        rig_done(&g);
    }
}

static void a_line_is_exact(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_slope, &type_long, 5);
    for (uint16_t i = 0; i < 5; i++) {
        g.batch.time[i] = INT64_C(1700000000000) + i * 250;
        g.x.i[i] = INT64_C(1000000000000) - i * 3;
    }
    assert_true(rig_all(&g).d[0] == -12);
    rig_combines(&g, 0);
    rig_done(&g);
}

static void without_a_slope(void **state)
{
    (void)state;
    struct rig g;
    rig_init(&g, &aggregate_slope, &type_double, 3);
    g.x.d[0] = 1;
    g.x.d[1] = 2;
    g.x.d[2] = 4;
    struct vec out = rig_all(&g);
    assert_true(vec_is_null(&out, 0)); /* one event time */
    g.batch.time[2] = 1000;
    assert_true(rig_all(&g).d[0] == 2.5);
    rig_null(&g, 0);
    rig_null(&g, 1);
    out = rig_all(&g);
    assert_true(vec_is_null(&out, 0)); /* one value */
    g.x.null[0] = 0;
    g.x.d[0] = (double)INFINITY;
    assert_true(isnan(rig_all(&g).d[0]));
    rig_done(&g);
    rig_refuses(&aggregate_slope, &type_boolean, "slope wants a number, not boolean");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_formula),
                                       cmocka_unit_test(a_line_is_exact),
                                       cmocka_unit_test(without_a_slope)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
