/* Adam on a block of floats: its first steps by hand, the clip, gradients that are not finite, save
 * and load.
 */
#include "engine/memory.h"
#include "ml/clipped_adam.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void two_steps_by_hand(void **state)
{
    (void)state;
    struct clipped_adam a;
    float w[2] = {1, -1}, g[2] = {0.5F, 0}, again[2] = {-0.25F, 0};
    clipped_adam_init(&a, 2);
    assert_true(clipped_adam_step(&a, 0.1, 0, w, g));
    assert_true(fabs((double)w[0] - 0.9) < 1e-6); /* lr times the sign, whatever the size */
    assert_true(w[1] == -1);
    double m = 0.9 * 0.05 + 0.1 * -0.25, v = 0.999 * 0.00025 + 0.001 * 0.0625;
    double step = 0.1 * (m / (1 - 0.81)) / sqrt(v / (1 - 0.998001));
    assert_true(clipped_adam_step(&a, 0.1, 0, w, again));
    assert_true(fabs((double)w[0] - (0.9 - step)) < 1e-5);
    clipped_adam_done(&a);
}

static void a_long_gradient_is_shortened(void **state)
{
    (void)state;
    struct clipped_adam a, b;
    float w[2] = {0, 0}, u[2] = {0, 0}, g[2] = {30, 40}, short_one[2] = {0.6F, 0.8F};
    clipped_adam_init(&a, 2);
    clipped_adam_init(&b, 2);
    clipped_adam_step(&a, 0.01, 1, w, g);
    clipped_adam_step(&b, 0.01, 1, u, short_one);
    for (int i = 0; i < 2; i++) {
        assert_true(fabsf(a.mean[i] - b.mean[i]) < 1e-7F);
        assert_true(fabsf(a.square[i] - b.square[i]) < 1e-7F);
    }
    clipped_adam_done(&a);
    clipped_adam_done(&b);
}

static void what_is_not_finite_is_left_out(void **state)
{
    (void)state;
    struct clipped_adam a;
    float w[2] = {1, 2}, g[2] = {NAN, 1}, far[2] = {INFINITY, 0};
    clipped_adam_init(&a, 2);
    assert_false(clipped_adam_step(&a, 0.1, 1, w, g));
    assert_false(clipped_adam_step(&a, 0.1, 1, w, far));
    assert_true(w[0] == 1 && w[1] == 2 && a.steps == 0 && a.mean[1] == 0);
    clipped_adam_done(&a);
}

static void saves_and_loads(void **state)
{
    (void)state;
    struct clipped_adam a, b;
    struct buffer saved;
    float w[3] = {1, 2, 3}, u[3], g[3] = {0.1F, -0.2F, 0.3F}, h[3] = {0.1F, -0.2F, 0.3F};
    clipped_adam_init(&a, 3);
    clipped_adam_init(&b, 3);
    clipped_adam_step(&a, 0.1, 1, w, g);
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    clipped_adam_floats(&s, w, 3);
    assert_int_equal(clipped_adam_io(&a, &s), 0);
    s = snapshot_loader(saved.data, saved.n);
    clipped_adam_floats(&s, u, 3);
    assert_int_equal(clipped_adam_io(&b, &s), 0);
    assert_memory_equal(w, u, sizeof(w));
    clipped_adam_step(&a, 0.1, 1, w, g);
    clipped_adam_step(&b, 0.1, 1, u, h);
    assert_memory_equal(w, u, sizeof(w));
    for (size_t n = 0; n < saved.n; n++) {
        s = snapshot_loader(saved.data, n);
        clipped_adam_floats(&s, u, 3);
        assert_int_equal(clipped_adam_io(&b, &s), -ERR_DATA);
    }
    float bad = NAN;
    buffer_done(&saved);
    buffer_init(&saved);
    s = snapshot_saver(&saved);
    clipped_adam_floats(&s, &bad, 1);
    s = snapshot_loader(saved.data, saved.n);
    clipped_adam_floats(&s, &bad, 1);
    assert_int_equal(snapshot_status(&s), -ERR_DATA);
    assert_true(bad == 0);
    buffer_done(&saved);
    clipped_adam_done(&a);
    clipped_adam_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_steps_by_hand),
        cmocka_unit_test(a_long_gradient_is_shortened),
        cmocka_unit_test(what_is_not_finite_is_left_out),
        cmocka_unit_test(saves_and_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
