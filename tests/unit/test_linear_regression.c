/* linear_regression: first steps by hand, gradients of all losses by finite differences, penalties,
 * and what happens when it diverges. ml/linear.c is tested here, and by test_logistic_regression.c.
 */
#include "ml/linear.h"
#include "tests/unit/learner_harness.h"

extern const struct learner_def learner_linear_regression;
static const struct learner_def *const def = &learner_linear_regression;

static void first_steps_by_hand(void **state)
{
    (void)state;
    void *l = open_for(def, "{lr: 0.25, intercept_lr: 0.5, intercept_init: 1}", 2, LEARN_VALUES);
    const double x[] = {1, -2};
    assert_true(value_of(def, l, x) == 1);
    learn_one(def, l, x, 3); /* g = 2 (1 - 3) = -4: w = (1, -2), b = 3 */
    assert_true(value_of(def, l, x) == 1 + 4 + 3);
    def->close(l);
}

/* The loss of one row by its score. */
static double loss(const char *name, double z, double y)
{
    double r = z - y;
    if (strcmp(name, "squared") == 0) {
        return r * r;
    }
    if (strcmp(name, "absolute") == 0) {
        return fabs(r);
    }
    if (strcmp(name, "huber") == 0) {
        return fabs(r) <= 0.5 ? r * r / 2 : 0.5 * (fabs(r) - 0.25);
    }
    if (strcmp(name, "quantile") == 0) {
        return r > 0 ? (1 - 0.9) * r : -0.9 * r;
    }
    if (strcmp(name, "cauchy") == 0) {
        return 3200 * log1p(r / 80 * (r / 80));
    }
    return exp(z) - y * z;
}

static void steps_are_gradients_by_finite_differences(void **state)
{
    (void)state;
    static const char *const names[] = {"squared",  "absolute", "huber",
                                        "quantile", "cauchy",   "poisson"};
    const double x[] = {0.5, -1.5}, h = 1e-6, lr = 0.01;
    for (int n = 0; n < 6; n++) {
        for (int k = -3; k <= 3; k++) {
            char text[200];
            snprintf(text, sizeof(text),
                     "{lr: %g, intercept_lr: 0, intercept_init: 0.2, loss: %s, epsilon: 0.5, "
                     "quantile: 0.9}",
                     lr, names[n]);
            void *l = open_for(def, text, 2, LEARN_VALUES);
            double z = 0.2, y = 0.2 + 0.6 * k + 0.01, origin[] = {0, 0}, axis[] = {1, 0};
            bool is_poisson = strcmp(names[n], "poisson") == 0;
            learn_one(def, l, x, y);
            double at = value_of(def, l, axis), zero = value_of(def, l, origin);
            double moved = is_poisson ? log(at) - log(zero) : at - zero;
            double slope = (loss(names[n], z + h, y) - loss(names[n], z - h, y)) / (2 * h);
            assert_true(fabs(-moved / lr - slope * x[0]) < 1e-5);
            def->close(l);
        }
    }
}

static void optimizers_learn(void **state)
{
    (void)state;
    static const char *const text[] = {
        "{lr: 0.05, intercept_lr: 0.1}", "{optimizer: adam, intercept_lr: 0.1}",
        "{optimizer: {name: adagrad, lr: 0.5}, intercept_lr: 0.1}",
        "{optimizer: {name: ftrl, alpha: 1, l2: 0}, intercept_lr: 0.1}"};
    struct learner_data d = learner_values_new(600, 3, 1);
    for (int i = 0; i < 4; i++) {
        void *l = learner_open(def, options_of(def, text[i]), &d);
        double error = 0;
        learner_feed(def, l, &d, 0, 500);
        for (uint32_t r = 500; r < 600; r++) {
            error += fabs(value_of(def, l, d.x + (size_t)r * 3) - d.y[r]) / 100;
        }
        assert_true(error < 0.2); /* the noise alone has 0.08, the mean of the values 0.6 */
        def->close(l);
    }
    learner_data_free(&d);
}

static void weights_and_clipping_bound_the_step(void **state)
{
    (void)state;
    const double x = 1, y = 10, half = 0.5;
    void *l = open_for(def, "{lr: 1, intercept_lr: 0, clip_gradient: 3}", 1, LEARN_VALUES);
    learn_one(def, l, &x, 10);
    assert_true(value_of(def, l, &x) == 3);
    def->close(l);
    l = open_for(def, "{lr: 0.5, intercept_lr: 0}", 1, LEARN_VALUES);
    def->learn(l, &x, 1, &y, &half);
    assert_true(value_of(def, l, &x) == 5);
    def->close(l);
}

static void what_diverges_is_not_finite(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(60, 3, 4);
    assert_diverges(def, &d, "{clip_gradient: 1e300}");
    learner_data_free(&d);
}

static void constant_columns_do_no_harm(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(2000, 3, 5);
    for (uint32_t r = 0; r < d.rows; r++) {
        d.x[r * 3 + 1] = 0;
        d.x[r * 3 + 2] = 2;
    }
    void *l = learner_open(def, options_of(def, "{lr: 0.02, optimizer: adam}"), &d);
    learner_feed(def, l, &d, 0, d.rows);
    const double one[] = {1, 0, 2}, other[] = {1, 1e6, 2}, origin[] = {0, 0, 2};
    assert_true(value_of(def, l, one) == value_of(def, l, other));
    assert_true(fabs(value_of(def, l, one) - value_of(def, l, origin) - 0.5) < 0.1);
    def->close(l);
    learner_data_free(&d);
}

static void options_are_checked(void **state)
{
    (void)state;
    assert_refused(def, "{l1: 0.1, l2: 0.1}", "exclude each other");
    assert_refused(def, "{optimizer: adma}", "did you mean adam");
    assert_refused(def, "{optimizer: {name: adam, beta1: 0.9}}", "did you mean beta_1");
    assert_refused(def, "{lr: 0.1, optimizer: {name: adam, lr: 0.2}}", "twice");
    assert_int_equal(def->check(options_of(def, "{optimizer: {name: adam, lr: 0.2}}"), NULL), 0);
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(80, 3, 2);
    check_learner(def, options_of(def, "{}"), &d);
    check_learner(def, options_of(def, "{optimizer: ftrl}"), &d);
    check_learner(def, options_of(def, "{optimizer: adam, l1: 0.001}"), &d);
    assert_foreign(def, &d, "{optimizer: adam}", "{optimizer: ftrl}");
    assert_foreign(def, &d, "{}", "{l1: 0.01}");
    assert_no_allocation(def, &d, "{optimizer: adagrad}");
    learner_data_free(&d);
}

static void sigmoid_is_exact_far_out(void **state)
{
    (void)state;
    assert_true(linear_sigmoid(0) == 0.5 && linear_sigmoid(30.5) == 1 &&
                linear_sigmoid(-30.5) == 0);
    assert_true(fabs(linear_sigmoid(2) + linear_sigmoid(-2) - 1) < 1e-15);
    assert_true(isnan(linear_sigmoid((double)NAN)) != 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_steps_by_hand),
        cmocka_unit_test(sigmoid_is_exact_far_out),
        cmocka_unit_test(steps_are_gradients_by_finite_differences),
        cmocka_unit_test(optimizers_learn),
        cmocka_unit_test(weights_and_clipping_bound_the_step),
        cmocka_unit_test(what_diverges_is_not_finite),
        cmocka_unit_test(constant_columns_do_no_harm),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(passes_what_every_learner_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
