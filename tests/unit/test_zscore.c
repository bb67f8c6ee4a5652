/* zscore: mean and deviation of all rows, or of the latest, by formula. */
#include "tests/support/detector_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_zscore;
static const struct learner_def *const def = &learner_zscore;

static void scores_by_mean_and_deviation(void **state)
{
    (void)state;
    const double rows[] = {1, 4, 2, 9, 5, 5, 7};
    void *l = detector_open(def, "{grace_period: 1}", 1);
    assert_true(isnan(detector_score(def, l, rows)));
    for (uint32_t i = 0; i < 7; i++) {
        double mean = 0, var = 0, x = 11;
        def->learn(l, &rows[i], 1, NULL, NULL);
        for (uint32_t k = 0; k <= i; k++) {
            mean += rows[k] / (i + 1);
        }
        for (uint32_t k = 0; k <= i; k++) {
            var += (rows[k] - mean) * (rows[k] - mean) / (i + 1);
        }
        double score = detector_score(def, l, &x);
        assert_true(i == 0 ? score == 1e12 : fabs(score - (11 - mean) / sqrt(var)) < 1e-12);
    }
    def->close(l);
}

static void forgets_by_its_factor(void **state)
{
    (void)state;
    const double rows[] = {2, 6, 3};
    void *l = detector_open(def, "{grace_period: 1, fading_factor: 0.5}", 1);
    def->learn(l, rows, 3, NULL, NULL);
    /* mean 2, 4, 3.5; variance 0, 4, 0.5 * (4 + 0.5) */
    double x = 0.5;
    assert_true(fabs(detector_score(def, l, &x) - 3 / sqrt(2.25)) < 1e-12);
    def->close(l);
}

static void takes_the_worst_feature_and_waits(void **state)
{
    (void)state;
    const double rows[] = {0, 10, 2, 30, 0, 10, 2, 30};
    void *l = detector_open(def, "{grace_period: 4}", 2);
    double x[] = {1, 50};
    def->learn(l, rows, 3, NULL, NULL);
    assert_true(isnan(detector_score(def, l, x)));
    def->learn(l, rows + 6, 1, NULL, NULL);
    assert_true(fabs(detector_score(def, l, x) - 3) < 1e-12); /* (50 - 20) / 10; (1 - 1) / 1 */
    def->close(l);
}

static void a_constant_makes_others_odd(void **state)
{
    (void)state;
    void *l = detector_open(def, "{grace_period: 10}", 1);
    double same = 1e9 + 1.0 / 3, other = 1e9 + 5;
    detector_repeat(def, l, same, 100);
    assert_true(detector_score(def, l, &same) < 1);
    assert_true(detector_score(def, l, &other) > 1000);
    def->close(l);
}

static void passes_what_every_detector_must(void **state)
{
    (void)state;
    check_detector(def, "{grace_period: 5}");
    check_detector(def, "{grace_period: 5, fading_factor: 0.1}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_by_mean_and_deviation),
        cmocka_unit_test(forgets_by_its_factor),
        cmocka_unit_test(takes_the_worst_feature_and_waits),
        cmocka_unit_test(a_constant_makes_others_odd),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, detector_set_up, detector_tear_down);
}
