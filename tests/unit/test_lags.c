/* Ring of lags: the newest is 1; save and load. */
#include "ml/lags.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void counts_back_from_the_newest(void **state)
{
    (void)state;
    struct lags l;
    lags_init(&l, 3);
    for (int i = 0; i < 10; i++) {
        lags_add(&l, i);
        for (uint32_t lag = 1; lag <= l.n; lag++) {
            assert_true(lags_at(&l, lag) == i + 1 - (double)lag);
        }
    }
    assert_int_equal(l.n, 3);
    lags_clear(&l);
    assert_int_equal(l.n, 0);
    lags_done(&l);
    lags_init(&l, 0);
    lags_add(&l, 1);
    assert_int_equal(l.n, 0);
    lags_done(&l);
}

static void loads_what_it_saved(void **state)
{
    (void)state;
    struct lags a, b, small;
    struct buffer saved;
    lags_init(&a, 4);
    lags_init(&b, 4);
    lags_init(&small, 2);
    for (int i = 0; i < 6; i++) {
        lags_add(&a, i);
    }
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    assert_int_equal(lags_io(&a, &s), 0);
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(lags_io(&b, &s), 0);
    for (uint32_t lag = 1; lag <= 4; lag++) {
        assert_true(lags_at(&a, lag) == lags_at(&b, lag));
    }
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(lags_io(&small, &s), -ERR_DATA);
    s = snapshot_loader(saved.data, saved.n - 1);
    assert_int_equal(lags_io(&b, &s), -ERR_DATA);
    lags_add(&a, INFINITY);
    saved.n = 0;
    s = snapshot_saver(&saved);
    lags_io(&a, &s);
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(lags_io(&b, &s), -ERR_DATA);
    buffer_done(&saved);
    lags_done(&a);
    lags_done(&b);
    lags_done(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_back_from_the_newest),
        cmocka_unit_test(loads_what_it_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
