/* eddm: River's alarms; by hand; nothing to tell of where distances stay. */
#include "tests/support/drift_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct drift_def drift_eddm;
static const struct drift_def *const def = &drift_eddm;

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
    check_alarms(def, options("{}"), drift_error, 5000, (int[]){153, 984, 2422, 3809}, 4);
    check_alarms(def, options("{warm_start: 20, beta: 0.7}"), drift_error, 5000, NULL, 0);
}

static void errors_come_closer(void **state)
{
    (void)state;
    /* Six distances of 4, then of 1: the mean falls at once, but the deviation rises first, so that
       m + 2 s is below nine tenths of its greatest with the eighth of them (as in River). */
    void *d = def->open(options("{warm_start: 5}"), 1);
    for (int i = 1; i <= 24; i++) {
        assert_false(def->update(d, i % 4 == 0));
    }
    int alarm = 0;
    for (int i = 1; i <= 40 && !alarm; i++) {
        alarm = def->update(d, 1) ? i : 0;
    }
    assert_int_equal(alarm, 8);
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
        cmocka_unit_test(errors_come_closer),
        cmocka_unit_test(constant_values_raise_none),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
