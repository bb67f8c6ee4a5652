/* Forecast series: rows become steps, whatever their times; the last row of a step counts. */
#include "engine/buffer.h"
#include "engine/memory.h"
#include "ml/forecast_series.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

extern const struct forecaster_def forecaster_naive, forecaster_seasonal_naive;

static const uint32_t horizons[] = {1, 2}, seasons[] = {3};

static const struct forecast_grid grid = {
    .config = {.def = {&forecaster_seasonal_naive, &forecaster_naive, NULL},
               .horizon = horizons,
               .season = seasons,
               .nhorizons = 2,
               .nseasons = 1,
               .coverage = 0.9},
    .every = 60000,
};

static double next(const struct forecast_series *s)
{
    return forecast_model_now(forecast_series_model(s), 0)->value;
}

static int64_t steps(const struct forecast_series *s)
{
    return forecast_model_steps(forecast_series_model(s));
}

static void jitter_is_one_row_a_step(void **state)
{
    (void)state;
    static const int64_t off[] = {0, 29999, -30000, 12, -7, 29999, -30000};
    struct forecast_series *s = forecast_series_new(&grid, 1);
    for (int i = 0; i < 7; i++) {
        assert_int_equal(forecast_series_take(s, 1234567 + i * 60000 + off[i], i), TAKE_STEP);
        assert_int_equal(steps(s), i + 1);
    }
    assert_true(next(s) == 4); /* the seventh's successor is the fifth's, three steps back */
    forecast_series_free(s);
}

static void steps_without_a_row_are_missing(void **state)
{
    (void)state;
    struct forecast_series *s = forecast_series_new(&grid, 1);
    for (int i = 0; i < 3; i++) {
        forecast_series_take(s, i * 60000, 10 + i);
    }
    assert_int_equal(forecast_series_take(s, 5 * 60000, 50), TAKE_STEP);
    assert_int_equal(steps(s), 6);
    assert_true(next(s) == 10);
    assert_int_equal(forecast_series_take(s, 4 * 60000, 99), TAKE_LATE);
    assert_int_equal(forecast_series_take(s, -99 * 60000, 99), TAKE_LATE);
    assert_int_equal(forecast_series_take(s, INT64_MIN, 99), TAKE_LATE);
    assert_int_equal(steps(s), 6);
    assert_true(next(s) == 10);
    forecast_series_free(s);
}

/* What the next but two is forecast to be: the value of the last step. */
static double last(const struct forecast_series *s)
{
    struct forecast_series *copy = forecast_series_new(&grid, 1);
    struct buffer saved;
    buffer_init(&saved);
    struct snapshot out = snapshot_saver(&saved);
    assert_int_equal(forecast_series_io((struct forecast_series *)(uintptr_t)s, &out), 0);
    struct snapshot in = snapshot_loader(saved.data, saved.n);
    assert_int_equal(forecast_series_io(copy, &in), 0);
    assert_ptr_equal(in.p, in.end);
    buffer_done(&saved);
    int64_t n = steps(s);
    forecast_series_take(copy, (n + 0) * 60000, NAN);
    forecast_series_take(copy, (n + 1) * 60000, NAN);
    assert_int_equal(steps(copy), n + 2);
    double value = next(copy);
    forecast_series_free(copy);
    return value;
}

