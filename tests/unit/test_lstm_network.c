/* LSTM network: batches predict what single windows do, gradients by finite differences of Huber's
 * loss and of squares, missing targets.
 */
#include "engine/memory.h"
#include "ml/lstm_network.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROWS 4

static const struct lstm_network net = {{2, 4, 5}, 3, 5};

static struct data {
    float *weight, *x, *direct, *y, *room, *gradient;
    size_t n;
} d;

static float *floats(size_t n, struct random *random)
{
    float *v = mem_array(n, sizeof(*v));
    for (size_t i = 0; i < n; i++) {
        v[i] = random ? (float)random_normal(random) : 0;
    }
    return v;
}

static int set_up(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 9, 1);
    d.n = lstm_network_weights(&net);
    d.weight = floats(d.n, NULL);
    lstm_network_start(&net, d.weight, &random);
    for (size_t i = d.n - 15; i < d.n; i++) {
        assert_true(d.weight[i] == 0); /* the direct inputs count for nothing at first */
        d.weight[i] = (float)random_normal(&random) / 4;
    }
    d.x = floats(ROWS * 5 * 2, &random);
    d.direct = floats(ROWS * 5, &random);
    d.y = floats(ROWS * 3, &random);
    d.y[4] = NAN;
    d.room = floats(lstm_network_room(&net, ROWS), NULL);
    d.gradient = floats(d.n, NULL);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    mem_free(d.weight);
    mem_free(d.x);
    mem_free(d.direct);
    mem_free(d.y);
    mem_free(d.room);
    mem_free(d.gradient);
    return 0;
}

/* The loss from single predictions, in doubles. */
static double loss_of(double delta)
{
    double loss = 0;
    for (size_t r = 0; r < ROWS; r++) {
        float x[5 * 2], out[3], room[24];
        assert_int_equal(lstm_network_step_room(&net), 24);
        for (size_t s = 0; s < 5; s++) {
            memcpy(x + s * 2, d.x + (s * ROWS + r) * 2, 2 * sizeof(float));
        }
        lstm_network_predict(&net, d.weight, x, d.direct + r * 5, out, room);
        for (size_t k = 0; k < 3; k++) {
            double y = (double)d.y[r * 3 + k], e = fabs((double)out[k] - y);
            if (isnan(y)) {
                continue;
            }
            double huber = e <= delta ? e * e / 2 : delta * (e - delta / 2);
            loss += delta > 0 ? huber : e * e;
        }
    }
    return loss;
}

static void check_gradient(double delta)
{
    const float move = 1.0F / 512;
    memset(d.gradient, 0, d.n * sizeof(float));
    double loss = lstm_network_gradient(&net, d.weight, ROWS, d.x, d.direct, d.y, (float)delta,
                                        0.5F, d.room, d.gradient);
    assert_true(fabs(loss - loss_of(delta) / 2) < 1e-5 * (1 + loss));
    for (size_t i = 0; i < d.n; i++) {
        float at = d.weight[i];
        d.weight[i] = at + move;
        double up = loss_of(delta);
        d.weight[i] = at - move;
        double down = loss_of(delta);
        d.weight[i] = at;
        double slope = (up - down) / (4 * (double)move); /* half of it: the share */
        assert_true(fabs(slope - (double)d.gradient[i]) < 5e-3 * (1 + fabs(slope)));
    }
}

static void gradient_of_squares(void **state)
{
    (void)state;
    check_gradient(0);
}

static void gradient_of_huber(void **state)
{
    (void)state;
    check_gradient(0.75);
}

static void gradients_add_up(void **state)
{
    (void)state;
    float *once = floats(d.n, NULL);
    lstm_network_gradient(&net, d.weight, ROWS, d.x, d.direct, d.y, 1, 1, d.room, once);
    for (size_t i = 0; i < d.n; i++) {
        d.gradient[i] = once[i];
    }
    lstm_network_gradient(&net, d.weight, ROWS, d.x, d.direct, d.y, 1, 1, d.room, d.gradient);
    for (size_t i = 0; i < d.n; i++) {
        assert_true(fabsf(d.gradient[i] - 2 * once[i]) <= 1e-5F * (1 + fabsf(once[i])));
    }
    mem_free(once);
}

static void nothing_known_teaches_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < ROWS * 3; i++) {
        d.y[i] = NAN;
    }
    double loss =
        lstm_network_gradient(&net, d.weight, ROWS, d.x, d.direct, d.y, 1, 1, d.room, d.gradient);
    assert_true(loss == 0);
    for (size_t i = 0; i < d.n; i++) {
        assert_true(d.gradient[i] == 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gradient_of_squares, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gradient_of_huber, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gradients_add_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_known_teaches_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
