/* holt_winters: steps by hand, River's beginning, fitted parameters, several seasons, damping, what
 * happens around 0. That it equals River to the last digits is test_forecasts.py's. */
#include "engine/arena.h"
#include "engine/random.h"
#include "tests/support/forecaster_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern const struct forecaster_def forecaster_holt_winters;
static const struct forecaster_def *const def = &forecaster_holt_winters;

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

static const uint32_t horizons[] = {1, 3, 12}, seasons[] = {4, 20};

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

static bool is_near(double a, double b)
{
    return fabs(a - b) <= 1e-12 * fmax(1, fabs(b));
}

static void additive_by_hand(void **state)
{
    (void)state;
    void *f = open("{alpha: 0.5, beta: 0.25, gamma: 0.4, init: river}", 1);
    double out[3];
    for (int i = 0; i < 4; i++) {
        def->predict(f, out);
        assert_true(isnan(out[0]) && isnan(out[2]));
        def->learn(f, (double[]){10, 12, 8, 10}[i]);
    }
    /* level 10, trend 0, seasons y / 10 */
    def->predict(f, out);
    assert_true(is_near(out[0], 11) && is_near(out[1], 10.8) && is_near(out[2], 11));
    def->learn(f, 15); /* level 0.5 (15 - 1) + 0.5 10 = 12, trend 0.25 2, season 0.4 5 + 0.6 1 */
    def->predict(f, out);
    assert_true(is_near(out[0], 12.5 + 1.2));
    assert_true(is_near(out[1], 12 + 1.5 + 1.0)); /* the fourth phase */
    assert_true(is_near(out[2], 12 + 6 + 2.6));   /* twelve ahead: the first phase, just learned */
    def->close(f);
}

static void multiplicative_and_damped_by_hand(void **state)
{
    (void)state;
    void *f =
        open("{alpha: 0.5, beta: 0.5, gamma: 0.5, phi: 0.5, multiplicative: true, init: river}", 1);
    double out[3];
    for (int i = 0; i < 4; i++) {
        def->learn(f, (double[]){10, 20, 30, 40}[i]);
    }
    /* level 25, trend 10, factors 0.4 0.8 1.2 1.6 */
    def->learn(f, 14);
    /* base 30; level 0.5 35 + 0.5 30 = 32.5; trend 0.5 7.5 + 0.5 5 = 6.25; factor 0.5 14/30 + 0.2
     */
    def->predict(f, out);
    assert_true(is_near(out[0], (32.5 + 0.5 * 6.25) * 0.8));
    assert_true(is_near(out[1], (32.5 + (0.5 + 0.25 + 0.125) * 6.25) * 1.6));
    assert_true(is_near(out[2], (32.5 + (1 - pow(0.5, 12)) * 6.25) * (7.0 / 30 + 0.2)));
    def->close(f);
}

static void given_parameters_leave_parts_out(void **state)
{
    (void)state;
    void *f = open("{alpha: 0.25, init: river}", 1); /* neither trend nor seasons */
    double out[3], level = 1.5;
    def->learn(f, 1);
    def->learn(f, 2);
    for (int i = 0; i < 20; i++) {
        def->learn(f, i);
        level = 0.25 * i + 0.75 * level;
    }
    def->predict(f, out);
    assert_true(is_near(out[0], level) && is_near(out[2], level));
    def->close(f);
}

static double course(int i)
{
    return 50 + 0.1 * i + 5 * sin(M_PI * i / 2) + 8 * cos(2 * M_PI * i / 20);
}

static void fits_itself(void **state)
{
    (void)state;
    /* A course with two seasons and a little noise: what is left is about the noise. */
    void *f = open("{window: 200}", 2);
    struct random random;
    double out[3], error = 0, rows = 0;
    random_seed(&random, 6, 1);
    for (int i = 0; i < 1500; i++) {
        def->learn(f, course(i) + 0.2 * random_normal(&random));
        def->predict(f, out);
        for (int h = 0; h < 3 && i > 1000; h++) {
            error += fabs(out[h] - course(i + (int)horizons[h]));
            rows++;
        }
    }
    assert_true(error / rows < 0.15);
    def->close(f);
}

static void follows_a_level_that_jumps(void **state)
{
    (void)state;
    /* A random walk is best forecast by its last value: alpha goes to 1. */
    void *f = open("{window: 300}", 0);
    struct random random;
    double y = 0, out[3], error = 0, least = 0;
    random_seed(&random, 12, 1);
    for (int i = 0; i < 3000; i++) {
        double next = y + random_normal(&random);
        if (i > 1000) {
            error += fabs(out[0] - next);
            least += fabs(y - next);
        }
        y = next;
        def->learn(f, y);
        def->predict(f, out);
    }
    assert_true(error < 1.03 * least);
    def->close(f);
}

