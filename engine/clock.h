/* Clock: the wall clock as an object, so that tests and replay can drive it, and beside it one that
 * nobody sets, for how long something took or is to wait. The only place that asks the system for
 * the time. Thread-safe to read.
 */
#ifndef KLAMM_ENGINE_CLOCK_H
#define KLAMM_ENGINE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#define TIME_MIN INT64_MIN /* a watermark before the first record */
#define TIME_MAX INT64_MAX /* the end of time: closes everything */

struct clock {
    int64_t (*now)(const struct clock *c);    /* ms since the epoch */
    int64_t fixed;                            /* of a virtual clock */
    int64_t (*steady)(const struct clock *c); /* NULL: this one is never set, now() serves */
};

extern const struct clock clock_system;
/* A clock that stands at `fixed` until someone changes it. */
struct clock clock_virtual(int64_t at);
static inline int64_t clock_now(const struct clock *c)
{
    return c->now(c);
}
/* ms since some moment, of a clock that goes on evenly though the wall clock may be set. */
static inline int64_t clock_steady(const struct clock *c)
{
    return c->steady ? c->steady(c) : c->now(c);
}
/* Monotonic ns, for measuring durations only. */
int64_t clock_monotonic_ns(void);

/* "5s", "10m", "1h", "250ms", "2d", "0s" to ms: digits and one unit of ms s m h d. Returns 0, or
 * -1. */
int duration_parse(const char *s, size_t n, int64_t *ms);
/* The shortest exact form of a duration: "90s", "1h". Writes at most 32 bytes. */
void duration_format(int64_t ms, char out[32]);

/* Civil time in UTC without the C library's tables. month 1..12, day 1..31. */
struct civil {
    int64_t year;
    int month, day, hour, minute, second, ms;
    int weekday; /* 0 is Monday */
    int yearday; /* 1..366 */
};
struct civil civil_of(int64_t ms);
int64_t civil_to_ms(const struct civil *c);
/* "2026-01-31T12:00:00.000Z" */
void time_format_iso(int64_t ms, char out[40]);

#endif
