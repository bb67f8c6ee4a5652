/* Sink log: lines on standard output, whole and in order. */
#include "engine/connector.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct connector_def connector_log;

static void lines(void **state)
{
    (void)state;
    int ends[2], kept = dup(STDOUT_FILENO);
    char text[64] = "";
    struct connector *c = NULL;
    struct err e = {0};
    fflush(stdout);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    int rc = connector_log.sink_open(&c, NULL, &e);
    rc = rc < 0 ? rc : connector_log.sink_write(c, "{\"value\":1}", 11, &e);
    rc = rc < 0 ? rc : connector_log.sink_write(c, "{\"value\":2}", 11, &e);
    rc = rc < 0 ? rc : connector_log.sink_flush(c, &e);
    connector_log.close(c);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    assert_int_equal(rc, 0);
    assert_int_equal(read(ends[0], text, sizeof text - 1), 24);
    close(ends[0]);
    assert_string_equal(text, "{\"value\":1}\n{\"value\":2}\n");
    assert_null(connector_log.source_open);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(lines)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
