/* Bag: beside an array of all numbers; what is taken from a changelog. */
#include "ml/bag.h"

#include "engine/memory.h"
#include "engine/random.h"
#include "ml/features.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define SPACE 5000

static void equal_ones_add_up(void **state)
{
    (void)state;
    static double all[SPACE], found[SPACE];
    struct random random;
    struct bag b;
    random_seed(&random, 3, 0);
    bag_init(&b, 9);
    for (uint32_t row = 0; row < 200; row++) {
        uint32_t n = random_below(&random, row % 10 == 0 ? 3000 : 40), distinct = 0;
        memset(all, 0, sizeof all);
        memset(found, 0, sizeof found);
        bag_begin(&b, n);
        for (uint32_t i = 0; i < n; i++) {
            uint32_t index = random_below(&random, row % 3 == 0 ? 7 : SPACE);
            double value = random_below(&random, 2) ? 1 : -1;
            all[index] += value;
            bag_add(&b, index, value);
        }
        bag_end(&b);
        for (uint32_t i = 0; i < b.n; i++) {
            assert_true(b.item[i].value != 0 && found[(uint32_t)b.item[i].index] == 0);
            found[(uint32_t)b.item[i].index] = b.item[i].value;
        }
        assert_memory_equal(all, found, sizeof all);
        for (uint32_t i = 0; i < SPACE; i++) {
            distinct += all[i] < 0 || all[i] > 0;
        }
        assert_int_equal(distinct, b.n);
    }
    bag_done(&b);
}

static void the_order_is_that_of_the_row(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct bag b;
        bag_init(&b, seed);
        bag_begin(&b, 5);
        const uint32_t index[] = {16777215, 0, 9, 0, 1048576};
        for (int i = 0; i < 5; i++) {
            bag_add(&b, index[i], 0.5);
        }
        bag_end(&b);
        assert_int_equal(b.n, 4);
        assert_true(b.item[0].index == 16777215 && b.item[1].index == 0 && b.item[1].value == 1 &&
                    b.item[2].index == 9 && b.item[3].index == 1048576);
        bag_done(&b);
    }
}

static void sums_stay_within_bounds(void **state)
{
    (void)state;
    struct bag b;
    bag_init(&b, 1);
    bag_begin(&b, 3);
    bag_add(&b, 1, FEATURE_MOST);
    bag_add(&b, 1, FEATURE_MOST);
    bag_add(&b, 2, -FEATURE_MOST);
    bag_end(&b);
    assert_true(b.item[0].value == FEATURE_MOST && b.item[1].value == -FEATURE_MOST);
    bag_begin(&b, 0);
    bag_end(&b);
    assert_int_equal(b.n, 0);
    bag_done(&b);
}

static void what_is_no_bag_is_told(void **state)
{
    (void)state;
    const struct sparse_item good[] = {{0, 1}, {99, -2}};
    assert_true(bag_holds(good, 2, 100));
    assert_true(bag_holds(good, 0, 100));
    assert_false(bag_holds(good, 2, 99));
    const struct sparse_item bad[] = {
        {-1, 1},          {0.5, 1},   {(double)NAN, 1},      {1e300, 1},
        {1, (double)NAN}, {1, 2e150}, {1, -(double)INFINITY}};
    for (int i = 0; i < 7; i++) {
        assert_false(bag_holds(&bad[i], 1, 100));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_ones_add_up),
        cmocka_unit_test(the_order_is_that_of_the_row),
        cmocka_unit_test(sums_stay_within_bounds),
        cmocka_unit_test(what_is_no_bag_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
