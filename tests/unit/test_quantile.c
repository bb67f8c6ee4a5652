/* Aggregate quantile: exact while few, within 1 % beyond, the same bits for any split; the brute
 * force sorts. Seeds are fixed. */
#include "tests/unit/aggregate_harness.h"

#include <float.h>
#include <stdlib.h>

extern const struct aggregate_def aggregate_quantile;

static const char *const shares[] = {"0", "0.01", "0.25", "0.5", "0.9", "0.99", "0.999", "1"};

static int order(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Linear between neighbours, over sorted values. */
static double exact(const double *sorted, size_t n, double q)
{
    double rank = q * (double)(n - 1), part = rank - floor(rank);
    size_t at = (size_t)rank;
    return part > 0 ? sorted[at] * (1 - part) + sorted[at + 1] * part : sorted[at];
}

static void fill(struct rig *g, uint64_t seed, int kind)
{
    struct random r;
    random_seed(&r, seed, 1);
    for (uint16_t i = 0; i < g->rows; i++) {
        double u = random_unit(&r), z = random_normal(&r);
        const double x[] = {u * 1000,
                            exp(z * 3),
                            -exp(z * 3),
                            pow(u, -2),
                            exp(u * 1400 - 700),
                            -exp(u * 1400 - 700),
                            floor(u * 5),
                            1e6 + u,
                            u * DBL_MIN};
        g->x.d[i] = x[kind];
    }
}

static void within_one_percent(void **state)
{
    (void)state;
    for (int kind = 0; kind < 9; kind++) {
        for (size_t q = 0; q < sizeof shares / sizeof *shares; q++) {
            for (uint16_t rows = 1; rows <= 2048; rows = (uint16_t)(rows * 2 + (rows == 64))) {
                struct rig g;
                rig_init_two(&g, &aggregate_quantile, &type_double, NULL, shares[q], rows);
                fill(&g, 100U + rows, kind);
                double got = rig_all(&g).d[0];
                qsort(g.x.d, rows, sizeof *g.x.d, order);
                double wanted = exact(g.x.d, rows, atof(shares[q]));
                double limit = (rows <= 128 ? 1e-15 : 0.01) * fabs(wanted);
                if (!(fabs(got - wanted) <= limit)) {
                    print_message("kind %d q %s rows %d: %.17g, not %.17g\n", kind, shares[q], rows,
                                  got, wanted);
                }
                assert_true(fabs(got - wanted) <= limit);
                rig_done(&g);
            }
        }
    }
}

/* Both signs: within 1 % of the greater neighbour. */
static void both_signs(void **state)
{
    (void)state;
    for (size_t q = 0; q < sizeof shares / sizeof *shares; q++) {
        struct rig g;
        rig_init_two(&g, &aggregate_quantile, &type_long, NULL, shares[q], 2001);
        double sorted[2001];
        for (uint16_t i = 0; i < 2001; i++) {
            g.x.i[i] = (i * 7919 % 2001) - 1000;
            sorted[i] = i - 1000;
        }
        double wanted = exact(sorted, 2001, atof(shares[q]));
        assert_true(fabs(rig_all(&g).d[0] - wanted) <= 0.01 * fabs(wanted));
        rig_done(&g);
    }
}

static void few_are_exact(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_quantile, &type_double, NULL, "0.5", 4);
    const double x[] = {4, 1, -0.25, 2};
    memcpy(g.x.d, x, sizeof x);
    assert_true(rig_all(&g).d[0] == 1.5);
    rig_null(&g, 2);
    assert_true(rig_all(&g).d[0] == 2);
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
}

static void any_split_gives_the_same_bits(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_quantile, &type_double, NULL, "0.3",
                 135); /* exact and buckets meet */
    rig_fill(&g, 3);
    for (uint16_t i = 0; i < 135; i++) {
        g.x.null[i] = i == 5;
        g.x.d[i] = sin(i) * exp(i % 17);
    }
    rig_any_batch_size(&g);
    rig_combines(&g, 0);
    rig_done(&g);
    rig_init_two(&g, &aggregate_quantile, &type_double, NULL, "0.3", 2000);
    fill(&g, 9, 4);
    rig_any_batch_size(&g);
    struct vec whole = rig_all(&g);
    for (uint16_t cut = 0; cut <= 2000; cut = (uint16_t)(cut + 125)) {
        void *a = rig_state(&g), *b = rig_state(&g);
        rig_add(&g, a, 0, cut);
        rig_add(&g, b, cut, 2000);
        g.call.def->combine(&g.call, a, b);
        struct vec out = rig_result(&g, a);
        assert_memory_equal(out.d, whole.d, sizeof(double));
        rig_drop(&g, a);
        rig_drop(&g, b);
    }
    rig_done(&g);
}

