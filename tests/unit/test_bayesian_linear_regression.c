/* bayesian_linear_regression: the posterior mean by hand for one feature, with and without
 * smoothing, and for two features through the inverse of their precision.
 */
#include "tests/unit/learner_harness.h"

extern const struct learner_def learner_bayesian_linear_regression;
static const struct learner_def *const def = &learner_bayesian_linear_regression;

static void mean_of_one_feature(void **state)
{
    (void)state;
    static const char *const text[] = {"{alpha: 2, beta: 3}",
                                       "{alpha: 2, beta: 3, smoothing: 0.8}"};
    struct learner_data d = learner_values_new(100, 1, 1);
    for (int i = 0; i < 2; i++) {
        void *l = learner_open(def, options_of(def, text[i]), &d);
        double precision = 2, eta = 0, one = 1;
        for (uint32_t r = 0; r < d.rows; r++) {
            double x = d.x[r], y = d.y[r], keep = i == 0 ? 1 : 0.8, take = i == 0 ? 1 : 0.2;
            assert_true(fabs(value_of(def, l, &one) - eta / precision) < 1e-12);
            learn_one(def, l, &x, y);
            precision = keep * precision + take * 3 * x * x;
            eta = keep * eta + take * 3 * x * y;
        }
        def->close(l);
    }
    learner_data_free(&d);
}

static void mean_of_two_features(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(100, 2, 2);
    void *l = learner_open(def, options_of(def, "{}"), &d);
    double a = 1, b = 0, c = 1, u = 0, v = 0;
    for (uint32_t r = 0; r < d.rows; r++) {
        const double *x = d.x + (size_t)r * 2;
        learn_one(def, l, x, d.y[r]);
        a += x[0] * x[0];
        b += x[0] * x[1];
        c += x[1] * x[1];
        u += x[0] * d.y[r];
        v += x[1] * d.y[r];
        const double first[] = {1, 0}, second[] = {0, 1};
        double det = a * c - b * b;
        assert_true(fabs(value_of(def, l, first) - (c * u - b * v) / det) < 1e-11);
        assert_true(fabs(value_of(def, l, second) - (a * v - b * u) / det) < 1e-11);
    }
    def->close(l);
    learner_data_free(&d);
}

static void weights_go_with_beta(void **state)
{
    (void)state;
    const double x = 2, y = 3, one = 1, half = 0.5;
    void *l = open_for(def, "{beta: 4}", 1, LEARN_VALUES);
    def->learn(l, &x, 1, &y, &half);
    assert_true(fabs(value_of(def, l, &one) - 2 * 2 * 3 / (1 + 2 * 4.0)) < 1e-14);
    def->close(l);
}

static void silence_is_no_trouble(void **state)
{
    (void)state;
    void *l = open_for(def, "{smoothing: 0.5}", 2, LEARN_VALUES);
    for (int r = 0; r < 5000; r++) {
        const double x[] = {r % 2 == 0 ? 1 : -1, 0};
        learn_one(def, l, x, 2 * x[0]);
    }
    const double one[] = {1, 0}, other[] = {0, 1};
    assert_true(fabs(value_of(def, l, one) - 2) < 1e-9);
    assert_true(value_of(def, l, other) == 0);
    def->close(l);
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(60, 3, 2);
    check_learner(def, options_of(def, "{}"), &d);
    check_learner(def, options_of(def, "{smoothing: 0.9}"), &d);
    assert_no_allocation(def, &d, "{smoothing: 0.9}");
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mean_of_one_feature),
        cmocka_unit_test(mean_of_two_features),
        cmocka_unit_test(weights_go_with_beta),
        cmocka_unit_test(silence_is_no_trouble),
        cmocka_unit_test(passes_what_every_learner_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
