/* Aggregate corr: against the formula in long double, bounds, nulls, merging. */
#include "tests/unit/aggregate_harness.h"

extern const struct aggregate_def aggregate_corr;

static bool counts(const struct rig *g, uint16_t i)
{
    return !vec_is_null(&g->x, i) && !vec_is_null(&g->y, i);
}

static double two_passes(const struct rig *g)
{
    long double n = 0, x = 0, y = 0, xx = 0, yy = 0, xy = 0;
    for (uint16_t i = 0; i < g->rows; i++) {
        n += counts(g, i);
        x += counts(g, i) ? (long double)g->x.d[i] : 0;
        y += counts(g, i) ? (long double)g->y.d[i] : 0;
    }
    for (uint16_t i = 0; i < g->rows; i++) {
        if (counts(g, i)) {
            long double u = (long double)g->x.d[i] - x / n, v = (long double)g->y.d[i] - y / n;
            xx += u * u;
            yy += v * v;
            xy += u * v;
        }
    }
    return (double)(xy / sqrtl(xx * yy));
}

static void as_the_formula(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct rig g;
        rig_init_two(&g, &aggregate_corr, &type_double, &type_double, NULL, 30);
        rig_fill(&g, seed);
        struct random r;
        random_seed(&r, seed, 2);
        for (uint16_t i = 0; i < 30; i++) {
            g.y.d[i] = 1e9 + g.x.d[i] * (double)(seed % 5) / 2 + random_normal(&r) * 1000;
        }
        vec_set_null(&g.y, &g.mem, 30, 7);
        double wanted = two_passes(&g), got = rig_all(&g).d[0];
        assert_true(fabs(got - wanted) <= 1e-11);
        rig_any_batch_size(&g);
        rig_combines(&g, 1e-14);
        rig_done(&g);
    }
}

static void lines(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_corr, &type_long, &type_double, NULL, 20);
    for (uint16_t i = 0; i < 20; i++) {
        g.x.i[i] = i * 7;
        g.y.d[i] = 0.1 - i * 0.3;
    }
    assert_true(rig_all(&g).d[0] >= -1 && rig_all(&g).d[0] < -0.999999);
    g.y.d[3] = (double)NAN;
    assert_true(isnan(rig_all(&g).d[0]));
    rig_done(&g);
}

static void without_a_correlation(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_corr, &type_double, &type_double, NULL, 3);
    g.y.d[0] = 1;
    g.x.d[0] = g.x.d[1] = g.x.d[2] = 0.1;
    struct vec out = rig_all(&g);
    assert_true(vec_is_null(&out, 0)); /* all x are equal */
    g.x.d[0] = 2;
    assert_true(rig_all(&g).d[0] > 0.999999 && rig_all(&g).d[0] <= 1);
    vec_set_null(&g.y, &g.mem, 3, 1);
    vec_set_null(&g.x, &g.mem, 3, 2);
    out = rig_all(&g);
    assert_true(vec_is_null(&out, 0)); /* one row */
    rig_done(&g);
    rig_refuses_two(&aggregate_corr, &type_double, &type_string, NULL,
                    "corr wants two numbers, not string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_formula), cmocka_unit_test(lines),
                                       cmocka_unit_test(without_a_correlation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
