/* tree_io: what is saved is what was there, bytes counted anew are the same, odd snapshots are
 * refused. */
#include "engine/arena.h"
#include "ml/tree.h"
#include "tests/support/learner_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_hoeffding_tree;
static struct arena arena;
static const struct learner_column column[3] = {{"a", false}, {"b", true}, {"c", false}};
static const struct tree_adaptive adaptive = {{0.002, 32, 5, 5, 10}, 300, 0.05, true};

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

static struct tree *open(enum learner_task task, bool is_adaptive, uint32_t most, struct random *r)
{
    struct tree_setup s = {
        .options = learner_options(&learner_hoeffding_tree, &arena, "{grace_period: 40, tau: 0.9}"),
        .column = column,
        .ncolumns = 3,
        .task = task,
        .max_features = most,
        .random = r,
        .adaptive = is_adaptive ? &adaptive : NULL,
    };
    return tree_new(&s);
}

static void feed(struct tree *t, uint32_t rows)
{
    struct random r;
    random_seed(&r, 7, 1);
    for (uint32_t i = 0; i < rows; i++) {
        double x[3] = {random_normal(&r), random_below(&r, 4), random_normal(&r)};
        bool is_turned = i > rows / 2;
        tree_learn(t, x, ((x[0] + x[1] > 1) != is_turned) + (x[2] > 1), 1);
    }
}

static void every_kind_of_tree_comes_back(void **state)
{
    (void)state;
    for (int kind = 0; kind < 8; kind++) {
        enum learner_task task = kind & 1 ? LEARN_VALUES : LEARN_CLASSES;
        bool is_adaptive = (kind & 2) != 0;
        struct random r;
        struct buffer first, second;
        random_seed(&r, 1, 1);
        struct tree *a = open(task, is_adaptive, kind & 4 ? 2 : 0, &r),
                    *b = open(task, is_adaptive, kind & 4 ? 2 : 0, &r);
        feed(a, 1500);
        assert_true(tree_leaf_count(a) > 1);
        buffer_init(&first);
        buffer_init(&second);
        struct snapshot s = snapshot_saver(&first);
        assert_int_equal(tree_io(a, &s), 0);
        s = snapshot_loader(first.data, first.n);
        assert_int_equal(tree_io(b, &s), 0);
        assert_ptr_equal(s.p, s.end);
        assert_int_equal(a->bytes, b->bytes);
        assert_int_equal(tree_leaf_count(a), tree_leaf_count(b));
        s = snapshot_saver(&second);
        assert_int_equal(tree_io(b, &s), 0);
        assert_int_equal(first.n, second.n);
        assert_memory_equal(first.data, second.data, first.n);
        buffer_done(&first);
        buffer_done(&second);
        tree_free(a);
        tree_free(b);
    }
}

/* A chain of branches deeper than any tree is refused before the stack is. */
static void endless_depth_is_refused(void **state)
{
    (void)state;
    struct tree *t = open(LEARN_CLASSES, false, 0, NULL);
    struct buffer b;
    buffer_init(&b);
    struct snapshot out = snapshot_saver(&b);
    uint32_t classes = 2, has_root = 1, kind = TREE_NUMBER, at = 0;
    double threshold = 1;
    snapshot_u32(&out, &classes);
    snapshot_u32(&out, &has_root);
    for (int i = 0; i < 500000; i++) {
        snapshot_u32(&out, &kind);
        snapshot_u32(&out, &at);
        snapshot_double(&out, &threshold);
    }
    struct snapshot s = snapshot_loader(b.data, b.n);
    assert_int_equal(tree_io(t, &s), -ERR_DATA);
    buffer_done(&b);
    tree_free(t);
}

static void a_number_is_no_category(void **state)
{
    (void)state;
    struct tree *t = open(LEARN_CLASSES, false, 0, NULL);
    for (uint32_t kind = TREE_NUMBER; kind <= TREE_VALUES; kind++) {
        for (uint32_t at = 0; at < 4; at++) {
            struct buffer b;
            buffer_init(&b);
            struct snapshot out = snapshot_saver(&b);
            uint32_t classes = 2, has_root = 1, n = 0;
            double threshold = 1;
            snapshot_u32(&out, &classes);
            snapshot_u32(&out, &has_root);
            snapshot_u32(&out, &kind);
            snapshot_u32(&out, &at);
            snapshot_double(&out, &threshold);
            snapshot_u32(&out, &n);
            struct snapshot s = snapshot_loader(b.data, b.n);
            assert_int_equal(tree_io(t, &s), -ERR_DATA);
            buffer_done(&b);
        }
    }
    tree_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_tree_comes_back),
        cmocka_unit_test(endless_depth_is_refused),
        cmocka_unit_test(a_number_is_no_category),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
