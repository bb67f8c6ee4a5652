/* Calendar: reading by hand, since the C library's functions know locales and zones.
 *
 *   date       2026-01-31, year of four digits
 *   time       T or a space, then 12:00, 12:00:05 or 12:00:05.25 (beyond ms: cut off)
 *   zone       Z, +02:00, +0200 or +02; without one: UTC
 */
#include "engine/expression/calendar.h"

#include "engine/clock.h"

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
    return c->month >= 1 && c->month <= 12 && c->day >= 1 &&
           c->day <= days_of(c->year, c->month) && c->hour <= 23 && c->minute <= 59 &&
           c->second <= 59;
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
