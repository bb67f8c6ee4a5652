/* naive: the last value that was not missing, for every horizon. */
#include "engine/arena.h"
#include "tests/support/forecaster_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern const struct forecaster_def forecaster_naive;
static const struct forecaster_def *const def = &forecaster_naive;

static void last_value_that_is_known(void **state)
{
    (void)state;
    double out[3];
    void *f = forecaster_open(def, NULL);
    def->predict(f, out);
    assert_true(isnan(out[0]) && isnan(out[1]) && isnan(out[2]));
    def->learn(f, 7.5);
    def->learn(f, NAN);
    def->predict(f, out);
    assert_true(out[0] == 7.5 && out[1] == 7.5 && out[2] == 7.5);
    def->learn(f, -1e150);
    def->predict(f, out);
    assert_true(out[2] == -1e150);
    def->close(f);
}

static void what_holds_for_every_forecaster(void **state)
{
    (void)state;
    check_forecaster(def, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(last_value_that_is_known),
        cmocka_unit_test(what_holds_for_every_forecaster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
