/* Calendar patterns: a run of one letter is a field, as java.time's DateTimeFormatter has it.
 *
 *   yyyy 2026  yy 26 (2000-2099)   M 1  MM 01  MMM Jan  MMMM January   d 7  dd 07   D 31  DDD 031
 *   H 0-23  h 1-12  a AM PM   m  s   S SS SSS tenths, hundredths, ms (more: zeroes)
 *   E EEE Sat  EEEE Saturday   X, one to nine: Z when written; Z, +02, +0200, +02:00 when read
 *   'text' text, '' a quote; other letters are refused, other characters stand for themselves
 *
 * Names are English. When read, a field of one letter takes up to as many digits as it can have,
 * one of several letters exactly so many; what the pattern does not name is that of
 * 1970-01-01T00:00.
 */
#include "engine/clock.h"
#include "engine/expression/calendar.h"

#include <string.h>
#include <strings.h>

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const weekdays[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                       "Friday", "Saturday", "Sunday"};

/* One element of a pattern: a field (letter and length) or a character (letter 0). */
struct element {
    char letter, literal;
    uint32_t n;
};

struct pattern {
    const char *p, *end;
    bool is_quoted;
};

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool next_element(struct pattern *t, struct element *e)
{
    while (t->p < t->end && *t->p == '\'') {
        if (t->p + 1 < t->end && t->p[1] == '\'') {
            *e = (struct element){0, '\'', 1};
            t->p += 2;
            return true;
        }
        t->is_quoted = !t->is_quoted;
        t->p++;
    }
    if (t->p >= t->end) {
        return false;
    }
    *e = (struct element){0, *t->p++, 1};
    if (!t->is_quoted && is_letter(e->literal)) {
        e->letter = e->literal;
        while (t->p < t->end && *t->p == e->letter) {
            e->n++;
            t->p++;
        }
    }
    return true;
}

bool calendar_pattern_valid(const char *pattern, uint32_t n)
{
    struct pattern t = {pattern, pattern + n, false};
    struct element e;
    while (next_element(&t, &e)) {
        if (e.letter != 0 && (strchr("yMdDHhamsSEX", e.letter) == NULL || e.n > 9)) {
            return false;
        }
    }
    return !t.is_quoted;
}

/* ---- writing ---- */

static void write_fraction(struct buffer *b, int ms, uint32_t n)
{
    int scale = 100;
    for (uint32_t k = 0; k < n; k++) {
        buffer_byte(b, (uint8_t)('0' + (scale > 0 ? ms / scale % 10 : 0)));
        scale /= 10;
    }
}

static void write_name(struct buffer *b, const char *name, bool is_full)
{
    buffer_add(b, name, is_full ? strlen(name) : 3);
}

static void write_field(struct buffer *b, const struct civil *c, struct element e)
{
    int width = (int)e.n;
    switch (e.letter) {
    case 'y':
        buffer_printf(b, "%0*lld", width,
                      (long long)(e.n == 2 ? ((c->year % 100) + 100) % 100 : c->year));
        break;
    case 'M':
        if (e.n >= 3) {
            write_name(b, months[c->month - 1], e.n > 3);
        } else {
            buffer_printf(b, "%0*d", width, c->month);
        }
        break;
    case 'E':
        write_name(b, weekdays[c->weekday], e.n > 3);
        break;
    case 'a':
        buffer_text(b, c->hour < 12 ? "AM" : "PM");
        break;
    case 'S':
        write_fraction(b, c->ms, e.n);
        break;
    case 'X':
        buffer_byte(b, 'Z');
        break;
    default: {
        int v = e.letter == 'd'   ? c->day
                : e.letter == 'D' ? c->yearday
                : e.letter == 'H' ? c->hour
                : e.letter == 'h' ? (c->hour + 11) % 12 + 1
                : e.letter == 'm' ? c->minute
                                  : c->second;
        buffer_printf(b, "%0*d", width, v);
    }
    }
}

void calendar_write(struct buffer *b, int64_t ms, const char *pattern, uint32_t pattern_n)
{
    struct civil c = civil_of(ms);
    struct pattern t = {pattern, pattern + pattern_n, false};
    struct element e;
    while (next_element(&t, &e)) {
        if (e.letter != 0) {
            write_field(b, &c, e);
        } else {
            buffer_byte(b, (uint8_t)e.literal);
        }
    }
}

/* ---- reading ---- */

struct reading {
    const char *p, *end;
    struct civil civil;
    int64_t offset; /* ms east of UTC */
    bool is_pm, has_half;
};

/* Digits: exactly n, or (n == 1) up to `most`. */
static bool read_digits(struct reading *r, uint32_t n, uint32_t most, int *v)
{
    uint32_t limit = n == 1 ? most : n, have = 0;
    int64_t x = 0;
    while (have < limit && r->p < r->end && *r->p >= '0' && *r->p <= '9') {
        x = x * 10 + (*r->p++ - '0');
        have++;
    }
    *v = (int)(x > 1000000000 ? 1000000000 : x);
    return have > 0 && (n == 1 || have == n);
}

