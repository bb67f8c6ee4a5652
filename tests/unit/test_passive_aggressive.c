/* passive_aggressive: a row once learned is right by the margin (mode 0), and no smaller step would
 * do; the other modes hold the step back as their formulas say.
 */
#include "tests/unit/learner_harness.h"

extern const struct learner_def learner_passive_aggressive;
static const struct learner_def *const def = &learner_passive_aggressive;

static double score_of(void *l, const double *x)
{
    double p = second_of(def, l, x);
    return log(p / (1 - p));
}

static void mode_0_puts_rows_right(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(50, 3, 1);
    void *l = open_for(def, "{mode: 0, eps: 0.25, learn_intercept: false}", 3, LEARN_VALUES);
    for (uint32_t r = 0; r < d.rows; r++) {
        const double *x = d.x + (size_t)r * 3;
        double before = value_of(def, l, x);
        learn_one(def, l, x, d.y[r]);
        double after = value_of(def, l, x), miss = fabs(before - d.y[r]);
        /* Within eps it stays; else it comes to the nearer end of the margin exactly. */
        assert_true(fabs(fabs(after - d.y[r]) - fmin(miss, 0.25)) < 1e-12);
    }
    def->close(l);
    l = open_for(def, "{mode: 0, learn_intercept: false}", 3, LEARN_CLASSES);
    for (uint32_t r = 0; r < d.rows; r++) {
        const double *x = d.x + (size_t)r * 3;
        double side = d.y[r] > 1 ? 1 : -1, before = side * score_of(l, x);
        learn_one(def, l, x, d.y[r] > 1);
        assert_true(fabs(side * score_of(l, x) - fmax(before, 1)) < 1e-9);
    }
    def->close(l);
    learner_data_free(&d);
}

static void modes_1_and_2_hold_the_step_back(void **state)
{
    (void)state;
    const double x[] = {3, 4};
    void *l = open_for(def, "{mode: 1, C: 0.01, eps: 1}", 2, LEARN_VALUES);
    learn_one(def, l, x, 11); /* loss 10, |x|^2 = 25: tau = min(0.01, 0.4) */
    assert_true(fabs(value_of(def, l, x) - 0.01 * 26) < 1e-15);
    def->close(l);
    l = open_for(def, "{mode: 2, C: 0.1, eps: 1}", 2, LEARN_VALUES);
    learn_one(def, l, x, -11); /* tau = 10 / (25 + 5) */
    assert_true(fabs(value_of(def, l, x) + 10.0 / 30 * 26) < 1e-12);
    def->close(l);
}

static void rows_of_zeros_teach_nothing_but_in_mode_2(void **state)
{
    (void)state;
    const double zero[] = {0, 0};
    for (int mode = 0; mode < 3; mode++) {
        char text[40];
        snprintf(text, sizeof(text), "{mode: %d}", mode);
        void *l = open_for(def, text, 2, LEARN_VALUES);
        learn_one(def, l, zero, 5);
        assert_true((value_of(def, l, zero) == 0) == (mode < 2));
        assert_true(isfinite(value_of(def, l, zero)) != 0);
        def->close(l);
    }
}

static void weights_scale_the_step(void **state)
{
    (void)state;
    const double x = 1, y = 2, half = 0.5, none = 0;
    void *l = open_for(def, "{mode: 0, eps: 0, learn_intercept: false}", 1, LEARN_VALUES);
    def->learn(l, &x, 1, &y, &none);
    assert_true(value_of(def, l, &x) == 0);
    def->learn(l, &x, 1, &y, &half);
    assert_true(value_of(def, l, &x) == 1);
    def->close(l);
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(80, 4, 2, 2);
    check_learner(def, options_of(def, "{}"), &d);
    assert_no_allocation(def, &d, "{}");
    learner_data_free(&d);
    d = learner_values_new(80, 4, 2);
    check_learner(def, options_of(def, "{mode: 2}"), &d);
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mode_0_puts_rows_right),
        cmocka_unit_test(modes_1_and_2_hold_the_step_back),
        cmocka_unit_test(rows_of_zeros_teach_nothing_but_in_mode_2),
        cmocka_unit_test(weights_scale_the_step),
        cmocka_unit_test(passes_what_every_learner_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
