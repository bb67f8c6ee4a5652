/* kswin: alarms soon after each change as River's, few without one; the exact p-value. */
#include "tests/support/drift_check.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct drift_def drift_kswin;
static const struct drift_def *const def = &drift_kswin;

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

static void alarms_come_soon_after_each_change(void **state)
{
    (void)state;
    const char *text[] = {"{}", "{alpha: 0.0001}", "{seed: 5}"};
    for (int k = 0; k < 3; k++) {
        void *d = def->open(options(text[k]), 1);
        int changes = 0;
        for (int i = 0; i < 5000; i++) {
            if (def->update(d, drift_value(i))) {
                changes++;
                assert_int_equal(i / 700, changes);
                assert_true(i % 700 < 40); /* River: 15 to 29 */
            }
        }
        assert_int_equal(changes, 7);
        def->close(d);
    }
}

static void an_alarm_is_where_the_exact_test_says_so(void **state)
{
    (void)state;
    /* Samples of 30 whose distributions are 13 apart have p = 0.00655, 14 apart p = 0.00253 (SciPy,
       exact): between those alphas 14 differing values of the newest 30 are needed, not 13. */
    for (int differing = 12; differing <= 15; differing++) {
        for (int below = 0; below < 2; below++) {
            void *d = def->open(options(below ? "{alpha: 0.0065}" : "{alpha: 0.0066}"), 3);
            bool is_drift = false;
            for (int i = 0; i < 100; i++) {
                is_drift = def->update(d, i >= 100 - differing ? 5 : 1);
            }
            assert_int_equal(is_drift, differing >= (below ? 14 : 13));
            def->close(d);
        }
    }
}

static void draws_every_older_value_equally_often(void **state)
{
    (void)state;
    /* One odd value among the 70 older ones is drawn with probability 30/70; a stat_size of 1 and an
       alpha of 1 make every draw that differs an alarm. */
    int alarms = 0;
    for (int round = 0; round < 3000; round++) {
        char text[100];
        snprintf(text, sizeof(text), "{alpha: 1, window_size: 8, stat_size: 1, seed: %d}", round);
        void *d = def->open(options(text), 3);
        for (int i = 0; i < 8; i++) {
            alarms += def->update(d, i == round % 7 ? 2 : 1);
        }
        def->close(d);
    }
    assert_in_range(alarms, 3000 / 7 - 100, 3000 / 7 + 100);
}

static void constant_values_raise_none(void **state)
{
    (void)state;
    check_no_alarm(def, options("{}"), 4, 3000);
    check_no_alarm(def, options("{alpha: 0}"), 4, 300);
}

static void refuses_samples_that_do_not_fit(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(def->check(options("{window_size: 50}"), &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "half of window_size"));
    assert_int_equal(def->check(options("{window_size: 60}"), NULL), 0);
}

static void passes_what_every_detector_must(void **state)
{
    (void)state;
    check_drift_detector(def, options("{}"), drift_value);
    check_drift_detector(def, options("{window_size: 20, stat_size: 10}"), drift_value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alarms_come_soon_after_each_change),
        cmocka_unit_test(an_alarm_is_where_the_exact_test_says_so),
        cmocka_unit_test(draws_every_older_value_equally_often),
        cmocka_unit_test(constant_values_raise_none),
        cmocka_unit_test(refuses_samples_that_do_not_fit),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
