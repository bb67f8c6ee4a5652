/* tree_merit: merits by hand, and against their textbook formulas. */
#include "ml/tree_merit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint32_t classes[] = {0, 1, 2};

static double plain_entropy(const double *w, int n)
{
    double sum = 0, h = 0;
    for (int i = 0; i < n; i++) {
        sum += w[i];
    }
    for (int i = 0; i < n; i++) {
        h -= w[i] > 0 ? w[i] / sum * log2(w[i] / sum) : 0;
    }
    return h;
}

static void entropy_in_bits(void **state)
{
    (void)state;
    double even[] = {4, 4}, one[] = {0, 7}, none[] = {0, 0}, three[] = {1, 2, 5};
    assert_true(fabs(tree_entropy(even, 2) - 1) < 1e-15);
    assert_true(tree_entropy(one, 2) == 0);
    assert_true(tree_entropy(none, 2) == 0);
    assert_true(fabs(tree_entropy(three, 3) - plain_entropy(three, 3)) < 1e-15);
}

static void information_gain(void **state)
{
    (void)state;
    struct tree_options o = {.split_criterion = TREE_INFO_GAIN, .min_branch_fraction = 0.01};
    double w[] = {8, 1, 3, 2, 6, 4}, all[] = {10, 7, 7};
    struct tree_branches b = {w, 2, 3, 3, classes};
    double before = plain_entropy(all, 3);
    double after = (12 * plain_entropy(w, 3) + 12 * plain_entropy(w + 3, 3)) / 24;
    assert_true(fabs(tree_merit_classes(&o, before, &b) - (before - after)) < 1e-14);
    double perfect[] = {5, 0, 0, 5}, halves[] = {5, 5};
    struct tree_branches p = {perfect, 2, 2, 2, classes};
    assert_true(fabs(tree_merit_classes(&o, plain_entropy(halves, 2), &p) - 1) < 1e-15);
}

static void gini_and_hellinger(void **state)
{
    (void)state;
    struct tree_options o = {.split_criterion = TREE_GINI};
    double w[] = {3, 1, 0, 4};
    struct tree_branches b = {w, 2, 2, 2, classes};
    assert_true(fabs(tree_merit_classes(&o, 0, &b) - (1 - 0.5 * (1 - 0.5625 - 0.0625))) < 1e-15);
    o.split_criterion = TREE_HELLINGER;
    double expected = sqrt(pow(1 - sqrt(0.2), 2) + pow(0 - sqrt(0.8), 2));
    assert_true(fabs(tree_merit_classes(&o, 0, &b) - expected) < 1e-15);
    static const uint32_t others[] = {1, 2};
    struct tree_branches strange = {w, 2, 2, 2, others};
    assert_true(tree_merit_classes(&o, 0, &strange) == 0);
}

static void small_branches_do_not_count(void **state)
{
    (void)state;
    struct tree_options o = {.split_criterion = TREE_INFO_GAIN, .min_branch_fraction = 0.1};
    double w[] = {1, 0, 50, 49};
    struct tree_branches b = {w, 2, 2, 2, classes};
    assert_true(tree_merit_classes(&o, 1, &b) == -HUGE_VAL);
    o.min_branch_fraction = 0.001;
    assert_true(tree_merit_classes(&o, 1, &b) > -HUGE_VAL);
    double nothing[] = {0, 0, 0, 0};
    b.weight = nothing;
    assert_true(tree_merit_classes(&o, 1, &b) == -HUGE_VAL);
}

static void variance_reduction(void **state)
{
    (void)state;
    struct tree_options o = {.min_samples_split = 2};
    double y[] = {1, 2, 3, 10, 11, 12};
    struct moments all = {0}, branch[2] = {{.n = 0}, {.n = 0}};
    for (int i = 0; i < 6; i++) {
        moments_add(&all, y[i], 1);
        moments_add(&branch[i / 3], y[i], 1);
    }
    /* all: mean 6.5, squares 2 (5.5^2 + 4.5^2 + 3.5^2) = 125.5, variance 25.1; branches: 1 each */
    assert_true(fabs(tree_merit_values(&o, &all, branch, 2) - 24.1) < 1e-12);
    struct moments rest = moments_minus(all, &branch[0]);
    assert_true(fabs(rest.mean - 11) < 1e-12 && fabs(rest.s - 2) < 1e-9);
    struct moments both = moments_plus(branch[0], &branch[1]);
    assert_true(fabs(both.s - all.s) < 1e-9 && fabs(both.mean - all.mean) < 1e-12);
    o.min_samples_split = 4;
    assert_true(tree_merit_values(&o, &all, branch, 2) == 0);
}

static void bound_and_range(void **state)
{
    (void)state;
    struct tree_options o = {.split_criterion = TREE_INFO_GAIN};
    assert_true(tree_merit_range(&o, 1) == 1);
    assert_true(tree_merit_range(&o, 8) == 3);
    o.split_criterion = TREE_GINI;
    assert_true(tree_merit_range(&o, 8) == 1);
    assert_true(fabs(tree_hoeffding_bound(2, exp(-8), 100) - 0.4) < 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entropy_in_bits),    cmocka_unit_test(information_gain),
        cmocka_unit_test(gini_and_hellinger), cmocka_unit_test(small_branches_do_not_count),
        cmocka_unit_test(variance_reduction), cmocka_unit_test(bound_and_range),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
