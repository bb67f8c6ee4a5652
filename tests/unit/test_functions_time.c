/* Time: reading, writing, truncating, parts, types. */
#include "tests/support/expressions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void reads(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"to_timestamp(5)", "5 | 5 | 5 | 5"},
        {"to_timestamp('2026-01-31T12:34:56.789Z') = t", "true | false | false | false"},
        {"to_timestamp('1970-01-01')", "0 | 0 | 0 | 0"},
        {"to_timestamp('1970-01-01 01:00')", "3600000 | 3600000 | 3600000 | 3600000"},
        {"to_timestamp('1970-01-01T01:00:00+01:00')", "0 | 0 | 0 | 0"},
        {"to_timestamp('1970-01-01T01:00:00.5-0030')", "5400500 | 5400500 | 5400500 | 5400500"},
        {"to_timestamp('1970-01-01T01:00:00+01')", "0 | 0 | 0 | 0"},
        {"coalesce(try_cast('2023-02-29' as timestamp), to_timestamp(7))", "7 | 7 | 7 | 7"},
        {"coalesce(try_cast('1970-01-01T24:00' as timestamp), to_timestamp(7))", "7 | 7 | 7 | 7"},
        {"coalesce(try_cast('1970-01-01T00:00x' as timestamp), to_timestamp(7))", "7 | 7 | 7 | 7"},
        {"to_timestamp(u)",
         "error: 'x' is not a timestamp such as 2026-01-31T12:00:00Z | null | error: 'long text: "
         "over twelve bytes' is not a timestamp such as 2026-01-31T12:00:00Z | error: '7' is not a "
         "timestamp such as 2026-01-31T12:00:00Z"},
        {"to_timestamp('31.01.2026 12:34:56,789', 'dd.MM.yyyy HH:mm:ss,SSS') = t",
         "true | false | false | false"},
        {"to_timestamp('Jan 31 26 00:34 pm', 'MMM d yy hh:mm a')",
         "error: 'Jan 31 26 00:34 pm' is not a timestamp of the form MMM d yy hh:mm a | error: "
         "'Jan 31 26 00:34 pm' is not a timestamp of the form MMM d yy hh:mm a | error: 'Jan 31 26 "
         "00:34 pm' is not a timestamp of the form MMM d yy hh:mm a | error: 'Jan 31 26 00:34 pm' "
         "is not a timestamp of the form MMM d yy hh:mm a"},
        {"cast(to_timestamp('Sat, January 31 26 12:34 am', 'EEE, MMMM d yy hh:mm a') as string)",
         "2026-01-31T00:34:00.000Z | 2026-01-31T00:34:00.000Z | 2026-01-31T00:34:00.000Z | "
         "2026-01-31T00:34:00.000Z"},
        {"cast(to_timestamp('2024-060T1 +02:00', 'yyyy-DDD''T''H XX"
         "X') as string)",
         "2024-02-28T23:00:00.000Z | 2024-02-28T23:00:00.000Z | 2024-02-28T23:00:00.000Z | "
         "2024-02-28T23:00:00.000Z"},
        {"now()", "1234567 | 1234567 | 1234567 | 1234567"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void writes(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"format_timestamp(t, 'yyyy-MM-dd HH:mm:ss.SSS')",
         "2026-01-31 12:34:56.789 | 1970-01-01 00:00:00.000 | 1969-12-31 23:59:59.999 | 2024-02-29 "
         "00:00:00.000"},
        {"format_timestamp(t, 'EEE d MMM yy, h a, DDD')",
         "Sat 31 Jan 26, 12 PM, 031 | Thu 1 Jan 70, 12 AM, 001 | Wed 31 Dec 69, 11 PM, 365 | Thu "
         "29 Feb 24, 12 AM, 060"},
        {"format_timestamp(t, 'EEEE MMMM''s'' ''''SX')",
         "Saturday Januarys '7Z | Thursday Januarys '0Z | Wednesday Decembers '9Z | Thursday "
         "Februarys '0Z"},
        {"format_timestamp(t, s)",
         "error: 'abc' is not a pattern of a timestamp |  | error: 'Grüße aus Köln' is not a "
         "pattern of a timestamp | error: 'a,b,c' is not a pattern of a timestamp"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void truncates(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"cast(date_trunc('hour', t) as string)",
         "2026-01-31T12:00:00.000Z | 1970-01-01T00:00:00.000Z | 1969-12-31T23:00:00.000Z | "
         "2024-02-29T00:00:00.000Z"},
        {"cast(date_trunc('Week', t) as string)",
         "2026-01-26T00:00:00.000Z | 1969-12-29T00:00:00.000Z | 1969-12-29T00:00:00.000Z | "
         "2024-02-26T00:00:00.000Z"},
        {"cast(date_trunc('months', t) as string)",
         "2026-01-01T00:00:00.000Z | 1970-01-01T00:00:00.000Z | 1969-12-01T00:00:00.000Z | "
         "2024-02-01T00:00:00.000Z"},
        {"cast(date_trunc('quarter', t) as string)",
         "2026-01-01T00:00:00.000Z | 1970-01-01T00:00:00.000Z | 1969-10-01T00:00:00.000Z | "
         "2024-01-01T00:00:00.000Z"},
        {"cast(date_trunc('year', t) as string)",
         "2026-01-01T00:00:00.000Z | 1970-01-01T00:00:00.000Z | 1969-01-01T00:00:00.000Z | "
         "2024-01-01T00:00:00.000Z"},
        {"date_trunc('second', t)", "1769862896000 | 0 | -1000 | 1709164800000"},
        {"date_trunc('hour', cast(-9223372036854775808 as timestamp))",
         "error: date_trunc() of a timestamp before all time | error: date_trunc() of a timestamp "
         "before all time | error: date_trunc() of a timestamp before all time | error: "
         "date_trunc() of a timestamp before all time"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void extracts(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"extract(year from t)", "2026 | 1970 | 1969 | 2024"},
        {"extract(month from t)", "1 | 1 | 12 | 2"},
        {"extract(day from t)", "31 | 1 | 31 | 29"},
        {"extract('hour', t)", "12 | 0 | 23 | 0"},
        {"extract(minute from t)", "34 | 0 | 59 | 0"},
        {"extract(second from t)", "56 | 0 | 59 | 0"},
        {"extract(millisecond from t)", "789 | 0 | 999 | 0"},
        {"extract(quarter from t)", "1 | 1 | 4 | 1"},
        {"extract(week from t)", "5 | 1 | 1 | 9"},
        {"extract(dow from t)", "6 | 4 | 3 | 4"},
        {"extract(doy from t)", "31 | 1 | 365 | 60"},
        {"extract(epoch from t)", "1769862896 | 0 | -1 | 1709164800"},
        {"extract(week from to_timestamp('2027-01-01'))", "53 | 53 | 53 | 53"},
        {"extract(u, t)", "error: 'x' is not a unit of time | null | error: 'long text: over "
                          "twelve bytes' is not a unit of time | error: '7' is not a unit of time"},
        {NULL, NULL},
    };
    fixture_check(cases);
}

static void types(void **state)
{
    (void)state;
    static const struct eval_case cases[] = {
        {"now()", "timestamp"},
        {"extract(hour from t)", "long"},
        {"date_trunc('hour', t)", "timestamp"},
        {"date_trunc('our', t)", "1: 'our' is not a unit here; did you mean 'hour'?: millisecond "
                                 "second minute hour day week month quarter year"},
        {"date_trunc('dow', t)", "1: 'dow' is not a unit here; did you mean 'dow'?: millisecond "
                                 "second minute hour day week month quarter year"},
        {"format_timestamp(t, 'yyyy-mm-ddTHH')",
         "1: 'yyyy-mm-ddTHH' is not a pattern of a timestamp: its letters are y M d D H h a m s S "
         "E X, as in yyyy-MM-dd HH:mm:ss.SSS, other text stands in '…'"},
        {"extract(hour from a)", "1: extract() takes (string, timestamp), found (string, long)"},
        {NULL, NULL},
    };
    fixture_check_types(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads),    cmocka_unit_test(writes), cmocka_unit_test(truncates),
        cmocka_unit_test(extracts), cmocka_unit_test(types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
