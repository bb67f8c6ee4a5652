/* hoeffding_tree: what every learner must do, of classes and values, with categories, in
 * mid-growth. */
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/learner_check.h"
#include "tests/support/learner_options.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern const struct learner_def learner_hoeffding_tree;
static const struct learner_def *const def = &learner_hoeffding_tree;
static struct arena arena;
static const struct learner_column mixed[3] = {{"a", false}, {"b", true}, {"c", false}};

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

static const void *options(const char *text)
{
    return learner_options(def, &arena, text);
}

/* The second column as categories, which say much about the label. */
static void make_categories(struct learner_data *d)
{
    for (uint32_t r = 0; r < d->rows; r++) {
        double *x = d->x + (size_t)r * d->columns;
        x[1] = d->task == LEARN_VALUES ? floor(fabs(4 * x[1])) : d->y[r] + (r % 5 == 0);
    }
    d->column = mixed;
}

static void classes_pass_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(50, 3, 3, 11);
    const char *const text[] = {"{grace_period: 15, tau: 0.9}",
                                "{grace_period: 15, tau: 0.9, leaf_prediction: mc}",
                                "{grace_period: 15, tau: 0.9, leaf_prediction: nb, n_splits: 3}",
                                "{grace_period: 15, tau: 0.9, max_size: 0.002}"};
    for (int i = 0; i < 4; i++) {
        check_learner(def, options(text[i]), &d);
    }
    make_categories(&d);
    check_learner(def, options("{grace_period: 15, tau: 0.9}"), &d);
    check_learner(def, options("{grace_period: 15, tau: 0.9, binary_split: true}"), &d);
    learner_data_free(&d);
}

static void values_pass_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(50, 3, 12);
    const char *const text[] = {"{grace_period: 15, tau: 0.9}",
                                "{grace_period: 15, tau: 0.9, leaf_prediction: mean, digits: 0}",
                                "{grace_period: 15, tau: 0.9, leaf_prediction: model}"};
    for (int i = 0; i < 3; i++) {
        check_learner(def, options(text[i]), &d);
    }
    make_categories(&d);
    check_learner(def, options("{grace_period: 15, tau: 0.9}"), &d);
    learner_data_free(&d);
}

static void large_trees_continue_after_load(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(4000, 5, 4, 13);
    check_continues_after_load(def, options("{grace_period: 30, delta: 0.5, tau: 0.5}"), &d);
    check_continues_after_load(
        def, options("{grace_period: 30, delta: 0.5, tau: 0.5, max_size: 0.02}"), &d);
    check_learns_rows_one_by_one(def, options("{grace_period: 30, delta: 0.5}"), &d);
    learner_data_free(&d);
    d = learner_values_new(4000, 5, 14);
    check_continues_after_load(def, options("{grace_period: 30, delta: 0.5, tau: 0.1}"), &d);
    learner_data_free(&d);
}

static void words_of_the_other_task_are_their_counterparts(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(500, 2, 15);
    void *a = learner_open(def, options("{leaf_prediction: mc}"), &d),
         *b = learner_open(def, options("{leaf_prediction: mean}"), &d);
    learner_feed(def, a, &d, 0, d.rows);
    learner_feed(def, b, &d, 0, d.rows);
    double p, q;
    def->predict(a, d.x, 1, &p, 1);
    def->predict(b, d.x, 1, &q, 1);
    assert_true(p == q);
    def->close(a);
    def->close(b);
    learner_data_free(&d);
}

/* Two interleaved stripes: no single Gaussian per class can tell them apart, a tree can. */
static void learns_what_naive_bayes_cannot(void **state)
{
    (void)state;
    struct random r;
    struct learner_data d = {.columns = 2};
    double x[2], y, p[2], right = 0;
    void *l = learner_open(def, options("{grace_period: 100}"), &d);
    random_seed(&r, 16, 1);
    def->grow(l, 2);
    for (int i = 0; i < 6000; i++) {
        x[0] = 4 * random_unit(&r);
        x[1] = random_normal(&r);
        y = (int)x[0] % 2;
        def->predict(l, x, 1, p, 2);
        right += i >= 3000 && (p[1] > 0.5) == (y > 0);
        def->learn(l, x, 1, &y, NULL);
    }
    assert_true(right / 3000 > 0.93);
    assert_true(def->size(l) > 1000);
    def->close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_pass_what_every_learner_must),
        cmocka_unit_test(values_pass_what_every_learner_must),
        cmocka_unit_test(large_trees_continue_after_load),
        cmocka_unit_test(words_of_the_other_task_are_their_counterparts),
        cmocka_unit_test(learns_what_naive_bayes_cannot),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
