/* hoeffding_adaptive_tree: what every learner must do, through changes that replace branches. */
#include "engine/memory.h"
#include "tests/support/learner_check.h"
#include "tests/support/learner_options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_hoeffding_adaptive_tree;
static const struct learner_def *const def = &learner_hoeffding_adaptive_tree;
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

/* Every `length` rows the labels, or the signs of the values, change sides. */
static void turn(struct learner_data *d, uint32_t length)
{
    for (uint32_t r = 0; r < d->rows; r++) {
        if (r / length % 2) {
            d->y[r] = d->task == LEARN_VALUES ? -d->y[r] : (int)(d->y[r] + 1) % (int)d->classes;
        }
    }
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    const void *o = options("{grace_period: 20, tau: 0.9, drift_window_threshold: 20, "
                            "drift_delta: 0.9}");
    struct learner_data d = learner_data_new(120, 3, 2, 21);
    turn(&d, 60);
    check_learner(def, o, &d);
    learner_data_free(&d);
    d = learner_values_new(120, 3, 22);
    for (uint32_t r = 0; r < d.rows; r++) {
        d.x[r * 3 + 1] = r % 3;
    }
    d.column = mixed;
    turn(&d, 60);
    check_learner(def, o, &d);
    learner_data_free(&d);
}

static void continues_after_load_through_changes(void **state)
{
    (void)state;
    const void *o = options("{grace_period: 50, tau: 0.5, drift_window_threshold: 50}");
    struct learner_data d = learner_data_new(8000, 4, 3, 23);
    turn(&d, 900);
    check_continues_after_load(def, o, &d);
    check_learns_rows_one_by_one(def, o, &d);
    learner_data_free(&d);
    d = learner_values_new(8000, 4, 24);
    turn(&d, 900);
    check_continues_after_load(def, o, &d);
    learner_data_free(&d);
}

static void the_seed_decides_on_the_bootstrap(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(500, 3, 2, 25);
    struct learner_column column[3] = {{"a", false}, {"b", false}, {"c", false}};
    double p[3][2];
    for (uint64_t i = 0; i < 3; i++) {
        struct learner_setup s = {LEARN_CLASSES, options("{}"), column, 3, 1 + i / 2, 0};
        void *l = def->open(&s);
        learner_feed(def, l, &d, 0, d.rows);
        def->predict(l, d.x, 1, p[i], 2);
        def->close(l);
    }
    assert_memory_equal(p[0], p[1], sizeof(p[0]));
    assert_true(memcmp(p[0], p[2], sizeof(p[0])) != 0);
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_what_every_learner_must),
        cmocka_unit_test(continues_after_load_through_changes),
        cmocka_unit_test(the_seed_decides_on_the_bootstrap),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