static void the_last_row_of_a_step_counts(void **state)
{
    (void)state;
    struct forecast_series *s = forecast_series_new(&grid, 1);
    assert_int_equal(forecast_series_take(s, 0, 1), TAKE_STEP);
    assert_int_equal(forecast_series_take(s, 100, 2), TAKE_FIRST); /* the first time, the first */
    assert_true(last(s) == 1);
    assert_int_equal(forecast_series_take(s, 60000, 3), TAKE_STEP);
    assert_true(last(s) == 3);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(forecast_series_take(s, 60001 + i, 4 + i), TAKE_AGAIN);
        assert_true(last(s) == 4 + i);
        assert_int_equal(steps(s), 2);
    }
    assert_int_equal(forecast_series_take(s, 60009, NAN), TAKE_FIRST); /* no value replaces none */
    assert_true(last(s) == 8);
    assert_int_equal(forecast_series_take(s, 120000, NAN), TAKE_STEP);
    assert_int_equal(forecast_series_take(s, 120001, 6), TAKE_AGAIN);
    assert_true(last(s) == 6);
    assert_int_equal(steps(s), 3);
    /* Scored once each: with 1, 8 and 6 there was no forecast of seasonal_naive at all yet. */
    assert_int_equal(forecast_model_scores(forecast_series_model(s))->rows[RULE_FORECAST], 0);
    forecast_series_take(s, 180000, 2);
    forecast_series_take(s, 180001, 1.5);
    const struct forecast_scores *scores = forecast_model_scores(forecast_series_model(s));
    assert_int_equal(scores->rows[RULE_FORECAST], 2); /* both horizons said 1 */
    assert_true(scores->absolute[RULE_FORECAST] == 1);
    forecast_series_free(s);
}

static void a_long_gap_begins_anew(void **state)
{
    (void)state;
    struct forecast_series *s = forecast_series_new(&grid, 1);
    int64_t time = 0;
    forecast_series_take(s, time, 1);
    time += (FORECAST_GAP_MAX + 1) * INT64_C(60000);
    assert_int_equal(forecast_series_take(s, time, 2), TAKE_STEP);
    assert_int_equal(steps(s), FORECAST_GAP_MAX + 2);
    time += (FORECAST_GAP_MAX + 2) * INT64_C(60000);
    assert_int_equal(forecast_series_take(s, time, 3), TAKE_ANEW);
    assert_int_equal(steps(s), 1);
    assert_int_equal(forecast_series_take(s, INT64_MAX, 4), TAKE_ANEW);
    assert_int_equal(forecast_series_take(s, INT64_MAX, 4), TAKE_FIRST);
    forecast_series_free(s);
}

static void without_every_each_row_is_a_step(void **state)
{
    (void)state;
    struct forecast_grid rows = grid;
    rows.every = 0;
    struct forecast_series *s = forecast_series_new(&rows, 1);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(forecast_series_take(s, i < 5 ? 0 : -i, i), TAKE_STEP);
        assert_int_equal(steps(s), i + 1);
    }
    assert_true(next(s) == 7);
    forecast_series_free(s);
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct forecast_series *s = forecast_series_new(&grid, 1);
    struct buffer saved;
    for (int i = 0; i < 20; i++) {
        forecast_series_take(s, i * 40000, i); /* with doubles: a snapshot within the snapshot */
    }
    buffer_init(&saved);
    struct snapshot out = snapshot_saver(&saved);
    forecast_series_io(s, &out);
    assert_true(forecast_series_size(s) > saved.n / 2);
    forecast_series_free(s);
    for (size_t n = 0; n < saved.n; n++) {
        s = forecast_series_new(&grid, 1);
        struct snapshot in = snapshot_loader(saved.data, n);
        assert_int_equal(forecast_series_io(s, &in), -ERR_DATA);
        forecast_series_free(s);
    }
    for (size_t i = 0; i < saved.n * 8; i++) {
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
        s = forecast_series_new(&grid, 1);
        struct snapshot in = snapshot_loader(saved.data, saved.n);
        if (forecast_series_io(s, &in) == 0) {
            forecast_series_take(s, 20 * 40000, 1);
            forecast_series_take(s, 20 * 40000, 2);
        }
        forecast_series_free(s);
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
    }
    buffer_done(&saved);
}

/* ---- trainings ---- */

/* Forecasts the number of its last training; owes one after each value of 100. */
struct trained {
    int64_t due, taken, values;
    bool owes;
};

static void *trained_open(const struct forecaster_setup *setup)
{
    (void)setup;
    return mem_zalloc(sizeof(struct trained));
}

static void trained_predict(const void *f, double *out)
{
    const struct trained *t = f;
    out[0] = (double)(1000 * t->taken + t->values);
    out[1] = out[0];
}

