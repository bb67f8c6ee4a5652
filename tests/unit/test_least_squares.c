/* Least squares on line: after any rows the weights solve the normal equations of these rows,
 * worked out here by elimination; with weights, forgetting, penalties and what cannot be told.
 */
#include "ml/least_squares.h"

#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define N 4 /* with the intercept in front */

struct equations {
    double a[N][N], b[N];
};

static void add(struct equations *q, const double *x, double y, double w)
{
    const double row[N] = {1, x[0], x[1], x[2]};
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++) {
            q->a[i][k] += w * row[i] * row[k];
        }
        q->b[i] += w * row[i] * y;
    }
}

static void scale(struct equations *q, double f)
{
    for (int i = 0; i < N; i++) {
        for (int k = 0; k < N; k++) {
            q->a[i][k] *= f;
        }
        q->b[i] *= f;
    }
}

/* Gaussian elimination with pivots, on a copy. */
static void solve(struct equations q, double *w)
{
    for (int i = 0; i < N; i++) {
        int best = i;
        for (int r = i + 1; r < N; r++) {
            best = fabs(q.a[r][i]) > fabs(q.a[best][i]) ? r : best;
        }
        for (int k = 0; k < N; k++) {
            double t = q.a[i][k];
            q.a[i][k] = q.a[best][k];
            q.a[best][k] = t;
        }
        double t = q.b[i];
        q.b[i] = q.b[best];
        q.b[best] = t;
        for (int r = i + 1; r < N; r++) {
            double f = q.a[r][i] / q.a[i][i];
            for (int k = i; k < N; k++) {
                q.a[r][k] -= f * q.a[i][k];
            }
            q.b[r] -= f * q.b[i];
        }
    }
    for (int i = N; i-- > 0;) {
        w[i] = q.b[i];
        for (int k = i + 1; k < N; k++) {
            w[i] -= q.a[i][k] * w[k];
        }
        w[i] /= q.a[i][i];
    }
}

static double predict(const double *w, const double *x)
{
    return w[0] + w[1] * x[0] + w[2] * x[1] + w[3] * x[2];
}

static void row_of(struct random *random, double *x)
{
    for (int i = 0; i < 3; i++) {
        x[i] = random_normal(random) + 2 * i;
    }
}

static void solves_the_normal_equations(void **state)
{
    (void)state;
    struct random random;
    struct equations q = {0};
    struct least_squares s;
    random_seed(&random, 1, 1);
    least_squares_init_intercept(&s, 3, 0.5, 0.25);
    q.a[0][0] = 0.25;
    q.a[1][1] = q.a[2][2] = q.a[3][3] = 0.5;
    for (int r = 0; r < 200; r++) {
        double x[3], probe[3], w[N], y = random_normal(&random), weight = random_unit(&random);
        row_of(&random, x);
        row_of(&random, probe);
        if (r % 3 == 0) {
            least_squares_forget(&s, 0.9);
            scale(&q, 0.9);
        }
        if (r % 7 == 0) {
            least_squares_penalise(&s, 1, 0.5);
            q.a[2][2] += 0.5;
        }
        least_squares_learn(&s, x, y, weight);
        add(&q, x, y, weight);
        solve(q, w);
        assert_true(fabs(least_squares_predict(&s, probe) - predict(w, probe)) < 1e-10);
    }
    least_squares_done(&s);
}

static void goes_through_few_points_without_precision(void **state)
{
    (void)state;
    struct least_squares s;
    const double x[][2] = {{1, 0}, {2, 0}, {0, 3}};
    const double y[] = {1, 3, 8};
    least_squares_init_intercept(&s, 2, 0, 0);
    assert_true(least_squares_predict(&s, x[0]) == 0);
    for (int r = 0; r < 3; r++) {
        least_squares_learn(&s, x[r], y[r], 1);
        for (int k = 0; k <= r; k++) {
            assert_true(fabs(least_squares_predict(&s, x[k]) - y[k]) < 1e-12);
        }
    }
    least_squares_done(&s);
}

static void what_no_row_tells_of_does_not_blow_up(void **state)
{
    (void)state;
    struct random random;
    struct least_squares s;
    random_seed(&random, 2, 1);
    least_squares_init(&s, 3, 1e-3);
    for (int r = 0; r < 100000; r++) {
        double u = random_normal(&random), x[3] = {u, 0, r < 50 ? random_normal(&random) : 0};
        least_squares_forget(&s, 0.9);
        least_squares_learn(&s, x, 2 * u + 3 * x[2], 1);
    }
    const double one[3] = {1, 0, 0}, silent[3] = {0, 1, 0}, once[3] = {0, 0, 1};
    assert_true(fabs(least_squares_predict(&s, one) - 2) < 1e-9);
    assert_true(least_squares_predict(&s, silent) == 0);
    assert_true(fabs(least_squares_predict(&s, once) - 3) < 1e-3);
    const double again[3] = {0, 5, 0}; /* after 100,000 rows of silence */
    least_squares_learn(&s, again, 10, 1);
    assert_true(fabs(least_squares_predict(&s, silent) - 2) < 1e-9);
    least_squares_done(&s);
}

static void tiny_and_huge_rows_are_exact(void **state)
{
    (void)state;
    struct least_squares s;
    least_squares_init(&s, 2, 0);
    const double huge[] = {1e9, 1}, tiny[] = {1e-9, 1};
    least_squares_learn(&s, huge, 2e9 + 3, 1);
    least_squares_learn(&s, tiny, 2e-9 + 3, 1);
    const double first[] = {1, 0}, second[] = {0, 1};
    assert_true(fabs(least_squares_predict(&s, first) - 2) < 1e-14);
    assert_true(fabs(least_squares_predict(&s, second) - 3) < 1e-14);
    const double none[] = {1e-200, 0}; /* squares to 0 */
    least_squares_learn(&s, none, 1, 1);
    assert_true(fabs(least_squares_predict(&s, second) - 3) < 1e-14);
    least_squares_done(&s);
}

static void an_overflow_is_not_finite(void **state)
{
    (void)state;
    struct least_squares s;
    least_squares_init(&s, 1, 1);
    const double x = 1e150, one = 1;
    for (int r = 0; r < 3; r++) {
        least_squares_learn(&s, &x, 1, 1e100);
    }
    assert_true(!isfinite(least_squares_predict(&s, &one)));
    least_squares_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(solves_the_normal_equations),
        cmocka_unit_test(goes_through_few_points_without_precision),
        cmocka_unit_test(what_no_row_tells_of_does_not_blow_up),
        cmocka_unit_test(tiny_and_huge_rows_are_exact),
        cmocka_unit_test(an_overflow_is_not_finite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
