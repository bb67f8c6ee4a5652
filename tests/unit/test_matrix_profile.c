/* matrix_profile: distances by brute force, bit for bit after a load, and what is odd once. */
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/calibration.h"
#include "tests/support/detector_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_matrix_profile;
static const struct learner_def *const def = &learner_matrix_profile;

#define ROWS 900

/* Distance of rows i-w+1..i to the nearest w rows, w to `history` rows earlier. */
static double brute_distance(const double *x, int i, int w, int history)
{
    double best = HUGE_VAL;
    for (int lag = w; lag <= history && i - lag - w + 1 >= 0; lag++) {
        double sum = 0;
        for (int k = 0; k < w; k++) {
            double d = x[i - k] - x[i - k - lag];
            sum += d * d;
        }
        best = fmin(best, sum);
    }
    return best < HUGE_VAL ? sqrt(best) : 0;
}

static void series(double *x, int n)
{
    struct random random;
    random_seed(&random, 21, 1);
    for (int i = 0; i < n; i++) {
        x[i] = 10 * sin(i * 0.2) + random_normal(&random);
    }
}

static void scores_by_nearest_earlier_rows(void **state)
{
    (void)state;
    const int w[] = {2, 8, 32};
    double x[ROWS];
    struct calibration *c = mem_array(3, sizeof(*c));
    void *l = detector_open(def, "{history: 200, refractory: 1, grace_period: 1}", 1);
    series(x, ROWS);
    for (uint32_t k = 0; k < 3; k++) {
        calibration_init(&c[k], CALIBRATION_MEMORY, 42 + k);
    }
    for (int i = 0; i < ROWS; i++) {
        double expected = 0;
        for (int k = 0; k < 3; k++) {
            double s = brute_distance(x, i, w[k], 200);
            expected -= log10(calibration_tail(&c[k], s));
            if (i > 3 * w[k] + 20) {
                calibration_learn(&c[k], s);
            }
        }
        if (i > 0) {
            assert_true(fabs(detector_score(def, l, &x[i]) - expected) < 1e-6);
        }
        def->learn(l, &x[i], 1, NULL, NULL);
    }
    for (int k = 0; k < 3; k++) {
        calibration_done(&c[k]);
    }
    mem_free(c);
    def->close(l);
}

/* Scores of a series with something odd at row 600, and the same at 757 again; the largest
 * from..to-1. */
static double largest(const double *x, const char *options, int from, int to)
{
    double most = 0;
    void *l = detector_open(def, options, 1);
    for (int i = 0; i < to; i++) {
        double score = detector_score(def, l, &x[i]);
        most = i >= from ? fmax(most, score) : most;
        def->learn(l, &x[i], 1, NULL, NULL);
    }
    def->close(l);
    return most;
}

static void what_is_odd_is_odd_once(void **state)
{
    (void)state;
    double x[ROWS];
    series(x, ROWS);
    for (int i = 0; i < 12; i++) {
        x[600 + i] = x[757 + i] = 40 + i; /* five periods of the sine later */
    }
    assert_true(largest(x, "{}", 300, 600) < 4.5);
    assert_true(largest(x, "{}", 600, 612) > 6);
    assert_true(largest(x, "{}", 700, ROWS) < 4.5);
}

static void a_missing_peak_is_odd_though_its_values_are_usual(void **state)
{
    (void)state;
    double x[ROWS];
    series(x, ROWS);
    for (int i = 0; i < 30; i++) {
        x[700 + i] = x[700];
    }
    assert_true(largest(x, "{}", 700, 760) > 4.5);
}

static void is_quiet_after_an_alarm(void **state)
{
    (void)state;
    double x[ROWS];
    series(x, ROWS);
    for (int i = 600; i < ROWS; i++) {
        x[i] = 30 + (i - 600) * (i - 600); /* odder with every row */
    }
    void *quiet = detector_open(def, "{refractory: 50}", 1);
    void *loud = detector_open(def, "{refractory: 1}", 1);
    int alarm = 0, again = 0, alarms = 0;
    for (int i = 0; i < ROWS; i++) {
        double a = detector_score(def, quiet, &x[i]), b = detector_score(def, loud, &x[i]);
        if (i >= 600 && a >= 4.5) {
            again = alarm && !again ? i : again;
            alarm = alarm ? alarm : i;
        }
        alarms += i >= 600 && b >= 4.5;
        assert_true(i < 150 ? isnan(a) : a == b || a == 0);
        def->learn(quiet, &x[i], 1, NULL, NULL);
        def->learn(loud, &x[i], 1, NULL, NULL);
    }
    assert_true(alarm >= 600 && alarm < 605 && again == alarm + 50);
    assert_true(alarms > 100);
    def->close(quiet);
    def->close(loud);
}

/* 1e150 wipes out all other terms of the sums; these are whole again within 64 rows. */
static void recovers_from_extreme_values(void **state)
{
    (void)state;
    double x[ROWS], with[ROWS];
    series(x, ROWS);
    memcpy(with, x, sizeof(x));
    with[400] = 1e150;
    void *l = detector_open(def, "{history: 128, grace_period: 1}", 1);
    for (int i = 0; i < ROWS; i++) {
        double score = detector_score(def, l, &with[i]);
        assert_true(i == 0 || (score >= 0 && isfinite(score)));
        def->learn(l, &with[i], 1, NULL, NULL);
    }
    double odd = 45;
    assert_true(detector_score(def, l, &odd) > 2);
    def->close(l);
}

static void several_features_give_their_oddest(void **state)
{
    (void)state;
    double x[ROWS];
    series(x, ROWS);
    void *one = detector_open(def, "{}", 1), *two = detector_open(def, "{}", 2);
    for (int i = 0; i < 400; i++) {
        double both[] = {x[i], 5};
        def->learn(one, &x[i], 1, NULL, NULL);
        def->learn(two, both, 1, NULL, NULL);
    }
    double odd[] = {90, 5};
    assert_true(detector_score(def, one, odd) > 4.5);
    assert_true(detector_score(def, two, odd) == detector_score(def, one, odd));
    def->close(one);
    def->close(two);
}

static void refuses_lengths_over_its_history(void **state)
{
    (void)state;
    assert_null(detector_refusal(def, "{}"));
    assert_non_null(strstr(detector_refusal(def, "{history: 100}"), "history"));
    assert_non_null(strstr(detector_refusal(def, "{n_lengths: 8, factor: 10}"), "n_lengths"));
}

static void passes_what_every_detector_must(void **state)
{
    (void)state;
    check_detector(def, "{history: 100, n_lengths: 2, grace_period: 5, level: 1, refractory: 3}");
    check_detector(def, "{history: 100, length: 1, n_lengths: 2, factor: 20, grace_period: 5}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_by_nearest_earlier_rows),
        cmocka_unit_test(what_is_odd_is_odd_once),
        cmocka_unit_test(a_missing_peak_is_odd_though_its_values_are_usual),
        cmocka_unit_test(is_quiet_after_an_alarm),
        cmocka_unit_test(recovers_from_extreme_values),
        cmocka_unit_test(several_features_give_their_oddest),
        cmocka_unit_test(refuses_lengths_over_its_history),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, detector_set_up, detector_tear_down);
}
