/* tree_adapt: a branch whose concept changed is replaced; without change, and without bootstrap,
 * the tree is the plain one.
 */
#include "engine/arena.h"
#include "ml/tree.h"
#include "tests/support/learner_options.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern const struct learner_def learner_hoeffding_tree;
static struct arena arena;
static const struct learner_column column[2] = {{"a", false}, {"b", true}};

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static struct tree *open(enum learner_task task, const struct tree_adaptive *adaptive,
                         struct random *r)
{
    struct tree_setup s = {
        .options = learner_options(&learner_hoeffding_tree, &arena, "{grace_period: 100}"),
        .column = column,
        .ncolumns = 2,
        .task = task,
        .adaptive = adaptive,
        .random = r,
    };
    struct tree *t = tree_new(&s);
    if (task == LEARN_CLASSES) {
        tree_grow(t, 2);
    }
    return t;
}

static struct tree_adaptive adaptive(bool bootstrap)
{
    return (struct tree_adaptive){adwin_config_default, 300, 0.05, bootstrap};
}

/* Class and value follow from a alone, the other way round once `is_turned`. */
static double truth(const struct tree *t, const double *x, bool is_turned)
{
    double side = (x[0] > 0) != is_turned;
    return t->setup.task == LEARN_CLASSES ? side : 10 * side;
}

static double error(struct tree *t, struct random *r, uint32_t rows, bool is_turned)
{
    double sum = 0, out[2];
    for (uint32_t i = 0; i < rows; i++) {
        double x[2] = {random_normal(r), random_below(r, 3)}, y = truth(t, x, is_turned);
        tree_predict(t, x, out);
        sum += t->setup.task == LEARN_CLASSES ? (out[1] > out[0]) != (y > 0) : fabs(out[0] - y);
        tree_learn(t, x, y, 1);
    }
    return sum / rows;
}

static void recovers_from_a_change(void **state)
{
    (void)state;
    static const enum learner_task task[] = {LEARN_CLASSES, LEARN_VALUES};
    for (int i = 0; i < 2; i++) {
        struct random r, own;
        struct tree_adaptive a = adaptive(true);
        random_seed(&r, 1, 1);
        random_seed(&own, 2, 1);
        struct tree *adapts = open(task[i], &a, &own);
        error(adapts, &r, 5000, false);
        assert_true(adapts->node[adapts->root].kind == TREE_NUMBER);
        double before = error(adapts, &r, 1000, false);
        double turned = error(adapts, &r, 100, true);
        error(adapts, &r, 4000, true);
        double after = error(adapts, &r, 1000, true);
        assert_true(turned > 5 * before && turned > 5 * after);
        tree_free(adapts);
    }
}

static void without_errors_it_is_the_plain_tree(void **state)
{
    (void)state;
    struct tree_adaptive a = adaptive(false);
    struct tree *plain = open(LEARN_CLASSES, NULL, NULL), *watched = open(LEARN_CLASSES, &a, NULL);
    struct random r;
    random_seed(&r, 3, 1);
    for (int i = 0; i < 3000; i++) {
        double x[2] = {random_normal(&r), random_below(&r, 3)}, p[2], q[2];
        tree_predict(plain, x, p);
        tree_predict(watched, x, q);
        assert_true(fabs(p[0] - q[0]) < 1e-12);
        tree_learn(plain, x, x[0] > 0, 1);
        tree_learn(watched, x, x[0] > 0, 1);
    }
    assert_int_equal(tree_leaf_count(plain), tree_leaf_count(watched));
    tree_free(plain);
    tree_free(watched);
}

static void alternates_come_and_go_without_leaks(void **state)
{
    (void)state;
    struct random r, own;
    struct tree_adaptive a = adaptive(true);
    random_seed(&r, 4, 1);
    random_seed(&own, 5, 1);
    struct tree *t = open(LEARN_CLASSES, &a, &own);
    uint32_t alternates = 0;
    for (int round = 0; round < 160; round++) {
        error(t, &r, 50, round / 8 % 2);
        for (uint32_t i = 0; i < t->nodes; i++) {
            alternates += t->node[i].kind != TREE_FREE && t->watch[i].alternate >= 0;
        }
    }
    assert_true(alternates > 0);
    assert_true(t->nodes < 200);
    tree_clear(t);
    assert_int_equal(t->bytes, 0);
    assert_int_equal(tree_leaf_count(t), 0);
    tree_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recovers_from_a_change),
        cmocka_unit_test(without_errors_it_is_the_plain_tree),
        cmocka_unit_test(alternates_come_and_go_without_leaks),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
