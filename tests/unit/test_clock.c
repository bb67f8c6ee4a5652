/* Clock: durations, and civil time against the C library and at the ends of int64_t. */
#include "engine/clock.h"

#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <time.h>

static void clocks(void **state)
{
    (void)state;
    struct clock c = clock_virtual(5);
    assert_int_equal(clock_now(&c), 5);
    c.fixed = 9;
    assert_int_equal(clock_now(&c), 9);
    assert_int_equal(clock_steady(&c), 9);
    int64_t before = clock_steady(&clock_system);
    assert_true(before > 0 && clock_steady(&clock_system) - before < 600000);
    assert_true(clock_now(&clock_system) > INT64_C(1600000000000));
    int64_t a = clock_monotonic_ns();
    assert_true(clock_monotonic_ns() >= a);
}

static int64_t parsed(const char *s)
{
    int64_t ms = -7;
    return duration_parse(s, strlen(s), &ms) == 0 ? ms : -1;
}

static void durations(void **state)
{
    (void)state;
    assert_int_equal(parsed("250ms"), 250);
    assert_int_equal(parsed("5s"), 5000);
    assert_int_equal(parsed("10m"), 600000);
    assert_int_equal(parsed("1h"), 3600000);
    assert_int_equal(parsed("2d"), 172800000);
    assert_int_equal(parsed("0s"), 0);
    assert_int_equal(parsed("9223372036854775807ms"), INT64_MAX);
    const char *const bad[] = {"",
                               "s",
                               "5",
                               "5 s",
                               "-5s",
                               "5S",
                               "1.5h",
                               "5sx",
                               "5mss",
                               "9223372036854775808ms",
                               "9223372036854775807s"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(parsed(bad[i]), -1);
    }
    const char *const exact[] = {"90s", "1h", "250ms", "2d", "0s", "61m", "-5s"};
    const int64_t ms[] = {90000, 3600000, 250, 172800000, 0, 3660000, -5000};
    for (size_t i = 0; i < sizeof ms / sizeof ms[0]; i++) {
        char out[32];
        duration_format(ms[i], out);
        assert_string_equal(out, exact[i]);
    }
}

static void civil_agrees_with_the_c_library(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 1, 1);
    for (int i = 0; i < 20000; i++) {
        /* about 2900 years around 1970 */
        int64_t s = (int64_t)(random_unit(&r) * 92e9) - INT64_C(46000000000);
        int64_t ms = s * 1000 + (int64_t)random_below(&r, 1000);
        time_t t = (time_t)s;
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        struct civil c = civil_of(ms);
        assert_int_equal(c.year, tm.tm_year + 1900);
        assert_int_equal(c.month, tm.tm_mon + 1);
        assert_int_equal(c.day, tm.tm_mday);
        assert_int_equal(c.hour, tm.tm_hour);
        assert_int_equal(c.minute, tm.tm_min);
        assert_int_equal(c.second, tm.tm_sec);
        assert_int_equal(c.weekday, (tm.tm_wday + 6) % 7);
        assert_int_equal(c.yearday, tm.tm_yday + 1);
        assert_int_equal(civil_to_ms(&c), ms);
    }
}

static void civil_holds_at_the_ends(void **state)
{
    (void)state;
    const int64_t ends[] = {INT64_MIN, INT64_MIN + 1, -1, 0, 1, INT64_MAX - 1, INT64_MAX};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        struct civil c = civil_of(ends[i]);
        assert_int_equal(civil_to_ms(&c), ends[i]);
    }
    struct civil far = {.year = INT64_MAX, .month = 1, .day = 1};
    assert_int_equal(civil_to_ms(&far), TIME_MAX);
    far.year = INT64_MIN;
    assert_int_equal(civil_to_ms(&far), TIME_MIN);
    far.year = 292278994;
    far.month = 12;
    assert_int_equal(civil_to_ms(&far), TIME_MAX);
}

static void iso(void **state)
{
    (void)state;
    char out[40];
    time_format_iso(0, out);
    assert_string_equal(out, "1970-01-01T00:00:00.000Z");
    time_format_iso(INT64_C(1769860800123), out);
    assert_string_equal(out, "2026-01-31T12:00:00.123Z");
    time_format_iso(-1, out);
    assert_string_equal(out, "1969-12-31T23:59:59.999Z");
    time_format_iso(INT64_MIN, out);
    assert_true(strlen(out) < 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clocks),
        cmocka_unit_test(durations),
        cmocka_unit_test(civil_agrees_with_the_c_library),
        cmocka_unit_test(civil_holds_at_the_ends),
        cmocka_unit_test(iso),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
