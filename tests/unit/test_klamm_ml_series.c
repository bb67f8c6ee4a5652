/* Series of klamm_ml.h: forecasts with intervals, by steps and by times; drift. */
#include "tests/unit/klamm_ml_harness.h"

static struct klamm_ml *make(const char *task, const char *algorithm, const char *settings)
{
    struct klamm_ml_setup setup = {.task = task, .algorithm = algorithm, .settings = settings};
    return rig_new(&setup);
}

static void test_forecasts(void **state)
{
    (void)state;
    struct klamm_ml *m = make("forecast", "holt_winters", "{horizons: [3, 1], season: 12}");
    struct klamm_ml_error e;
    double out[6];
    assert_int_equal(klamm_ml_width(m), 6);
    assert_int_equal(klamm_ml_version(m), 0);
    assert_int_equal(klamm_ml_forecast(m, out, 6, &e), 0);
    assert_true(isnan(out[0]) && isnan(out[1]) && isnan(out[5]));
    for (int i = 0; i < 600; i++) {
        assert_int_equal(klamm_ml_add(m, 0, rig_value(i), &e), 1);
    }
    assert_int_equal(klamm_ml_forecast(m, out, 6, &e), 0);
    for (int i = 0; i < 2; i++) { /* horizons are ascending, however they are written */
        double truth = rig_value(600 + (i ? 2 : 0));
        assert_true(fabs(out[3 * i] - truth) < 1);
        assert_true(out[3 * i + KLAMM_ML_LOWER] < out[3 * i] &&
                    out[3 * i] < out[3 * i + KLAMM_ML_UPPER]);
    }
    assert_int_equal(klamm_ml_version(m), 1);
    assert_int_equal(klamm_ml_forecast(m, out, 5, &e), -KLAMM_ML_CALL);
    assert_string_equal(e.text, "room for 5 numbers: 2 horizons have 6");
    assert_int_equal(klamm_ml_forecast(m, NULL, 6, &e), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_learn(m, out, out, 1, &e), -KLAMM_ML_CALL);
    assert_string_equal(e.text, "forecast has no rows: klamm_ml_add() and klamm_ml_forecast()");
    assert_int_equal(klamm_ml_watch(m, 1, &e), -KLAMM_ML_CALL);
    klamm_ml_free(m);
}

static void test_times_make_steps(void **state)
{
    (void)state;
    struct klamm_ml *m = make("forecast", "naive", "{horizons: 1m, every: 1m}");
    double out[3];
    assert_int_equal(klamm_ml_add(m, 60000, 1, NULL), 1);
    assert_int_equal(klamm_ml_add(m, 240000, 4, NULL), 1); /* two steps are missing */
    assert_int_equal(klamm_ml_rows(m), 4);
    assert_int_equal(klamm_ml_add(m, 120000, 9, NULL), 0); /* that one is over */
    assert_int_equal(klamm_ml_rows(m), 4);
    assert_int_equal(klamm_ml_forecast(m, out, 3, NULL), 0);
    assert_true(out[0] == 4);
    const double missing[] = {NAN, INFINITY, -1e200};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(klamm_ml_add(m, 300000 + i * 60000, missing[i], NULL), 1);
    }
    assert_int_equal(klamm_ml_rows(m), 7);
    assert_int_equal(klamm_ml_forecast(m, out, 3, NULL), 0);
    assert_true(out[0] == 4);
    assert_int_equal(klamm_ml_add(m, INT64_MAX, 5, NULL), 1);
    assert_int_equal(klamm_ml_add(m, INT64_MIN, 5, NULL), 0);
    klamm_ml_free(m);
}

static void test_drift(void **state)
{
    (void)state;
    struct klamm_ml *m = make("drift", "page_hinkley", NULL), *errors = make("drift", "ddm", NULL);
    struct klamm_ml_error e;
    int told = 0, first = 0;
    for (int i = 0; i < 1000; i++) {
        int status = klamm_ml_watch(m, rig_value(i) + (i < 500 ? 0 : 50), &e);
        assert_true(status >= 0);
        first = told == 0 && status ? i : first;
        told += status;
    }
    assert_true(told >= 1 && first >= 500 && first < 520);
    assert_int_equal(klamm_ml_version(m), 1 + told);
    assert_int_equal(klamm_ml_watch(m, NAN, &e), 0);
    assert_int_equal(klamm_ml_rows(m), 1000);
    assert_int_equal(klamm_ml_watch(errors, 0.5, &e), -KLAMM_ML_DATA);
    assert_string_equal(e.text, "ddm watches errors, 1 or 0; adwin and page_hinkley take numbers");
    assert_int_equal(klamm_ml_watch(errors, 1, &e), 0);
    assert_int_equal(klamm_ml_watch(NULL, 1, &e), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_forecast(errors, NULL, 0, &e), -KLAMM_ML_CALL);
    assert_int_equal(klamm_ml_add(NULL, 0, 0, &e), -KLAMM_ML_CALL);
    klamm_ml_free(m);
    klamm_ml_free(errors);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forecasts),
        cmocka_unit_test(test_times_make_steps),
        cmocka_unit_test(test_drift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
