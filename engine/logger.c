/* Messages on stderr: one write() a line, so that lines of several threads do not mix. Times are
 * UTC.
 */
#include "engine/logger.h"

#include "engine/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic(void (*)(const char *line, size_t n)) taker;
static atomic_int most_verbose = LOG_LEVEL_INFO;

void logger_level(enum log_level level)
{
    atomic_store_explicit(&most_verbose, (int)level, memory_order_relaxed);
}

void logger_to(void (*write)(const char *line, size_t n))
{
    atomic_store(&taker, write);
}

void logger(enum log_level level, const char *fmt, ...)
{
    if ((int)level > atomic_load_explicit(&most_verbose, memory_order_relaxed)) {
        return;
    }
    static const char *const name[] = {"error", "warn ", "info ", "debug"};
    struct civil c = civil_of(clock_now(&clock_system));
    char line[2048];
    int n =
        snprintf(line, sizeof line, "%02d:%02d:%02d %s ", c.hour, c.minute, c.second, name[level]);
    size_t at = n < 0 ? 0 : (size_t)n;
    va_list args;
    va_start(args, fmt);
    n = vsnprintf(line + at, sizeof line - 1 - at, fmt, args);
    va_end(args);
    at += n < 0 ? 0 : (size_t)n;
    if (at > sizeof line - 2) {
        at = sizeof line - 2;
    }
    line[at++] = '\n';
    void (*take)(const char *, size_t) = atomic_load(&taker);
    if (take) {
        take(line, at);
        return;
    }
    size_t done = 0;
    while (done < at) {
        ssize_t written = write(STDERR_FILENO, line + done, at - done);
        if (written <= 0) {
            return;
        }
        done += (size_t)written;
    }
}
