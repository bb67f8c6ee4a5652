/* Calendar: ISO 8601, units, parts, extremes. */
#include "engine/clock.h"
#include "engine/expression/calendar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool read(const char *text, int64_t *ms)
{
    return calendar_read_iso(text, (uint32_t)strlen(text), ms);
}

static void reads_iso(void **state)
{
    (void)state;
    int64_t ms = 0;
    assert_true(read("2026-01-31T12:34:56.789Z", &ms));
    assert_int_equal(ms, 1769862896789);
    assert_true(read("2026-01-31T12:34:56.7899999Z", &ms));
    assert_int_equal(ms, 1769862896789);
    assert_true(read("2024-02-29", &ms));
    assert_true(read("0001-01-01T00:00Z", &ms));
    static const char *const wrong[] = {"",
                                        "2026",
                                        "2026-13-01",
                                        "2023-02-29",
                                        "2026-01-31T",
                                        "2026-01-31T1",
                                        "2026-01-31T24:00",
                                        "2026-01-31T12:60",
                                        "2026-01-31T12:00:60",
                                        "2026-01-31T12:00:00.",
                                        "2026-01-31T12:00Zx",
                                        "2026-01-31T12:00+",
                                        "2026-01-31T12:00+19:00",
                                        "26-01-31",
                                        "2026/01/31"};
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        assert_false(read(wrong[k], &ms));
    }
}

static void truncates_to_a_begin(void **state)
{
    (void)state;
    static const int64_t times[] = {
        0, -1, 1, 1769862896789, -62135596800000, 253402300799999, 951782400000};
    for (size_t k = 0; k < sizeof times / sizeof times[0]; k++) {
        for (int unit = UNIT_MILLISECOND; unit <= UNIT_YEAR; unit++) {
            int64_t begin, again;
            assert_true(calendar_truncate((enum unit)unit, times[k], &begin));
            assert_true(begin <= times[k]);
            assert_true(calendar_truncate((enum unit)unit, begin, &again));
            assert_int_equal(again, begin);
            if (unit != UNIT_WEEK) {
                assert_int_equal(calendar_part((enum unit)unit, begin),
                                 calendar_part((enum unit)unit, times[k]));
            }
        }
    }
}

/* Years whose first or last days belong to a week of a neighbour year. */
static void knows_iso_weeks(void **state)
{
    (void)state;
    static const struct {
        const char *day;
        int64_t week;
    } days[] = {{"2020-12-31", 53}, {"2021-01-01", 53}, {"2021-01-04", 1},  {"2018-12-31", 1},
                {"2016-01-03", 53}, {"2016-01-04", 1},  {"2015-12-31", 53}, {"2022-01-01", 52}};
    for (size_t k = 0; k < sizeof days / sizeof days[0]; k++) {
        int64_t ms = 0;
        assert_true(read(days[k].day, &ms));
        assert_int_equal(calendar_part(UNIT_WEEK, ms), days[k].week);
    }
}

static void survives_extremes(void **state)
{
    (void)state;
    static const int64_t times[] = {INT64_MIN, INT64_MAX, INT64_MIN + 1, -9223372036854000000};
    for (size_t k = 0; k < sizeof times / sizeof times[0]; k++) {
        struct buffer b;
        buffer_init(&b);
        calendar_write(&b, times[k], "yyyy-MM-dd EEEE D a h", 21);
        assert_true(b.n > 10);
        buffer_done(&b);
        for (int unit = UNIT_MILLISECOND; unit <= UNIT_EPOCH; unit++) {
            int64_t begin;
            calendar_part((enum unit)unit, times[k]);
            if (unit <= UNIT_YEAR && calendar_truncate((enum unit)unit, times[k], &begin)) {
                assert_true(begin <= times[k]);
            }
        }
    }
}

static void finds_units(void **state)
{
    (void)state;
    assert_int_equal(unit_find("hour", 4), UNIT_HOUR);
    assert_int_equal(unit_find("HOURS", 5), UNIT_HOUR);
    assert_int_equal(unit_find("hou", 3), -1);
    assert_int_equal(unit_find("", 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_iso),       cmocka_unit_test(truncates_to_a_begin),
        cmocka_unit_test(knows_iso_weeks), cmocka_unit_test(survives_extremes),
        cmocka_unit_test(finds_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
