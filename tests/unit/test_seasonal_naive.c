/* seasonal_naive: one season back; the better one of several; missing values filled a season back. */
#include "engine/arena.h"
#include "tests/support/forecaster_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

extern const struct forecaster_def forecaster_seasonal_naive;
static const struct forecaster_def *const def = &forecaster_seasonal_naive;

static const uint32_t horizons[] = {1, 2, 3, 4, 7}, seasons[] = {3, 12};

static void *open(uint32_t nseasons)
{
    struct forecaster_setup setup = {
        .horizon = horizons, .nhorizons = 5, .season = seasons, .nseasons = nseasons};
    return def->open(&setup);
}

static void one_season_back(void **state)
{
    (void)state;
    double out[5];
    void *f = open(1);
    for (int i = 1; i <= 3; i++) {
        def->predict(f, out);
        assert_true(isnan(out[3]));
        def->learn(f, i);
        def->predict(f, out);
        assert_true(out[2] == i); /* three ahead: the value just learned, which is a season back */
    }
    def->predict(f, out);
    assert_true(out[0] == 1 && out[1] == 2 && out[2] == 3 && out[3] == 1 && out[4] == 1);
    def->learn(f, 10);
    def->predict(f, out);
    assert_true(out[0] == 2 && out[1] == 3 && out[2] == 10 && out[3] == 2 && out[4] == 2);
    def->learn(f, NAN); /* taken to be 2, as a season ago */
    def->predict(f, out);
    assert_true(out[0] == 3 && out[1] == 10 && out[2] == 2);
    def->close(f);
}

static double course(int i)
{
    return i % 3 + (i % 12 == 0 ? 100 : 0);
}

static void the_better_season_of_two(void **state)
{
    (void)state;
    double out[5];
    void *f = open(2);
    for (int i = 0; i < 60; i++) {
        def->learn(f, course(i));
    }
    def->predict(f, out);
    assert_true(out[0] == course(60) && out[1] == course(61) && out[4] == course(66));
    /* From here on only the short season holds; after a while it is taken. */
    for (int i = 60; i < 1200; i++) {
        def->learn(f, i % 3 + i / 6);
    }
    def->predict(f, out);
    assert_true(out[0] == 1197 % 3 + 1197 / 6);
    def->close(f);
}

static void nothing_before_a_value_of_the_phase(void **state)
{
    (void)state;
    double out[5];
    void *f = open(1);
    def->learn(f, NAN);
    def->learn(f, 5);
    def->learn(f, NAN);
    def->predict(f, out);
    assert_true(isnan(out[0]) && out[1] == 5 && isnan(out[2]) && isnan(out[4]));
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
        cmocka_unit_test(one_season_back),
        cmocka_unit_test(the_better_season_of_two),
        cmocka_unit_test(nothing_before_a_value_of_the_phase),
        cmocka_unit_test(what_holds_for_every_forecaster),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
