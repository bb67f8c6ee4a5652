/* Conformal intervals: quantiles by hand; coverage of independent, dependent and growing errors. */
#include "engine/random.h"
#include "ml/conformal.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void nothing_before_enough_errors(void **state)
{
    (void)state;
    struct conformal c;
    double lower, upper;
    conformal_init(&c, 0.9);
    for (int i = 0; i < 9; i++) {
        assert_false(conformal_interval(&c, 1, &lower, &upper));
        assert_true(isnan(lower) && isnan(upper));
        conformal_learn(&c, 1, NAN, NAN, i % 2 ? 2 : 0);
    }
    /* All errors are 1, so are the scale and all scores: 10 * 0.9 = the ninth. */
    assert_true(conformal_interval(&c, 7, &lower, &upper));
    assert_true(lower == 6 && upper == 8);
    assert_false(conformal_interval(&c, NAN, &lower, &upper));
}

static void the_quantile_is_that_of_the_last_scores(void **state)
{
    (void)state;
    struct conformal c;
    struct random random;
    double error[1000], lower, upper;
    random_seed(&random, 3, 1);
    conformal_init(&c, 0.8);
    for (int i = 0; i < 1000; i++) {
        error[i] = fabs(random_normal(&random));
        conformal_learn(&c, 0, NAN, NAN, error[i]);
        double sorted = -1;
        for (uint32_t k = 0; k < c.n; k++) {
            assert_true(c.sorted[k] >= sorted);
            sorted = c.sorted[k];
        }
        assert_int_equal(c.n, i < CONFORMAL_ROOM ? i + 1 : CONFORMAL_ROOM);
    }
    assert_true(conformal_interval(&c, 0, &lower, &upper));
    assert_true(lower == -upper);
    int below = 0;
    for (int i = 800; i < 1000; i++) {
        below += c.ring[i % CONFORMAL_ROOM] <= upper / c.scale;
    }
    assert_int_equal(below, 161); /* ceil(201 * 0.8) */
}

enum noise { INDEPENDENT, DEPENDENT, GROWING, BURSTS, SKEWED, NOISES };

static double error_of(enum noise kind, int i, struct random *random, double *last)
{
    double z = random_normal(random);
    *last = 0.8 * *last + z;
    switch (kind) {
    case DEPENDENT:
        return *last;
    case GROWING:
        return z * (1 + i * 0.01);
    case BURSTS:
        return i / 100 % 3 == 0 ? z * 20 : z;
    case SKEWED:
        return z * z;
    case INDEPENDENT:
    case NOISES:
        break;
    }
    return z;
}

static void covers_the_stated_share(void **state)
{
    (void)state;
    static const double wanted[] = {0.5, 0.8, 0.9, 0.95};
    for (int kind = 0; kind < NOISES; kind++) {
        for (int w = 0; w < 4; w++) {
            struct conformal c;
            struct random random;
            double last = 0, lower, upper;
            random_seed(&random, 17, 1);
            conformal_init(&c, wanted[w]);
            for (int i = 0; i < 4000; i++) {
                double predicted = 100 + i;
                double y = predicted + error_of((enum noise)kind, i, &random, &last);
                conformal_interval(&c, predicted, &lower, &upper);
                conformal_learn(&c, predicted, lower, upper, y);
            }
            double share = (double)c.covered / (double)c.intervals;
            assert_true(c.intervals > 3900);
            assert_true(fabs(share - wanted[w]) < 0.02);
        }
    }
}

/* The score of an error is its share of the scale when its prediction was made, as the next
 * interval's will be: errors of 1, then of 2 that were predicted while the scale was 1. */
