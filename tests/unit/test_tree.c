/* tree: which way rows go, unknown categories, random columns, nothing learned, odd input. */
#include "ml/tree.h"

#include "engine/arena.h"
#include "engine/memory.h"
#include "tests/support/learner_options.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_hoeffding_tree;
static struct arena arena;

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

static const struct learner_column mixed[] = {{"number", false}, {"word", true}};

static struct tree *open(const char *options, enum learner_task task)
{
    struct tree_setup s = {
        .options = learner_options(&learner_hoeffding_tree, &arena, options),
        .column = mixed,
        .ncolumns = 2,
        .task = task,
    };
    return tree_new(&s);
}

static void nothing_learned(void **state)
{
    (void)state;
    double x[2] = {1, 0}, p[2];
    struct tree *t = open("{}", LEARN_CLASSES);
    tree_grow(t, 2);
    tree_predict(t, x, p);
    assert_true(p[0] == 0.5 && p[1] == 0.5);
    assert_true(tree_learn(t, x, 1, 0) == -1);
    tree_predict(t, x, p);
    assert_true(p[0] == 0.5);
    tree_free(t);
    t = open("{}", LEARN_VALUES);
    tree_predict(t, x, p);
    assert_true(p[0] == 0);
    tree_free(t);
}

/* The class of a row follows from its category alone; category 3 comes late. */
static void learns_a_branch_per_category(void **state)
{
    (void)state;
    struct tree *t = open("{grace_period: 50, leaf_prediction: mc}", LEARN_CLASSES);
    struct random r;
    double p[3], x[2];
    random_seed(&r, 1, 1);
    tree_grow(t, 3);
    for (int i = 0; i < 600; i++) {
        x[0] = random_normal(&r);
        x[1] = random_below(&r, 3);
        tree_learn(t, x, x[1], 1);
    }
    assert_int_equal(t->node[t->root].kind, TREE_VALUES);
    for (int v = 0; v < 3; v++) {
        x[1] = v;
        tree_predict(t, x, p);
        assert_true(p[v] == 1);
    }
    uint32_t leaves = tree_leaf_count(t);
    for (int i = 0; i < 2000; i++) { /* most rows now say 2 */
        x[1] = 2;
        tree_learn(t, x, 2, 1);
    }
    x[1] = -1; /* never learned: the way most rows went */
    tree_predict(t, x, p);
    assert_true(p[2] == 1);
    x[1] = 9;
    assert_true(tree_learn(t, x, 0, 1) == 2); /* predicted so, then learned in a leaf of its own */
    assert_int_equal(tree_leaf_count(t), leaves + 1);
    tree_predict(t, x, p);
    assert_true(p[0] == 1);
    x[1] = -1;
    tree_learn(t, x, 2, 1);
    assert_int_equal(tree_leaf_count(t), leaves + 1);
    tree_free(t);
}

static void binary_splits_ask_for_one_category(void **state)
{
    (void)state;
    struct tree *t =
        open("{grace_period: 50, binary_split: true, leaf_prediction: mean}", LEARN_VALUES);
    struct random r;
    double y, x[2];
    random_seed(&r, 1, 1);
    for (int i = 0; i < 3000; i++) {
        x[0] = random_normal(&r);
        x[1] = random_below(&r, 4);
        tree_learn(t, x, 10 * x[1] + random_normal(&r), 1);
    }
    for (int v = 0; v < 4; v++) {
        x[1] = v;
        tree_predict(t, x, &y);
        assert_true(fabs(y - 10 * v) < 1);
    }
    for (uint32_t i = 0; i < t->nodes; i++) {
        assert_int_not_equal(t->node[i].kind, TREE_VALUES);
    }
    tree_free(t);
}

static void finds_a_threshold(void **state)
{
    (void)state;
    struct tree *t = open("{grace_period: 100}", LEARN_CLASSES);
    struct random r;
    double p[2], x[2] = {0, 0};
    random_seed(&r, 2, 1);
    tree_grow(t, 2);
    for (int i = 0; i < 2000; i++) {
        x[0] = 10 * random_unit(&r);
        tree_learn(t, x, x[0] > 4, 1);
    }
    const struct tree_node *root = &t->node[t->root];
    assert_int_equal(root->kind, TREE_NUMBER);
    assert_true(fabs(root->threshold - 4) < 1);
    x[0] = 1;
    tree_predict(t, x, p);
    assert_true(p[0] > 0.95);
    x[0] = 9;
    tree_predict(t, x, p);
    assert_true(p[1] > 0.95);
    tree_free(t);
}

static void random_columns_are_few_and_different(void **state)
{
    (void)state;
    static const struct learner_column column[9] = {{"x", false}};
    struct random r;
    random_seed(&r, 3, 1);
    struct tree_setup s = {
        .options = learner_options(&learner_hoeffding_tree, &arena, "{}"),
        .column = column,
        .ncolumns = 9,
        .task = LEARN_CLASSES,
        .max_features = 3,
        .random = &r,
    };
    uint32_t seen = 0;
    double x[9] = {0};
    for (int k = 0; k < 40; k++) {
        struct tree *t = tree_new(&s);
        tree_learn(t, x, 0, 1);
        const struct tree_leaf *l = &t->leaf[t->node[t->root].left];
        assert_int_equal(l->view.numbers, 3);
        uint32_t mine = 0;
        for (int i = 0; i < 3; i++) {
            mine |= 1U << l->view.column[i];
        }
        assert_int_equal(__builtin_popcount(mine), 3);
        seen |= mine;
        tree_free(t);
    }
    assert_int_equal(seen, 511);
}

static void weights_count_as_repeated_rows(void **state)
{
    (void)state;
    struct tree *one = open("{grace_period: 30}", LEARN_CLASSES),
                *many = open("{grace_period: 30}", LEARN_CLASSES);
    struct random r;
    double p[2], q[2], x[2];
    random_seed(&r, 4, 1);
    for (int i = 0; i < 300; i++) {
        uint32_t c = random_below(&r, 2), times = 1 + random_below(&r, 3);
        x[0] = random_normal(&r) + 2 * c;
        x[1] = 0;
        tree_learn(one, x, c, times);
        for (uint32_t k = 0; k < times; k++) {
            tree_learn(many, x, c, 1);
        }
    }
    x[0] = 1;
    tree_predict(one, x, p);
    tree_predict(many, x, q);
    assert_true(fabs(p[0] - q[0]) < 0.2); /* thresholds may differ: attempts fall between rows */
    tree_free(one);
    tree_free(many);
}

static void allocates_nothing_per_row(void **state)
{
    (void)state;
    struct tree *t = open("{grace_period: 100000}", LEARN_CLASSES);
    struct random r;
    double p[2], x[2] = {0, 1};
    random_seed(&r, 5, 1);
    tree_grow(t, 2);
    tree_learn(t, x, 0, 1);
    tree_learn(t, x, 1, 1);
    tree_learn(t, x, 1, 1);
    uint64_t before = mem_count();
    for (int i = 0; i < 2000; i++) {
        x[0] = random_normal(&r);
        tree_predict(t, x, p);
        tree_learn(t, x, i % 2, 1);
    }
    assert_int_equal(mem_count(), before);
    tree_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_learned),
        cmocka_unit_test(learns_a_branch_per_category),
        cmocka_unit_test(binary_splits_ask_for_one_category),
        cmocka_unit_test(finds_a_threshold),
        cmocka_unit_test(random_columns_are_few_and_different),
        cmocka_unit_test(weights_count_as_repeated_rows),
        cmocka_unit_test(allocates_nothing_per_row),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