static void trained_learn(void *f, double y)
{
    struct trained *t = f;
    t->values++;
    if (y == 100) {
        t->due++;
        t->owes = true;
    }
}

static int trained_io(void *f, struct snapshot *s)
{
    struct trained *t = f;
    uint32_t is_owed = t->owes;
    snapshot_long(s, &t->due);
    snapshot_long(s, &t->taken);
    snapshot_long(s, &t->values);
    snapshot_u32(s, &is_owed);
    t->owes = is_owed;
    return snapshot_status(s);
}

static int64_t trained_owes(const void *f)
{
    return ((const struct trained *)f)->owes ? ((const struct trained *)f)->due : 0;
}

static int64_t trained_taken(const void *f)
{
    return ((const struct trained *)f)->taken;
}

static uint64_t trained_bytes(const void *f)
{
    (void)f;
    return 8;
}

static void *trained_make(const void *f)
{
    int64_t *number = mem_zalloc(sizeof(*number));
    *number = trained_owes(f);
    return number;
}

static int trained_run(void *data, const struct cancel *c)
{
    (void)data;
    (void)c;
    return 0;
}

static void trained_take(void *f, void *data)
{
    ((struct trained *)f)->taken = *(const int64_t *)data;
}

static void trained_ended(void *f, int64_t number)
{
    struct trained *t = f;
    t->owes = t->due > number;
}

static const struct trainable training = {
    .owes = trained_owes,
    .bytes = trained_bytes,
    .make = trained_make,
    .run = trained_run,
    .free = mem_free,
    .take = trained_take,
    .ended = trained_ended,
};

static const struct forecaster_def forecaster_trained = {
    .name = "trained",
    .version = 1,
    .open = trained_open,
    .predict = trained_predict,
    .learn = trained_learn,
    .io = trained_io,
    .close = mem_free,
    .training = &training,
    .trained = trained_taken,
};

static int64_t version(const struct forecast_series *s)
{
    return forecast_model_version(forecast_series_model(s));
}

/* A training that goes in between two rows of one step is not taken back with the first. */
static void a_training_outlives_a_row_that_is_taken_back(void **state)
{
    (void)state;
    struct forecast_grid own = grid;
    own.config.def[0] = &forecaster_trained;
    struct forecast_series *s = forecast_series_new(&own, 1);
    assert_int_equal(version(s), 0);
    forecast_series_take(s, 0, 1);
    forecast_series_take(s, 60000, 2);
    assert_int_equal(forecast_series_take(s, 60001, 3), TAKE_FIRST); /* from now on rows are kept */
    assert_int_equal(forecast_trainable.owes(s), 0);
    forecast_series_take(s, 120000, 100);
    assert_int_equal(forecast_trainable.owes(s), 1);
    void *data = forecast_trainable.make(s);
    forecast_series_take(s, 180000, 5);
    assert_int_equal(forecast_trainable.run(data, NULL), 0);
    forecast_trainable.ended(s, 1);
    forecast_trainable.take(s, data);
    forecast_trainable.free(data);
    assert_int_equal(version(s), 2);
    assert_int_equal(forecast_series_take(s, 180001, 6), TAKE_AGAIN);
    assert_int_equal(version(s), 2);
    assert_int_equal(forecast_trainable.owes(s), 0);
    assert_true(next(s) == 1004);
    forecast_series_free(s);
    s = forecast_series_new(&grid, 1); /* one that never owes any */
    forecast_series_take(s, 0, 100);
    assert_int_equal(forecast_trainable.owes(s), 0);
    assert_int_equal(version(s), 1);
    forecast_series_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jitter_is_one_row_a_step),
        cmocka_unit_test(steps_without_a_row_are_missing),
        cmocka_unit_test(the_last_row_of_a_step_counts),
        cmocka_unit_test(a_long_gap_begins_anew),
        cmocka_unit_test(without_every_each_row_is_a_step),
        cmocka_unit_test(damage_is_refused),
        cmocka_unit_test(a_training_outlives_a_row_that_is_taken_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
