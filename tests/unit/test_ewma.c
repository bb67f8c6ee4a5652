/* Aggregate ewma: the formula, rows out of order, far more rows than are kept, merging. */
#include "tests/unit/aggregate_harness.h"

#include <stdlib.h>

extern const struct aggregate_def aggregate_ewma;

static const char *const alphas[] = {"0.01", "0.3", "1"};

static double by_formula(const double *x, uint16_t n, double alpha)
{
    double s = x[0];
    for (uint16_t i = 1; i < n; i++) {
        s = alpha * x[i] + (1 - alpha) * s;
    }
    return s;
}

/* Values by the number of their place in time. */
static void fill(struct rig *g, double *x)
{
    struct random r;
    random_seed(&r, 5, g->rows);
    for (uint16_t i = 0; i < g->rows; i++) {
        x[i] = random_normal(&r) * 100 + 50;
        g->x.d[i] = x[i];
        g->batch.time[i] = i * 10;
    }
}

static void by_event_time(void **state)
{
    (void)state;
    double x[300];
    for (int k = 0; k < 3; k++) {
        struct rig g;
        rig_init_two(&g, &aggregate_ewma, &type_double, NULL, alphas[k], 300);
        fill(&g, x);
        double wanted = by_formula(x, 300, atof(alphas[k]));
        assert_true(fabs(rig_all(&g).d[0] - wanted) <= 1e-13 * fabs(wanted));
        for (uint16_t i = 0; i < 300; i++) { /* 7 places early or late */
            int from = i / 7 * 7 + 6 - i % 7;
            from = from < 300 ? from : i;
            g.x.d[i] = x[from];
            g.batch.time[i] = from * 10;
        }
        assert_true(fabs(rig_all(&g).d[0] - wanted) <= 1e-13 * fabs(wanted));
        rig_any_batch_size(&g);
        rig_done(&g);
    }
}

static void few_give_the_bits_of_the_formula(void **state)
{
    (void)state;
    struct rig g;
    double x[40];
    rig_init_two(&g, &aggregate_ewma, &type_double, NULL, "0.1", 40);
    fill(&g, x);
    assert_true(rig_all(&g).d[0] == by_formula(x, 40, 0.1));
    rig_combines(&g, 0);
    for (uint16_t i = 0; i < 40; i++) { /* in any order */
        int from = i * 7 % 40;
        g.x.d[i] = x[from];
        g.batch.time[i] = from * 10;
    }
    assert_true(rig_all(&g).d[0] == by_formula(x, 40, 0.1));
    rig_done(&g);
}

static void splits_of_many(void **state)
{
    (void)state;
    static double x[2048];
    for (int k = 0; k < 3; k++) {
        struct rig g;
        rig_init_two(&g, &aggregate_ewma, &type_double, NULL, alphas[k], 2048);
        fill(&g, x);
        double wanted = by_formula(x, 2048, atof(alphas[k]));
        for (uint16_t i = 0; i <= 2048; i = (uint16_t)(i + 128)) {
            for (uint16_t j = i; j <= 2048; j = (uint16_t)(j + 128)) {
                void *a = rig_state(&g), *b = rig_state(&g), *c = rig_state(&g);
                rig_add(&g, a, 0, i);
                rig_add(&g, b, i, j);
                rig_add(&g, c, j, 2048);
                g.call.def->combine(&g.call, b, c);
                g.call.def->combine(&g.call, a, b);
                struct blob blob;
                memcpy(&blob, a, sizeof blob);
                assert_true(blob.n <= 2 * 512 * 24);
                assert_true(fabs(rig_result(&g, a).d[0] - wanted) <= 1e-12 * fabs(wanted));
                rig_drop(&g, a);
                rig_drop(&g, b);
                rig_drop(&g, c);
            }
        }
        rig_done(&g);
    }
}

static void nulls_ties_and_arguments(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_ewma, &type_long, NULL, "0.5", 3);
    const int64_t x[] = {8, 4, 16};
    static int32_t part[] = {2, 1, 0};
    memcpy(g.x.i, x, sizeof x);
    assert_true(rig_all(&g).d[0] == 11); /* 8, 4, 16 */
    g.batch.part = part;
    assert_true(rig_all(&g).d[0] == 9); /* 16, 4, 8 */
    rig_null(&g, 1);
    assert_true(rig_all(&g).d[0] == 12);
    rig_null(&g, 0);
    rig_null(&g, 2);
    struct vec out = rig_all(&g);
    assert_true(vec_is_null(&out, 0));
    rig_combines(&g, 0);
    rig_done(&g);
    const char *const wrong[] = {"0", "1.5", "-0.1", "y", "'a'"};
    for (int i = 0; i < 5; i++) {
        rig_refuses_two(&aggregate_ewma, &type_double, NULL, wrong[i],
                        "ewma(x, alpha): alpha is a number above 0, at most 1");
    }
    rig_refuses_two(&aggregate_ewma, &type_string, NULL, "0.5", "ewma wants a number, not string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(by_event_time),
        cmocka_unit_test(few_give_the_bits_of_the_formula),
        cmocka_unit_test(splits_of_many),
        cmocka_unit_test(nulls_ties_and_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