static bool read_name(struct reading *r, const char *const *names, int n, bool is_full, int *which)
{
    for (int k = 0; k < n; k++) {
        size_t size = is_full ? strlen(names[k]) : 3;
        if ((size_t)(r->end - r->p) >= size && strncasecmp(r->p, names[k], size) == 0) {
            r->p += size;
            *which = k;
            return true;
        }
    }
    return false;
}

static bool read_zone(struct reading *r)
{
    if (r->p < r->end && (*r->p == 'Z' || *r->p == 'z')) {
        r->p++;
        return true;
    }
    if (r->p >= r->end || (*r->p != '+' && *r->p != '-')) {
        return false;
    }
    int sign = *r->p++ == '-' ? -1 : 1, hours, minutes = 0;
    if (!read_digits(r, 2, 2, &hours)) {
        return false;
    }
    bool has_colon = r->p < r->end && *r->p == ':';
    r->p += has_colon;
    if ((has_colon || (r->p < r->end && *r->p >= '0' && *r->p <= '9')) &&
        !read_digits(r, 2, 2, &minutes)) {
        return false;
    }
    r->offset = sign * (hours * 60 + minutes) * 60000LL;
    return hours <= 18 && minutes <= 59;
}

static bool read_half(struct reading *r)
{
    static const char *const halves[] = {"AM ", "PM "};
    if (r->end - r->p < 2) {
        return false;
    }
    r->has_half = true;
    r->is_pm = strncasecmp(r->p, halves[1], 2) == 0;
    bool ok = r->is_pm || strncasecmp(r->p, halves[0], 2) == 0;
    r->p += 2;
    return ok;
}

static bool read_fraction(struct reading *r, uint32_t n)
{
    int scale = 100;
    for (uint32_t k = 0; k < n; k++) {
        if (r->p >= r->end || *r->p < '0' || *r->p > '9') {
            return false;
        }
        r->civil.ms += (*r->p++ - '0') * scale;
        scale /= 10;
    }
    return true;
}

static bool read_year(struct reading *r, uint32_t n)
{
    int v = 0;
    bool ok = read_digits(r, n, 4, &v) && v <= 9999;
    r->civil.year = n == 2 ? 2000 + v : v;
    return ok;
}

static bool read_month(struct reading *r, uint32_t n)
{
    if (n < 3) {
        return read_digits(r, n, 2, &r->civil.month);
    }
    int k = 0;
    bool ok = read_name(r, months, 12, n > 3, &k);
    r->civil.month = k + 1;
    return ok;
}

static bool read_field(struct reading *r, struct element e)
{
    int ignored = 0;
    struct civil *c = &r->civil;
    switch (e.letter) {
    case 'y':
        return read_year(r, e.n);
    case 'M':
        return read_month(r, e.n);
    case 'd':
        return read_digits(r, e.n, 2, &c->day);
    case 'D':
        return read_digits(r, e.n, 3, &c->yearday);
    case 'H':
    case 'h':
        return read_digits(r, e.n, 2, &c->hour);
    case 'm':
        return read_digits(r, e.n, 2, &c->minute);
    case 's':
        return read_digits(r, e.n, 2, &c->second);
    case 'S':
        return read_fraction(r, e.n);
    case 'a':
        return read_half(r);
    case 'X':
        return read_zone(r);
    default:
        return read_name(r, weekdays, 7, e.n > 3, &ignored);
    }
}

static bool read_elements(struct reading *r, const char *pattern, uint32_t n)
{
    struct pattern t = {pattern, pattern + n, false};
    struct element e;
    while (next_element(&t, &e)) {
        if (e.letter != 0) {
            if (!read_field(r, e)) {
                return false;
            }
        } else if (r->p >= r->end || *r->p++ != e.literal) {
            return false;
        }
    }
    return r->p == r->end;
}

bool calendar_read(const char *p, uint32_t n, const char *pattern, uint32_t pattern_n, int64_t *ms)
{
    struct reading r = {.p = p, .end = p + n, .civil = {.year = 1970, .month = 1, .day = 1}};
    if (!read_elements(&r, pattern, pattern_n)) {
        return false;
    }
    struct civil *c = &r.civil;
    if (r.has_half) {
        if (c->hour < 1 || c->hour > 12) {
            return false;
        }
        c->hour = c->hour % 12 + (r.is_pm ? 12 : 0);
    }
    int64_t days = 0;
    if (c->yearday > 0) {
        days = c->yearday - 1;
        c->month = 1;
        c->day = 1;
    }
    if (c->month < 1 || c->month > 12 || c->day < 1 || c->hour > 23 || c->minute > 59 ||
        c->second > 59 || days > 365) {
        return false;
    }
    int64_t x = civil_to_ms(c) + days * 86400000;
    struct civil back = civil_of(x);
    if (back.year != c->year || (days == 0 && back.day != c->day)) {
        return false; /* a 30th of February */
    }
    *ms = x - r.offset;
    return true;
}
