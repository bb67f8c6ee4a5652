/* gaussian_nb: on-line moments against two passes over the data, and the formula for P spelled out.
 */
#include "engine/memory.h"
#include "tests/support/learner_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_gaussian_nb;
static const struct learner_def *const def = &learner_gaussian_nb;

/* P by two passes over the rows 0 .. n-1: means, then variances. */
static void two_passes(const struct learner_data *d, uint32_t n, const double *x, double *p)
{
    double joint[8], most = -INFINITY, sum = 0;
    for (uint32_t c = 0; c < d->classes; c++) {
        double rows = 0;
        for (uint32_t r = 0; r < n; r++) {
            rows += d->y[r] == c;
        }
        joint[c] = log(rows / n);
        for (uint32_t j = 0; j < d->columns; j++) {
            double mean = 0, variance = 0;
            for (uint32_t r = 0; r < n; r++) {
                mean += d->y[r] == c ? d->x[r * d->columns + j] / rows : 0;
            }
            for (uint32_t r = 0; r < n; r++) {
                double from = d->x[r * d->columns + j] - mean;
                variance += d->y[r] == c ? from * from / rows : 0;
            }
            double from = x[j] - mean;
            double density = exp(-from * from / (2 * variance)) / sqrt(2 * acos(-1) * variance);
            joint[c] += log(1e-9 + density);
        }
        most = fmax(most, joint[c]);
    }
    for (uint32_t c = 0; c < d->classes; c++) {
        sum += exp(joint[c] - most);
    }
    for (uint32_t c = 0; c < d->classes; c++) {
        p[c] = exp(joint[c] - most) / sum;
    }
}

static void agrees_with_two_passes(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(300, 6, 4, 9);
    for (uint32_t r = 0; r < d.rows; r++) {
        d.x[r * 6 + 1] = d.x[r * 6 + 1] * 1e-3 + 1e4; /* a large mean beside a small deviation */
    }
    void *l = learner_open(def, NULL, &d);
    learner_feed(def, l, &d, 0, d.rows);
    for (uint32_t r = 0; r < d.rows; r++) {
        double p[4], q[4];
        def->predict(l, d.x + (size_t)r * 6, 1, p, 4);
        two_passes(&d, d.rows, d.x + (size_t)r * 6, q);
        for (int c = 0; c < 4; c++) {
            assert_true(fabs(p[c] - q[c]) < 1e-6);
        }
    }
    def->close(l);
    learner_data_free(&d);
}

static void a_feature_without_spread_says_nothing(void **state)
{
    (void)state;
    struct learner_data d = {.columns = 1};
    void *l = learner_open(def, NULL, &d);
    double x[] = {5, 5, 5, 7}, y[] = {0, 0, 0, 1}, p[2];
    def->grow(l, 2);
    def->learn(l, x, 4, y, NULL);
    def->predict(l, x, 1, p, 2);
    assert_true(fabs(p[0] - 0.75) < 1e-15); /* the shares of the classes alone */
    def->close(l);
}

static void a_weight_counts_as_rows(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(80, 3, 2, 4);
    void *a = learner_open(def, NULL, &d), *b = learner_open(def, NULL, &d);
    double two = 2, none = 0, p[2], q[2];
    def->grow(a, 2);
    def->grow(b, 2);
    for (uint32_t r = 0; r < d.rows; r++) {
        double *x = d.x + (size_t)r * 3;
        def->learn(a, x, 1, &d.y[r], &two);
        def->learn(a, d.x, 1, &d.y[r], &none);
        def->learn(b, x, 1, &d.y[r], NULL);
        def->learn(b, x, 1, &d.y[r], NULL);
    }
    for (uint32_t r = 0; r < d.rows; r++) {
        def->predict(a, d.x + (size_t)r * 3, 1, p, 2);
        def->predict(b, d.x + (size_t)r * 3, 1, q, 2);
        assert_true(fabs(p[0] - q[0]) < 1e-12);
    }
    def->close(a);
    def->close(b);
    learner_data_free(&d);
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(60, 3, 4, 13);
    check_learner(def, NULL, &d);
    learner_data_free(&d);
}

static void allocates_nothing_per_row(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(200, 20, 4, 5);
    void *l = learner_open(def, NULL, &d);
    double p[4];
    learner_feed(def, l, &d, 0, 4);
    uint64_t before = mem_count();
    for (uint32_t r = 4; r < d.rows; r++) {
        def->predict(l, d.x + r * 20, 1, p, 4);
        def->learn(l, d.x + r * 20, 1, d.y + r, NULL);
    }
    assert_int_equal(mem_count(), before);
    def->close(l);
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_two_passes),
        cmocka_unit_test(a_feature_without_spread_says_nothing),
        cmocka_unit_test(a_weight_counts_as_rows),
        cmocka_unit_test(passes_what_every_learner_must),
        cmocka_unit_test(allocates_nothing_per_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
