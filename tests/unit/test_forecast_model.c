/* Forecast model: what is forecast, scored, fallen back to; intervals; save and load. */
#include "engine/arena.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/forecast_model.h"
#include "tests/support/forecaster_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct forecaster_def forecaster_naive, forecaster_seasonal_naive,
    forecaster_holt_winters, forecaster_ridge;

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

static const uint32_t horizons[] = {1, 3}, seasons[] = {4};

static struct forecast_config config_of(const struct forecaster_def *def, const char *options)
{
    return (struct forecast_config){
        .def = {def, &forecaster_naive, &forecaster_seasonal_naive},
        .options = {forecaster_options(def, options, &arena)},
        .horizon = horizons,
        .season = seasons,
        .nhorizons = 2,
        .nseasons = 1,
        .coverage = 0.8,
        .falls_back = true,
    };
}

static void scores_by_hand(void **state)
{
    (void)state;
    struct forecast_config config = config_of(&forecaster_naive, "{}");
    struct forecast_model *m = forecast_model_new(&config, 1);
    static const double y[] = {10, 12, NAN, 8, 14, 10};
    /* Scored where both have a forecast. Horizon 1: at 14 (naive 8, seasonal 10) and 10 (14, 12);
     * horizon 3: made at the second value, 12, for 14 (12, 10), at the third for 10 (12, 12). */
    for (int i = 0; i < 6; i++) {
        forecast_model_learn(m, y[i]);
    }
    const struct forecast_scores *s = forecast_model_scores(m);
    assert_int_equal(forecast_model_steps(m), 6);
    for (int k = 0; k < FORECAST_RULES; k++) {
        assert_int_equal(s->rows[k], 4);
    }
    assert_true(s->absolute[RULE_FORECAST] == 6 + 4 + 2 + 2);
    assert_true(s->absolute[RULE_NO_CHANGE] == 6 + 4 + 2 + 2);
    assert_true(s->absolute[RULE_SEASONAL] == 4 + 2 + 4 + 2);
    double smape = 200 * (6 / 22.0 + 4 / 24.0 + 2 / 26.0 + 2 / 22.0);
    assert_true(fabs(s->smape[RULE_NO_CHANGE] - smape) < 1e-12);
    assert_true(fabs(forecast_scores_smape(s, RULE_FORECAST) - smape / 4) < 1e-12);
    assert_true(forecast_model_now(m, 0)->value == 10);
    forecast_model_free(m);
}

static void falls_back_to_what_is_better(void **state)
{
    (void)state;
    /* An exponential smoothing that lags far behind; the series repeats every four steps. */
    for (int falls_back = 0; falls_back < 2; falls_back++) {
        struct forecast_config config = config_of(&forecaster_holt_winters, "{alpha: 0.01}");
        config.falls_back = falls_back;
        struct forecast_model *m = forecast_model_new(&config, 1);
        forecast_model_learn(m, 0);
        assert_true(isnan(forecast_model_now(m, 0)->value) == (falls_back == 0));
        for (int i = 1; i < 100; i++) {
            forecast_model_learn(m, i % 4 * 10);
        }
        const struct forecast *f = forecast_model_now(m, 0);
        assert_true(f->by[RULE_SEASONAL] == 0 && f->by[RULE_FORECAST] > 10);
        assert_true(f->value == (falls_back ? 0 : f->by[RULE_FORECAST]));
        forecast_model_free(m);
    }
}

static void the_one_asked_for_where_it_is_better(void **state)
{
    (void)state;
    struct forecast_config config = config_of(&forecaster_ridge, "{lags: 3, huber: 0}");
    struct forecast_model *m = forecast_model_new(&config, 1);
    struct random random;
    double y = 0;
    random_seed(&random, 5, 1);
    for (int i = 0; i < 500; i++) {
        y = -0.8 * y + random_normal(&random);
        forecast_model_learn(m, y);
    }
    const struct forecast *f = forecast_model_now(m, 0);
    assert_true(f->value == f->by[RULE_FORECAST]);
    const struct forecast_scores *s = forecast_model_scores(m);
    assert_true(forecast_scores_mae(s, RULE_FORECAST) <
                0.7 * forecast_scores_mae(s, RULE_NO_CHANGE));
    double coverage = forecast_scores_coverage(s);
    assert_true(s->intervals > 950 && coverage > 0.77 && coverage < 0.83);
    forecast_model_free(m);
}

static void save(struct forecast_model *m, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(forecast_model_io(m, &s), 0);
}

