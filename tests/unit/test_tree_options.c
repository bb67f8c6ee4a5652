/* tree_options: defaults of the three learners, words for leaves, layouts of snapshots. */
#include "ml/tree_options.h"

#include "engine/buffer.h"
#include "tests/support/learner_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_hoeffding_tree, learner_hoeffding_adaptive_tree,
    learner_adaptive_random_forest;

static void defaults_are_those_of_river(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    const struct learner_def *const def[] = {
        &learner_hoeffding_tree, &learner_hoeffding_adaptive_tree, &learner_adaptive_random_forest};
    for (int i = 0; i < 3; i++) {
        const struct tree_options *o = learner_options(def[i], &a, "{}");
        assert_int_equal(o->grace_period, i < 2 ? 200 : 50);
        assert_true(o->delta == (i < 2 ? 1e-7 : 0.01));
        assert_true(o->tau == 0.05 && o->n_splits == 10 && o->min_samples_split == 5);
        assert_int_equal(tree_leaf_kind(o), TREE_LEAF_ADAPTIVE);
        assert_true(o->merit_preprune && !o->binary_split);
    }
    arena_done(&a);
}

static void words_for_leaves(void **state)
{
    (void)state;
    const char *const word[] = {"auto", "nba", "adaptive", "mc", "mean", "nb", "model"};
    static const enum tree_leaf_kind kind[] = {
        TREE_LEAF_ADAPTIVE, TREE_LEAF_ADAPTIVE, TREE_LEAF_ADAPTIVE, TREE_LEAF_CONSTANT,
        TREE_LEAF_CONSTANT, TREE_LEAF_MODEL,    TREE_LEAF_MODEL};
    for (size_t i = 0; i < sizeof(word) / sizeof(*word); i++) {
        struct tree_options o = {.leaf_prediction = -1};
        for (int k = 0; tree_leaf_names[k]; k++) {
            o.leaf_prediction = strcmp(tree_leaf_names[k], word[i]) == 0 ? k : o.leaf_prediction;
        }
        assert_int_equal(tree_leaf_kind(&o), kind[i]);
    }
}

static void layouts_differ_by_what_leaves_keep(void **state)
{
    (void)state;
    struct buffer a, b;
    struct tree_options o = {.leaf_prediction = 0};
    buffer_init(&a);
    buffer_init(&b);
    tree_options_layout(&o, &a);
    o.grace_period = 7; /* of no matter to a snapshot */
    tree_options_layout(&o, &b);
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.data, b.data, a.n);
    o.leaf_prediction = 2;
    b.n = 0;
    tree_options_layout(&o, &b);
    assert_true(a.n != b.n || memcmp(a.data, b.data, a.n) != 0);
    buffer_done(&a);
    buffer_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_river),
        cmocka_unit_test(words_for_leaves),
        cmocka_unit_test(layouts_differ_by_what_leaves_keep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
