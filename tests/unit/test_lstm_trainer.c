/* Training on the windows of a series: what it learns, what a window without values does, and
 * that copies go on the same.
 */
#include "engine/memory.h"
#include "ml/lstm_trainer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t horizons[] = {1, 4}, seasons[] = {12};
static const struct lstm_config small = {
    .hidden = 8,
    .window = 16,
    .batch_size = 24,
    .lr = 0.005,
    .clip_gradient = 1,
    .delta = 0.5,
    .recent = 0.25,
    .is_difference = true,
    .has_seasons = true,
    .is_direct = true,
    .horizon = horizons,
    .season = seasons,
    .nhorizons = 2,
    .nseasons = 1,
};

/* Two waves, of which a window of 16 shows one in full. */
static double wave(uint32_t i)
{
    return 50 + 10 * sin(2 * M_PI * i / 12) + 4 * sin(2 * M_PI * i / 5);
}

static struct value_ring waves(uint32_t n)
{
    struct value_ring s;
    value_ring_init(&s, 1000);
    for (uint32_t i = 0; i < n; i++) {
        value_ring_add(&s, wave(i));
    }
    return s;
}

static void windows_have_all_that_they_shall_forecast(void **state)
{
    (void)state;
    struct lstm_trainer t;
    double out[2];
    lstm_trainer_init(&t, &small, 1);
    for (uint32_t n = 0; n < 24; n++) {
        struct value_ring s = waves(n);
        assert_int_equal(lstm_trainer_windows(&t, &s), n < 20 ? 0 : n - 19);
        lstm_trainer_batch(&t, &s); /* nothing, without a window */
        assert_int_equal(t.batches, n < 20 ? 0 : n - 19);
        lstm_trainer_predict(&t, &s, out);
        assert_true(n < 20 ? isnan(out[0]) : isfinite(out[0]) && isfinite(out[1]));
        value_ring_done(&s);
    }
    lstm_trainer_done(&t);
}

/* As many batches as passes over all windows have. */
static void train(struct lstm_trainer *t, const struct value_ring *s, uint32_t epochs)
{
    uint32_t n = epochs * lstm_trainer_windows(t, s);
    for (uint32_t done = 0; done < n; done += t->config.batch_size) {
        lstm_trainer_batch(t, s);
    }
}

static double error_of(const struct lstm_config *config, const struct value_ring *s)
{
    struct lstm_trainer t;
    double out[2];
    lstm_trainer_init(&t, config, 7);
    train(&t, s, 60);
    lstm_trainer_predict(&t, s, out);
    uint32_t next = (uint32_t)s->steps;
    double error = fabs(out[0] - wave(next)) + fabs(out[1] - wave(next + 3));
    lstm_trainer_done(&t);
    return error;
}

static void learns_waves_in_every_form(void **state)
{
    (void)state;
    struct value_ring s = waves(400);
    struct lstm_config c = small;
    assert_true(error_of(&c, &s) < 2);
    c.is_direct = false;
    assert_true(error_of(&c, &s) < 4);
    c.is_difference = c.has_seasons = false;
    c.delta = 0;
    assert_true(error_of(&c, &s) < 6);
    value_ring_done(&s);
}

static void copies_go_on_the_same(void **state)
{
    (void)state;
    struct value_ring s = waves(100);
    struct lstm_trainer a, b;
    lstm_trainer_init(&a, &small, 3);
    lstm_trainer_init(&b, &small, 4);
    train(&a, &s, 3);
    lstm_trainer_copy(&b, &a);
    train(&a, &s, 3);
    train(&b, &s, 3);
    assert_int_equal(a.batches, b.batches);
    assert_memory_equal(a.weight, b.weight, 2 * a.nweights * sizeof(float));
    lstm_trainer_done(&a);
    lstm_trainer_done(&b);
    value_ring_done(&s);
}