/* Values over the whole range fill every bucket there is room for; those beyond count as zero. */
static void buckets_are_bounded(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_quantile, &type_double, NULL, "0.5", 2000);
    void *up = rig_state(&g), *down = rig_state(&g), *half = rig_state(&g);
    for (int i = 0; i < 20; i++) {
        for (uint16_t k = 0; k < 2000; k++) {
            double x = exp((i * 2000 + k) * 0.035 - 700);
            g.x.d[k] = k % 2 ? x : -x;
        }
        rig_add(&g, up, 0, 2000);
        rig_add(&g, i < 9 ? down : half, 0, 2000);
    }
    g.call.def->combine(&g.call, half, down);
    struct blob a, b;
    memcpy(&a, up, sizeof a);
    memcpy(&b, half, sizeof b);
    assert_int_equal(a.n, 8192 * 8);
    assert_int_equal(b.n, a.n);
    assert_memory_equal(a.p, b.p, a.n);
    assert_memory_equal((char *)up + sizeof a, (char *)half + sizeof a, g.call.size - sizeof a);
    assert_true(rig_result(&g, up).d[0] == 0);
    rig_drop(&g, up);
    rig_drop(&g, down);
    rig_drop(&g, half);
    rig_done(&g);
}

static void what_is_not_finite(void **state)
{
    (void)state;
    for (uint16_t rows = 8; rows <= 800; rows = (uint16_t)(rows * 10)) {
        const char *const q[] = {"0.1", "0.3", "0.6", "0.85", "1"};
        const char *const wanted[] = {"-Infinity", "0.0", "5.0", "Infinity", "NaN"};
        for (int k = 0; k < 5; k++) {
            struct rig g;
            rig_init_two(&g, &aggregate_quantile, &type_double, NULL, q[k], rows);
            const double x[] = {-(double)INFINITY, -(double)INFINITY, 0, 0, 5, 5,
                                (double)INFINITY,  (double)NAN};
            for (uint16_t i = 0; i < rows; i++) {
                g.x.d[i] = x[i % 8];
            }
            struct vec out = rig_all(&g);
            assert_string_equal(rig_text(&g, &out), wanted[k]);
            rig_done(&g);
        }
    }
}

static void the_ends_of_doubles(void **state)
{
    (void)state;
    const double x[] = {DBL_MAX, -DBL_MAX, DBL_TRUE_MIN, -DBL_TRUE_MIN, DBL_MIN, 1};
    for (int k = 0; k < 6; k++) {
        struct rig g;
        rig_init_two(&g, &aggregate_quantile, &type_double, NULL, "0.5", 200);
        for (uint16_t i = 0; i < 200; i++) {
            g.x.d[i] = i == 0 ? 1e3 * (x[k] < 0 ? 1 : -1) : x[k];
        }
        assert_true(fabs(rig_all(&g).d[0] - x[k]) <= 0.01 * fabs(x[k]));
        rig_done(&g);
    }
}

static void nulls_and_wrong_arguments(void **state)
{
    (void)state;
    struct rig g;
    rig_init_two(&g, &aggregate_quantile, &type_double, NULL, "0.5", 1);
    rig_null(&g, 0);
    struct vec out = rig_all(&g);
    assert_true(vec_is_null(&out, 0));
    rig_combines(&g, 0);
    rig_done(&g);
    const char *usage = "quantile(x, q): q is a number from 0 to 1";
    const char *const wrong[] = {"1.01", "-0.5", "nullif(1, 1)", "99", "'0.5'", "y"};
    for (int i = 0; i < 6; i++) {
        rig_refuses_two(&aggregate_quantile, &type_double, NULL, wrong[i], usage);
    }
    rig_refuses_two(&aggregate_quantile, &type_string, NULL, "0.5",
                    "quantile wants a number, not string");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(within_one_percent),  cmocka_unit_test(both_signs),
        cmocka_unit_test(few_are_exact),       cmocka_unit_test(any_split_gives_the_same_bits),
        cmocka_unit_test(buckets_are_bounded), cmocka_unit_test(what_is_not_finite),
        cmocka_unit_test(the_ends_of_doubles), cmocka_unit_test(nulls_and_wrong_arguments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
