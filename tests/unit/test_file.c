/* Connector file: formats, positions, following, bad lines, the sink. */
#include "tests/support/connector_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

extern const struct connector_def connector_file;

static char path[64];

static int make_path(void **state)
{
    (void)state;
    strncpy(path, P_tmpdir "/klamm-file-XXXXXX", sizeof path);
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int drop_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void put(const char *mode, const char *text)
{
    FILE *f = fopen(path, mode);
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void begin(struct source_rig *r, const char *rest)
{
    char yaml[512];
    snprintf(yaml, sizeof yaml, "{path: %s, %s}", path, rest);
    assert_int_equal(source_init(r, &connector_file, yaml), 0);
}

static void lines(void **state)
{
    (void)state;
    struct source_rig r;
    put("w", "{\"a\":1}\n\n{\"a\":2,\"b\":{\"c\":\"x\"}}\r\n{\"a\":3}");
    begin(&r, "columns: {a: long, b.c: string}");
    assert_int_equal(source_open(&r, 0), 0);
    assert_int_equal(source_poll(&r, 50), 1);
    assert_string_equal(source_rows(&r), "@50 {\"a\":1,\"b\":{\"c\":null}}\n"
                                         "@50 {\"a\":2,\"b\":{\"c\":\"x\"}}\n"
                                         "@50 {\"a\":3,\"b\":{\"c\":null}}\n");
    assert_int_equal(r.position, 39);
    source_close(&r);
    assert_int_equal(source_open(&r, 9), 0);
    assert_int_equal(source_poll(&r, 51), 1);
    assert_int_equal(r.batch->nsel, 2);
    source_close(&r);
    assert_int_equal(source_open(&r, 39), 0);
    assert_int_equal(source_poll(&r, 52), 1);
    assert_null(r.batch);
    source_done(&r);
}

static void bad_lines_are_passed(void **state)
{
    (void)state;
    struct source_rig r;
    put("w", "{\"a\":1}\n{\"a\":\n{\"a\":3}\n");
    begin(&r, "columns: {a: long}");
    assert_int_equal(source_open(&r, 0), 0);
    assert_int_equal(source_poll(&r, 0), 0);
    assert_string_equal(source_rows(&r), "@0 {\"a\":1}\n");
    assert_int_equal(r.position, 8);
    assert_int_equal(source_poll(&r, 0), -ERR_DATA);
    assert_non_null(strstr(r.err.text, "line at byte 8"));
    assert_int_equal(r.position, 14);
    assert_int_equal(source_poll(&r, 0), 1);
    assert_string_equal(source_rows(&r), "@0 {\"a\":3}\n");
    source_done(&r);
}

static void records(void **state)
{
    (void)state;
    struct source_rig r;
    put("w", "{\"key\":\"k\",\"timestamp\":7,\"value\":{\"timestamp\":1,\"b\":{\"c\":2}}}\n"
             "{\"value\":{}}\n{\"value\":null}\n");
    begin(&r, "format: records, columns: {timestamp: long, b.c: long}");
    assert_int_equal(source_open(&r, 0), 0);
    assert_int_equal(source_poll(&r, 50), 1);
    assert_string_equal(source_rows(&r), "@7 {\"timestamp\":1,\"b\":{\"c\":2}}\n"
                                         "@50 {\"timestamp\":null,\"b\":{\"c\":null}}\n"
                                         "@50 {\"timestamp\":null,\"b\":{\"c\":null}}\n");
    source_done(&r);
}

static void csv(void **state)
{
    (void)state;
    struct source_rig r;
    put("w", "\xef\xbb\xbf"
             "x,\"b\",a\n9,\"q\nr\",1\n8,,2\n");
    begin(&r, "format: csv, columns: {a: long, b: string, c: double}");
    assert_int_equal(source_open(&r, 0), 0);
    assert_int_equal(source_poll(&r, 5), 1);
    assert_string_equal(source_rows(&r), "@5 {\"a\":1,\"b\":\"q\\nr\",\"c\":null}\n"
                                         "@5 {\"a\":2,\"b\":null,\"c\":null}\n");
    source_close(&r);
    assert_int_equal(source_open(&r, 21), 0); /* the header is read all the same */
    assert_int_equal(source_poll(&r, 5), 1);
    assert_string_equal(source_rows(&r), "@5 {\"a\":2,\"b\":null,\"c\":null}\n");
    source_done(&r);
    put("w", "1,x\n");
    begin(&r, "format: csv, header: false, columns: {a: long, b: string}");
    assert_int_equal(source_open(&r, 0), 0);
    assert_int_equal(source_poll(&r, 5), 1);
    assert_string_equal(source_rows(&r), "@5 {\"a\":1,\"b\":\"x\"}\n");
    source_done(&r);
}

static void following(void **state)
{
    (void)state;
    struct source_rig r;
    put("w", "");
    begin(&r, "format: csv, follow: true, columns: {a: long}");
    assert_int_equal(source_open(&r, 0), 0);
    assert_int_equal(source_poll(&r, 0), 0);
    assert_int_equal(r.next, 200);
    put("a", "a\n1\n2");
    assert_int_equal(source_poll(&r, 200), 0);
    assert_string_equal(source_rows(&r), "@200 {\"a\":1}\n");
    put("a", "2\n");
    assert_int_equal(source_poll(&r, 400), 0);
    assert_string_equal(source_rows(&r), "@400 {\"a\":22}\n");
    put("w", "a\n7\n"); /* cut and written again */
    assert_int_equal(source_poll(&r, 600), 0);
    assert_int_equal(source_poll(&r, 600), 0);
    assert_string_equal(source_rows(&r), "@600 {\"a\":7}\n");
    source_done(&r);
}

static void many_lines(void **state)
{
    (void)state;
    struct source_rig r;
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 5000; i++) {
        fprintf(f, "{\"a\":%d,\"s\":\"some text to make the line longer, and longer still\"}\n", i);
    }
    fclose(f);
    begin(&r, "columns: {a: long}");
    assert_int_equal(source_open(&r, 0), 0);
    int64_t sum = 0, rows = 0;
    for (int rc = 0; rc == 0;) {
        rc = source_poll(&r, 0);
        assert_true(rc >= 0);
        for (uint16_t i = 0; r.batch != NULL && i < r.batch->nsel; i++) {
            sum += r.batch->col[0].i[i];
            rows++;
        }
    }
    assert_int_equal(rows, 5000);
    assert_int_equal(sum, 5000 * 4999 / 2);
    source_done(&r);
}

static void no_file(void **state)
{
    (void)state;
    struct source_rig r;
    assert_int_equal(source_init(&r, &connector_file, "{path: no/such/file, columns: {a: long}}"),
                     0);
    assert_int_equal(source_open(&r, 0), -ERR_CONFIG);
    assert_non_null(strstr(r.err.text, "no/such/file"));
    source_done(&r);
    assert_int_equal(source_init(&r, &connector_file, "{path: x}"), -ERR_CONFIG);
    source_done(&r);
}

static void sink(void **state)
{
    (void)state;
    struct source_rig r;
    char text[64] = "";
    put("w", "torn");
    begin(&r, "columns: {a: long}");
    struct connector *c = NULL;
    assert_int_equal(connector_file.sink_open(&c, r.cfg, &r.err), 0);
    assert_int_equal(connector_file.sink_write(c, "{\"value\":1}", 11, &r.err), 0);
    assert_int_equal(connector_file.sink_write(c, "{\"value\":2}", 11, &r.err), 0);
    assert_int_equal(connector_file.sink_flush(c, &r.err), 0);
    FILE *f = fopen(path, "r");
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    assert_int_equal(n, 29);
    assert_string_equal(text, "torn\n{\"value\":1}\n{\"value\":2}\n");
    connector_file.close(c);
    source_done(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lines, make_path, drop_path),
        cmocka_unit_test_setup_teardown(bad_lines_are_passed, make_path, drop_path),
        cmocka_unit_test_setup_teardown(records, make_path, drop_path),
        cmocka_unit_test_setup_teardown(csv, make_path, drop_path),
        cmocka_unit_test_setup_teardown(following, make_path, drop_path),
        cmocka_unit_test_setup_teardown(many_lines, make_path, drop_path),
        cmocka_unit_test(no_file),
        cmocka_unit_test_setup_teardown(sink, make_path, drop_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
