/* The detector `residual`: finds what breaks a season, and says what is wrong with its options. */
#include "tests/support/detector_check.h"

#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_residual;
static const struct learner_def *const def = &learner_residual;

static void every_detector(void **state)
{
    (void)state;
    check_detector(def, "{forecaster: naive, grace_period: 5}");
    check_detector(def, "{forecaster: seasonal_naive, season: 7, grace_period: 5}");
}

/* A saw tooth of 24 rows; a value that is usual elsewhere in the season. */
static void finds_what_breaks_a_season(void **state)
{
    (void)state;
    static const char *const options[] = {
        "{forecaster: seasonal_naive, season: 24}",
        "{forecaster: holt_winters, season: [24]}",
    };
    for (int k = 0; k < 2; k++) {
        struct random random;
        void *l = detector_open(def, options[k], 1);
        double most = 0, odd = 0;
        random_seed(&random, 3, 0);
        for (int i = 0; i < 24 * 40; i++) {
            double x = 10 * (i % 24) + random_normal(&random);
            double score = detector_score(def, l, &x);
            assert_int_equal(isnan(score) != 0, i < 100);
            most = i >= 600 ? fmax(most, score) : most;
            def->learn(l, &x, 1, NULL, NULL);
        }
        double low = 0; /* at the season's end + 24 * 40 - 1 comes 0 again; 120 is its middle */
        assert_true(detector_score(def, l, &low) < 6);
        low = 120;
        odd = detector_score(def, l, &low);
        assert_true(odd > 2 * most && odd > 20);
        def->close(l);
    }
}

static void problems_say_what_to_do(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{forecaster: naiv}", "`naive`"},
        {"{forecaster: naive, options: {alpha: 1}}", "options"},
        {"{forecaster: seasonal_naive}", "forecaster: seasonal_naive needs a season"},
        {"{season: 1d}", "season: expected a number of rows from 2 to 100000"},
        {"{season: [2, 3, 4, 5, 6]}", "season: at most 4 lengths, found 5"},
        {"{options: {alpha: 2}}", "options: holt_winters: alpha: expected a value from 0 to 1"},
        {"{forecaster: seasonal_naive, season: 1}", "season"},
        {"{forecaster: seasonal_naive, season: [7, 5]}", "ascending"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        const char *says = detector_refusal(def, wrong[i][0]);
        if (!says || !strstr(says, wrong[i][1])) {
            print_message("%s: %s\n", wrong[i][0], says ? says : "accepted");
            fail();
        }
    }
    assert_null(detector_refusal(def, "{forecaster: ridge, season: 12}"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_detector),
        cmocka_unit_test(finds_what_breaks_a_season),
        cmocka_unit_test(problems_say_what_to_do),
    };
    return cmocka_run_group_tests(tests, detector_set_up, detector_tear_down);
}
