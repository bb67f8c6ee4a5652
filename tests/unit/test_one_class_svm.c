/* one_class_svm: first steps by hand; test_anomalies.py holds it against River row by row. */
#include "tests/support/detector_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_one_class_svm;
static const struct learner_def *const def = &learner_one_class_svm;

static void first_steps_by_hand(void **state)
{
    (void)state;
    void *l = detector_open(def, "{nu: 0.5, lr: 0.5, intercept_lr: 0.25}", 2);
    double x[] = {1, -2}, far[] = {4, 0};
    assert_true(isnan(detector_score(def, l, x)));
    def->learn(l, x, 1, NULL, NULL); /* b = 1 <= 1: g = -1; w = (0.5, -1), b = 1 + 0.25 - 0.125 */
    assert_true(detector_score(def, l, x) == 2.5);
    assert_true(detector_score(def, l, far) == 2);
    def->learn(l, x, 1, NULL, NULL); /* 2.5 + 1.125 > 1: only w shrinks, by 1 - 0.5 * 0.25 */
    assert_true(fabs(detector_score(def, l, x) - 2.5 * 0.875) < 1e-15);
    double back[] = {-4, 0}; /* w.x = -1.75, b = 1: g = -1 */
    def->learn(l, back, 1, NULL, NULL);
    double w0 = 0.4375 - 0.5 * (4 + 0.25 * 0.4375);
    assert_true(fabs(detector_score(def, l, far) - 4 * w0) < 1e-15);
    def->close(l);
}

static void gradients_are_clipped_and_weighted(void **state)
{
    (void)state;
    void *l = detector_open(def, "{nu: 0, lr: 1, intercept_lr: 0, clip_gradient: 0.125}", 1);
    double x = 1, three = 3;
    def->learn(l, &x, 1, NULL, &three);
    assert_true(detector_score(def, l, &x) == 0.125);
    def->close(l);
    l = detector_open(def, "{nu: 0, lr: 1, intercept_lr: 0}", 1);
    def->learn(l, &x, 1, NULL, &three);
    assert_true(detector_score(def, l, &x) == 3);
    def->close(l);
}

static void refuses_an_optimizer_that_is_not_there(void **state)
{
    (void)state;
    assert_null(detector_refusal(def, "{}"));
    assert_non_null(strstr(detector_refusal(def, "{optimizer: sgb}"), "sgd"));
}

static void passes_what_every_detector_must(void **state)
{
    (void)state;
    check_detector(def, "{}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_steps_by_hand),
        cmocka_unit_test(gradients_are_clipped_and_weighted),
        cmocka_unit_test(refuses_an_optimizer_that_is_not_there),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, detector_set_up, detector_tear_down);
}
