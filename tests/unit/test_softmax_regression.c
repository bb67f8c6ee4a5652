/* softmax_regression: gradient by finite differences, classes that appear late, hostile scores. */
#include "engine/arena.h"
#include "engine/config.h"
#include "engine/memory.h"
#include "tests/support/learner_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_softmax_regression;
static const struct learner_def *const def = &learner_softmax_regression;

static struct arena arena;
static struct diags diags;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    diags_init(&diags);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    diags_done(&diags);
    return 0;
}

static const void *options(const char *text)
{
    struct yaml *y;
    void *out = arena_zalloc(&arena, def->options_size);
    assert_int_equal(yaml_parse(&y, &arena, "options", text, strlen(text), &diags), 0);
    assert_int_equal(config_parse(def->options, out, y, "options", &arena, &diags), 0);
    return out;
}

/* -log P(y) of weights w[class][2]. */
static double loss(double w[3][2], const double *x, double y)
{
    double sum = 0;
    for (int c = 0; c < 3; c++) {
        sum += exp(w[c][0] * x[0] + w[c][1] * x[1]);
    }
    int label = (int)y;
    return log(sum) - (w[label][0] * x[0] + w[label][1] * x[1]);
}

/* The weights up to a vector common to all classes: logarithms of P along both axes, class 0 as 0.
 */
static void read_weights(void *l, double w[3][2])
{
    for (int axis = 0; axis < 2; axis++) {
        double x[2] = {axis == 0, axis == 1}, p[3];
        def->predict(l, x, 1, p, 3);
        for (int c = 0; c < 3; c++) {
            w[c][axis] = log(p[c] / p[0]);
        }
    }
}

static void step_is_the_gradient_by_finite_differences(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(60, 2, 3, 7);
    const double lr = 0.05, h = 1e-5;
    void *l = learner_open(def, options("{lr: 0.05}"), &d);
    learner_feed(def, l, &d, 0, 3);
    for (uint32_t r = 3; r < d.rows; r++) {
        double before[3][2], after[3][2], slope[3][2];
        const double *x = d.x + (size_t)r * 2;
        read_weights(l, before);
        def->learn(l, x, 1, &d.y[r], NULL);
        read_weights(l, after);
        for (int i = 0; i < 6; i++) {
            double *w = &before[i / 2][i % 2], kept = *w;
            *w = kept + h;
            double up = loss(before, x, d.y[r]);
            *w = kept - h;
            slope[i / 2][i % 2] = (up - loss(before, x, d.y[r])) / (2 * h);
            *w = kept;
        }
        for (int i = 0; i < 6; i++) { /* relative to class 0, as the weights are read */
            double step = (before[i / 2][i % 2] - after[i / 2][i % 2]) / lr;
            assert_true(fabs(step - (slope[i / 2][i % 2] - slope[0][i % 2])) < 1e-5);
        }
    }
    def->close(l);
    learner_data_free(&d);
}

static void a_new_class_starts_as_improbable(void **state)
{
    (void)state;
    struct learner_data d = {.columns = 1};
    void *l = learner_open(def, options("{lr: 1}"), &d);
    double x = 1, y = 0, p[2];
    def->grow(l, 1);
    def->learn(l, &x, 1, &y, NULL); /* P of the new class is 0: w = 1 - 1e-15 */
    def->predict(l, &x, 1, p, 2);
    assert_true(p[0] == 1);
    y = 1;
    def->grow(l, 2);
    def->predict(l, &x, 1, p, 2);
    assert_true(p[0] == 1 && p[1] == 0); /* room is there, nothing learned */
    def->learn(l, &x, 1, &y, NULL);      /* class 0: g = 1, w = 0; class 1: g = -1, w = 1 */
    def->predict(l, &x, 1, p, 2);
    assert_true(fabs(p[1] - 1 / (1 + exp(-1))) < 1e-12);
    def->close(l);
}

static void huge_scores_do_not_overflow(void **state)
{
    (void)state;
    struct learner_data d = {.columns = 1};
    void *l = learner_open(def, options("{lr: 1}"), &d);
    double x = 1e150, p[2], y[] = {0, 1};
    def->grow(l, 2);
    def->learn(l, &x, 1, &y[0], NULL);
    def->learn(l, &x, 1, &y[1], NULL);
    def->predict(l, &x, 1, p, 2);
    assert_true(p[0] + p[1] == 1);
    def->close(l);
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(90, 4, 3, 11);
    check_learner(def, options("{lr: 0.1, l2: 0.01}"), &d);
    learner_data_free(&d);
}

static void allocates_nothing_per_row(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(200, 20, 4, 5);
    void *l = learner_open(def, options("{}"), &d);
    double p[4];
    learner_feed(def, l, &d, 0, 4);
    uint64_t before = mem_count();
    for (uint32_t r = 4; r < d.rows; r++) {
        def->predict(l, d.x + r * 20, 1, p, 4);
        def->learn(l, d.x + r * 20, 1, d.y + r, NULL);
    }
    assert_int_equal(mem_count(), before);
    def->close(l);
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(step_is_the_gradient_by_finite_differences),
        cmocka_unit_test(a_new_class_starts_as_improbable),
        cmocka_unit_test(huge_scores_do_not_overflow),
        cmocka_unit_test(passes_what_every_learner_must),
        cmocka_unit_test(allocates_nothing_per_row),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
