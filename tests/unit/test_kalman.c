/* kalman: what every forecaster must do; the filter against the local level's closed form and on
 * series without noise; what the fit finds, outliers, seasons that come late.
 */
#include "engine/arena.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/structural.h"
#include "tests/support/forecaster_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct forecaster_def forecaster_kalman;
static const struct forecaster_def *const def = &forecaster_kalman;

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static const void *options(const char *text)
{
    return forecaster_options(def, text, &arena);
}

static void passes_what_every_forecaster_must(void **state)
{
    (void)state;
    check_forecaster(def, options("{window: 60, harmonics: 2}"));
    struct forecaster_series s = forecaster_series_new(60, 2);
    check_forecaster_continues(def, options("{level: 0.1, slope: 0, season: 0.001}"), &s);
    forecaster_series_free(&s);
}

static void save_and_load(void **f, const void *o, struct buffer *bytes)
{
    buffer_clear(bytes);
    struct snapshot s = snapshot_saver(bytes);
    assert_int_equal(def->io(*f, &s), 0);
    def->close(*f);
    *f = forecaster_open(def, o);
    s = snapshot_loader(bytes->data, bytes->n);
    assert_int_equal(def->io(*f, &s), 0);
    assert_ptr_equal(s.p, s.end);
}

/* Saved and loaded behind each value: before a search, in the steps of one, behind it. */
static void a_restart_at_any_value_does_not_show(void **state)
{
    (void)state;
    static const char *const text[] = {"{window: 50}", "{window: 50, fit_steps: 7}"};
    for (size_t i = 0; i < sizeof text / sizeof text[0]; i++) {
        const void *o = options(text[i]);
        struct forecaster_series series = forecaster_series_new(600, 3);
        struct buffer bytes, other;
        void *whole = forecaster_open(def, o), *cut = forecaster_open(def, o);
        buffer_init(&bytes);
        buffer_init(&other);
        for (uint32_t k = 0; k < series.n; k++) {
            double a[3], b[3];
            def->learn(whole, series.y[k]);
            def->learn(cut, series.y[k]);
            save_and_load(&cut, o, &bytes);
            def->predict(whole, a);
            def->predict(cut, b);
            assert_memory_equal(a, b, sizeof a);
            buffer_clear(&other);
            struct snapshot s = snapshot_saver(&other);
            assert_int_equal(def->io(whole, &s), 0);
            assert_int_equal(other.n, bytes.n);
            assert_memory_equal(other.data, bytes.data, bytes.n);
        }
        def->close(whole);
        def->close(cut);
        buffer_done(&bytes);
        buffer_done(&other);
        forecaster_series_free(&series);
    }
}

/* A slope that is damped and never moved leaves ever less, and then nothing: no number is
 * subnormal. */
static void what_is_tiny_is_nothing(void **state)
{
    (void)state;
    struct structural m;
    struct structural_state s;
    const uint32_t season = 12, far = 100000;
    double variance[3] = {0.1, 0, 0}, f, *room, out;
    structural_init(&m, &season, 1, 2, 0.9);
    structural_state_init(&m, &s);
    room = mem_array(m.n, sizeof(double));
    structural_begin(&m, &s, 5);
    structural_show_season(&m, &s, 1);
    for (int i = 0; i < 20000; i++) {
        structural_step(&m, variance, &s, i < 100 ? (double)i : (double)NAN, 0, &f, room);
        for (size_t k = 0; k < (size_t)m.n + m.n * m.n; k++) {
            assert_true(fpclassify(s.mean[k]) != FP_SUBNORMAL);
        }
    }
    assert_true(s.mean[1] == 0 && s.variance[m.n + 1] == 0 && s.variance[0] > 0);
    structural_forecast(&m, &s, &far, 1, &out, room);
    assert_true(isfinite(out) && room[1] == 0);
    mem_free(room);
    structural_state_done(&s);
    structural_done(&m);
}

/* A local level settles at the gain k = q / 2 (sqrt(1 + 4 / q) - 1): exponential smoothing. */
static void a_local_level_is_exponential_smoothing(void **state)
{
    (void)state;
    struct structural m;
    struct structural_state s;
    double variance[2] = {0.5, 0}, f, room[2], smooth = 0;
    double gain = 0.25 * (sqrt(1 + 4 / 0.5) - 1);
    structural_init(&m, NULL, 0, 1, 0);
    assert_int_equal(m.n, 2);
    structural_state_init(&m, &s);
    structural_begin(&m, &s, 3);
    for (int i = 0; i < 60; i++) {
        structural_step(&m, variance, &s, 3, 0, &f, room);
    }
    assert_true(fabs(f - 1 / (1 - gain)) < 1e-9);
    smooth = s.mean[0];
    for (int i = 0; i < 20; i++) {
        double v = structural_step(&m, variance, &s, i % 3, 0, &f, room);
        assert_true(fabs(v * sqrt(f) - (i % 3 - smooth)) < 1e-9);
        smooth += gain * (i % 3 - smooth);
        assert_true(fabs(s.mean[0] - smooth) < 1e-9);
    }
    double before = s.mean[0], spread = s.variance[0];
    assert_true(isnan(structural_step(&m, variance, &s, NAN, 0, &f, room)));
    assert_true(s.mean[0] == before && fabs(s.variance[0] - spread - 0.5) < 1e-12);
    structural_state_done(&s);
    structural_done(&m);
}

