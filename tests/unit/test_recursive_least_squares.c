/* recursive_least_squares: what the textbook's recursion with its covariance gives, row by row, for
 * as long as that does not blow up.
 */
#include "tests/unit/learner_harness.h"

extern const struct learner_def learner_recursive_least_squares;
static const struct learner_def *const def = &learner_recursive_least_squares;

#define N 3 /* with the intercept in front */

struct textbook {
    double p[N][N], w[N];
};

static void textbook_learn(struct textbook *t, const double *x, double y, double f)
{
    double px[N] = {0}, gain[N], bottom = f, error = y;
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++) {
            px[i] += t->p[i][k] * x[k];
        }
        bottom += x[i] * px[i];
        error -= t->w[i] * x[i];
    }
    for (int i = 0; i < N; i++) {
        gain[i] = px[i] / bottom;
        t->w[i] += gain[i] * error;
    }
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++) {
            t->p[i][k] = (t->p[i][k] - gain[i] * px[k]) / f;
        }
    }
}

static void is_the_textbooks_recursion(void **state)
{
    (void)state;
    const double f = 0.95;
    struct learner_data d = learner_values_new(300, 2, 1);
    struct textbook t = {.p = {{10, 0, 0}, {0, 10, 0}, {0, 0, 10}}};
    void *l = open_for(def, "{forgetting_factor: 0.95, delta: 10}", 2, LEARN_VALUES);
    for (uint32_t r = 0; r < d.rows; r++) {
        const double *x = d.x + (size_t)r * 2, row[N] = {1, x[0], x[1]};
        double expected = t.w[0] + t.w[1] * x[0] + t.w[2] * x[1];
        assert_true(fabs(value_of(def, l, x) - expected) < 1e-8);
        textbook_learn(&t, row, d.y[r], f);
        learn_one(def, l, x, d.y[r]);
    }
    def->close(l);
    learner_data_free(&d);
}

static void silence_is_no_trouble(void **state)
{
    (void)state;
    void *l = open_for(def, "{forgetting_factor: 0.5}", 2, LEARN_VALUES);
    const double rows[][2] = {{1, 2}, {-1, 1}, {2, 2}, {0, 0}};
    for (int r = 0; r < 5000; r++) { /* the textbook's covariance is infinite after 1,100 */
        const double *x = rows[r < 30 ? r % 3 : 3];
        learn_one(def, l, x, 1 + 2 * x[0] - x[1]);
    }
    assert_true(fabs(value_of(def, l, rows[0]) - 1) < 1e-6);
    def->close(l);
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(60, 3, 2);
    check_learner(def, options_of(def, "{}"), &d);
    check_learner(def, options_of(def, "{fit_intercept: false, forgetting_factor: 1}"), &d);
    assert_foreign(def, &d, "{}", "{fit_intercept: false}");
    assert_no_allocation(def, &d, "{}");
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_the_textbooks_recursion),
        cmocka_unit_test(silence_is_no_trouble),
        cmocka_unit_test(passes_what_every_learner_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
