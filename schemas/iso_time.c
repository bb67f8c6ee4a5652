/* ISO 8601 timestamps, read strictly: fixed widths, ranges checked against the calendar.
 *
 *     YYYY-MM-DD [T| ] hh:mm [:ss [.f…]] [Z | ±hh[:]mm]
 *
 * The second 60 of a leap second reads as the first of the next minute.
 */
#include "schemas/iso_time.h"

#include "engine/clock.h"

struct reader {
    const char *p, *end;
};

static bool digits(struct reader *r, int n, int *v)
{
    if (r->end - r->p < n) {
        return false;
    }
    *v = 0;
    for (int i = 0; i < n; i++, r->p++) {
        if (*r->p < '0' || *r->p > '9') {
            return false;
        }
        *v = *v * 10 + (*r->p - '0');
    }
    return true;
}

static bool take(struct reader *r, char c)
{
    if (r->p == r->end || *r->p != c) {
        return false;
    }
    r->p++;
    return true;
}

static bool date(struct reader *r, struct civil *c)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year;
    if (!digits(r, 4, &year) || !take(r, '-') || !digits(r, 2, &c->month) || !take(r, '-') ||
        !digits(r, 2, &c->day) || c->month < 1 || c->month > 12) {
        return false;
    }
    c->year = year;
    bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return c->day >= 1 && c->day <= days[c->month - 1] + (c->month == 2 && is_leap);
}

static bool time_of_day(struct reader *r, struct civil *c)
{
    if (!digits(r, 2, &c->hour) || !take(r, ':') || !digits(r, 2, &c->minute) || c->hour > 23 ||
        c->minute > 59) {
        return false;
    }
    if (!take(r, ':')) {
        return true;
    }
    if (!digits(r, 2, &c->second) || c->second > 60) {
        return false;
    }
    if (!take(r, '.') && !take(r, ',')) {
        return true;
    }
    const char *start = r->p;
    int scale = 100;
    for (; r->p < r->end && *r->p >= '0' && *r->p <= '9'; r->p++, scale /= 10) {
        c->ms += (*r->p - '0') * scale;
    }
    return r->p > start;
}

static bool zone(struct reader *r, int *minutes)
{
    *minutes = 0;
    if (r->p == r->end || take(r, 'Z') || take(r, 'z')) {
        return true;
    }
    int sign = take(r, '+') ? 1 : take(r, '-') ? -1 : 0;
    int hour, minute;
    if (sign == 0 || !digits(r, 2, &hour)) {
        return false;
    }
    (void)take(r, ':');
    if (!digits(r, 2, &minute) || hour > 23 || minute > 59) {
        return false;
    }
    *minutes = sign * (hour * 60 + minute);
    return true;
}

bool iso_time_parse(const char *p, size_t n, int64_t *ms)
{
    struct reader r = {p, p + n};
    struct civil c = {0};
    int minutes = 0;
    if (!date(&r, &c)) {
        return false;
    }
    if (r.p < r.end) {
        if ((!take(&r, 'T') && !take(&r, 't') && !take(&r, ' ')) || !time_of_day(&r, &c) ||
            !zone(&r, &minutes)) {
            return false;
        }
    }
    int leap = c.second == 60;
    c.second -= leap;
    *ms = civil_to_ms(&c) + leap * 1000LL - minutes * 60000LL;
    return r.p == r.end;
}