static void a_gap_is_bridged(void **state)
{
    (void)state;
    void *f = open("{alpha: 0.2, beta: 0.1, gamma: 0.1}", 1);
    double out[3];
    for (int i = 0; i < 300; i++) {
        def->learn(f, i > 200 && i < 260 ? (double)NAN : i + (i % 4));
    }
    def->predict(f, out);
    assert_true(fabs(out[0] - 300) < 0.01 && fabs(out[1] - 304) < 0.01 &&
                fabs(out[2] - 314) < 0.01);
    def->close(f);
}

static void factors_around_zero_begin_anew(void **state)
{
    (void)state;
    void *f = open("{multiplicative: true}", 1);
    double out[3];
    for (int i = 0; i < 2000; i++) {
        def->learn(f, i % 3 == 0 ? 0 : i % 2 ? 1e-9 : -1e100);
        def->predict(f, out);
        assert_true(isnan(out[0]) || isfinite(out[0]));
    }
    def->close(f);
}

/* After the first fit `auto` forecasts what the form forecasts that suits the series, to the bit;
 * and with parameters given what River does. */
static void the_form_that_fits_better_forecasts(void **state)
{
    (void)state;
    static const char *const form[] = {"{multiplicative: false, window: 100}",
                                       "{multiplicative: true, window: 100}"};
    for (int is_factor = 0; is_factor < 2; is_factor++) {
        void *either = open("{window: 100}", 1), *one = open(form[is_factor], 1);
        struct random random;
        double a[3], b[3];
        random_seed(&random, 21, 1);
        for (int i = 0; i < 600; i++) {
            double level = 20 + i, season = i % 4 == 0 ? 1 : i % 4 == 2 ? -0.5 : -0.25;
            double y = is_factor ? level * (1 + 0.4 * season) : level + 8 * season;
            y += 0.1 * random_normal(&random);
            def->learn(either, y);
            def->learn(one, y);
            def->predict(either, a);
            def->predict(one, b);
            assert_true(i < 200 || (a[0] == b[0] && a[1] == b[1] && a[2] == b[2]));
        }
        def->close(either);
        def->close(one);
    }
    void *given = open("{alpha: 0.3, gamma: 0.1, init: river}", 1);
    void *sums = open("{alpha: 0.3, gamma: 0.1, init: river, multiplicative: false}", 1);
    assert_int_equal(def->size(given), def->size(sums));
    def->close(given);
    def->close(sums);
}

static void options_that_do_not_go_together(void **state)
{
    (void)state;
    struct diags diags;
    struct err e = {0};
    struct yaml *y;
    void *options = arena_zalloc(&arena, def->options_size);
    diags_init(&diags);
    assert_int_equal(yaml_parse(&y, &arena, "o", "{beta: 0.1}", 11, &diags), 0);
    assert_int_equal(config_parse(def->options, options, y, "o", &arena, &diags), 0);
    assert_int_equal(def->check(options, &e), -ERR_CONFIG);
    assert_int_equal(yaml_parse(&y, &arena, "o", "{init: river}", 13, &diags), 0);
    assert_int_equal(config_parse(def->options, options, y, "o", &arena, &diags), 0);
    assert_int_equal(def->check(options, &e), -ERR_CONFIG);
    diags_done(&diags);
}

static void what_holds_for_every_forecaster(void **state)
{
    (void)state;
    check_forecaster(def, forecaster_options(def, "{window: 50}", &arena));
    check_forecaster(def, forecaster_options(def, "{multiplicative: false, window: 50}", &arena));
    check_forecaster(def, forecaster_options(def, "{multiplicative: true, window: 50}", &arena));
    check_forecaster(
        def, forecaster_options(def, "{alpha: 0.3, beta: 0.1, gamma: 0.2, phi: 0.9}", &arena));
    check_forecaster(def, forecaster_options(def, "{alpha: 0.3}", &arena));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(additive_by_hand),
        cmocka_unit_test(multiplicative_and_damped_by_hand),
        cmocka_unit_test(given_parameters_leave_parts_out),
        cmocka_unit_test(fits_itself),
        cmocka_unit_test(follows_a_level_that_jumps),
        cmocka_unit_test(a_gap_is_bridged),
        cmocka_unit_test(factors_around_zero_begin_anew),
        cmocka_unit_test(the_form_that_fits_better_forecasts),
        cmocka_unit_test(options_that_do_not_go_together),
        cmocka_unit_test(what_holds_for_every_forecaster),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
