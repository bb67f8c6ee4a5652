/* autoencoder: learns a line through space, and what lies off it is odd; its steps go down its
 * score. */
#include "engine/random.h"
#include "tests/support/detector_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_autoencoder;
static const struct learner_def *const def = &learner_autoencoder;

static void line(struct random *random, double *x)
{
    double at = random_normal(random);
    for (int i = 0; i < 4; i++) {
        x[i] = at * (i + 1) + 10 * i + 0.01 * random_normal(random);
    }
}

static void what_breaks_the_pattern_is_odd(void **state)
{
    (void)state;
    struct random random;
    double x[4], usual = 0, odd = 0, early = 0;
    void *l = detector_open(def, "{hidden: 1}", 4);
    random_seed(&random, 3, 1);
    for (int i = 0; i < 20000; i++) {
        line(&random, x);
        if (i >= 200 && i < 400) {
            early += detector_score(def, l, x) / 200;
        }
        def->learn(l, x, 1, NULL, NULL);
    }
    for (int i = 0; i < 200; i++) {
        line(&random, x);
        usual += detector_score(def, l, x) / 200;
        x[2] = 20 - (x[2] - 20); /* each feature is usual, but not together */
        odd += detector_score(def, l, x) / 200;
    }
    assert_true(usual < 0.2 * early);
    assert_true(odd > 10 * usual);
    def->close(l);
}

/* The step of a row that is given back badly lowers the score of this row. */
static void a_step_goes_down(void **state)
{
    (void)state;
    struct random random;
    double x[4];
    void *l = detector_open(def, "{lr: 0.0001, grace_period: 1}", 4);
    random_seed(&random, 4, 1);
    uint32_t down = 0;
    for (int i = 0; i < 1000; i++) {
        line(&random, x);
        def->learn(l, x, 1, NULL, NULL);
        double before = detector_score(def, l, x);
        def->learn(l, x, 1, NULL, NULL);
        down += i >= 100 && detector_score(def, l, x) < before + 1e-3;
    }
    assert_true(down >= 850);
    def->close(l);
}

static void waits_and_bounds_its_size(void **state)
{
    (void)state;
    void *l = detector_open(def, "{grace_period: 3}", 1);
    double x = 1, y = 2;
    def->learn(l, &x, 1, NULL, NULL);
    def->learn(l, &y, 1, NULL, NULL);
    assert_true(isnan(detector_score(def, l, &x)));
    def->learn(l, &y, 1, NULL, NULL);
    assert_true(isfinite(detector_score(def, l, &x)));
    def->close(l);
    assert_non_null(strstr(detector_refusal(def, "{optimizer: adaam}"), "adaam"));
}

static void passes_what_every_detector_must(void **state)
{
    (void)state;
    check_detector(def, "{grace_period: 5}");
    check_detector(def, "{grace_period: 5, hidden: 4, lr: 0.1}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_breaks_the_pattern_is_odd),
        cmocka_unit_test(a_step_goes_down),
        cmocka_unit_test(waits_and_bounds_its_size),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, detector_set_up, detector_tear_down);
}
