/* ridge, the forecaster: finds the rule of a series, its weights solve the penalised least squares,
 * stages take over, single absurd values do no lasting harm. */
#include "engine/arena.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/forecaster_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern const struct forecaster_def forecaster_ridge;
static const struct forecaster_def *const def = &forecaster_ridge;

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

static const uint32_t horizons[] = {1, 2, 5}, seasons[] = {7, 28};

static void *open(const char *options, uint32_t nseasons)
{
    struct forecaster_setup setup = {
        .options = forecaster_options(def, options, &arena),
        .horizon = horizons,
        .nhorizons = 3,
        .season = seasons,
        .nseasons = nseasons,
    };
    return def->open(&setup);
}

static void finds_a_linear_rule(void **state)
{
    (void)state;
    /* y(t) = 2 cos(w) y(t-1) - y(t-2): an oscillation, which three values determine. */
    void *f = open("{lags: 3, huber: 0, alpha: 1e-9}", 0);
    double out[3];
    for (int i = 0; i < 200; i++) {
        def->learn(f, sin(0.7 * i));
    }
    def->predict(f, out);
    for (int h = 0; h < 3; h++) {
        assert_true(fabs(out[h] - sin(0.7 * (199 + horizons[h]))) < 1e-4);
    }
    def->close(f);
}

static void solves_the_normal_equation(void **state)
{
    (void)state;
    /* One feature, x(t) = y(t-1) - y(t): w = sum x z / (sum x x (1 + alpha)), by hand. */
    void *f = open("{lags: 2, huber: 0, alpha: 0.5, refit: 1}", 0);
    double y[60], xx = 0, xz = 0, out[3];
    struct random random;
    random_seed(&random, 4, 1);
    for (int i = 0; i < 60; i++) {
        y[i] = random_normal(&random);
        def->learn(f, y[i]);
        if (i >= 2) {
            double x = y[i - 2] - y[i - 1];
            xx += x * x;
            xz += x * (y[i] - y[i - 1]);
        }
    }
    def->predict(f, out);
    double expected = y[59] + xz / (xx * 1.5) * (y[58] - y[59]);
    assert_true(fabs(out[0] - expected) < 1e-12);
    def->close(f);
}

static void forgets(void **state)
{
    (void)state;
    /* The rule changes from w = -0.5 to 0.5 half way. */
    void *slow = open("{lags: 2, huber: 0}", 0);
    void *fast = open("{lags: 2, huber: 0, forget: 0.95}", 0);
    struct random random;
    double y = 0, before = 0, a[3], b[3];
    random_seed(&random, 9, 1);
    for (int i = 0; i < 20000; i++) {
        double next = y + (i < 10000 ? -0.5 : 0.5) * (before - y) + random_normal(&random);
        before = y;
        y = next;
        def->learn(slow, y);
        def->learn(fast, y);
    }
    def->predict(slow, a);
    def->predict(fast, b);
    double expected = 0.5 * (before - y);
    assert_true(fabs(b[0] - y - expected) < 0.5 * fabs(expected));
    assert_true(fabs(a[0] - y) < 0.3 * fabs(expected)); /* both rules cancel */
    def->close(slow);
    def->close(fast);
}

static double course(int i)
{
    return 100 + 10 * sin(2 * M_PI * i / 7) + (i % 28 == 3 ? 40 : 0);
}

static void a_longer_season_takes_over(void **state)
{
    (void)state;
    void *f = open("{lags: 3, around: 1}", 2);
    double out[3], worst_early = 0, worst_late = 0;
    for (int i = 0; i < 1000; i++) {
        def->predict(f, out);
        for (int h = 0; h < 3; h++) {
            double off = fabs(out[h] - course(i - 1 + (int)horizons[h]));
            worst_early = i > 25 && i <= 35 && off > worst_early ? off : worst_early;
            worst_late = i > 900 && off > worst_late ? off : worst_late;
        }
        def->learn(f, course(i));
    }
    assert_true(worst_early > 20); /* the spike of every fourth week is not known yet */
    assert_true(worst_late < 4);
    def->close(f);
}

static void last_value_before_anything_is_learned(void **state)
{
    (void)state;
    void *f = open("{}", 0);
    double out[3];
    def->learn(f, NAN);
    def->predict(f, out);
    assert_true(isnan(out[0]));
    def->learn(f, 5);
    def->predict(f, out);
    assert_true(out[0] == 5 && out[2] == 5);
    def->close(f);
}

static void missing_values_are_as_a_season_ago(void **state)
{
    (void)state;
    void *f = open("{lags: 3, around: 0}", 1);
    double out[3], worst = 0;
    for (int i = 0; i < 800; i++) {
        double y = 100 + 10 * sin(2 * M_PI * i / 7);
        bool is_gap = i > 300 && i % 100 < 10;
        def->learn(f, is_gap ? (double)NAN : y);
        def->predict(f, out);
        for (int h = 0; h < 3 && i > 300; h++) {
            double off = fabs(out[h] - (100 + 10 * sin(2 * M_PI * (i + (int)horizons[h]) / 7)));
            worst = off > worst ? off : worst;
        }
    }
    assert_true(worst < 0.5);
    def->close(f);
}

static void one_absurd_value_does_no_lasting_harm(void **state)
{
    (void)state;
    void *f = open("{lags: 4, around: 1}", 1);
    struct random random;
    double out[3], error = 0, change = 0, last = 0;
    random_seed(&random, 8, 1);
    for (int i = 0; i < 2000; i++) {
        double y = 100 + 10 * sin(2 * M_PI * i / 7) + 0.5 * random_normal(&random);
        def->learn(f, i == 1000 ? 1e12 : y);
        if (i > 1500) {
            error += fabs(out[0] - y);
            change += fabs(last - y);
        }
        def->predict(f, out);
        last = y;
    }
    assert_true(error < 0.3 * change);
    def->close(f);
}

static void horizons_beyond_the_season(void **state)
{
    (void)state;
    static const uint32_t far[] = {1, 13, 29, 100};
    struct forecaster_setup setup = {
        .options = forecaster_options(def, "{lags: 3}", &arena),
        .horizon = far,
        .nhorizons = 4,
        .season = seasons,
        .nseasons = 1,
    };
    void *f = def->open(&setup);
    double out[4];
    for (int i = 0; i < 600; i++) {
        def->learn(f, sin(2 * M_PI * i / 7));
    }
    def->predict(f, out);
    for (int h = 0; h < 4; h++) {
        assert_true(fabs(out[h] - sin(2 * M_PI * (599 + (int)far[h]) / 7)) < 0.05);
    }
    def->close(f);
}

static void what_holds_for_every_forecaster(void **state)
{
    (void)state;
    check_forecaster(def, forecaster_options(def, "{}", &arena));
    check_forecaster(def, forecaster_options(def, "{lags: 1, around: 0, huber: 0}", &arena));
    check_forecaster(def, forecaster_options(def, "{lags: 2, forget: 0.98, refit: 1}", &arena));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_a_linear_rule),
        cmocka_unit_test(solves_the_normal_equation),
        cmocka_unit_test(forgets),
        cmocka_unit_test(a_longer_season_takes_over),
        cmocka_unit_test(last_value_before_anything_is_learned),
        cmocka_unit_test(missing_values_are_as_a_season_ago),
        cmocka_unit_test(one_absurd_value_does_no_lasting_harm),
        cmocka_unit_test(horizons_beyond_the_season),
        cmocka_unit_test(what_holds_for_every_forecaster),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
