/* Calendar: timestamps from and to text, always in UTC. Pure functions. */
#ifndef KLAMM_ENGINE_EXPRESSION_CALENDAR_H
#define KLAMM_ENGINE_EXPRESSION_CALENDAR_H

#include "engine/buffer.h"

#include <stdbool.h>

/* "2026-01-31", "2026-01-31T12:00", "2026-01-31 12:00:05.25", with Z or +02:00 behind. */
bool calendar_read_iso(const char *p, uint32_t n, int64_t *ms);

#endif
