/* tree_values: the model in a leaf, which of the two predicts, splits by category. */
#include "ml/tree_values.h"

#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t columns[] = {0, 1}; /* a number and a category */
static const struct tree_view view = {columns, 1, 1};

static struct tree_options option(int leaf)
{
    return (struct tree_options){
        .leaf_prediction = leaf, .min_samples_split = 2, .model_selector_decay = 0.95};
}

static void model_steps_by_hand(void **state)
{
    (void)state;
    struct tree_options o = option(3); /* nb, that is model */
    struct tree_values l = {0};
    double x[2] = {2, 0};
    tree_values_learn(&l, &view, x, 5, 1, &o); /* gradient -10: intercept 0.1, weight 0.2 */
    assert_true(fabs(l.model[0] - 0.1) < 1e-15 && fabs(l.model[1] - 0.2) < 1e-15);
    assert_true(fabs(tree_values_predict(&l, &view, x, &o) - 0.5) < 1e-15);
    tree_values_learn(&l, &view, x, 5, 2, &o); /* gradient -18 */
    assert_true(fabs(l.model[0] - 0.28) < 1e-15 && fabs(l.model[1] - 0.56) < 1e-15);
    tree_values_done(&l, &view);
}

static void the_better_one_predicts(void **state)
{
    (void)state;
    struct tree_options o = option(0);
    struct tree_values l = {0};
    struct random r;
    random_seed(&r, 1, 1);
    for (int i = 0; i < 2000; i++) {
        double x[2] = {random_normal(&r), 0};
        tree_values_learn(&l, &view, x, 3 * x[0] + 1, 1, &o);
    }
    double x[2] = {1.5, 0};
    assert_true(fabs(tree_values_predict(&l, &view, x, &o) - 5.5) < 0.01);
    for (int i = 0; i < 300; i++) { /* now only the mean is any good */
        double odd[2] = {i % 2 ? 100 : -100, 0};
        tree_values_learn(&l, &view, odd, 1, 1, &o);
    }
    assert_true(tree_values_predict(&l, &view, x, &o) == l.all.mean);
    tree_values_done(&l, &view);
}

static void a_model_that_overflows_begins_anew(void **state)
{
    (void)state;
    struct tree_options o = option(0);
    struct tree_values l = {0};
    for (int i = 0; i < 200; i++) {
        double x[2] = {i % 2 ? 1e200 : -1e150, 0};
        tree_values_learn(&l, &view, x, i, 1, &o);
        assert_true(isfinite(tree_values_predict(&l, &view, x, &o)));
    }
    tree_values_done(&l, &view);
}

static void splits_by_category(void **state)
{
    (void)state;
    struct tree_options o = option(0);
    struct tree_values l = {0}, child[3];
    for (int i = 0; i < 90; i++) {
        double x[2] = {0, i % 3}, y = (i % 3) * 10 + i % 2;
        tree_values_learn(&l, &view, x, y, 1, &o);
        tree_values_observe(&l, &view, x, y, 1, 10);
    }
    struct tree_split s = tree_values_best(&l, &view, 1, &o);
    assert_int_equal(s.kind, TREE_VALUES);
    memset(child, 0, sizeof(child));
    tree_values_divide(&l, &view, &s, &view, child);
    for (int v = 0; v < 3; v++) {
        assert_true(child[v].all.n == 30 && fabs(child[v].all.mean - (v * 10 + 0.5)) < 1e-12);
        assert_true(memcmp(child[v].model, l.model, 2 * sizeof(double)) == 0);
        tree_values_done(&child[v], &view);
    }
    o.binary_split = true;
    s = tree_values_best(&l, &view, 1, &o);
    assert_int_equal(s.kind, TREE_VALUE);
    assert_true(s.threshold == 0 || s.threshold == 2);          /* the ends stand out */
    assert_true(tree_values_best(&l, &view, 0, &o).merit <= 0); /* a constant column */
    tree_values_done(&l, &view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(model_steps_by_hand),
        cmocka_unit_test(the_better_one_predicts),
        cmocka_unit_test(a_model_that_overflows_begins_anew),
        cmocka_unit_test(splits_by_category),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
