/* P2: exact while values are few, near the quantiles afterwards, the same after a load. */
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/p2.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void few_values_are_exact(void **state)
{
    (void)state;
    struct p2 p;
    p2_init(&p, 0.5);
    assert_true(isnan(p2_get(&p, 0.5)));
    const double x[] = {5, 1, 4, 2, 3}, median[] = {5, 5, 4, 4, 3};
    for (int i = 0; i < 5; i++) {
        p2_add(&p, 0.5, x[i]);
        assert_true(p2_get(&p, 0.5) == median[i]);
    }
}

/* The example of the paper: its table of marker heights ends with these five. */
static void the_example_of_the_paper(void **state)
{
    (void)state;
    static const double x[] = {0.02,  0.15,  0.74, 3.39, 0.83, 22.37, 10.15, 15.43, 38.62, 15.92,
                               34.60, 10.28, 1.47, 0.40, 0.05, 11.39, 0.27,  0.42,  0.09,  11.37};
    static const double height[] = {0.02, 0.49, 4.44, 17.20, 38.62};
    struct p2 p;
    p2_init(&p, 0.5);
    for (size_t i = 0; i < sizeof(x) / sizeof(x[0]); i++) {
        p2_add(&p, 0.5, x[i]);
    }
    for (int i = 0; i < 5; i++) {
        assert_true(fabs(p.height[i] - height[i]) < 0.01);
    }
    assert_int_equal(p.n, 20);
}

static void quantiles_of_many_are_near(void **state)
{
    (void)state;
    struct random random;
    struct p2 low, high;
    double block[3 * 11];
    struct p2_cells cells;
    random_seed(&random, 3, 1);
    p2_init(&low, 0.1);
    p2_init(&high, 0.95);
    p2_cells_init(&cells, 10, block);
    for (int i = 0; i < 20000; i++) {
        double x = random_unit(&random);
        p2_add(&low, 0.1, x);
        p2_add(&high, 0.95, x);
        p2_cells_add(&cells, x);
    }
    assert_true(fabs(p2_get(&low, 0.1) - 0.1) < 0.01);
    assert_true(fabs(p2_get(&high, 0.95) - 0.95) < 0.01);
    for (uint32_t i = 1; i < 10; i++) {
        assert_true(fabs(p2_cells_edge(&cells, i) - i / 10.0) < 0.02);
        assert_int_equal(p2_cells_find(&cells, p2_cells_edge(&cells, i)), i);
    }
    assert_int_equal(p2_cells_find(&cells, -1), 0);
    assert_int_equal(p2_cells_find(&cells, 2), 9);
}

static void edges_of_few_lie_between_them(void **state)
{
    (void)state;
    double block[3 * 5];
    struct p2_cells c;
    p2_cells_init(&c, 4, block);
    assert_true(isnan(p2_cells_edge(&c, 2)));
    p2_cells_add(&c, 8);
    assert_true(p2_cells_edge(&c, 0) == 8 && p2_cells_edge(&c, 4) == 8);
    p2_cells_add(&c, 0);
    for (uint32_t i = 0; i <= 4; i++) {
        assert_true(p2_cells_edge(&c, i) == 2 * i);
    }
}

/* Constant, sorted and huge values: heights stay in order and finite. */
static void odd_values(void **state)
{
    (void)state;
    static const double step[] = {0, 1, -1, 1e146, -1e146};
    for (size_t k = 0; k < sizeof(step) / sizeof(step[0]); k++) {
        struct p2 p;
        p2_init(&p, 0.3);
        for (int i = 0; i < 5000; i++) {
            p2_add(&p, 0.3, step[k] * i);
            for (int j = 1; j < 5 && i >= 5; j++) {
                assert_true(p.height[j - 1] <= p.height[j]);
            }
        }
        assert_true(fabs(p2_get(&p, 0.3) - 5000 * (step[k] < 0 ? 0.7 : 0.3) * step[k]) <=
                    250 * fabs(step[k]));
    }
}

static void continues_after_load_and_refuses_damage(void **state)
{
    (void)state;
    struct p2 p, q;
    struct buffer out;
    buffer_init(&out);
    p2_init(&p, 0.4);
    for (int i = 0; i < 50; i++) {
        p2_add(&p, 0.4, (i * 7919) % 101);
    }
    struct snapshot s = snapshot_saver(&out);
    assert_int_equal(p2_io(&p, &s), 0);
    s = snapshot_loader(out.data, out.n);
    p2_init(&q, 0.4);
    assert_int_equal(p2_io(&q, &s), 0);
    p2_add(&p, 0.4, 17);
    p2_add(&q, 0.4, 17);
    assert_memory_equal(&p, &q, sizeof(p));
    memset(out.data + 40, 0, 40); /* all positions equal: their differences divide */
    s = snapshot_loader(out.data, out.n);
    assert_int_equal(p2_io(&q, &s), -ERR_DATA);
    s = snapshot_loader(out.data, out.n - 3);
    assert_int_equal(p2_io(&q, &s), -ERR_DATA);
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_values_are_exact),
        cmocka_unit_test(the_example_of_the_paper),
        cmocka_unit_test(quantiles_of_many_are_near),
        cmocka_unit_test(edges_of_few_lie_between_them),
        cmocka_unit_test(odd_values),
        cmocka_unit_test(continues_after_load_and_refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
