/* psi: the index by its formula; shifts, spread and values never seen; few distinct values. */
#include "tests/support/drift_check.h"

#include <math.h>
#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct drift_def drift_psi;
static const struct drift_def *const def = &drift_psi;

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
    return drift_options(&arena, def, text);
}

static void the_index_is_the_formula(void **state)
{
    (void)state;
    /* Reference 1..20 in two bins, edge 10; then `high` of 20 values above. */
    for (int high = 10; high <= 20; high++) {
        double p = (high + 0.5) / 21, q = 10.5 / 21;
        double index = (p - q) * log(p / q) + (q - p) * log((1 - p) / (1 - q));
        for (int side = -1; side <= 1; side += 2) {
            char text[100];
            double threshold = index + side * 1e-9;
            if (threshold < 0) {
                continue;
            }
            snprintf(text, sizeof(text), "{n_bins: 2, window: 20, threshold: %.17g}", threshold);
            void *d = def->open(options(text), 1);
            bool is_drift = false;
            for (int i = 20; i > 0; i--) {
                assert_false(def->update(d, i));
            }
            for (int i = 0; i < 20; i++) {
                assert_false(is_drift);
                is_drift = def->update(d, i < high ? 11 + i : 10);
            }
            assert_int_equal(is_drift, side < 0);
            def->close(d);
        }
    }
}

static void tells_of_each_change_and_begins_anew(void **state)
{
    (void)state;
    void *d = def->open(options("{window: 200}"), 1);
    int changes = 0;
    for (int i = 0; i < 5000; i++) {
        if (def->update(d, drift_value(i))) {
            changes++;
            assert_int_equal(i / 700, changes);
            assert_in_range(i % 700, 20, 200);
        }
    }
    assert_int_equal(changes, 7);
    def->close(d);
}

static void few_distinct_values(void **state)
{
    (void)state;
    /* Below, above and between the values of the reference. */
    const double other[] = {-1, 0.5, 2, 0};
    for (int k = 0; k < 4; k++) {
        void *d = def->open(options("{window: 50}"), 1);
        bool is_drift = false;
        for (int i = 0; i < 100; i++) {
            assert_false(def->update(d, i % 2));
        }
        for (int i = 0; i < 50 && !is_drift; i++) {
            is_drift = def->update(d, other[k]);
        }
        assert_true(is_drift);
        def->close(d);
    }
}

static void constant_values_raise_none_and_another_does(void **state)
{
    (void)state;
    check_no_alarm(def, options("{window: 100}"), 3, 3000);
    for (int side = -1; side <= 1; side += 2) {
        void *d = def->open(options("{window: 100}"), 1);
        int at = 0;
        for (int i = 0; i < 200; i++) {
            assert_false(def->update(d, 3));
        }
        for (int i = 1; i < 100 && !at; i++) {
            at = def->update(d, 3 + side) ? i : 0;
        }
        assert_in_range(at, 2, 20);
        def->close(d);
    }
}

static void refuses_more_bins_than_values(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(def->check(options("{n_bins: 20, window: 10}"), &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "n_bins"));
    assert_int_equal(def->check(options("{}"), NULL), 0);
}

static void passes_what_every_detector_must(void **state)
{
    (void)state;
    check_drift_detector(def, options("{window: 100}"), drift_value);
    check_drift_detector(def, options("{window: 33, n_bins: 7}"), drift_error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_index_is_the_formula),
        cmocka_unit_test(tells_of_each_change_and_begins_anew),
        cmocka_unit_test(few_distinct_values),
        cmocka_unit_test(constant_values_raise_none_and_another_does),
        cmocka_unit_test(refuses_more_bins_than_values),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