static void a_late_truth_is_scored_by_the_scale_of_its_prediction(void **state)
{
    (void)state;
    struct conformal late, odd;
    conformal_init(&late, 0.8);
    for (int i = 0; i < 5; i++) {
        conformal_learn(&late, 0, NAN, NAN, 1);
    }
    assert_true(late.scale == 1);
    for (int i = 0; i < 10; i++) {
        conformal_learn_late(&late, 0, NAN, NAN, 2, 1);
    }
    assert_true(late.scale > 1.3 && late.scale < 2);
    for (uint32_t i = 0; i < late.n; i++) {
        assert_true(late.sorted[i] == (i < 5 ? 1 : 2));
    }
    /* A scale that is not known is the one of now. */
    conformal_init(&odd, 0.8);
    conformal_learn_late(&odd, 0, NAN, NAN, 4, 0);
    conformal_learn_late(&odd, 0, NAN, NAN, 8, NAN);
    assert_true(odd.sorted[0] == 1 && odd.sorted[1] == 2);
}

static void continues_after_load(void **state)
{
    (void)state;
    struct conformal a, b;
    struct buffer saved;
    struct random random;
    double last = 0, bound[4];
    random_seed(&random, 5, 1);
    conformal_init(&a, 0.9);
    conformal_init(&b, 0.9);
    for (int i = 0; i < 700; i++) {
        if (i == 7 || i == 350) {
            buffer_init(&saved);
            struct snapshot s = snapshot_saver(&saved);
            assert_int_equal(conformal_io(&a, &s), 0);
            for (size_t n = 0; n < saved.n; n++) {
                struct snapshot cut = snapshot_loader(saved.data, n);
                conformal_init(&b, 0.9);
                assert_int_equal(conformal_io(&b, &cut), -ERR_DATA);
            }
            s = snapshot_loader(saved.data, saved.n);
            conformal_init(&b, 0.9);
            assert_int_equal(conformal_io(&b, &s), 0);
            assert_ptr_equal(s.p, s.end);
            buffer_done(&saved);
        }
        double y = error_of(DEPENDENT, i, &random, &last);
        conformal_interval(&a, 0, &bound[0], &bound[1]);
        conformal_learn(&a, 0, bound[0], bound[1], y);
        if (i >= 7) {
            conformal_interval(&b, 0, &bound[2], &bound[3]);
            conformal_learn(&b, 0, bound[2], bound[3], y);
            assert_memory_equal(&bound[0], &bound[2], 2 * sizeof(double));
        }
    }
}

static void odd_errors(void **state)
{
    (void)state;
    struct conformal c;
    double lower, upper;
    conformal_init(&c, 0.9);
    for (int i = 0; i < 50; i++) {
        conformal_interval(&c, 5, &lower, &upper);
        conformal_learn(&c, 5, lower, upper, 5);
    }
    assert_true(conformal_interval(&c, 5, &lower, &upper));
    assert_true(lower == 5 && upper == 5 && c.covered == c.intervals && c.intervals > 0);
    for (int i = 0; i < 500; i++) {
        conformal_interval(&c, 1e150, &lower, &upper);
        assert_true(lower <= upper && isfinite(lower) && isfinite(upper));
        conformal_learn(&c, 1e150, lower, upper, i % 3 ? -1e150 : 1e-300);
    }
}

static void damage_changes_numbers_only(void **state)
{
    (void)state;
    struct conformal c;
    struct buffer saved;
    double lower, upper;
    conformal_init(&c, 0.9);
    for (int i = 0; i < 30; i++) {
        conformal_learn(&c, 0, NAN, NAN, i);
    }
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    conformal_io(&c, &s);
    for (size_t i = 0; i < saved.n * 8; i++) {
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
        s = snapshot_loader(saved.data, saved.n);
        conformal_init(&c, 0.9);
        if (conformal_io(&c, &s) == 0) {
            conformal_interval(&c, 1, &lower, &upper);
            conformal_learn(&c, 1, lower, upper, 2);
        }
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
    }
    assert_true(saved.n > 30 * sizeof(double));
    buffer_done(&saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_before_enough_errors),
        cmocka_unit_test(the_quantile_is_that_of_the_last_scores),
        cmocka_unit_test(covers_the_stated_share),
        cmocka_unit_test(a_late_truth_is_scored_by_the_scale_of_its_prediction),
        cmocka_unit_test(continues_after_load),
        cmocka_unit_test(odd_errors),
        cmocka_unit_test(damage_changes_numbers_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
