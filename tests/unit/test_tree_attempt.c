/* tree_attempt: when a leaf is split and when not, and what a tree over max_size gives up. */
#include "engine/arena.h"
#include "ml/tree.h"
#include "tests/support/learner_options.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern const struct learner_def learner_hoeffding_tree;
static struct arena arena;
static const struct learner_column column[4] = {
    {"a", false}, {"b", false}, {"c", false}, {"word", true}};

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

static struct tree *open(const char *options, enum learner_task task)
{
    struct tree_setup s = {
        .options = learner_options(&learner_hoeffding_tree, &arena, options),
        .column = column,
        .ncolumns = 4,
        .task = task,
    };
    return tree_new(&s);
}

/* A checkerboard over a and b, which takes many splits. */
static void feed(struct tree *t, uint32_t rows, uint32_t categories, uint64_t seed)
{
    struct random r;
    random_seed(&r, seed, 1);
    bool is_classes = t->setup.task == LEARN_CLASSES;
    for (uint32_t i = 0; i < rows; i++) {
        double x[4] = {8 * random_unit(&r), 8 * random_unit(&r), random_normal(&r),
                       random_below(&r, categories)};
        int square = (int)x[0] * 3 + (int)x[1];
        tree_learn(t, x, is_classes ? square % 2 : square + 0.1 * random_normal(&r), 1);
    }
}

static void one_class_is_never_split(void **state)
{
    (void)state;
    struct tree *t = open("{grace_period: 20, tau: 1}", LEARN_CLASSES);
    for (int i = 0; i < 1000; i++) {
        double x[4] = {i, i % 7, 0, 0};
        tree_learn(t, x, 0, 1);
    }
    assert_int_equal(tree_leaf_count(t), 1);
    tree_free(t);
}

static void a_leaf_that_is_almost_pure_begins_to_look_anew(void **state)
{
    (void)state;
    struct tree *t = open("{grace_period: 500, max_share_to_split: 0.9}", LEARN_CLASSES);
    for (int i = 0; i < 500; i++) {
        double x[4] = {i, 0, 0, 0};
        tree_learn(t, x, i > 480, 1);
    }
    const struct tree_leaf *l = &t->leaf[t->node[t->root].left];
    assert_int_equal(l->classes.nseen, 0);
    assert_true(tree_classes_total(&l->classes) == 500);
    assert_true(l->is_active);
    tree_free(t);
}

static void a_tie_is_broken_by_tau(void **state)
{
    (void)state;
    for (int tau = 0; tau < 2; tau++) {
        struct tree *t = open(tau ? "{tau: 0.5}" : "{tau: 0}", LEARN_CLASSES);
        struct random r;
        random_seed(&r, 1, 1);
        for (int i = 0; i < 600; i++) { /* a and b are the same column */
            double v = random_normal(&r), x[4] = {v, v, 0, 0};
            tree_learn(t, x, v > 0, 1);
        }
        assert_int_equal(tree_leaf_count(t) > 1, tau);
        tree_free(t);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    struct tree *t = open("{grace_period: 20, tau: 1, max_depth: 3}", LEARN_CLASSES);
    feed(t, 5000, 1, 1);
    assert_true(tree_leaf_count(t) > 4);
    for (uint32_t i = 0; i < t->nodes; i++) {
        assert_true(t->node[i].depth <= 3);
    }
    tree_free(t);
}

static void a_split_takes_the_statistics_along(void **state)
{
    (void)state;
    struct tree *t = open("{grace_period: 200, leaf_prediction: mean}", LEARN_VALUES);
    feed(t, 20000, 1, 2);
    double weight = 0;
    for (uint32_t i = 0; i < t->nodes; i++) {
        if (t->node[i].kind == TREE_LEAF) {
            weight += t->leaf[t->node[i].left].values.all.n;
        }
    }
    assert_true(tree_leaf_count(t) > 20);
    assert_true(fabs(weight - 20000) < 1e-6);
    tree_free(t);
}

static void stays_within_max_size(void **state)
{
    (void)state;
    static const enum learner_task task[] = {LEARN_CLASSES, LEARN_VALUES};
    for (int i = 0; i < 2; i++) {
        struct tree *small = open("{grace_period: 50, tau: 1, max_size: 0.05}", task[i]);
        struct tree *large = open("{grace_period: 50, tau: 1}", task[i]);
        uint64_t most = 0;
        for (uint32_t k = 0; k < 15; k++) {
            feed(small, 1000, 400, k);
            feed(large, 1000, 400, k);
            most = small->bytes > most ? small->bytes : most;
        }
        assert_true(most < 2 * 0.05 * 0x1p20);
        assert_true(tree_leaf_count(small) > 3);
        assert_true((double)large->bytes > 2 * 0.05 * 0x1p20);
        uint32_t leaves = tree_leaf_count(small);
        feed(small, 1000, 100000, 99);
        assert_true(tree_leaf_count(small) < leaves + 20);
        tree_free(small);
        tree_free(large);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_class_is_never_split),
        cmocka_unit_test(a_leaf_that_is_almost_pure_begins_to_look_anew),
        cmocka_unit_test(a_tie_is_broken_by_tau),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_split_takes_the_statistics_along),
        cmocka_unit_test(stays_within_max_size),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