/* A clean line and clean waves go on as they were. */
static void goes_on_with_what_has_no_noise(void **state)
{
    (void)state;
    double out[3];
    const int ahead[] = {1, 3, 12};
    void *f = forecaster_open(
        def, options("{level: 0.01, slope: 0.01, season: 0.01, damping: 1, harmonics: 3}"));
    for (int i = 0; i < 600; i++) {
        def->learn(f, 7 + 0.5 * i + 3 * sin(2 * M_PI * i / 7) + 2 * cos(2 * M_PI * i / 14));
    }
    def->predict(f, out);
    for (int k = 0; k < 3; k++) {
        double i = 599 + ahead[k];
        double y = 7 + 0.5 * i + 3 * sin(2 * M_PI * i / 7) + 2 * cos(2 * M_PI * i / 14);
        assert_true(fabs(out[k] - y) < 1e-6);
    }
    def->close(f);
}

static void waves_of_two_seasons_are_counted_once(void **state)
{
    (void)state;
    struct structural m;
    const uint32_t seasons[] = {7, 28}; /* 28 / 4 = 7 */
    structural_init(&m, seasons, 2, 6, 1);
    assert_int_equal(m.n, 2 + 2 * (3 + 5));
    structural_done(&m);
    structural_init(&m, seasons, 2, 3, 1);
    assert_int_equal(m.n, 2 + 2 * (3 + 3));
    structural_done(&m);
}

/* Mean |error| three steps ahead over the last 500 of 2500 values of a slow level in much noise. */
static double error_of(const char *text)
{
    struct random random;
    double level = 50, sum = 0, out[3], y[2503];
    random_seed(&random, 8, 1);
    for (int i = 0; i < 2503; i++) {
        level += 0.1 * random_normal(&random);
        y[i] = level + 2 * random_normal(&random);
    }
    void *f = forecaster_open(def, options(text));
    for (int i = 0; i < 2500; i++) {
        def->learn(f, y[i]);
        def->predict(f, out);
        sum += i >= 2000 ? fabs(out[1] - y[i + 3]) / 500 : 0;
    }
    def->close(f);
    return sum;
}

static void finds_variances(void **state)
{
    (void)state;
    double best = error_of("{level: 0.0025, slope: 0, season: 0}");
    double bad = error_of("{level: 10, slope: 0.1, season: 0.1}");
    double found = error_of("{window: 400}");
    assert_true(found < 1.05 * best);
    assert_true(found < 0.85 * bad);
}

static void one_wild_value_is_clipped(void **state)
{
    (void)state;
    double error[2];
    for (int i = 0; i < 2; i++) {
        double out[3];
        struct forecaster_series s = forecaster_series_new(300, 6);
        void *f = forecaster_open(def, options(i ? "{clip: 0}" : "{}"));
        for (uint32_t k = 0; k < s.n; k++) {
            def->learn(f, s.y[k]);
        }
        def->learn(f, 1e6);
        def->predict(f, out);
        error[i] = fabs(out[0] - 106);
        for (int k = 0; k < 100 && i == 0; k++) {
            def->learn(f, 1e6); /* not a wild value after all */
        }
        def->predict(f, out);
        assert_true(i || fabs(out[0] - 1e6) < 1e5);
        def->close(f);
        forecaster_series_free(&s);
    }
    assert_true(error[0] < 50 && error[1] > 1000);
}

static void a_gap_moves_on(void **state)
{
    (void)state;
    struct forecaster_series s = forecaster_series_new(300, 6);
    void *f = forecaster_open(def, options("{}"));
    double before[3], after[3];
    for (uint32_t k = 0; k < s.n; k++) {
        def->learn(f, s.y[k]);
    }
    def->predict(f, before);
    def->learn(f, NAN);
    def->learn(f, NAN);
    def->predict(f, after);
    assert_true(fabs(after[0] - before[1]) < 1e-9);
    def->close(f);
    forecaster_series_free(&s);
}

static void allocates_nothing_per_row(void **state)
{
    (void)state;
    void *f = forecaster_open(def, options("{window: 60}"));
    double out[3];
    uint64_t before = mem_count();
    for (int k = 0; k < 300; k++) {
        def->predict(f, out);
        def->learn(f, sin(k));
    }
    assert_int_equal(mem_count(), before);
    def->close(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_what_every_forecaster_must),
        cmocka_unit_test(a_restart_at_any_value_does_not_show),
        cmocka_unit_test(what_is_tiny_is_nothing),
        cmocka_unit_test(a_local_level_is_exponential_smoothing),
        cmocka_unit_test(goes_on_with_what_has_no_noise),
        cmocka_unit_test(waves_of_two_seasons_are_counted_once),
        cmocka_unit_test(finds_variances),
        cmocka_unit_test(one_wild_value_is_clipped),
        cmocka_unit_test(a_gap_moves_on),
        cmocka_unit_test(allocates_nothing_per_row),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
