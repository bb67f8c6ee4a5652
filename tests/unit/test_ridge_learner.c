/* The learner ridge (the forecaster has the same name): the closed form after every row, the
 * intercept free, and a penalty that does not fade when rows do. ml/learners/ridge.c
 */
#include "tests/unit/learner_harness.h"

extern const struct learner_def learner_ridge;
static const struct learner_def *const def = &learner_ridge;

/* One feature: w = sum (x - mean)(y - mean) / (sum (x - mean)^2 + alpha), b = mean y - w mean x. */
static void is_the_closed_form(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(100, 1, 1);
    void *l = open_for(def, "{alpha: 3}", 1, LEARN_VALUES);
    double sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (uint32_t r = 0; r < d.rows; r++) {
        double x = d.x[r] + 5, y = d.y[r], n = r + 1, probe = 2;
        learn_one(def, l, &x, y);
        sx += x;
        sy += y;
        sxx += x * x;
        sxy += x * y;
        double w = (sxy - sx * sy / n) / (sxx - sx * sx / n + 3), b = (sy - w * sx) / n;
        assert_true(fabs(value_of(def, l, &probe) - (b + 2 * w)) < 1e-11);
    }
    def->close(l);
    l = open_for(def, "{alpha: 3, fit_intercept: false}", 1, LEARN_VALUES);
    learner_feed(def, l, &d, 0, d.rows);
    double one = 1, top = 0, bottom = 3;
    for (uint32_t r = 0; r < d.rows; r++) {
        top += d.x[r] * d.y[r];
        bottom += d.x[r] * d.x[r];
    }
    assert_true(fabs(value_of(def, l, &one) - top / bottom) < 1e-12);
    def->close(l);
    learner_data_free(&d);
}

static void the_penalty_does_not_fade(void **state)
{
    (void)state;
    /* Rows of one kind: in the end w = sum f^k x y / (sum f^k x^2 + alpha), and sum f^k = 1 / (1 -
     * f). */
    void *l =
        open_for(def, "{alpha: 2, forgetting_factor: 0.9, fit_intercept: false}", 1, LEARN_VALUES);
    const double x = 0.5, one = 1;
    for (int r = 0; r < 1000; r++) {
        learn_one(def, l, &x, 3);
    }
    double rows = 1 / (1 - 0.9);
    assert_true(fabs(value_of(def, l, &one) - rows * 0.5 * 3 / (rows * 0.25 + 2)) < 1e-9);
    def->close(l);
}

static void forgets(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(400, 2, 3);
    void *l = open_for(def, "{alpha: 0.1, forgetting_factor: 0.95}", 2, LEARN_VALUES);
    for (uint32_t r = 0; r < d.rows; r++) {
        learn_one(def, l, d.x + (size_t)r * 2, r < 200 ? -d.y[r] : d.y[r]);
    }
    const double one[] = {1, 0}, zero[] = {0, 0};
    assert_true(fabs(value_of(def, l, zero) - 1) < 0.1);
    assert_true(fabs(value_of(def, l, one) - 1.5) < 0.15);
    def->close(l);
    learner_data_free(&d);
}

static void constant_and_equal_columns_are_no_trouble(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(200, 4, 4);
    for (uint32_t r = 0; r < d.rows; r++) {
        d.x[r * 4 + 1] = 7;
        d.x[r * 4 + 3] = d.x[r * 4 + 2];
    }
    void *l = learner_open(def, options_of(def, "{}"), &d);
    learner_feed(def, l, &d, 0, d.rows);
    const double base[] = {0, 7, 0, 0}, more[] = {0, 8, 0, 0}, c[] = {0, 7, 1, 0},
                 e[] = {0, 7, 0, 1};
    double at = value_of(def, l, base);
    assert_true(fabs(value_of(def, l, more) - at) < 1e-9); /* the intercept has it all */
    assert_true(fabs(value_of(def, l, c) - value_of(def, l, e)) < 1e-9);
    def->close(l);
    learner_data_free(&d);
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(60, 3, 2);
    check_learner(def, options_of(def, "{}"), &d);
    check_learner(def, options_of(def, "{forgetting_factor: 0.9}"), &d);
    assert_foreign(def, &d, "{}", "{fit_intercept: false}");
    assert_no_allocation(def, &d, "{forgetting_factor: 0.9}");
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_closed_form),
        cmocka_unit_test(the_penalty_does_not_fade),
        cmocka_unit_test(forgets),
        cmocka_unit_test(constant_and_equal_columns_are_no_trouble),
        cmocka_unit_test(passes_what_every_learner_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
