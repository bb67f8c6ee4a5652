/* Scores of values beside plain sums over all rows. */
#include "ml/evaluate_values.h"

#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROWS 1234
static const double no_bound = NAN;

static double y[ROWS], p[ROWS];

static void make(void)
{
    struct random random;
    random_seed(&random, 8, 0);
    for (int i = 0; i < ROWS; i++) {
        y[i] = (i ? 0.9 * y[i - 1] : 50) + random_normal(&random);
        p[i] = y[i] + 0.5 * random_normal(&random);
    }
}

/* The first target is only learned. */
static void evaluate(struct value_evaluation *e, int from, int to)
{
    for (int i = from; i < to; i++) {
        if (i > 0) {
            bool has_interval = i >= 100;
            value_evaluation_score(e, y[i], p[i], has_interval ? p[i] - 0.5 : no_bound,
                                   has_interval ? p[i] + 0.5 : no_bound);
        }
        value_evaluation_target(e, y[i]);
    }
}

static void close_to(double a, double b)
{
    assert_true(fabs(a - b) <= 1e-9 * fmax(1, fabs(b)));
}

static void agrees_with_plain_sums(void **state)
{
    (void)state;
    struct value_evaluation e = {0};
    make();
    evaluate(&e, 0, ROWS);
    const struct value_scores *s = &e.scores;
    double n = ROWS - 1, mean = 0, spread = 0, sum = 0, square = 0, smape = 0, last = 0,
           last_rows = 0, rolling = 0, by_mean = 0, total = 0, inside = 0;
    for (int i = 1; i < ROWS; i++) {
        mean += y[i] / n;
    }
    for (int i = 1; i < ROWS; i++) {
        double d = fabs(p[i] - y[i]);
        total += y[i - 1];
        sum += d;
        square += d * d;
        smape += 200 * d / (fabs(p[i]) + fabs(y[i]));
        spread += (y[i] - mean) * (y[i] - mean);
        last += fabs(y[i - 1] - y[i]);
        by_mean += fabs(total / i - y[i]);
        inside += i >= 100 && d <= 0.5;
        if (i > ROWS - 1 - 933) { /* 1233 rows: nine blocks of 100, and 33 */
            rolling += d;
            last_rows++;
        }
    }
    assert_int_equal(s->rows, ROWS - 1);
    close_to(value_scores_mae(s, VALUE_LEARNER), sum / n);
    close_to(value_scores_mae(s, VALUE_NO_CHANGE), last / n);
    close_to(value_scores_mae(s, VALUE_MEAN), by_mean / n);
    close_to(value_scores_rmse(s, VALUE_LEARNER), sqrt(square / n));
    close_to(value_scores_r2(s), 1 - square / spread);
    close_to(value_scores_smape(s), smape / n);
    close_to(value_scores_coverage(s), inside / (ROWS - 100));
    close_to(value_scores_rolling(s, VALUE_LEARNER), rolling / last_rows);
}

static void two_together_are_the_whole(void **state)
{
    (void)state;
    struct value_evaluation a = {0}, b = {0};
    struct value_scores all = {0};
    make();
    evaluate(&a, 0, 300);
    evaluate(&b, 300, ROWS);
    value_scores_merge(&all, &a.scores);
    value_scores_merge(&all, &b.scores);
    assert_int_equal(all.rows, a.scores.rows + b.scores.rows);
    close_to(value_scores_mae(&all, VALUE_LEARNER) * (double)all.rows,
             a.scores.absolute[0] + b.scores.absolute[0]);
    double m = (a.scores.mean * (double)a.scores.rows + b.scores.mean * (double)b.scores.rows) /
               (double)all.rows;
    close_to(all.mean, m);
}

static void saved_and_loaded_it_goes_on(void **state)
{
    (void)state;
    struct value_evaluation a = {0}, b = {0};
    struct buffer bytes;
    make();
    evaluate(&a, 0, 500);
    buffer_init(&bytes);
    struct snapshot s = snapshot_saver(&bytes);
    assert_int_equal(value_evaluation_io(&a, &s), 0);
    s = snapshot_loader(bytes.data, bytes.n);
    assert_int_equal(value_evaluation_io(&b, &s), 0);
    assert_ptr_equal(s.p, s.end);
    evaluate(&a, 500, ROWS);
    evaluate(&b, 500, ROWS);
    assert_memory_equal(&a, &b, sizeof a);
    for (size_t n = 0; n < bytes.n; n++) {
        s = snapshot_loader(bytes.data, n);
        assert_int_equal(value_evaluation_io(&b, &s), -ERR_DATA);
    }
    buffer_done(&bytes);
}

static void nothing_and_constants(void **state)
{
    (void)state;
    struct value_evaluation e = {0};
    assert_true(value_scores_mae(&e.scores, VALUE_LEARNER) == 0);
    assert_true(value_scores_rolling(&e.scores, VALUE_LEARNER) == 0);
    for (int i = 0; i < 5; i++) {
        value_evaluation_target(&e, 0);
        value_evaluation_score(&e, 0, 0, NAN, NAN);
    }
    assert_true(value_scores_r2(&e.scores) == 0 && value_scores_smape(&e.scores) == 0);
    assert_true(value_scores_coverage(&e.scores) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_plain_sums),
        cmocka_unit_test(two_together_are_the_whole),
        cmocka_unit_test(saved_and_loaded_it_goes_on),
        cmocka_unit_test(nothing_and_constants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
