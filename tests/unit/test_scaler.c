/* Scaler: running mean and population variance against two passes; nothing odd without spread. */
#include "ml/scaler.h"

#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void agrees_with_two_passes(void **state)
{
    (void)state;
    enum { ROWS = 500 };
    static double x[ROWS][3];
    struct random random;
    struct scaler s;
    random_seed(&random, 3, 1);
    scaler_init(&s, 3);
    for (int r = 0; r < ROWS; r++) {
        x[r][0] = random_normal(&random) * 5 + 1e6;
        x[r][1] = random_unit(&random);
        x[r][2] = 4;
        scaler_learn(&s, x[r]);
        for (int c = 0; c < 3; c++) {
            double mean = 0, var = 0, out[3];
            for (int k = 0; k <= r; k++) {
                mean += x[k][c] / (r + 1);
            }
            for (int k = 0; k <= r; k++) {
                var += (x[k][c] - mean) * (x[k][c] - mean) / (r + 1);
            }
            scaler_transform(&s, x[r], out);
            double expected = c < 2 && r > 0 ? (x[r][c] - mean) / sqrt(var) : 0;
            assert_true(fabs(out[c] - expected) < 1e-6);
        }
    }
    scaler_done(&s);
}

static void scales_to_zero_before_it_has_learned(void **state)
{
    (void)state;
    struct scaler s;
    double x[] = {7, -1e150};
    scaler_init(&s, 2);
    scaler_transform(&s, x, x); /* in place */
    assert_true(x[0] == 0 && x[1] == 0);
    scaler_done(&s);
}

static void what_is_off_a_feature_without_spread_is_far_off(void **state)
{
    (void)state;
    struct scaler s;
    double usual[] = {3, 0}, odd[] = {3.5, -1}, out[2];
    scaler_init(&s, 2);
    for (int r = 0; r < SCALER_FEW; r++) {
        scaler_transform_odd(&s, odd, 7, out);
        assert_true(out[0] == 0 && out[1] == 0); /* so few rows tell nothing */
        scaler_learn(&s, usual);
    }
    scaler_transform_odd(&s, odd, 7, out);
    assert_true(out[0] == 7 && out[1] == -7);
    scaler_transform_odd(&s, usual, 7, out);
    assert_true(out[0] == 0 && out[1] == 0);
    scaler_learn(&s, odd);
    scaler_transform(&s, odd, out);
    scaler_transform_odd(&s, odd, 7, odd); /* in place; there is a spread now */
    assert_true(odd[0] == out[0] && odd[1] == out[1] && out[0] < 7);
    scaler_done(&s);
}

static void stays_finite_at_the_largest_feature(void **state)
{
    (void)state;
    struct scaler s;
    double rows[] = {1e150, -1e150, 0, 1}, out;
    scaler_init(&s, 1);
    for (int i = 0; i < 4; i++) {
        scaler_learn(&s, &rows[i]);
        scaler_transform(&s, &rows[i], &out);
        assert_true(isfinite(out));
    }
    scaler_done(&s);
}

static void goes_on_after_save_and_load(void **state)
{
    (void)state;
    struct scaler a, b;
    struct buffer saved;
    double x[] = {3, 5}, p[2], q[2];
    scaler_init(&a, 2);
    scaler_init(&b, 2);
    buffer_init(&saved);
    for (int i = 0; i < 10; i++, x[0] *= 1.3, x[1] -= 0.7) {
        scaler_learn(&a, x);
    }
    struct snapshot s = snapshot_saver(&saved);
    assert_int_equal(scaler_io(&a, &s), 0);
    for (size_t n = 0; n < saved.n; n++) {
        s = snapshot_loader(saved.data, n);
        assert_int_equal(scaler_io(&b, &s), -ERR_DATA);
    }
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(scaler_io(&b, &s), 0);
    scaler_learn(&a, x);
    scaler_learn(&b, x);
    scaler_transform(&a, x, p);
    scaler_transform(&b, x, q);
    assert_memory_equal(p, q, sizeof(p));
    buffer_done(&saved);
    scaler_done(&a);
    scaler_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_two_passes),
        cmocka_unit_test(scales_to_zero_before_it_has_learned),
        cmocka_unit_test(what_is_off_a_feature_without_spread_is_far_off),
        cmocka_unit_test(stays_finite_at_the_largest_feature),
        cmocka_unit_test(goes_on_after_save_and_load),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
