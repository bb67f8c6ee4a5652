/* page_hinkley: River's alarms for every mode; by hand; nothing where values stay. */
#include "tests/support/drift_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct drift_def drift_page_hinkley;
static const struct drift_def *const def = &drift_page_hinkley;

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

static void alarms_are_those_of_river(void **state)
{
    (void)state;
    check_alarms(def, options("{}"), drift_value, 5000, (int[]){807, 1509, 2209, 2908, 3610, 4311},
                 6);
    check_alarms(def, options("{threshold: 5}"), drift_value, 5000,
                 (int[]){709, 1408, 2109, 2807, 3509, 4210, 4908}, 7);
    check_alarms(def, options("{threshold: 5, mode: up}"), drift_value, 5000,
                 (int[]){709, 2116, 3520, 4914}, 4);
    check_alarms(def, options("{threshold: 5, mode: down}"), drift_value, 5000,
                 (int[]){1418, 2816, 4218}, 3);
    check_alarms(def, options("{min_instances: 200, delta: 0.1, threshold: 2, alpha: 0.99}"),
                 drift_value, 5000, (int[]){702, 1402, 2103, 2801, 3500, 4203, 4902}, 7);
}

static void a_jump_by_hand(void **state)
{
    (void)state;
    /* After ten zeros 11 moves the mean to 1: u was -0.1 * 10 at its least, then -1 + 10 - 0.1. */
    const char *text[] = {"{min_instances: 1, delta: 0.1, alpha: 1, threshold: 9.8}",
                          "{min_instances: 1, delta: 0.1, alpha: 1, threshold: 10}"};
    for (int k = 0; k < 2; k++) {
        void *d = def->open(options(text[k]), 1);
        for (int i = 0; i < 10; i++) {
            assert_false(def->update(d, 0));
        }
        assert_int_equal(def->update(d, 11), k == 0);
        def->close(d);
    }
}

static void constant_values_raise_none(void **state)
{
    (void)state;
    check_no_alarm(def, options("{threshold: 0.5}"), 0, 5000);
    check_no_alarm(def, options("{threshold: 0.5}"), -1e150, 5000);
}

static void passes_what_every_detector_must(void **state)
{
    (void)state;
    check_drift_detector(def, options("{}"), drift_value);
    check_drift_detector(def, options("{mode: up, threshold: 5}"), drift_value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alarms_are_those_of_river),
        cmocka_unit_test(a_jump_by_hand),
        cmocka_unit_test(constant_values_raise_none),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
