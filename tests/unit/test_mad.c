/* mad: medians by brute force over the window; constants and half-constant windows. */
#include "engine/random.h"
#include "tests/support/detector_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_mad;
static const struct learner_def *const def = &learner_mad;

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *v, uint32_t n)
{
    qsort(v, n, sizeof(*v), compare);
    return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double expected(const double *v, uint32_t n, double x)
{
    double copy[200], mean = 0;
    memcpy(copy, v, n * sizeof(*v));
    double centre = median(copy, n);
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = fabs(v[i] - centre);
        mean += copy[i] / n;
    }
    double mad = median(copy, n);
    double spread = mad > 0 ? 1.4826 * mad : 1.2533 * mean;
    return fabs(x - centre) / spread;
}

static void scores_as_medians_of_the_window(void **state)
{
    (void)state;
    const char *options[] = {"{window_size: 3, grace_period: 1}",
                             "{window_size: 7, grace_period: 1}",
                             "{window_size: 50, grace_period: 1}"};
    const uint32_t windows[] = {3, 7, 50};
    double v[400];
    struct random random;
    random_seed(&random, 5, 1);
    for (uint32_t i = 0; i < 400; i++) { /* continuous, then few values */
        v[i] = i < 200 ? random_normal(&random) : random_below(&random, 5);
    }
    for (int k = 0; k < 3; k++) {
        void *l = detector_open(def, options[k], 1);
        for (uint32_t i = 0; i < 400; i++) {
            def->learn(l, &v[i], 1, NULL, NULL);
            uint32_t n = i + 1 < windows[k] ? i + 1 : windows[k];
            double x = 2.5, score = detector_score(def, l, &x);
            double brute = expected(v + i + 1 - n, n, x);
            if (isfinite(brute)) {
                assert_true(fabs(score - brute) <= 1e-9 * (1 + brute));
            } else {
                assert_true(score > 1e9);
            }
        }
        def->close(l);
    }
}

/* A key of few rows has no memory for a whole window. */
static void memory_follows_the_rows(void **state)
{
    (void)state;
    void *l = detector_open(def, "{window_size: 100000}", 2);
    const double x[2] = {1, 2};
    assert_true(def->size(l) < 300);
    for (int i = 0; i < 100; i++) {
        def->learn(l, x, 1, NULL, NULL);
    }
    assert_in_range(def->size(l), 100 * 2 * 16, 128 * 2 * 16 + 300);
    def->close(l);
}

static void outliers_move_nothing(void **state)
{
    (void)state;
    void *l = detector_open(def, "{window_size: 100, grace_period: 10}", 1);
    for (int i = 0; i < 100; i++) {
        double x = i % 3 == 0 ? 1e9 : i % 10; /* every third row is far off */
        def->learn(l, &x, 1, NULL, NULL);
    }
    double usual = 5, odd = 1e9;
    assert_true(detector_score(def, l, &usual) < 1);
    assert_true(detector_score(def, l, &odd) > 1e7);
    def->close(l);
}

static void a_constant_makes_others_odd(void **state)
{
    (void)state;
    void *l = detector_open(def, "{grace_period: 10}", 1);
    double same = 7, other = 7.5;
    detector_repeat(def, l, same, 50);
    assert_true(detector_score(def, l, &same) == 0);
    assert_true(detector_score(def, l, &other) > 1e9);
    def->close(l);
}

/* A count of rows that the bytes do not hold takes no memory before that is found. */
static void a_count_alone_takes_no_memory(void **state)
{
    (void)state;
    struct buffer bytes;
    void *l = detector_open(def, "{window_size: 10000, grace_period: 5}", 100);
    uint64_t before = def->size(l);
    uint32_t window = 10000;
    int64_t rows = 10000;
    buffer_init(&bytes);
    struct snapshot s = snapshot_saver(&bytes);
    snapshot_version(&s, 1);
    snapshot_u32(&s, &window);
    snapshot_count(&s, &rows);
    s = snapshot_loader(bytes.data, bytes.n);
    assert_int_equal(def->io(l, &s), -ERR_DATA);
    assert_true(def->size(l) == before);
    buffer_done(&bytes);
    def->close(l);
}

static void passes_what_every_detector_must(void **state)
{
    (void)state;
    check_detector(def, "{window_size: 20, grace_period: 5}");
    check_detector(def, "{window_size: 1000, grace_period: 5}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_as_medians_of_the_window),
        cmocka_unit_test(memory_follows_the_rows),
        cmocka_unit_test(outliers_move_nothing),
        cmocka_unit_test(a_constant_makes_others_odd),
        cmocka_unit_test(a_count_alone_takes_no_memory),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, detector_set_up, detector_tear_down);
}
