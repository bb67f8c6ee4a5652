/* random_cut_forest: the trees themselves are tested in test_cut_tree.c; here samples, shingles and
 * what comes out.
 */
#include "engine/random.h"
#include "tests/support/detector_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_random_cut_forest;
static const struct learner_def *const def = &learner_random_cut_forest;

static void points_far_off_are_odd(void **state)
{
    (void)state;
    struct random random;
    void *l = detector_open(def, "{}", 2);
    random_seed(&random, 3, 1);
    for (int i = 0; i < 1000; i++) {
        double x[2] = {random_normal(&random), random_normal(&random)};
        assert_int_equal(isnan(detector_score(def, l, x)), i < 64);
        def->learn(l, x, 1, NULL, NULL);
    }
    double middle[2] = {0, 0}, edge[2] = {3, 0}, far[2] = {50, -50};
    assert_true(detector_score(def, l, middle) < detector_score(def, l, edge));
    assert_true(5 * detector_score(def, l, edge) < detector_score(def, l, far));
    assert_true(detector_score(def, l, far) > 200); /* nearly all points of a tree are displaced */
    def->close(l);
}

static void shingles_see_an_order_that_is_broken(void **state)
{
    (void)state;
    void *l = detector_open(def, "{shingle_size: 4, sample_size: 64}", 1);
    double usual = 0, odd = 0;
    for (int i = 0; i < 1000; i++) {
        double x = i % 4, wrong = (i + 2) % 4; /* 0 1 2 3 0 1 2 3, and a usual value out of order */
        if (i >= 900) {
            usual += detector_score(def, l, &x);
            odd += detector_score(def, l, &wrong);
        }
        def->learn(l, &x, 1, NULL, NULL);
    }
    assert_true(usual < 0.1 * odd);
    def->close(l);
}

static void forgets_at_the_rate_of_its_decay(void **state)
{
    (void)state;
    void *slow = detector_open(def, "{sample_size: 50, time_decay: 0}", 1);
    void *fast = detector_open(def, "{sample_size: 50, time_decay: 0.02}", 1);
    double old = 1, new = 2;
    for (int i = 0; i < 1000; i++) {
        double x = i < 100 ? old : new;
        def->learn(slow, &x, 1, NULL, NULL);
        def->learn(fast, &x, 1, NULL, NULL);
    }
    assert_true(detector_score(def, slow, &new) == 50); /* samples still hold the first rows only */
    assert_true(detector_score(def, fast, &old) == 50);
    assert_true(detector_score(def, fast, &new) == 0);
    def->close(slow);
    def->close(fast);
}

static void bounds_its_size(void **state)
{
    (void)state;
    assert_null(detector_refusal(def, "{n_trees: 100, sample_size: 1000}"));
    assert_non_null(
        strstr(detector_refusal(def, "{n_trees: 1000, sample_size: 60000}"), "sample_size"));
}

static void passes_what_every_detector_must(void **state)
{
    (void)state;
    check_detector(def, "{n_trees: 3, sample_size: 8, grace_period: 5}");
    check_detector(def, "{n_trees: 2, sample_size: 8, grace_period: 5, shingle_size: 3}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_far_off_are_odd),
        cmocka_unit_test(shingles_see_an_order_that_is_broken),
        cmocka_unit_test(forgets_at_the_rate_of_its_decay),
        cmocka_unit_test(bounds_its_size),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, detector_set_up, detector_tear_down);
}
