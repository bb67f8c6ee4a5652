/* ddm: River's alarms; by hand; nothing to tell of where the rate stays. */
#include "tests/support/drift_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct drift_def drift_ddm;
static const struct drift_def *const def = &drift_ddm;

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
    check_alarms(def, options("{}"), drift_error, 5000, (int[]){777, 2370, 3703}, 3);
    check_alarms(def, options("{warm_start: 100, drift_threshold: 2.5}"), drift_error, 5000,
                 (int[]){754, 2297, 3651}, 3);
}

static void the_first_error_after_a_clean_start_is_one(void **state)
{
    (void)state;
    /* p + s is 0 at its lowest, so anything is more. */
    void *d = def->open(options("{warm_start: 3}"), 1);
    for (int i = 0; i < 10; i++) {
        assert_false(def->update(d, 0));
    }
    assert_true(def->update(d, 1));
    for (int i = 0; i < 10; i++) {
        assert_false(def->update(d, 1)); /* begun anew: all errors, no spread */
    }
    def->close(d);
}

static void constant_values_raise_none(void **state)
{
    (void)state;
    check_no_alarm(def, options("{}"), 0, 5000);
    check_no_alarm(def, options("{}"), 1, 5000);
}

static void passes_what_every_detector_must(void **state)
{
    (void)state;
    check_drift_detector(def, options("{}"), drift_error);
    assert_true(def->is_binary);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alarms_are_those_of_river),
        cmocka_unit_test(the_first_error_after_a_clean_start_is_one),
        cmocka_unit_test(constant_values_raise_none),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
