/* Random numbers: PCG's published first numbers, and moments of the distributions. */
#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

static void pcg32_demo_sequence(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 42, 54);
    const uint32_t expected[] = {0xa15c02b7, 0x7b47f409, 0xba1d3330,
                                 0x83d2f293, 0xbfa4784b, 0xcbed606e};
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(random_u32(&r), expected[i]);
    }
}

static void bounds(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 1, 2);
    int seen[7] = {0};
    for (int i = 0; i < 70000; i++) {
        uint32_t v = random_below(&r, 7);
        assert_true(v < 7);
        seen[v]++;
        double u = random_unit(&r);
        assert_true(u >= 0 && u < 1);
    }
    for (int i = 0; i < 7; i++) {
        assert_true(seen[i] > 9500 && seen[i] < 10500);
    }
    assert_int_equal(random_below(&r, 1), 0);
}

static void normal_moments(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 3, 4);
    double sum = 0, squares = 0;
    const int n = 200000;
    for (int i = 0; i < n; i++) {
        double x = random_normal(&r);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / n) < 0.01);
    assert_true(fabs(squares / n - 1) < 0.02);
}

static void poisson_moments(void **state)
{
    (void)state;
    const double lambdas[] = {0.1, 1, 6, 40, 5000};
    for (size_t k = 0; k < 5; k++) {
        struct random r;
        random_seed(&r, 5, k);
        double sum = 0, squares = 0;
        const int n = 20000;
        for (int i = 0; i < n; i++) {
            double x = random_poisson(&r, lambdas[k]);
            sum += x;
            squares += x * x;
        }
        double mean = sum / n;
        double variance = squares / n - mean * mean;
        assert_true(fabs(mean - lambdas[k]) < 5 * sqrt(lambdas[k] / n));
        assert_true(fabs(variance / lambdas[k] - 1) < 0.1);
    }
}

static void poisson_of_nonsense(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 6, 6);
    assert_int_equal(random_poisson(&r, 0), 0);
    assert_int_equal(random_poisson(&r, -1), 0);
    assert_int_equal(random_poisson(&r, (double)NAN), 0);
    assert_true(random_poisson(&r, 1e300) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pcg32_demo_sequence), cmocka_unit_test(bounds),
        cmocka_unit_test(normal_moments),      cmocka_unit_test(poisson_moments),
        cmocka_unit_test(poisson_of_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
