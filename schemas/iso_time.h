/* Timestamps written as text (ISO 8601, RFC 3339). Pure function. */
#ifndef KLAMM_SCHEMAS_ISO_TIME_H
#define KLAMM_SCHEMAS_ISO_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* "2026-01-31", "2026-01-31T12:00", "2026-01-31 12:00:00.123456Z", "…+02:00" to ms since the epoch;
 * without a zone it is UTC, digits below a millisecond are cut off. False when p is none. */
bool iso_time_parse(const char *p, size_t n, int64_t *ms);

#endif