static void continues_after_load(void **state)
{
    (void)state;
    struct forecast_config config = config_of(&forecaster_ridge, "{lags: 3}");
    struct forecaster_series series = forecaster_series_new(300, 3);
    struct forecast_model *a = forecast_model_new(&config, 1), *b = forecast_model_new(&config, 1);
    struct buffer x, y;
    for (uint32_t i = 0; i < series.n; i++) {
        if (i == 100) {
            save(a, &x);
            for (size_t n = 0; n < x.n; n += 7) {
                struct forecast_model *cut = forecast_model_new(&config, 1);
                struct snapshot s = snapshot_loader(x.data, n);
                assert_int_equal(forecast_model_io(cut, &s), -ERR_DATA);
                forecast_model_free(cut);
            }
            struct snapshot s = snapshot_loader(x.data, x.n);
            assert_int_equal(forecast_model_io(b, &s), 0);
            assert_ptr_equal(s.p, s.end);
            buffer_done(&x);
        }
        forecast_model_learn(a, series.y[i]);
        if (i >= 100) {
            forecast_model_learn(b, series.y[i]);
            assert_memory_equal(forecast_model_now(a, 1), forecast_model_now(b, 1),
                                sizeof(struct forecast));
        }
    }
    save(a, &x);
    save(b, &y);
    assert_int_equal(x.n, y.n);
    assert_memory_equal(x.data, y.data, x.n);
    assert_true(forecast_model_size(a) > x.n / 2 && forecast_model_size(a) < 4 * x.n + 10000);
    buffer_done(&x);
    buffer_done(&y);
    forecast_model_free(a);
    forecast_model_free(b);
    forecaster_series_free(&series);
}

/* Version 1 had no scales behind the four waiting forecasts, the second of which is the newest
 * three steps ahead: it loads, and forecasts the same values. */
static void an_older_state_is_loaded(void **state)
{
    (void)state;
    enum { SCALES_BYTES = 4 * sizeof(double) };
    struct forecast_config config = config_of(&forecaster_ridge, "{lags: 3}");
    struct forecaster_series series = forecaster_series_new(200, 3);
    struct forecast_model *a = forecast_model_new(&config, 1), *b = forecast_model_new(&config, 1);
    struct buffer saved;
    for (uint32_t i = 0; i < 150; i++) {
        forecast_model_learn(a, series.y[i]);
    }
    save(a, &saved);
    assert_int_equal(saved.data[0], 2 * 2); /* a varint: zigzag */
    saved.data[0] = 1 * 2;
    char *second = saved.data;
    while (memcmp(second, forecast_model_now(a, 1), sizeof(struct forecast)) != 0) {
        second++;
        assert_true(second < saved.data + saved.n - sizeof(struct forecast));
    }
    char *scales = second + 3 * sizeof(struct forecast), *behind = scales + SCALES_BYTES;
    memmove(scales, behind, (size_t)(saved.data + saved.n - behind));
    struct snapshot s = snapshot_loader(saved.data, saved.n - SCALES_BYTES);
    assert_int_equal(forecast_model_io(b, &s), 0);
    assert_ptr_equal(s.p, s.end);
    for (uint32_t i = 150; i < series.n; i++) {
        forecast_model_learn(a, series.y[i]);
        forecast_model_learn(b, series.y[i]);
        const struct forecast *x = forecast_model_now(a, 1), *y = forecast_model_now(b, 1);
        assert_true(x->value == y->value && y->lower < y->value && y->upper > y->value);
    }
    buffer_done(&saved);
    forecast_model_free(a);
    forecast_model_free(b);
    forecaster_series_free(&series);
}

static void other_horizons_are_refused(void **state)
{
    (void)state;
    struct forecast_config config = config_of(&forecaster_naive, "{}"), other = config;
    struct forecast_model *a = forecast_model_new(&config, 1);
    struct buffer saved;
    forecast_model_learn(a, 1);
    save(a, &saved);
    other.nhorizons = 1;
    struct forecast_model *b = forecast_model_new(&other, 1);
    struct snapshot s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(forecast_model_io(b, &s), -ERR_DATA);
    buffer_done(&saved);
    forecast_model_free(a);
    forecast_model_free(b);
}

static void totals_of_several(void **state)
{
    (void)state;
    struct forecast_scores all = {0}, one = {.rows = {2, 1, 0},
                                             .absolute = {3, 1, 0},
                                             .smape = {5, 2, 0},
                                             .intervals = 4,
                                             .covered = 3};
    assert_true(forecast_scores_mae(&all, RULE_SEASONAL) == 0);
    assert_true(forecast_scores_coverage(&all) == 0);
    forecast_scores_add(&all, &one, 1);
    forecast_scores_add(&all, &one, 1);
    assert_true(forecast_scores_mae(&all, RULE_FORECAST) == 1.5);
    assert_true(forecast_scores_coverage(&all) == 0.75 && all.intervals == 8);
    forecast_scores_add(&all, &one, -1);
    assert_memory_equal(&all, &one, sizeof(all));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_by_hand),
        cmocka_unit_test(falls_back_to_what_is_better),
        cmocka_unit_test(the_one_asked_for_where_it_is_better),
        cmocka_unit_test(continues_after_load),
        cmocka_unit_test(an_older_state_is_loaded),
        cmocka_unit_test(other_horizons_are_refused),
        cmocka_unit_test(totals_of_several),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
