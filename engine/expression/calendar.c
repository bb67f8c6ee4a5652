/* Calendar: ISO 8601 and parts of time. Reading by hand, since the C library's functions know
 * locales and zones.
 *
 *   date       2026-01-31, year of four digits
 *   time       T or a space, then 12:00, 12:00:05 or 12:00:05.25 (beyond ms: cut off)
 *   zone       Z, +02:00, +0200 or +02; without one: UTC
 */
#include "engine/expression/calendar.h"

#include "engine/clock.h"

#include <string.h>
#include <strings.h>

struct reader {
    const char *p, *end;
    bool ok;
};

static bool at(const struct reader *r, char c)
{
    return r->p < r->end && *r->p == c;
}

static bool take(struct reader *r, char c)
{
    bool is = at(r, c);
    r->p += is;
    return is;
}

static int digits(struct reader *r, int n)
{
    int v = 0;
    for (int k = 0; k < n; k++) {
        if (r->p >= r->end || *r->p < '0' || *r->p > '9') {
            r->ok = false;
            return 0;
        }
        v = v * 10 + (*r->p++ - '0');
    }
    return v;
}

static int days_of(int64_t year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return days[month - 1] + (month == 2 && is_leap);
}

static bool is_civil(const struct civil *c)
{
    return c->month >= 1 && c->month <= 12 && c->day >= 1 && c->day <= days_of(c->year, c->month) &&
           c->hour <= 23 && c->minute <= 59 && c->second <= 59;
}

static int fraction(struct reader *r)
{
    int ms = digits(r, 1) * 100, scale = 10;
    while (r->p < r->end && *r->p >= '0' && *r->p <= '9') {
        ms += (*r->p++ - '0') * scale;
        scale /= 10;
    }
    return ms;
}

/* ms to take off. */
static int64_t zone(struct reader *r)
{
    if (r->p == r->end || take(r, 'Z') || take(r, 'z')) {
        return 0;
    }
    int64_t sign = take(r, '-') ? -1 : 1;
    if (sign > 0 && !take(r, '+')) {
        r->ok = false;
    }
    int64_t hours = digits(r, 2), minutes = 0;
    if (take(r, ':') || r->p < r->end) {
        minutes = digits(r, 2);
    }
    r->ok = r->ok && hours <= 18 && minutes <= 59;
    return sign * (hours * 60 + minutes) * 60000;
}

bool calendar_read_iso(const char *p, uint32_t n, int64_t *ms)
{
    struct reader r = {p, p + n, true};
    struct civil c = {0};
    c.year = digits(&r, 4);
    r.ok = take(&r, '-') && r.ok;
    c.month = digits(&r, 2);
    r.ok = take(&r, '-') && r.ok;
    c.day = digits(&r, 2);
    int64_t off = 0;
    if (r.ok && r.p < r.end) {
        r.ok = take(&r, 'T') || take(&r, 't') || take(&r, ' ');
        c.hour = digits(&r, 2);
        r.ok = take(&r, ':') && r.ok;
        c.minute = digits(&r, 2);
        if (r.ok && take(&r, ':')) {
            c.second = digits(&r, 2);
            c.ms = take(&r, '.') ? fraction(&r) : 0;
        }
        off = zone(&r);
    }
    if (!r.ok || r.p != r.end || !is_civil(&c)) {
        return false;
    }
    *ms = civil_to_ms(&c) - off;
    return true;
}

/* ---- units ---- */

const char *const unit_names[] = {"millisecond", "second", "minute",  "hour", "day",
                                  "week",        "month",  "quarter", "year", "dow",
                                  "doy",         "epoch",  NULL};

int unit_find(const char *p, uint32_t n)
{
    for (int k = 0; unit_names[k] != NULL; k++) {
        size_t size = strlen(unit_names[k]);
        bool is_plural = n == size + 1 && (p[n - 1] == 's' || p[n - 1] == 'S');
        if ((n == size || is_plural) && strncasecmp(p, unit_names[k], size) == 0) {
            return k;
        }
    }
    return -1;
}

static bool truncate_to(int64_t size, int64_t shift, int64_t ms, int64_t *begin)
{
    int64_t rest = (ms % size + shift) % size;
    rest += rest < 0 ? size : 0;
    return !__builtin_sub_overflow(ms, rest, begin);
}

bool calendar_truncate(enum unit unit, int64_t ms, int64_t *begin)
{
    static const int64_t sizes[] = {1, 1000, 60000, 3600000, 86400000};
    if (unit <= UNIT_DAY) {
        return truncate_to(sizes[unit], 0, ms, begin);
    }
    if (unit == UNIT_WEEK) {
        return truncate_to(7 * 86400000LL, 3 * 86400000LL, ms, begin); /* 1970 began on Thursday */
    }
    struct civil c = civil_of(ms);
    struct civil first = {.year = c.year, .month = 1, .day = 1};
    if (unit == UNIT_MONTH) {
        first.month = c.month;
    } else if (unit == UNIT_QUARTER) {
        first.month = (c.month - 1) / 3 * 3 + 1;
    }
    *begin = civil_to_ms(&first);
    return *begin != TIME_MIN;
}

static int64_t weeks_of(int64_t year)
{
    struct civil first = {.year = year, .month = 1, .day = 1};
    int weekday = civil_of(civil_to_ms(&first)).weekday;
    bool is_leap = days_of(year, 2) == 29;
    return weekday == 3 || (weekday == 2 && is_leap) ? 53 : 52;
}

static int64_t iso_week(const struct civil *c)
{
    int64_t week = (c->yearday - (c->weekday + 1) + 10) / 7;
    if (week < 1) {
        return weeks_of(c->year - 1);
    }
    return week > weeks_of(c->year) ? 1 : week;
}

int64_t calendar_part(enum unit unit, int64_t ms)
{
    struct civil c = civil_of(ms);
    switch (unit) {
    case UNIT_MILLISECOND:
        return c.ms;
    case UNIT_SECOND:
        return c.second;
    case UNIT_MINUTE:
        return c.minute;
    case UNIT_HOUR:
        return c.hour;
    case UNIT_DAY:
        return c.day;
    case UNIT_WEEK:
        return iso_week(&c);
    case UNIT_MONTH:
        return c.month;
    case UNIT_QUARTER:
        return (c.month - 1) / 3 + 1;
    case UNIT_YEAR:
        return c.year;
    case UNIT_DOW:
        return c.weekday + 1;
    case UNIT_DOY:
        return c.yearday;
    case UNIT_EPOCH:
        return ms / 1000 - (ms % 1000 < 0);
    }
    return 0;
}
