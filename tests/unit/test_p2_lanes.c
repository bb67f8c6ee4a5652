/* P2 lanes: each is the quantile that ml/p2.c has of the same values, bit for bit, and its state. */
#include "ml/p2_lanes.h"

#include "engine/memory.h"
#include "engine/random.h"
#include "ml/p2.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define LANES_MOST 40
static const double quantiles[] = {0.5, 0.25, 0.75, 0.01, 0.9};

/* Numbers of several shapes, many of them equal, some missing. */
static double draw(struct random *random, uint32_t lane)
{
    if (random_below(random, 5) == 0) {
        return (double)NAN;
    }
    switch (lane % 4) {
    case 0:
        return random_normal(random);
    case 1:
        return (double)random_below(random, 3);
    case 2:
        return random_below(random, 50) ? random_unit(random) : 1e150;
    default:
        return lane % 8 == 3 ? 7 : 100 - random_unit(random);
    }
}

static void save_lanes(struct p2_lanes *lanes, struct buffer *out)
{
    struct snapshot s = snapshot_saver(out);
    for (uint32_t i = 0; i < lanes->n; i++) {
        assert_int_equal(p2_lanes_io(lanes, i, &s), 0);
    }
}

static int load_lanes(struct p2_lanes *lanes, const struct buffer *bytes, size_t n)
{
    struct snapshot s = snapshot_loader(bytes->data, n);
    int status = 0;
    for (uint32_t i = 0; i < lanes->n && status == 0; i++) {
        status = p2_lanes_io(lanes, i, &s);
    }
    return status;
}

static void assert_same_state(struct p2_lanes *lanes, struct p2 *one)
{
    struct buffer a, b;
    buffer_init(&a);
    buffer_init(&b);
    struct snapshot s = snapshot_saver(&b);
    save_lanes(lanes, &a);
    for (uint32_t i = 0; i < lanes->n; i++) {
        assert_int_equal(p2_io(&one[i], &s), 0);
    }
    assert_int_equal(a.n, b.n);
    assert_memory_equal(a.data, b.data, a.n);
    buffer_done(&a);
    buffer_done(&b);
}

static void assert_same_value(const struct p2_lanes *lanes, const struct p2 *one, uint32_t i)
{
    double x = p2_lanes_get(lanes, i), y = p2_get(&one[i], lanes->q[i]);
    assert_true(isnan(x) ? isnan(y) : x == y);
}

static void each_lane_is_a_p2(void **state)
{
    (void)state;
    const uint32_t sizes[] = {1, 3, 4, 5, 12, 16, 17, LANES_MOST};
    struct random random;
    random_seed(&random, 5, 1);
    for (size_t k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
        struct p2_lanes lanes;
        struct p2 one[LANES_MOST];
        p2_lanes_init(&lanes, sizes[k], quantiles, 5);
        for (uint32_t i = 0; i < sizes[k]; i++) {
            p2_init(&one[i], quantiles[i % 5]);
            assert_same_value(&lanes, one, i);
        }
        for (int row = 0; row < 2000; row++) {
            for (uint32_t i = 0; i < sizes[k]; i++) {
                double x = draw(&random, i);
                lanes.x[i] = x;
                if (!isnan(x)) {
                    p2_add(&one[i], quantiles[i % 5], x);
                }
            }
            p2_lanes_add(&lanes);
            for (uint32_t i = 0; i < sizes[k]; i++) {
                assert_same_value(&lanes, one, i);
            }
            if (row < 12 || row % 500 == 0) {
                assert_same_state(&lanes, one);
            }
        }
        p2_lanes_done(&lanes);
    }
}

/* Also with few values in some of the lanes. */
static void goes_on_after_a_load(void **state)
{
    (void)state;
    for (int rows = 0; rows < 40; rows += rows < 10 ? 1 : 7) {
        struct random random;
        struct p2_lanes a, b;
        struct buffer saved;
        random_seed(&random, (uint64_t)rows, 1);
        buffer_init(&saved);
        p2_lanes_init(&a, 7, quantiles, 5);
        p2_lanes_init(&b, 7, quantiles, 5);
        for (int row = 0; row < rows + 200; row++) {
            if (row == rows) {
                save_lanes(&a, &saved);
                assert_int_equal(load_lanes(&b, &saved, saved.n), 0);
            }
            for (uint32_t i = 0; i < 7; i++) {
                double x = draw(&random, i);
                a.x[i] = x;
                b.x[i] = row < rows ? 5 : x;
            }
            p2_lanes_add(&a);
            p2_lanes_add(&b);
        }
        for (uint32_t i = 0; i < 7; i++) {
            double x = p2_lanes_get(&a, i), y = p2_lanes_get(&b, i);
            assert_true(isnan(x) ? isnan(y) : x == y);
        }
        buffer_done(&saved);
        p2_lanes_done(&a);
        p2_lanes_done(&b);
    }
}

static void refuses_damage(void **state)
{
    (void)state;
    struct random random;
    struct p2_lanes lanes;
    struct buffer saved;
    random_seed(&random, 6, 1);
    buffer_init(&saved);
    p2_lanes_init(&lanes, 3, quantiles, 3);
    for (int row = 0; row < 60; row++) {
        for (uint32_t i = 0; i < 3; i++) {
            lanes.x[i] = draw(&random, i);
        }
        p2_lanes_add(&lanes);
    }
    save_lanes(&lanes, &saved);
    for (size_t n = 0; n < saved.n; n++) {
        assert_int_equal(load_lanes(&lanes, &saved, n), -ERR_DATA);
    }
    for (size_t i = 0; i < saved.n * 8; i++) {
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
        load_lanes(&lanes, &saved, saved.n);
        for (uint32_t k = 0; k < 3; k++) {
            lanes.x[k] = draw(&random, k);
        }
        p2_lanes_add(&lanes);
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
    }
    assert_int_equal(load_lanes(&lanes, &saved, saved.n), 0);
    buffer_done(&saved);
    p2_lanes_done(&lanes);
}

static void allocates_nothing_per_value(void **state)
{
    (void)state;
    struct p2_lanes lanes;
    p2_lanes_init(&lanes, 12, quantiles, 3);
    assert_true(p2_lanes_size(&lanes) >= 12 * sizeof(struct p2));
    uint64_t before = mem_count();
    for (int row = 0; row < 100; row++) {
        for (uint32_t i = 0; i < 12; i++) {
            lanes.x[i] = row % 7;
        }
        p2_lanes_add(&lanes);
    }
    assert_int_equal(mem_count(), before);
    p2_lanes_done(&lanes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lane_is_a_p2),
        cmocka_unit_test(goes_on_after_a_load),
        cmocka_unit_test(refuses_damage),
        cmocka_unit_test(allocates_nothing_per_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
