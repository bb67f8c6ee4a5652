/* adaptive_random_forest: what every learner must do; it beats one tree, and survives a change. */
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/learner_check.h"
#include "tests/support/learner_options.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_adaptive_random_forest;
static const struct learner_def *const def = &learner_adaptive_random_forest;
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

static void classes_pass_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(24, 3, 3, 31);
    check_learner(def, options("{n_models: 2, grace_period: 20}"), &d);
    for (uint32_t r = 0; r < d.rows; r++) {
        d.x[r * 3 + 1] = d.y[r] + (r % 4 == 0);
    }
    d.column = mixed;
    check_learner(
        def, options("{n_models: 2, grace_period: 20, warning_delta: 0.99, drift_delta: 0}"), &d);
    learner_data_free(&d);
}

static void values_pass_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(24, 2, 32);
    check_learner(def, options("{n_models: 2, max_features: all}"), &d);
    check_learner(
        def, options("{n_models: 2, aggregation_method: mean, disable_weighted_vote: false}"), &d);
    learner_data_free(&d);
}

/* The class is a function of x that turns into its contrary; returns the accuracy. */
static double accuracy(void *l, struct random *r, uint32_t rows, bool is_turned)
{
    double hits = 0;
    for (uint32_t i = 0; i < rows; i++) {
        double x[5], p[2];
        for (int c = 0; c < 5; c++) {
            x[c] = random_normal(r);
        }
        double y = (x[0] * x[1] > 0) != is_turned;
        def->predict(l, x, 1, p, 2);
        hits += (p[1] > p[0]) == (y > 0);
        def->learn(l, x, 1, &y, NULL);
    }
    return hits / rows;
}

static void replaces_trees_when_the_concept_changes(void **state)
{
    (void)state;
    struct random r;
    struct learner_data d = {.columns = 5};
    void *l = learner_open(def, options("{}"), &d);
    random_seed(&r, 33, 1);
    def->grow(l, 2);
    accuracy(l, &r, 6000, false);
    assert_true(accuracy(l, &r, 1000, false) > 0.75);
    assert_true(accuracy(l, &r, 100, true) < 0.4);
    accuracy(l, &r, 6000, true);
    assert_true(accuracy(l, &r, 1000, true) > 0.75);
    def->close(l);
}

static void continues_after_load_through_changes(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(3200, 4, 3, 34);
    for (uint32_t r = 1000; r < 3000; r++) {
        d.y[r] = (int)(d.y[r] + r / 1000) % 3;
    }
    check_continues_after_load(def, options("{n_models: 4}"), &d);
    check_learns_rows_one_by_one(def, options("{n_models: 4}"), &d);
    learner_data_free(&d);
    d = learner_values_new(3200, 4, 35);
    for (uint32_t r = 1000; r < 3000; r++) {
        d.y[r] = -d.y[r];
    }
    check_continues_after_load(def, options("{n_models: 4}"), &d);
    learner_data_free(&d);
}

static void the_median_shrugs_off_one_tree(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(2000, 3, 36);
    const char *const text[] = {"{}", "{aggregation_method: mean}",
                                "{aggregation_method: mean, disable_weighted_vote: false}"};
    for (int i = 0; i < 3; i++) {
        void *l = learner_open(def, options(text[i]), &d);
        double error = 0;
        for (uint32_t r = 0; r < d.rows; r++) {
            double y;
            def->predict(l, d.x + r * 3, 1, &y, 1);
            error += r > 1000 ? fabs(y - d.y[r]) / 999 : 0;
            def->learn(l, d.x + r * 3, 1, &d.y[r], NULL);
        }
        assert_true(error < 0.3); /* the values spread by 0.6 */
        def->close(l);
    }
    learner_data_free(&d);
}

static void refuses_a_snapshot_of_another_size(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(100, 3, 2, 37);
    struct buffer saved;
    void *a = learner_open(def, options("{n_models: 3}"), &d),
         *b = learner_open(def, options("{n_models: 4}"), &d);
    learner_feed(def, a, &d, 0, d.rows);
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    def->io(a, &s);
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(def->io(b, &s), -ERR_DATA);
    buffer_done(&saved);
    def->close(a);
    def->close(b);
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_pass_what_every_learner_must),
        cmocka_unit_test(values_pass_what_every_learner_must),
        cmocka_unit_test(replaces_trees_when_the_concept_changes),
        cmocka_unit_test(continues_after_load_through_changes),
        cmocka_unit_test(the_median_shrugs_off_one_tree),
        cmocka_unit_test(refuses_a_snapshot_of_another_size),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
