/* Products of two threads at the same time are those of one alone. */
#include "ml/blas.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { N = 96, ROUNDS = 300 };

static float a[N * N], b[N * N];

static void *multiply(void *out)
{
    for (int i = 0; i < ROUNDS; i++) {
        blas_sgemm(CblasNoTrans, CblasTrans, N, N, N, 1, a, N, b, N, 0, out, N);
    }
    return out;
}

static void two_threads_do_not_spoil_each_other(void **state)
{
    (void)state;
    static float first[N * N], second[N * N], alone[N * N];
    pthread_t other;
    for (int i = 0; i < N * N; i++) {
        a[i] = (float)(i % 17) - 8;
        b[i] = (float)(i % 23) - 11;
    }
    assert_int_equal(pthread_create(&other, NULL, multiply, second), 0);
    multiply(first);
    pthread_join(other, NULL);
    multiply(alone);
    assert_memory_equal(first, alone, sizeof alone);
    assert_memory_equal(second, alone, sizeof alone);
    float by_hand = 0;
    for (int k = 0; k < N; k++) {
        by_hand += a[k] * b[N + k];
    }
    assert_true(alone[1] == by_hand); /* whole numbers: exact */
}

static void vectors_and_systems(void **state)
{
    (void)state;
    const float m[] = {1, 2, 3, 4}, x[] = {1, 1};
    float y[] = {0, 0};
    blas_sgemv(CblasTrans, 2, 2, 1, m, 2, x, 1, 0, y, 1);
    assert_true(y[0] == 4 && y[1] == 6);
    double packed[] = {4, 0, 9}, right[] = {8, 27};
    assert_int_equal(blas_dppsv('U', 2, 1, packed, right, 2), 0);
    assert_true(right[0] == 2 && right[1] == 3);
    double full[] = {2, 0, 0, 1}, w[2];
    assert_int_equal(blas_dsyevd('V', 'L', 2, full, 2, w), 0);
    assert_true(w[0] == 1 && w[1] == 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_threads_do_not_spoil_each_other),
        cmocka_unit_test(vectors_and_systems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
