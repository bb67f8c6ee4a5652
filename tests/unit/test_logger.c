/* Logger: one line a message on stderr, quiet below its level, long lines cut. */
#include "engine/logger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What logger() wrote, read back through a pipe in place of stderr. */
static size_t captured(char *out, size_t size, enum log_level level, const char *text)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    logger(level, "topology %s", text);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(ends[1]);
    size_t n = 0;
    ssize_t got;
    while ((got = read(ends[0], out + n, size - 1 - n)) > 0) {
        n += (size_t)got;
    }
    close(ends[0]);
    out[n] = '\0';
    return n;
}

static void lines_and_levels(void **state)
{
    (void)state;
    char out[8192];
    captured(out, sizeof out, LOG_LEVEL_INFO, "a");
    assert_string_equal(out + 8, " info  topology a\n");
    assert_true(out[2] == ':' && out[5] == ':');
    assert_int_equal(captured(out, sizeof out, LOG_LEVEL_DEBUG, "a"), 0);
    logger_level(LOG_LEVEL_DEBUG);
    captured(out, sizeof out, LOG_LEVEL_DEBUG, "a");
    assert_string_equal(out + 8, " debug topology a\n");
    logger_level(LOG_LEVEL_ERROR);
    assert_int_equal(captured(out, sizeof out, LOG_LEVEL_WARN, "a"), 0);
    char big[5000];
    memset(big, 'x', sizeof big - 1);
    big[sizeof big - 1] = '\0';
    size_t n = captured(out, sizeof out, LOG_LEVEL_ERROR, big);
    assert_true(n > 1000 && n <= 2048);
    assert_int_equal(out[n - 1], '\n');
}

static char taken[256];

static void take(const char *line, size_t n)
{
    assert_true(n < sizeof taken);
    memcpy(taken, line, n);
    taken[n] = '\0';
}

static void lines_go_elsewhere_for_a_while(void **state)
{
    (void)state;
    char out[256];
    logger_level(LOG_LEVEL_INFO);
    logger_to(take);
    assert_int_equal(captured(out, sizeof out, LOG_LEVEL_INFO, "a"), 0);
    assert_string_equal(taken + 8, " info  topology a\n");
    logger_to(NULL);
    assert_true(captured(out, sizeof out, LOG_LEVEL_INFO, "b") > 0);
    assert_string_equal(taken + 8, " info  topology a\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines_and_levels),
                                       cmocka_unit_test(lines_go_elsewhere_for_a_while)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
