/* ISO 8601 timestamps. */
#include "schemas/iso_time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void reads(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {
        {"1970-01-01", 0},
        {"1970-01-02T00:00", 86400000},
        {"2026-01-31T12:00:00Z", 1769860800000},
        {"2026-01-31 12:00:00.123456789", 1769860800123},
        {"2026-01-31T12:00:00,5+02:00", 1769853600500},
        {"2026-01-31t12:00:00-0130", 1769866200000},
        {"2024-02-29", 1709164800000},
        {"1969-12-31T23:59:59.999Z", -1},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"0000-01-01", -62167219200000},
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t ms = 7;
        assert_true(iso_time_parse(good[i].text, strlen(good[i].text), &ms));
        assert_int_equal(ms, good[i].ms);
    }
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2026",
        "2026-1-1",
        "2026-13-01",
        "2026-00-01",
        "2026-02-29",
        "2026-01-32",
        "2026-01-00",
        "2026-01-01T",
        "2026-01-01T24:00",
        "2026-01-01T00:60",
        "2026-01-01T00:00:61",
        "2026-01-01T00:00:00.",
        "2026-01-01T00:00:00ZZ",
        "2026-01-01T00:00:00+1",
        "2026-01-01Z",
        "2026-01-01T00:00:00+24:00",
        "2026-01-01T00:00:00 Z",
        "x",
        "2026-01-01T00:00:00+01:00x",
        "-2026-01-01",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t ms;
        if (iso_time_parse(bad[i], strlen(bad[i]), &ms)) {
            fail_msg("taken for a timestamp: %s", bad[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reads), cmocka_unit_test(refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
