/* Ring of a series' last values: order, moments, save and load. */
#include "engine/memory.h"
#include "ml/value_ring.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void keeps_the_last_values_in_order(void **state)
{
    (void)state;
    struct value_ring s;
    value_ring_init(&s, 150);
    for (uint32_t i = 0; i < 1000; i++) {
        value_ring_add(&s, i);
        assert_int_equal(s.n, i < 150 ? i + 1 : 150);
        assert_true(value_ring_at(&s, s.n - 1) == i);
        assert_true(value_ring_at(&s, 0) == i + 1 - s.n);
        assert_true(s.room <= 150);
    }
    assert_int_equal(s.steps, 1000);
    value_ring_done(&s);
}

static void moments_leave_out_what_is_missing(void **state)
{
    (void)state;
    struct value_ring s;
    double mean, deviation;
    value_ring_init(&s, 10);
    assert_int_equal(value_ring_moments(&s, &mean, &deviation), 0);
    assert_true(mean == 0 && deviation == 1);
    value_ring_add(&s, NAN);
    value_ring_add(&s, 4);
    assert_int_equal(value_ring_moments(&s, &mean, &deviation), 1);
    assert_true(mean == 4 && deviation == 1); /* no spread */
    value_ring_add(&s, NAN);
    value_ring_add(&s, 8);
    assert_int_equal(value_ring_moments(&s, &mean, &deviation), 2);
    assert_true(mean == 6 && deviation == 2);
    value_ring_done(&s);
    value_ring_init(&s, 10);
    for (int i = 0; i < 10; i++) {
        value_ring_add(&s, i % 2 ? 1e150 : -1e150);
    }
    value_ring_moments(&s, &mean, &deviation);
    assert_true(mean == 0 && fabs(deviation - 1e150) < 1e140);
    value_ring_done(&s);
}

static void loads_what_it_saved(void **state)
{
    (void)state;
    struct value_ring a, b;
    value_ring_init(&a, 70);
    for (uint32_t n = 0; n < 200; n++) {
        struct buffer saved;
        value_ring_init(&b, 70);
        buffer_init(&saved);
        struct snapshot s = snapshot_saver(&saved);
        assert_int_equal(value_ring_io(&a, &s), 0);
        s = snapshot_loader(saved.data, saved.n);
        assert_int_equal(value_ring_io(&b, &s), 0);
        assert_ptr_equal(s.p, s.end);
        assert_int_equal(a.n, b.n);
        assert_int_equal(a.steps, b.steps);
        value_ring_add(&a, n % 7 ? n : (double)NAN);
        value_ring_add(&b, n % 7 ? n : (double)NAN);
        for (uint32_t i = 0; i < a.n; i++) {
            double x = value_ring_at(&a, i), y = value_ring_at(&b, i);
            assert_true(x == y || (isnan(x) && isnan(y)));
        }
        for (size_t k = 0; k < saved.n; k++) {
            struct value_ring c;
            value_ring_init(&c, 70);
            s = snapshot_loader(saved.data, k);
            assert_int_equal(value_ring_io(&c, &s), -ERR_DATA);
            value_ring_done(&c);
        }
        buffer_done(&saved);
        value_ring_done(&b);
    }
    value_ring_done(&a);
}

static void refuses_what_never_was(void **state)
{
    (void)state;
    /* steps, n, first value: more held than ever came, more than fit, a value that is too large. */
    struct {
        int64_t steps;
        uint32_t n;
        double value;
    } bad[] = {{0, 1, 1}, {9, 9, 1}, {9, 2, 1}, {1, 1, 1e151}, {1, 1, INFINITY}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct value_ring a;
        struct buffer saved;
        buffer_init(&saved);
        struct snapshot s = snapshot_saver(&saved);
        snapshot_long(&s, &bad[i].steps);
        snapshot_u32(&s, &bad[i].n);
        for (uint32_t k = 0; k < bad[i].n; k++) {
            snapshot_double(&s, &bad[i].value);
        }
        value_ring_init(&a, 4);
        s = snapshot_loader(saved.data, saved.n);
        assert_int_equal(value_ring_io(&a, &s), -ERR_DATA);
        value_ring_done(&a);
        buffer_done(&saved);
    }
}

static void the_head_is_as_it_was_then(void **state)
{
    (void)state;
    struct value_ring s, head;
    value_ring_init(&s, 70);
    for (uint32_t i = 0; i < 100; i++) {
        value_ring_add(&s, i);
    }
    for (uint32_t n = 0; n <= 70; n += 35) {
        value_ring_head(&head, &s, n);
        assert_int_equal(head.n, n);
        assert_int_equal(head.steps, 30 + n);
        for (uint32_t i = 0; i < n; i++) {
            assert_true(value_ring_at(&head, i) == 30 + i);
        }
        value_ring_done(&head);
    }
    value_ring_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_last_values_in_order),
        cmocka_unit_test(moments_leave_out_what_is_missing),
        cmocka_unit_test(loads_what_it_saved),
        cmocka_unit_test(refuses_what_never_was),
        cmocka_unit_test(the_head_is_as_it_was_then),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
