/* Early stopping: what is kept, when it ends, that it is the same wherever it runs. */
#include "ml/lstm_fit.h"

#include "engine/error.h"
#include "engine/random.h"
#include "worker/trainer_thread.h"

#include <math.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const uint32_t horizons[] = {1, 4}, seasons[] = {20};
static const struct lstm_config small = {
    .hidden = 4,
    .window = 16,
    .batch_size = 23,
    .lr = 0.01,
    .clip_gradient = 1,
    .delta = 0.5,
    .is_difference = true,
    .has_seasons = true,
    .is_direct = true,
    .horizon = horizons,
    .season = seasons,
    .nhorizons = 2,
    .nseasons = 1,
};

/* A wave of 20 steps; noise: of that deviation. */
static struct value_ring waves(uint32_t n, double noise)
{
    struct value_ring s;
    struct random random;
    random_seed(&random, 6, 1);
    value_ring_init(&s, n);
    for (uint32_t i = 0; i < n + 30; i++) { /* some have left it */
        value_ring_add(&s, 50 + 10 * sin(i * 2 * M_PI / 20) + noise * random_normal(&random));
    }
    return s;
}

static struct lstm_fit *fit_new(const struct value_ring *s, uint32_t epochs, uint32_t patience,
                                double validation)
{
    struct lstm_trainer t;
    const struct lstm_fit_options o = {epochs, patience, validation};
    lstm_trainer_init(&t, &small, 7);
    struct lstm_fit *f = lstm_fit_new(&t, s, &o, 7);
    lstm_trainer_done(&t);
    return f;
}

static double error_of(const struct lstm_trainer *t, const struct value_ring *s)
{
    double sum = 0;
    uint32_t windows = lstm_trainer_windows(t, s), n = 0;
    for (uint32_t i = windows - 50; i < windows; i++, n++) {
        sum += lstm_trainer_error(t, s, i);
    }
    return sum / n;
}

static void stops_when_the_error_falls_no_more(void **state)
{
    (void)state;
    struct value_ring s = waves(300, 8); /* mostly noise: soon learned by heart */
    struct lstm_fit *f = fit_new(&s, 500, 3, 0.3);
    uint32_t best, epochs;
    assert_int_equal(lstm_fit_run(f, NULL), 0);
    epochs = lstm_fit_epochs(f, &best);
    assert_true(best >= 1 && epochs == best + 3 && epochs < 500);
    /* The weights kept are those of the best epoch: as many epochs without patience end with them. */
    struct lstm_fit *again = fit_new(&s, best, best + 1, 0.3);
    struct lstm_trainer a, b;
    lstm_trainer_init(&a, &small, 1);
    lstm_trainer_init(&b, &small, 2);
    assert_int_equal(lstm_fit_run(again, NULL), 0);
    lstm_fit_take(&a, f);
    lstm_fit_take(&b, again);
    assert_memory_equal(a.weight, b.weight, 2 * a.nweights * sizeof(float));
    assert_memory_equal(a.weight, a.average, a.nweights * sizeof(float));
    lstm_trainer_done(&a);
    lstm_trainer_done(&b);
    lstm_fit_free(f);
    lstm_fit_free(again);
    value_ring_done(&s);
}

static void learns_a_wave(void **state)
{
    (void)state;
    struct value_ring s = waves(400, 0.1);
    struct lstm_trainer t;
    lstm_trainer_init(&t, &small, 7);
    const struct lstm_fit_options o = {60, 10, 0.1};
    struct lstm_fit *f = lstm_fit_new(&t, &s, &o, 7);
    assert_int_equal(lstm_fit_run(f, NULL), 0);
    lstm_fit_take(&t, f);
    assert_true(error_of(&t, &s) < 0.2);
    lstm_fit_free(f);
    lstm_trainer_done(&t);
    value_ring_done(&s);
}

