/* LSTM layer: one unit worked out in doubles, windows as steps one by one, gradients by finite
 * differences.
 */
#include "engine/memory.h"
#include "ml/float4.h"
#include "ml/lstm_cell.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static float *floats(size_t n)
{
    float *v = mem_array(n, sizeof(*v));
    memset(v, 0, n * sizeof(*v));
    return v;
}

static float *noise(size_t n, struct random *random)
{
    float *v = floats(n);
    for (size_t i = 0; i < n; i++) {
        v[i] = (float)random_normal(random);
    }
    return v;
}

static void exp_and_its_friends_are_exact_to_a_float(void **state)
{
    (void)state;
    for (double x = -80; x < 80; x += 0.0371) {
        float got[4];
        float4_store(got, float4_exp(float4_all((float)x)));
        double exact = exp((double)(float)x);
        assert_true(fabs((double)got[0] - exact) <= 3e-7 * exact);
        float4_store(got, float4_sigmoid(float4_all((float)x)));
        assert_true(fabs((double)got[1] - 1 / (1 + exp(-(double)(float)x))) <= 3e-7);
        float4_store(got, float4_tanh(float4_all((float)x)));
        assert_true(fabs((double)got[2] - tanh((double)(float)x)) <= 4e-7);
    }
    float far[4];
    float4_store(far, float4_sigmoid((float4){-1e30F, 1e30F, -1000, 1000}));
    assert_true(far[0] >= 0 && far[0] < 1e-30F && far[1] == 1 && far[2] < 1e-30F && far[3] == 1);
    float4_store(far, float4_tanh((float4){-1e30F, 1e30F, 0, 0}));
    assert_true(far[0] == -1 && far[1] == 1 && fabsf(far[2]) < 1e-7F);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* With only units of their own, so that the formula of each is that of a single one. */
static void one_step_by_hand(void **state)
{
    (void)state;
    struct lstm_cell l = {1, 4, 1};
    float *w = floats(lstm_cell_weights(&l)), x = 0.5F, h[4] = {0.25F}, c[4] = {-0.5F}, gates[16];
    float *of_x = w, *of_h = w + 16, *bias = w + 16 * 5;
    for (size_t gate = 0; gate < 4; gate++) {
        of_x[gate * 4] = 0.1F * (float)(gate + 1);
        of_h[gate * 4] = -0.2F * (float)(gate + 1); /* of the first h */
        bias[gate * 4] = 0.3F;
    }
    double sum[4];
    for (int gate = 0; gate < 4; gate++) {
        sum[gate] = 0.1 * (gate + 1) * 0.5 - 0.2 * (gate + 1) * 0.25 + 0.3;
    }
    lstm_cell_step(&l, w, &x, h, c, gates);
    double cell = sigmoid(sum[1]) * -0.5 + sigmoid(sum[0]) * tanh(sum[2]);
    assert_true(fabs((double)c[0] - cell) < 1e-6);
    assert_true(fabs((double)h[0] - sigmoid(sum[3]) * tanh(cell)) < 1e-6);
    assert_true(fabsf(c[1]) < 1e-7F && fabsf(h[1]) < 1e-7F); /* no weights: tanh(0) */
    mem_free(w);
}

static void a_window_is_its_steps(void **state)
{
    (void)state;
    struct lstm_cell l = {3, 8, 7};
    const size_t rows = 5;
    struct random random;
    random_seed(&random, 3, 1);
    float *w = floats(lstm_cell_weights(&l)), *x = noise(rows * 7 * 3, &random);
    float *tape = floats(lstm_cell_tape(&l, rows));
    lstm_cell_start(&l, w, &random);
    for (size_t i = 0; i < lstm_cell_weights(&l); i++) {
        assert_true(fabs((double)w[i]) <= 1 / sqrt(8) + 1e-7);
    }
    const float *batch = lstm_cell_forward(&l, w, rows, x, tape);
    for (size_t r = 0; r < rows; r++) {
        float h[8] = {0}, c[8] = {0}, gates[32];
        for (size_t s = 0; s < 7; s++) {
            lstm_cell_step(&l, w, x + (s * rows + r) * 3, h, c, gates);
        }
        for (size_t k = 0; k < 8; k++) {
            assert_true(fabsf(h[k] - batch[r * 8 + k]) < 1e-5F);
        }
    }
    mem_free(w);
    mem_free(x);
    mem_free(tape);
}

/* A number that depends on every h: their sum, each with a weight of its own. */
static double weigh(const float *h, const float *by, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)h[i] * (double)by[i];
    }
    return sum;
}

static void gradient_by_finite_differences(void **state)
{
    (void)state;
    struct lstm_cell l = {2, 4, 6};
    const uint32_t rows = 3;
    const float move = 1.0F / 256;
    struct random random;
    random_seed(&random, 5, 1);
    size_t n = lstm_cell_weights(&l);
    float *w = floats(n), *x = noise(rows * 6 * 2, &random), *by = noise(rows * 4, &random);
    float *tape = floats(lstm_cell_tape(&l, rows)), *gradient = floats(n), *dh = floats(rows * 4);
    lstm_cell_start(&l, w, &random);
    lstm_cell_forward(&l, w, rows, x, tape);
    memcpy(dh, by, rows * 4 * sizeof(float));
    lstm_cell_backward(&l, w, rows, x, tape, dh, gradient);
    for (size_t i = 0; i < n; i++) {
        float at = w[i];
        w[i] = at + move;
        double up = weigh(lstm_cell_forward(&l, w, rows, x, tape), by, rows * 4);
        w[i] = at - move;
        double down = weigh(lstm_cell_forward(&l, w, rows, x, tape), by, rows * 4);
        w[i] = at;
        double slope = (up - down) / (2 * (double)move);
        assert_true(fabs(slope - (double)gradient[i]) < 2e-3);
    }
    mem_free(w);
    mem_free(x);
    mem_free(by);
    mem_free(tape);
    mem_free(gradient);
    mem_free(dh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_and_its_friends_are_exact_to_a_float),
        cmocka_unit_test(one_step_by_hand),
        cmocka_unit_test(a_window_is_its_steps),
        cmocka_unit_test(gradient_by_finite_differences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
