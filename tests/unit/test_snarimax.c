/* snarimax: what every forecaster must do; its first steps by hand, differencing and feeding back,
 * the bound on its steps, missing values. (tests/reference compares it with River.)
 */
#include "engine/arena.h"
#include "engine/memory.h"
#include "tests/support/forecaster_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct forecaster_def forecaster_snarimax;
static const struct forecaster_def *const def = &forecaster_snarimax;

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
    check_forecaster_odd_series(def, options("{p: 3, d: 1}"));
    check_forecaster_odd_series(def, options("{p: 3, d: 1, q: 2, sq: 1, bounded: false}"));
    struct forecaster_series s = forecaster_series_new(300, 11);
    const char *texts[] = {"{p: 3}", "{p: 2, d: 1, q: 2, m: 4, sp: 2, sd: 1, sq: 1}"};
    for (int i = 0; i < 2; i++) {
        check_forecaster_predict_is_pure(def, options(texts[i]), &s);
        check_forecaster_continues(def, options(texts[i]), &s);
        check_forecaster_refuses_damage(def, options(texts[i]), &s);
    }
    forecaster_series_free(&s);
}

/* One lag: the first row has no feature, in the second one it has no spread. */
static void first_rows_by_hand(void **state)
{
    (void)state;
    void *f = forecaster_open(def, options("{p: 1, lr: 0.1, intercept_lr: 0.25}"));
    double out[3];
    def->predict(f, out);
    assert_true(isnan(out[0]));
    def->learn(f, 4); /* prediction 0, g = -8: b = 2 */
    def->predict(f, out);
    assert_true(out[0] == 2 && out[1] == 2 && out[2] == 2);
    def->learn(f, 6); /* x = (4), of no spread; g = -8: b = 4 */
    def->predict(f, out);
    assert_true(out[0] == 4);
    /* x = (6): mean 5, deviation 1, scaled 1; g = 2 (4 - 8) = -8: b = 6, w = 0.8 */
    def->learn(f, 8);
    def->predict(f, out);
    double next = 6 + 0.8 * (8 - 5), second = 6 + 0.8 * (next - 5);
    assert_true(fabs(out[0] - next) < 1e-12);
    assert_true(fabs(out[1] - (6 + 0.8 * (second - 5))) < 1e-12); /* three steps ahead */
    def->close(f);
}

/* Without a regression (all rates 0, intercept_init: the mean difference), sums alone. */
static void differences_are_summed_up_again(void **state)
{
    (void)state;
    double out[3];
    void *f =
        forecaster_open(def, options("{p: 1, d: 1, lr: 0, intercept_lr: 0, intercept_init: 2}"));
    def->learn(f, 10);
    def->predict(f, out); /* horizons 1, 3, 12 */
    assert_true(out[0] == 12 && out[1] == 16 && out[2] == 34);
    def->close(f);
    f = forecaster_open(def, options("{p: 1, d: 2, lr: 0, intercept_lr: 0}"));
    def->learn(f, 1);
    def->predict(f, out);
    assert_true(isnan(out[0]));
    def->learn(f, 3);
    def->predict(f, out);
    assert_true(out[0] == 5 && out[1] == 9 && out[2] == 27);
    def->close(f);
    f = forecaster_open(def, options("{p: 1, m: 4, sd: 1, d: 1, lr: 0, intercept_lr: 0}"));
    double season[] = {1, 5, 2, 7};
    for (int i = 0; i < 9; i++) {
        def->learn(f, season[i % 4] + i);
    }
    def->predict(f, out);
    assert_true(out[0] == 5 + 9 && out[1] == 7 + 11 && out[2] == 1 + 20);
    def->close(f);
}

static void season_is_the_default_of_m(void **state)
{
    (void)state;
    const char *texts[] = {"{p: 0, sp: 1}", "{p: 0, sp: 1, m: 7}"};
    struct forecaster_series s = forecaster_series_new(200, 3);
    double out[2][3];
    for (int i = 0; i < 2; i++) {
        void *f = forecaster_open(def, options(texts[i])); /* has a season of 7 */
        for (uint32_t k = 0; k < s.n; k++) {
            def->learn(f, s.y[k]);
        }
        def->predict(f, out[i]);
        def->close(f);
    }
    assert_memory_equal(out[0], out[1], sizeof(out[0]));
    forecaster_series_free(&s);
}

static void a_bounded_step_does_not_diverge(void **state)
{
    (void)state;
    double out[3];
    for (int i = 0; i < 2; i++) {
        void *f =
            forecaster_open(def, options(i ? "{p: 4, lr: 2}" : "{p: 4, lr: 2, bounded: false}"));
        double worst = 0;
        for (int k = 0; k < 300; k++) {
            def->predict(f, out);
            worst = fmax(worst, isnan(out[0]) ? 0 : fabs(out[0]));
            def->learn(f, sin(k));
        }
        assert_true(i ? worst < 20 : worst > 1e6);
        def->close(f);
    }
}

static void a_gap_is_filled_with_the_forecast(void **state)
{
    (void)state;
    struct forecaster_series s = forecaster_series_new(200, 3);
    void *f = forecaster_open(def, options("{p: 3, d: 1}"));
    double before[3], after[3];
    for (uint32_t k = 0; k < s.n; k++) {
        def->learn(f, s.y[k]);
    }
    for (int k = 0; k < 2; k++) {
        def->predict(f, before);
        def->learn(f, NAN);
        def->learn(f, NAN);
        def->predict(f, after);
        assert_true(fabs(after[0] - before[1]) < 1e-9); /* 3 ahead is 1 ahead of 2 gaps */
    }
    def->close(f);
    forecaster_series_free(&s);
}

static void needs_something_to_look_at(void **state)
{
    (void)state;
    struct err e = {0};
    struct diags diags;
    struct yaml *y;
    const char *text = "{p: 0}";
    diags_init(&diags);
    void *out = arena_zalloc(&arena, def->options_size);
    assert_int_equal(yaml_parse(&y, &arena, "options", text, strlen(text), &diags), 0);
    assert_int_equal(config_parse(def->options, out, y, "options", &arena, &diags), 0);
    assert_int_equal(def->check(out, &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "p, q, sp and sq"));
    diags_done(&diags);
}

static void allocates_nothing_per_row(void **state)
{
    (void)state;
    void *f = forecaster_open(def, options("{sp: 1, d: 1, q: 2}"));
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
        cmocka_unit_test(first_rows_by_hand),
        cmocka_unit_test(differences_are_summed_up_again),
        cmocka_unit_test(season_is_the_default_of_m),
        cmocka_unit_test(a_bounded_step_does_not_diverge),
        cmocka_unit_test(a_gap_is_filled_with_the_forecast),
        cmocka_unit_test(needs_something_to_look_at),
        cmocka_unit_test(allocates_nothing_per_row),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