static void without_a_part_kept_back_all_epochs_are_run(void **state)
{
    (void)state;
    struct value_ring s = waves(100, 1);
    uint32_t best;
    struct lstm_fit *f = fit_new(&s, 7, 2, 0);
    assert_int_equal(lstm_fit_run(f, NULL), 0);
    assert_int_equal(lstm_fit_epochs(f, &best), 7);
    assert_int_equal(best, 7);
    lstm_fit_free(f);
    f = fit_new(&s, 3, 2, 0.5); /* 81 windows, of which 64 are learned at least */
    assert_int_equal(lstm_fit_run(f, NULL), 0);
    assert_true(lstm_fit_epochs(f, &best) >= 1 && best >= 1);
    lstm_fit_free(f);
    value_ring_done(&s);
}

static void constant_values_and_none(void **state)
{
    (void)state;
    struct value_ring same, none;
    struct lstm_trainer t;
    double out[2];
    value_ring_init(&same, 200);
    value_ring_init(&none, 200);
    for (int i = 0; i < 200; i++) {
        value_ring_add(&same, 5);
        value_ring_add(&none, NAN);
    }
    const struct value_ring *series[] = {&same, &none};
    for (int i = 0; i < 2; i++) {
        struct lstm_fit *f = fit_new(series[i], 5, 2, 0.2);
        assert_int_equal(lstm_fit_run(f, NULL), 0);
        lstm_trainer_init(&t, &small, 1);
        lstm_fit_take(&t, f);
        lstm_trainer_predict(&t, series[i], out);
        assert_true(i == 0 ? out[0] == 5 && out[1] == 5 : isnan(out[0]) && isnan(out[1]));
        lstm_trainer_done(&t);
        lstm_fit_free(f);
    }
    value_ring_done(&same);
    value_ring_done(&none);
}

static int asked;

static bool set_at_last(const struct cancel *c)
{
    (void)c;
    return ++asked > 5;
}

static void ends_when_it_is_cancelled(void **state)
{
    (void)state;
    struct value_ring s = waves(300, 1);
    const struct cancel cancel = {set_at_last};
    struct lstm_fit *f = fit_new(&s, 1000, 1000, 0.1);
    asked = 0;
    assert_int_equal(lstm_fit_run(f, &cancel), -ERR_ABORT);
    assert_int_equal(asked, 6); /* before each batch */
    lstm_fit_free(f);
    value_ring_done(&s);
}

static void is_the_same_in_another_thread(void **state)
{
    (void)state;
    struct value_ring s = waves(300, 1);
    struct trainer_thread *thread;
    struct err e = {0};
    struct lstm_trainer a, b;
    void *data;
    assert_int_equal(trainer_thread_start(&thread, &e), 0);
    struct trainer *t = trainer_thread_trainer(thread);
    struct lstm_fit *here = fit_new(&s, 10, 3, 0.1);
    struct training *x =
        t->start(t, &(struct trainer_job){lstm_fit_run, lstm_fit_free, fit_new(&s, 10, 3, 0.1)});
    assert_int_equal(lstm_fit_run(here, NULL), 0);
    while (!t->is_done(x)) {
        sched_yield();
    }
    assert_int_equal(t->collect(x, &data), 0);
    lstm_trainer_init(&a, &small, 1);
    lstm_trainer_init(&b, &small, 1);
    lstm_fit_take(&a, here);
    lstm_fit_take(&b, data);
    assert_memory_equal(a.weight, b.weight, 2 * a.nweights * sizeof(float));
    lstm_trainer_batch(&a, &s); /* and goes on the same */
    lstm_trainer_batch(&b, &s);
    assert_memory_equal(a.weight, b.weight, 2 * a.nweights * sizeof(float));
    lstm_fit_free(here);
    lstm_fit_free(data);
    lstm_trainer_done(&a);
    lstm_trainer_done(&b);
    trainer_thread_stop(thread);
    value_ring_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stops_when_the_error_falls_no_more),
        cmocka_unit_test(learns_a_wave),
        cmocka_unit_test(without_a_part_kept_back_all_epochs_are_run),
        cmocka_unit_test(constant_values_and_none),
        cmocka_unit_test(ends_when_it_is_cancelled),
        cmocka_unit_test(is_the_same_in_another_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
