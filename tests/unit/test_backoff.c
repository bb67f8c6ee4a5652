/* Backoff: doubles to its most, and begins anew after a good run. */
#include "worker/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void doubles_to_five_minutes(void **state)
{
    (void)state;
    static const int64_t want[] = {1000,  2000,   4000,   8000,   16000, 32000,
                                   64000, 128000, 256000, 300000, 300000};
    int64_t wait = 0;
    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        wait = backoff_next(wait, 50);
        assert_int_equal(wait, want[i]);
    }
}

static void begins_anew_after_a_good_run(void **state)
{
    (void)state;
    assert_int_equal(backoff_next(64000, 600000), 128000);
    assert_int_equal(backoff_next(64000, 600001), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(doubles_to_five_minutes),
        cmocka_unit_test(begins_anew_after_a_good_run),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