/* Of the last window of a shorter series, what came then. */
static void errors_are_those_of_its_forecasts(void **state)
{
    (void)state;
    struct value_ring s = waves(120), head;
    struct lstm_trainer t;
    double out[2];
    lstm_trainer_init(&t, &small, 3);
    train(&t, &s, 5);
    for (uint32_t n = 40; n + 4 <= s.n; n += 7) { /* the season is shown by then */
        value_ring_head(&head, &s, n);
        lstm_trainer_predict(&t, &head, out);
        double sum = fabs(out[0] - value_ring_at(&s, n - 1 + horizons[0])) +
                     fabs(out[1] - value_ring_at(&s, n - 1 + horizons[1]));
        double error = lstm_trainer_error(&t, &s, n - small.window);
        assert_true(fabs(error - sum / 2 / t.scale.unit) < 1e-9);
        value_ring_done(&head);
    }
    lstm_trainer_done(&t);
    value_ring_done(&s);
}

static void a_batch_in_pieces_is_the_same_batch(void **state)
{
    (void)state;
    struct value_ring s = waves(200);
    struct lstm_config c = small;
    struct lstm_trainer t;
    c.batch_size = 100; /* more than a piece, and no multiple of one */
    lstm_trainer_init(&t, &c, 3);
    for (int i = 0; i < 20; i++) {
        lstm_trainer_batch(&t, &s);
    }
    assert_int_equal(t.adam.steps, 20);
    lstm_trainer_done(&t);
    value_ring_done(&s);
}

static void without_values_there_is_no_forecast(void **state)
{
    (void)state;
    struct value_ring s = waves(100);
    struct lstm_trainer t;
    double out[2];
    lstm_trainer_init(&t, &small, 3);
    train(&t, &s, 5);
    for (int i = 0; i < 15; i++) {
        value_ring_add(&s, NAN);
    }
    lstm_trainer_predict(&t, &s, out); /* one value is left in the window */
    assert_true(isfinite(out[0]) && isfinite(out[1]));
    value_ring_add(&s, NAN);
    lstm_trainer_predict(&t, &s, out);
    assert_true(isnan(out[0]) && isnan(out[1]));
    train(&t, &s, 5); /* windows with gaps, and some with nothing to forecast */
    value_ring_add(&s, 50);
    lstm_trainer_predict(&t, &s, out);
    assert_true(isfinite(out[0]) && isfinite(out[1]));
    lstm_trainer_done(&t);
    value_ring_done(&s);
}

static void refuses_a_scale_that_is_none(void **state)
{
    (void)state;
    struct value_ring s = waves(100);
    struct lstm_trainer a, b;
    double bad[][3] = {{NAN, 1, 1}, {0, 0, 1}, {0, 1, -1}, {0, INFINITY, 1}, {2e150, 1, 1}};
    lstm_trainer_init(&a, &small, 3);
    lstm_trainer_batch(&a, &s);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct buffer saved;
        a.scale = (struct lstm_scale){bad[i][0], bad[i][1], bad[i][2]};
        buffer_init(&saved);
        struct snapshot snap = snapshot_saver(&saved);
        lstm_trainer_io(&a, &snap);
        lstm_trainer_init(&b, &small, 3);
        snap = snapshot_loader(saved.data, saved.n);
        assert_int_equal(lstm_trainer_io(&b, &snap), -ERR_DATA);
        lstm_trainer_done(&b);
        buffer_done(&saved);
    }
    lstm_trainer_done(&a);
    value_ring_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_have_all_that_they_shall_forecast),
        cmocka_unit_test(learns_waves_in_every_form),
        cmocka_unit_test(copies_go_on_the_same),
        cmocka_unit_test(errors_are_those_of_its_forecasts),
        cmocka_unit_test(a_batch_in_pieces_is_the_same_batch),
        cmocka_unit_test(without_values_there_is_no_forecast),
        cmocka_unit_test(refuses_a_scale_that_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
