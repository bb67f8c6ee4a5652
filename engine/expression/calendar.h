/* Calendar: timestamps from and to text, and their parts, always in UTC. Pure functions. */
#ifndef KLAMM_ENGINE_EXPRESSION_CALENDAR_H
#define KLAMM_ENGINE_EXPRESSION_CALENDAR_H

#include "engine/buffer.h"

#include <stdbool.h>

/* "2026-01-31", "2026-01-31T12:00", "2026-01-31 12:00:05.25", with Z or +02:00 behind. */
bool calendar_read_iso(const char *p, uint32_t n, int64_t *ms);

/* Patterns as java.time has them: y M d D H h a m s S E X and 'text'; see calendar_pattern.c. */
bool calendar_pattern_valid(const char *pattern, uint32_t n);
bool calendar_read(const char *p, uint32_t n, const char *pattern, uint32_t pattern_n, int64_t *ms);
/* Appends to b; the pattern is valid. */
void calendar_write(struct buffer *b, int64_t ms, const char *pattern, uint32_t pattern_n);

enum unit {
    UNIT_MILLISECOND,
    UNIT_SECOND,
    UNIT_MINUTE,
    UNIT_HOUR,
    UNIT_DAY,
    UNIT_WEEK,
    UNIT_MONTH,
    UNIT_QUARTER,
    UNIT_YEAR,
    UNIT_DOW, /* these two and the epoch cannot be truncated to */
    UNIT_DOY,
    UNIT_EPOCH,
};
extern const char *const unit_names[]; /* by number, NULL-terminated */
/* By name in any case, also in plural; -1 when there is none. */
int unit_find(const char *p, uint32_t n);
/* The begin of the unit's period that ms lies in; weeks begin on Monday. False: before all time. */
bool calendar_truncate(enum unit unit, int64_t ms, int64_t *begin);
/* A part: the week is ISO 8601's, dow 1 (Monday) to 7, doy from 1, epoch in seconds. */
int64_t calendar_part(enum unit unit, int64_t ms);

#endif
