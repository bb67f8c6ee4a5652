/* tree_classes: what a leaf counted against all its rows anew: naive Bayes, thresholds, categories. */
#include "ml/tree_classes.h"

#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROWS 300

static const uint32_t columns[] = {0, 2, 1}; /* two numbers and a category */
static const struct tree_view view = {columns, 2, 1};
static const struct tree_options options = {
    .n_splits = 10, .split_criterion = TREE_INFO_GAIN, .min_branch_fraction = 0.01};

struct rows {
    double x[ROWS][3];
    uint32_t class[ROWS];
};

static void make_rows(struct rows *d, struct tree_classes *l)
{
    struct random r;
    random_seed(&r, 3, 1);
    for (int i = 0; i < ROWS; i++) {
        uint32_t c = d->class[i] = random_below(&r, 3);
        d->x[i][0] = random_normal(&r) + c;
        d->x[i][1] = random_below(&r, 10) < 8 ? c : random_below(&r, 5);
        d->x[i][2] = random_normal(&r) * (1 + c);
        tree_classes_weigh(l, c, 1);
        tree_classes_observe(l, &view, d->x[i], c, 1);
    }
}

static double log_normal(const struct rows *d, uint32_t class, int column, double x)
{
    double n = 0, mean = 0, s = 0;
    for (int i = 0; i < ROWS; i++) {
        n += d->class[i] == class;
        mean += d->class[i] == class ? d->x[i][column] : 0;
    }
    mean /= n;
    for (int i = 0; i < ROWS; i++) {
        s += d->class[i] == class ? pow(d->x[i][column] - mean, 2) : 0;
    }
    double variance = s / (n - 1);
    return -pow(x - mean, 2) / (2 * variance) - 0.5 * log(2 * M_PI * variance);
}

static void bayes_is_that_of_all_rows(void **state)
{
    (void)state;
    static struct rows d;
    struct tree_classes l = {0};
    make_rows(&d, &l);
    for (int i = 0; i < 20; i++) {
        double votes[3], expected[3];
        int32_t best = tree_classes_bayes(&l, &view, d.x[i], votes);
        for (uint32_t k = 0; k < 3; k++) {
            uint32_t c = l.slot[k].class;
            double n = 0, same = 0;
            for (int j = 0; j < ROWS; j++) {
                n += d.class[j] == c;
                same += d.class[j] == c && d.x[j][1] == d.x[i][1];
            }
            expected[k] = log(n / ROWS) + log_normal(&d, c, 0, d.x[i][0]) +
                          log_normal(&d, c, 2, d.x[i][2]) + (same > 0 ? log(same / n) : 0);
            assert_true(fabs(votes[k] - expected[k]) < 1e-9);
            assert_true(votes[best] >= votes[k]);
        }
    }
    tree_classes_done(&l, &view);
}

static void a_threshold_sends_rows_as_gaussians_do(void **state)
{
    (void)state;
    static struct rows d;
    double scratch[64];
    struct tree_classes l = {0}, child[2];
    make_rows(&d, &l);
    memset(child, 0, sizeof(child));
    struct tree_split s = tree_classes_best(&l, &view, 0, &options, scratch);
    assert_int_equal(s.kind, TREE_NUMBER);
    assert_true(s.merit > 0);
    tree_classes_divide(&l, &view, &s, child, scratch);
    double left = 0, really = 0;
    for (uint32_t i = 0; i < child[0].n; i++) {
        left += child[0].slot[i].weight;
    }
    for (int i = 0; i < ROWS; i++) {
        really += d.x[i][0] <= s.threshold;
    }
    assert_true(fabs(left - really) < 0.05 * ROWS);
    assert_true(fabs(tree_classes_total(&child[0]) + tree_classes_total(&child[1]) - ROWS) < 1e-9);
    tree_classes_done(&child[0], &view);
    tree_classes_done(&child[1], &view);
    tree_classes_done(&l, &view);
}

/* Information gain of dividing the rows by a category, or by one of its values. */
static double plain_gain(const struct rows *d, const struct tree_options *o, int one)
{
    double w[5][3] = {{0}}, all[3] = {0};
    static const uint32_t class[] = {0, 1, 2};
    for (int i = 0; i < ROWS; i++) {
        int value = (int)d->x[i][1];
        w[one < 0 ? value : value != one][d->class[i]]++;
        all[d->class[i]]++;
    }
    struct tree_branches b = {w[0], one < 0 ? 5 : 2, 3, 3, class};
    return tree_merit_classes(o, tree_entropy(all, 3), &b);
}

static void categories_are_counted_exactly(void **state)
{
    (void)state;
    static struct rows d;
    double scratch[64], best = -HUGE_VAL;
    int value = -1;
    struct tree_classes l = {0}, child[5];
    make_rows(&d, &l);
    memset(child, 0, sizeof(child));
    struct tree_split s = tree_classes_best(&l, &view, 2, &options, scratch);
    assert_int_equal(s.kind, TREE_VALUES);
    assert_true(fabs(s.merit - plain_gain(&d, &options, -1)) < 1e-12);
    tree_classes_divide(&l, &view, &s, child, scratch);
    for (int v = 0; v < 5; v++) {
        double n = 0;
        for (int i = 0; i < ROWS; i++) {
            n += d.x[i][1] == v;
        }
        assert_true(tree_classes_total(&child[v]) == n);
        tree_classes_done(&child[v], &view);
    }
    struct tree_options binary = options;
    binary.binary_split = true;
    for (int v = 0; v < 5; v++) {
        double gain = plain_gain(&d, &binary, v);
        value = gain > best ? v : value;
        best = gain > best ? gain : best;
    }
    s = tree_classes_best(&l, &view, 2, &binary, scratch);
    assert_int_equal(s.kind, TREE_VALUE);
    assert_true(s.threshold == value && fabs(s.merit - best) < 1e-12);
    tree_classes_done(&l, &view);
}

static void a_constant_column_says_nothing(void **state)
{
    (void)state;
    struct tree_classes l = {0};
    double x[3] = {5, 0, 1e-200}, votes[2], scratch[16];
    for (uint32_t i = 0; i < 50; i++) {
        tree_classes_weigh(&l, i % 2, 1);
        tree_classes_observe(&l, &view, x, i % 2, 1);
    }
    assert_true(tree_classes_best(&l, &view, 0, &options, scratch).merit == -HUGE_VAL);
    x[0] = 1e200;
    assert_true(tree_classes_bayes(&l, &view, x, votes) == 0);
    assert_true(votes[0] == log(0.5) && votes[1] == log(0.5));
    tree_classes_done(&l, &view);
}

static void categories_are_bounded(void **state)
{
    (void)state;
    struct tree_classes l = {0};
    for (int i = 0; i < 3000; i++) {
        double x[3] = {0, i % 2 ? i : -1, 0};
        tree_classes_weigh(&l, 0, 1);
        tree_classes_observe(&l, &view, x, 0, 1);
    }
    assert_int_equal(l.counts[0].n, TREE_CATEGORIES_MAX);
    tree_classes_done(&l, &view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bayes_is_that_of_all_rows),
        cmocka_unit_test(a_threshold_sends_rows_as_gaussians_do),
        cmocka_unit_test(categories_are_counted_exactly),
        cmocka_unit_test(a_constant_column_says_nothing),
        cmocka_unit_test(categories_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
