/* Clock, durations and civil time.
 *
 * Days to dates and back are Howard Hinnant's algorithms ("chrono-compatible low-level date
 * algorithms"): years begin in March, so that the leap day is the last of its year, and are grouped
 * into eras of 400 years = 146097 days. They hold for every int64_t of milliseconds.
 */
#include "engine/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_MS   INT64_C(86400000)
#define LONG_AGO INT64_C(1000000000000) /* ms: what is still 0 has not been for a long time */
#define YEAR_FAR INT64_C(300000000)     /* beyond what int64_t milliseconds reach */

static int64_t system_now(const struct clock *c)
{
    (void)c;
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t system_steady(const struct clock *c)
{
    (void)c;
    return LONG_AGO + clock_monotonic_ns() / 1000000;
}

const struct clock clock_system = {.now = system_now, .steady = system_steady};

static int64_t virtual_now(const struct clock *c)
{
    return c->fixed;
}

struct clock clock_virtual(int64_t at)
{
    return (struct clock){.now = virtual_now, .fixed = at};
}

int64_t clock_monotonic_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static const struct unit {
    char name[3];
    int64_t ms;
} units[] = {{"d", DAY_MS}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

#define UNITS (sizeof units / sizeof units[0])

int duration_parse(const char *s, size_t n, int64_t *ms)
{
    int64_t number = 0;
    size_t at = 0;
    for (; at < n && s[at] >= '0' && s[at] <= '9'; at++) {
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, s[at] - '0', &number)) {
            return -1;
        }
    }
    if (at == 0) {
        return -1;
    }
    for (size_t u = 0; u < UNITS; u++) {
        if (strlen(units[u].name) == n - at && memcmp(units[u].name, s + at, n - at) == 0) {
            return __builtin_mul_overflow(number, units[u].ms, ms) ? -1 : 0;
        }
    }
    return -1;
}

void duration_format(int64_t ms, char out[32])
{
    if (ms == 0) {
        memcpy(out, "0s", 3);
        return;
    }
    for (size_t u = 0; u < UNITS; u++) {
        if (ms % units[u].ms == 0) {
            snprintf(out, 32, "%lld%s", (long long)(ms / units[u].ms), units[u].name);
            return;
        }
    }
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* Days since 1970-01-01 of a date. */
static int64_t days_of(int64_t year, int month, int day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void date_of(int64_t days, struct civil *c)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* 0 is March */
    c->day = (int)(day_of_year - (153 * month + 2) / 5 + 1);
    c->month = (int)(month < 10 ? month + 3 : month - 9);
    c->year = year_of_era + era * 400 + (c->month <= 2);
}

struct civil civil_of(int64_t ms)
{
    struct civil c = {0};
    int64_t days = floor_div(ms, DAY_MS);
    int64_t rest = ms % DAY_MS + (ms % DAY_MS < 0 ? DAY_MS : 0);
    date_of(days, &c);
    c.hour = (int)(rest / 3600000);
    c.minute = (int)(rest / 60000 % 60);
    c.second = (int)(rest / 1000 % 60);
    c.ms = (int)(rest % 1000);
    c.weekday = (int)((days % 7 + 10) % 7); /* 1970-01-01 was a Thursday: 3 */
    c.yearday = (int)(days - days_of(c.year, 1, 1)) + 1;
    return c;
}

int64_t civil_to_ms(const struct civil *c)
{
    if (c->year > YEAR_FAR || c->year < -YEAR_FAR) {
        return c->year > 0 ? TIME_MAX : TIME_MIN;
    }
    int64_t rest =
        (int64_t)c->hour * 3600000 + (int64_t)c->minute * 60000 + (int64_t)c->second * 1000 + c->ms;
    int64_t days = days_of(c->year, c->month, c->day);
    /* One day nearer to 1970 first: the first day of all begins before the least int64_t. */
    int64_t towards = days < 0 ? 1 : 0;
    int64_t ms;
    if (__builtin_mul_overflow(days + towards, DAY_MS, &ms) ||
        __builtin_add_overflow(ms, rest - towards * DAY_MS, &ms)) {
        return days > 0 ? TIME_MAX : TIME_MIN;
    }
    return ms;
}

void time_format_iso(int64_t ms, char out[40])
{
    struct civil c = civil_of(ms);
    snprintf(out, 40, "%04lld-%02u-%02uT%02u:%02u:%02u.%03uZ", (long long)c.year,
             (unsigned)c.month % 100, (unsigned)c.day % 100, (unsigned)c.hour % 100,
             (unsigned)c.minute % 100, (unsigned)c.second % 100, (unsigned)c.ms % 1000);
}
