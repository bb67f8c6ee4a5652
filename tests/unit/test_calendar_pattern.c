/* Patterns of timestamps: what is written is read back; what is refused. */
#include "engine/expression/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void patterns_read_back(void **state)
{
    (void)state;
    static const char *const patterns[] = {"yyyy-MM-dd HH:mm:ss.SSS", "d.M.yyyy H:m:s,SSSSSS",
                                           "EEEE, MMM d yyyy hh:mm:ss.SSS a", "yyyyDDDHHmmssSSSX",
                                           "'at' HH'h'mm:ss.SSS MMMM dd yyyy"};
    static const int64_t times[] = {0, 1769862896789, 951782400123, 253402300799999,
                                    -62135596800000};
    for (size_t p = 0; p < sizeof patterns / sizeof patterns[0]; p++) {
        uint32_t n = (uint32_t)strlen(patterns[p]);
        assert_true(calendar_pattern_valid(patterns[p], n));
        for (size_t k = 0; k < sizeof times / sizeof times[0]; k++) {
            struct buffer b;
            buffer_init(&b);
            calendar_write(&b, times[k], patterns[p], n);
            int64_t ms = 1;
            assert_true(calendar_read(b.data, (uint32_t)b.n, patterns[p], n, &ms));
            assert_int_equal(ms, times[k]);
            buffer_done(&b);
        }
    }
}

static void refuses_patterns(void **state)
{
    (void)state;
    static const char *const wrong[] = {"YYYY", "yyyy'", "q", "yyyyyyyyyy", "T"};
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        assert_false(calendar_pattern_valid(wrong[k], (uint32_t)strlen(wrong[k])));
    }
    int64_t ms;
    assert_false(calendar_read("30.02.2024", 10, "dd.MM.yyyy", 10, &ms));
    assert_false(calendar_read("01.01.2024x", 11, "dd.MM.yyyy", 10, &ms));
    assert_false(calendar_read("366 2023", 8, "DDD yyyy", 8, &ms));
    assert_true(calendar_read("366 2024", 8, "DDD yyyy", 8, &ms));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns_read_back),
        cmocka_unit_test(refuses_patterns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
