/* Lloyd: the inertia of small cases, seeding that finds what is far apart, numbers that match. */
#include "ml/lloyd.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static void the_nearest_is_the_first_of_equals(void **state)
{
    (void)state;
    const double points[] = {0, 0, 0, 3, 0, 0, 3, 0, 0, -3, 0, 0};
    const double x[] = {2, 1, 1}, middle[] = {1.5, 0, 0};
    double d;
    assert_int_equal(lloyd_nearest(points, 4, 3, x, &d), 1);
    assert_true(d == 3);
    assert_int_equal(lloyd_nearest(points, 4, 3, middle, NULL), 0);
}

static void rests_at_the_means(void **state)
{
    (void)state;
    const double x[] = {0, 1, 2, 10, 11, 15}, w[] = {1, 1, 1, 2, 1, 1};
    const struct lloyd_points plain = {.x = x, .n = 6, .dims = 1}, heavy = {x, w, 6, 1};
    double scratch[100], centre[2] = {0, 1}, weight[2];
    assert_true(lloyd_scratch(6, 1, 2) <= 100);
    double inertia = lloyd_run(&plain, 2, centre, 100, weight, scratch);
    assert_true(centre[0] == 1 && centre[1] == 12);
    assert_true(fabs(inertia - (2 + 4 + 1 + 9)) < 1e-12);
    assert_true(weight[0] == 3 && weight[1] == 3);
    inertia = lloyd_run(&heavy, 2, centre, 100, weight, scratch);
    assert_true(centre[0] == 1 && centre[1] == 11.5);
    assert_true(fabs(inertia - (2 + 2 * 2.25 + 0.25 + 12.25)) < 1e-12);
    assert_true(weight[1] == 4);
    double still[2] = {0, 1};
    lloyd_run(&plain, 2, still, 0, NULL, scratch);
    assert_true(still[0] == 0 && still[1] == 1);
}

static void an_empty_centre_stays(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3};
    const struct lloyd_points p = {.x = x, .n = 3, .dims = 1};
    double scratch[20], centre[2] = {2.5, 100}, weight[2];
    lloyd_run(&p, 2, centre, 10, weight, scratch);
    assert_true(centre[0] == 2 && centre[1] == 100 && weight[1] == 0);
}

static void seeds_are_far_from_each_other(void **state)
{
    (void)state;
    enum { N = 90, K = 3 };
    double x[N], scratch[3 * N], centre[K];
    const struct lloyd_points p = {.x = x, .n = N, .dims = 1};
    for (int i = 0; i < N; i++) {
        x[i] = i % K * 1000 + i;
    }
    for (uint64_t seed = 0; seed < 50; seed++) {
        struct random random;
        bool is_found[K] = {false};
        random_seed(&random, seed, 1);
        lloyd_seed(&p, K, &random, centre, scratch);
        for (int k = 0; k < K; k++) {
            is_found[(int)(centre[k] / 1000)] = true;
        }
        assert_true(is_found[0] && is_found[1] && is_found[2]);
    }
}

static void equal_points_and_weights_of_nothing(void **state)
{
    (void)state;
    const double x[] = {7, 7, 7, 7, 7, 7, 7, 7}, w[] = {0, 0, 5, 0};
    const struct lloyd_points p = {.x = x, .w = w, .n = 4, .dims = 2};
    double scratch[50], centre[8];
    struct random random;
    random_seed(&random, 1, 1);
    lloyd_seed(&p, 4, &random, centre, scratch);
    assert_true(lloyd_run(&p, 4, centre, 10, NULL, scratch) == 0);
    for (int i = 0; i < 8; i++) {
        assert_true(centre[i] == 7);
    }
}

static void numbers_match_the_nearest(void **state)
{
    (void)state;
    const double from[] = {0, 0, 10, 10, 20, 20, 30, 30};
    double to[] = {31, 31, 9, 9, 100, 100, 1, 0}, scratch[30];
    assert_true(lloyd_scratch(4, 2, 4) <= 30);
    lloyd_match(from, to, 4, 2, scratch);
    const double expected[] = {1, 0, 9, 9, 100, 100, 31, 31};
    assert_memory_equal(to, expected, sizeof(to));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_is_the_first_of_equals),
        cmocka_unit_test(rests_at_the_means),
        cmocka_unit_test(an_empty_centre_stays),
        cmocka_unit_test(seeds_are_far_from_each_other),
        cmocka_unit_test(equal_points_and_weights_of_nothing),
        cmocka_unit_test(numbers_match_the_nearest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
