/* lstm: what every forecaster must do, options, how much is learned per value, and that it beats
 * the last value on a series that it can learn.
 */
#include "engine/arena.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/forecaster_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct forecaster_def forecaster_lstm;
static const struct forecaster_def *const def = &forecaster_lstm;

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

#define SMALL "hidden: 4, window: 6, history: 100, batch_size: 8, epochs: 2"

static void passes_what_every_forecaster_must(void **state)
{
    (void)state;
    check_forecaster(def, options("{" SMALL "}"));
    check_forecaster(def, options("{" SMALL ", difference: false, season_features: false, direct: "
                                  "false, delta: 0, recent: 0}"));
    check_forecaster(def, options("{" SMALL ", fit_every: 100, fit_epochs: 2}"));
}

static void continues_with_its_own_sizes(void **state)
{
    (void)state;
    struct forecaster_series s = forecaster_series_new(300, 5);
    check_forecaster_continues(def, options("{history: 200, epochs: 3}"), &s);
    forecaster_series_free(&s);
}

static void checks_options(void **state)
{
    (void)state;
    struct err e = {0};
    const struct {
        const char *text, *says;
    } bad[] = {{"{hidden: 30}", "such as 32"}, {"{window: 80, history: 100}", "two windows"}};
    for (int i = 0; i < 2; i++) {
        struct diags diags;
        struct yaml *y;
        diags_init(&diags);
        void *out = arena_zalloc(&arena, def->options_size);
        assert_int_equal(
            yaml_parse(&y, &arena, "options", bad[i].text, strlen(bad[i].text), &diags), 0);
        assert_int_equal(config_parse(def->options, out, y, "options", &arena, &diags), 0);
        err_clear(&e);
        assert_int_equal(def->check(out, &e), -ERR_CONFIG);
        assert_non_null(strstr(e.text, bad[i].says));
        diags_done(&diags);
    }
}

/* The mean |error| of the last 300 values for all horizons, beside that of the last value. */
static void errors(const void *o, double *lstm, double *last)
{
    enum { N = 1000 };
    struct random random;
    double y[N + 12], out[3];
    const int horizon[] = {1, 3, 12};
    random_seed(&random, 4, 1);
    for (int i = 0; i < N + 12; i++) {
        y[i] = 20 + 6 * sin(2 * M_PI * i / 16) + 3 * sin(2 * M_PI * i / 7) +
               random_normal(&random) / 2;
    }
    void *f = forecaster_open(def, o);
    *lstm = *last = 0;
    for (int i = 0; i < N; i++) {
        def->learn(f, y[i]);
        trainable_now(def->training, f);
        def->predict(f, out);
        for (int k = 0; i >= N - 300 && k < 3; k++) {
            *lstm += fabs(out[k] - y[i + horizon[k]]) / 900;
            *last += fabs(y[i] - y[i + horizon[k]]) / 900;
        }
    }
    def->close(f);
}

static void learns_beside_the_stream(void **state)
{
    (void)state;
    double lstm, last, none;
    errors(options("{hidden: 16, window: 24}"), &lstm, &last);
    assert_true(lstm < 0.25 * last);
    errors(options("{hidden: 16, window: 24, epochs: 0}"), &none, &last);
    assert_true(isnan(none)); /* never learned, never forecast */
    errors(options("{hidden: 16, window: 24, epochs: 0, fit_every: 350}"), &lstm, &last);
    assert_true(lstm < 0.3 * last); /* only trained anew, of late at 700 */
}

/* Due every so many values, once there are enough; owed until it has ended, well or badly; saved.
 */
static void owes_trainings(void **state)
{
    (void)state;
    struct forecaster_series s = forecaster_series_new(800, 5);
    const struct trainable *t = def->training;
    const void *o = options("{hidden: 4, window: 6, history: 1000, batch_size: 8, epochs: 1,"
                            " fit_every: 300, fit_epochs: 2}");
    void *f = forecaster_open(def, o), *again = forecaster_open(def, o);
    double out[3], before[3];
    for (uint32_t i = 0; i < s.n; i++) {
        def->learn(f, s.y[i]);
        assert_int_equal(t->owes(f), (i + 1) / 300);
    }
    assert_int_equal(def->trained(f), 0);
    void *data = t->make(f);
    struct buffer saved;
    buffer_init(&saved);
    struct snapshot snapshot = snapshot_saver(&saved);
    assert_int_equal(def->io(f, &snapshot), 0);
    snapshot = snapshot_loader(saved.data, saved.n);
    assert_int_equal(def->io(again, &snapshot), 0);
    assert_int_equal(t->owes(again), 2);
    def->predict(f, before);
    assert_int_equal(t->run(data, NULL), 0);
    t->ended(f, 1); /* an older one */
    assert_int_equal(t->owes(f), 2);
    t->ended(f, 2);
    t->take(f, data);
    t->free(data);
    assert_int_equal(t->owes(f), 0);
    assert_int_equal(def->trained(f), 2);
    def->predict(f, out);
    assert_true(out[0] != before[0]);
    trainable_now(def->training, again); /* the same, though it was made in another place */
    def->predict(again, before);
    assert_memory_equal(out, before, sizeof out);
    buffer_done(&saved);
    def->close(f);
    def->close(again);
    forecaster_series_free(&s);
}

static void no_value_stalls_for_more_than_a_batch(void **state)
{
    (void)state;
    struct forecaster_series s = forecaster_series_new(400, 5);
    void *f = forecaster_open(def, options("{" SMALL "}"));
    uint64_t batches = 0;
    double out[3];
    for (uint32_t i = 0; i < s.n; i++) {
        uint64_t before = mem_count();
        def->predict(f, out);
        assert_int_equal(mem_count(), before);
        def->learn(f, s.y[i]);
        uint64_t made = mem_count() - before; /* the room of a batch; the ring, as it grows */
        assert_true(made <= 2);
        batches += i >= 152 ? made : 0;
    }
    assert_int_equal(batches, 248 * 2 / 8); /* epochs: 2, batch_size: 8 */
    def->close(f);
    forecaster_series_free(&s);
}

static void seeds_differ(void **state)
{
    (void)state;
    struct forecaster_series s = forecaster_series_new(200, 5);
    const uint32_t horizon[] = {1};
    double out[3][1];
    for (uint64_t i = 0; i < 3; i++) {
        struct forecaster_setup setup = {
            .options = options("{" SMALL "}"), .horizon = horizon, .nhorizons = 1, .seed = i / 2};
        void *f = def->open(&setup);
        for (uint32_t k = 0; k < s.n; k++) {
            def->learn(f, s.y[k]);
        }
        def->predict(f, out[i]);
        def->close(f);
    }
    assert_true(out[0][0] == out[1][0]);
    assert_true(out[0][0] != out[2][0]);
    forecaster_series_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_what_every_forecaster_must),
        cmocka_unit_test(continues_with_its_own_sizes),
        cmocka_unit_test(checks_options),
        cmocka_unit_test(learns_beside_the_stream),
        cmocka_unit_test(owes_trainings),
        cmocka_unit_test(no_value_stalls_for_more_than_a_batch),
        cmocka_unit_test(seeds_differ),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
