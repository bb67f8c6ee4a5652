/* Smoothing of one form: what repeats exactly is forecast exactly, in sums and in factors, over
 * gaps; errors are known behind the first fit, and saved apart. What River says:
 * test_holt_winters.c.
 */
#include "ml/smoother.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t horizons[] = {1, 3, 6}, seasons[] = {4};
static const struct smoother_options fitted = {NAN, NAN, NAN, NAN, INIT_DECOMPOSE, 60};

static struct forecaster_setup setup_of(uint32_t nseasons)
{
    return (struct forecaster_setup){
        .horizon = horizons, .nhorizons = 3, .season = seasons, .nseasons = nseasons};
}

/* Four values again and again. */
static double repeating(int i)
{
    static const double season[] = {10, 14, 8, 16};
    return season[i % 4];
}

static void expect_repetition(const struct smoother *m, int steps)
{
    double out[3];
    smoother_predict(m, out);
    for (int i = 0; i < 3; i++) {
        assert_true(fabs(out[i] - repeating(steps + (int)horizons[i] - 1)) < 1e-6);
    }
}

static void what_repeats_is_forecast(void **state)
{
    (void)state;
    const struct forecaster_setup setup = setup_of(1);
    for (int is_factor = 0; is_factor < 2; is_factor++) {
        struct smoother *m = smoother_new(&setup, &fitted, is_factor == 1);
        double out[3];
        smoother_predict(m, out);
        assert_true(isnan(out[0])); /* before two seasons */
        for (int i = 0; i < 203; i++) {
            smoother_learn(m, i >= 100 && i < 109 ? (double)NAN : repeating(i));
        }
        expect_repetition(m, 203);
        smoother_free(m);
    }
}

static void a_level_without_seasons(void **state)
{
    (void)state;
    const struct forecaster_setup setup = setup_of(0);
    const struct smoother_options given = {0.5, NAN, NAN, NAN, INIT_DECOMPOSE, 60};
    struct smoother *m = smoother_new(&setup, &given, false);
    double out[3];
    for (int i = 0; i < 10; i++) {
        smoother_learn(m, 8);
    }
    smoother_learn(m, 12); /* half of the way */
    smoother_predict(m, out);
    assert_true(out[0] == 10 && out[2] == 10);
    assert_true(isinf(smoother_error(m))); /* nothing is fitted */
    smoother_free(m);
}

static void errors_are_of_the_last_fit_and_saved_apart(void **state)
{
    (void)state;
    const struct forecaster_setup setup = setup_of(1);
    struct smoother *m = smoother_new(&setup, &fitted, false);
    struct smoother *again = smoother_new(&setup, &fitted, false);
    assert_true(isinf(smoother_error(m)));
    for (int i = 0; i < 150; i++) {
        smoother_learn(m, repeating(i) + (i % 3 == 0 ? 1 : 0));
    }
    assert_true(smoother_error(m) > 0.1 && smoother_error(m) < 3);
    struct buffer saved;
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    assert_int_equal(smoother_io(m, &s), 0);
    smoother_error_io(m, &s);
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(smoother_io(again, &s), 0);
    assert_true(isinf(smoother_error(again)));
    smoother_error_io(again, &s);
    assert_true(smoother_error(again) == smoother_error(m));
    double a[3], b[3];
    smoother_predict(m, a);
    smoother_predict(again, b);
    assert_memory_equal(a, b, sizeof a);
    buffer_done(&saved);
    smoother_free(m);
    smoother_free(again);
    smoother_free(NULL);
    assert_int_equal(smoother_size(NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_repeats_is_forecast),
        cmocka_unit_test(a_level_without_seasons),
        cmocka_unit_test(errors_are_of_the_last_fit_and_saved_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
