/* perceptron: moves only when it was wrong; separates what can be separated. */
#include "tests/unit/learner_harness.h"

extern const struct learner_def learner_perceptron;
static const struct learner_def *const def = &learner_perceptron;

static void moves_only_when_wrong(void **state)
{
    (void)state;
    void *l = open_for(def, "{}", 2, LEARN_CLASSES);
    const double x[] = {1, -2}, same[] = {0.5, -1}, other[] = {-1, 1};
    learn_one(def, l, x, 1); /* z = 0 counts as wrong: w = (1, -2), b = 1 */
    assert_true(fabs(second_of(def, l, x) - 1 / (1 + exp(-6))) < 1e-15);
    learn_one(def, l, same, 1); /* right: nothing moves */
    assert_true(fabs(second_of(def, l, x) - 1 / (1 + exp(-6))) < 1e-15);
    learn_one(def, l, other, 1); /* z = -2: w = (0, -1), b = 2 */
    assert_true(fabs(second_of(def, l, x) - 1 / (1 + exp(-4))) < 1e-15);
    def->close(l);
}

static void separates_two_clouds(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(400, 2, 2, 1);
    for (uint32_t r = 0; r < d.rows; r++) {
        d.x[r * 2] = (d.y[r] > 0 ? 3 : -3) + 0.2 * d.x[r * 2];
    }
    void *l = learner_open(def, options_of(def, "{}"), &d);
    for (int round = 0; round < 3; round++) {
        learner_feed(def, l, &d, 0, d.rows);
    }
    for (uint32_t r = 0; r < d.rows; r++) {
        assert_true((second_of(def, l, d.x + (size_t)r * 2) > 0.5) == (d.y[r] > 0));
    }
    def->close(l);
    learner_data_free(&d);
}

static void weights_and_l2_change_the_step(void **state)
{
    (void)state;
    const double x = 1, y = 1, three = 3;
    void *l = open_for(def, "{l2: 0.5}", 1, LEARN_CLASSES);
    def->learn(l, &x, 1, &y, &three); /* w = 3, b = 3 */
    assert_true(fabs(second_of(def, l, &x) - 1 / (1 + exp(-6))) < 1e-15);
    learn_one(def, l, &x, 1); /* right: w = 3 - 0.5 * 3 */
    assert_true(fabs(second_of(def, l, &x) - 1 / (1 + exp(-4.5))) < 1e-15);
    def->close(l);
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(80, 4, 2, 2);
    check_learner(def, options_of(def, "{}"), &d);
    check_learner(def, options_of(def, "{l2: 0.01}"), &d);
    assert_no_allocation(def, &d, "{}");
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_only_when_wrong),
        cmocka_unit_test(separates_two_clouds),
        cmocka_unit_test(weights_and_l2_change_the_step),
        cmocka_unit_test(passes_what_every_learner_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
