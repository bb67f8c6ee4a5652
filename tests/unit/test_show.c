/* show: lines where there is no terminal; on one a table that fits and cannot be written by data.
 */
#include "engine/logger.h"
#include "worker/show.h"

#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char out[65536];

/* Shows the lines with `fd` as standard output; what arrives at `from` is left in `out`. */
/* A machine without /dev/pts has no terminals to try. */
static void open_terminal(int *master, int *slave, const struct winsize *size)
{
    if (openpty(master, slave, NULL, NULL, size) != 0) {
        skip();
    }
}

/* What a terminal got comes in pieces. */
static void read_until(int fd, const char *end)
{
    size_t n = 0;
    out[0] = 0;
    while (!strstr(out, end)) {
        ssize_t more = read(fd, out + n, sizeof out - 1 - n);
        assert_true(more > 0);
        n += (size_t)more;
        out[n] = 0;
    }
}

static void show_lines(const char *const *lines, int fd, int from)
{
    fflush(stdout);
    int saved = dup(STDOUT_FILENO);
    assert_true(saved >= 0 && dup2(fd, STDOUT_FILENO) >= 0);
    struct show *s = show_new("loads");
    for (int i = 0; lines[i]; i++) {
        show_line(s, lines[i], strlen(lines[i]));
    }
    show_flush(s);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    assert_int_equal(write(fd, "\1", 1), 1);
    read_until(from, "\1");
    *strchr(out, 1) = 0;
    show_free(s);
}

static void show_on_terminal(const char *const *lines, unsigned short columns)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    int master, slave;
    open_terminal(&master, &slave, &size);
    show_lines(lines, slave, master);
    close(master);
    close(slave);
}

static const char *const loads[] = {
    "{\"topic\":\"loads\",\"value\":{\"host\":\"a\",\"start\":1700000000000,\"mean\":12.345678,"
    "\"busy\":true}}",
    "{\"topic\":\"loads\",\"value\":{\"host\":\"Köln\",\"start\":1700000010000,\"mean\":null,"
    "\"busy\":false}}",
    NULL};

static void test_a_file_gets_the_lines_as_they_are(void **unused)
{
    int ends[2];
    char expected[1024];
    (void)unused;
    assert_int_equal(pipe(ends), 0);
    show_lines(loads, ends[1], ends[0]);
    snprintf(expected, sizeof expected, "%s\n%s\n", loads[0], loads[1]);
    assert_string_equal(out, expected);
    close(ends[0]);
    close(ends[1]);
}

static void test_a_wide_terminal_has_all_columns(void **unused)
{
    (void)unused;
    show_on_terminal(loads, 80);
    assert_non_null(strstr(out, "loads\033[0m  2 records"));
    assert_non_null(strstr(out, "start"));
    assert_non_null(strstr(out, "a     1700000000000  12.35  true   \r\n"));
    assert_non_null(strstr(out, "Köln  1700000010000  null   false  \r\n"));
}

static void test_a_narrow_one_has_the_first_and_the_last(void **unused)
{
    (void)unused;
    show_on_terminal(loads, 24);
    assert_null(strstr(out, "start"));
    assert_null(strstr(out, "1700000000000"));
    assert_non_null(strstr(out, "a     12.35  true   \r\n"));
    show_on_terminal(loads, 4);
    assert_non_null(strstr(out, "host"));
    assert_null(strstr(out, "busy"));
}

static void test_data_cannot_move_the_cursor(void **unused)
{
    static const char *const lines[] = {
        "{\"value\":{\"host\\u001b[2J\":\"\\u001b[31m\\nred\",\"n\":1}}", "no JSON", "[1]",
        "{\"value\":null}", NULL};
    (void)unused;
    show_on_terminal(lines, 80);
    assert_non_null(strstr(out, ".[31m.red"));
    assert_non_null(strstr(out, "host.[2J"));
    assert_null(strstr(out, "\033[2J"));
    assert_null(strstr(out, "\033[31m"));
}

static void test_long_texts_and_many_columns_are_cut(void **unused)
{
    static char line[40000];
    const char *lines[] = {line, NULL};
    int n = snprintf(line, sizeof line, "{\"value\":{\"first\":\"");
    (void)unused;
    for (int i = 0; i < 1000; i++) {
        n += snprintf(line + n, sizeof line - (size_t)n, "é");
    }
    n += snprintf(line + n, sizeof line - (size_t)n, "\"");
    for (int i = 0; i < 1000; i++) {
        n += snprintf(line + n, sizeof line - (size_t)n, ",\"column%d\":%d", i, i);
    }
    snprintf(line + n, sizeof line - (size_t)n, "}}");
    show_on_terminal(lines, 60);
    assert_non_null(strstr(out, "éééééééééééééééééééééééé  "));
    assert_null(strstr(out, "ééééééééééééééééééééééééé"));
    assert_non_null(strstr(out, "column38"));
}

/* Standard output and error are the terminal; messages come in between two drawings. */
static void test_messages_stand_above_the_table(void **unused)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    int master, slave;
    (void)unused;
    open_terminal(&master, &slave, &size);
    fflush(stdout);
    int saved_out = dup(STDOUT_FILENO), saved_err = dup(STDERR_FILENO);
    assert_true(dup2(slave, STDOUT_FILENO) >= 0 && dup2(slave, STDERR_FILENO) >= 0);
    struct show *s = show_new("loads");
    show_line(s, loads[0], strlen(loads[0]));
    show_flush(s);
    logger(LOG_LEVEL_WARN, "a lane stumbled");
    read_until(master, "1 records");
    bool waits = strstr(out, "stumbled") == NULL;
    show_flush(s);
    logger(LOG_LEVEL_WARN, "at the end");
    show_free(s);
    logger(LOG_LEVEL_WARN, "without a table");
    fflush(stdout);
    dup2(saved_out, STDOUT_FILENO);
    dup2(saved_err, STDERR_FILENO);
    close(saved_out);
    close(saved_err);
    read_until(master, "without a table\r\n");
    close(master);
    close(slave);
    assert_true(waits);
    const char *erased = strstr(out, "\033[14A\033[J"),
               *message = strstr(out, "a lane stumbled\r\n");
    assert_true(erased && message && erased < message);
    const char *table = strstr(message, "loads\033[0m  1 records");
    assert_non_null(table);
    const char *end = strstr(table, "at the end\r\n");
    assert_non_null(end);
    assert_non_null(strstr(end, "loads\033[0m  1 records"));
    const char *direct = strstr(end, "without a table\r\n");
    assert_non_null(direct);
    assert_null(strstr(direct, "loads"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_gets_the_lines_as_they_are),
        cmocka_unit_test(test_a_wide_terminal_has_all_columns),
        cmocka_unit_test(test_a_narrow_one_has_the_first_and_the_last),
        cmocka_unit_test(test_data_cannot_move_the_cursor),
        cmocka_unit_test(test_long_texts_and_many_columns_are_cut),
        cmocka_unit_test(test_messages_stand_above_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
