/* Messages for the operator on stderr: "12:00:01 info  topology host-load: ...". Thread-safe.
 * Levels are process-wide and set once by main. */
#ifndef KLAMM_ENGINE_LOGGER_H
#define KLAMM_ENGINE_LOGGER_H

#include <stddef.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void logger_level(enum log_level level);
/* From now on lines (with their line end) go there, from any thread; NULL: to stderr again. */
void logger_to(void (*write)(const char *line, size_t n));
__attribute__((format(printf, 2, 3))) void logger(enum log_level level, const char *fmt, ...);

#endif
