/* Rows: record lines, JSON and CSV from files, as JSON; what is wrong with its line. */
#include "engine/arena.h"
#include "worker/rows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];
static struct arena mem;
static struct schema *columns;

static int set_up(void **unused)
{
    (void)unused;
    snprintf(path, sizeof path, P_tmpdir "/klamm-rows-XXXXXX");
    int fd = mkstemp(path);
    arena_init(&mem);
    columns = schema_new(&mem, 8);
    schema_add(columns, "host", &type_string, true, false);
    schema_add(columns, "n", &type_long, true, false);
    schema_add(columns, "x", &type_double, true, false);
    schema_add(columns, "up", &type_boolean, true, false);
    schema_add(columns, "at", &type_timestamp, true, false);
    schema_add(columns, "list", type_array(&mem, &type_long), true, false);
    return fd < 0 ? -1 : close(fd);
}

static int tear_down(void **unused)
{
    (void)unused;
    arena_done(&mem);
    return unlink(path);
}

static void write_text(const char *text, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

static struct rows *open_text(const char *text, enum rows_format format)
{
    struct rows *r = NULL;
    struct err e = {0};
    write_text(text, strlen(text));
    assert_int_equal(rows_open(&r, path, format, columns, &e), 0);
    return r;
}

static void expect_next(struct rows *r, const char *value)
{
    struct record x;
    struct err e = {0};
    int result = rows_next(r, &x, &e);
    if (result != 1) {
        print_message("%s\n", e.text);
    }
    assert_int_equal(result, 1);
    assert_int_equal(x.value_n, strlen(value));
    assert_memory_equal(x.value, value, x.value_n);
}

static void expect_last(struct rows *r)
{
    struct record x;
    struct err e = {0};
    assert_int_equal(rows_next(r, &x, &e), 0);
    assert_null(x.value);
    rows_close(r);
}

/* The message behind "FILE:". */
static void expect_error(struct rows *r, const char *message)
{
    struct record x;
    struct err e = {0};
    assert_int_equal(rows_next(r, &x, &e), -ERR_DATA);
    assert_memory_equal(e.text, path, strlen(path));
    assert_string_equal(e.text + strlen(path), message);
    rows_close(r);
}

static void test_formats_by_ending(void **unused)
{
    struct err e = {0};
    (void)unused;
    assert_int_equal(rows_format_of("a.b/c.jsonl", &e), ROWS_RECORD_LINES);
    assert_int_equal(rows_format_of("c.csv", &e), ROWS_CSV);
    assert_int_equal(rows_format_of("c.avro", &e), ROWS_CONTAINER);
    assert_int_equal(rows_format_of("c.json", &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, ".jsonl"));
    assert_int_equal(rows_format_of("csv", NULL), -ERR_CONFIG);
}

static void test_record_lines(void **unused)
{
    struct record x;
    struct err e = {0};
    (void)unused;
    struct rows *r = open_text(
        "{\"topic\":\"t\",\"partition\":3,\"offset\":9,\"key\":\"K\\u00f6ln\",\"timestamp\":77,"
        "\"headers\":{\"h\":\"v\"},\"value\":{\"a\":1}}\n\n{\"key\":{\"i\":1},\"value\":null}\r\n"
        "{\"value\":2}",
        ROWS_RECORD_LINES);
    assert_int_equal(rows_next(r, &x, &e), 1);
    assert_string_equal(x.topic, "t");
    assert_int_equal(x.partition, 3);
    assert_int_equal(x.offset, 9);
    assert_int_equal(x.timestamp, 77);
    assert_int_equal(x.key_n, 5);
    assert_memory_equal(x.key, "Köln", 5);
    assert_int_equal(x.nheaders, 1);
    assert_string_equal(x.headers[0].name, "h");
    assert_memory_equal(x.value, "{\"a\":1}", 7);
    assert_int_equal(rows_next(r, &x, &e), 1);
    assert_memory_equal(x.key, "{\"i\":1}", 7);
    assert_null(x.value);
    assert_int_equal(x.partition, -1);
    assert_int_equal(x.timestamp, -1);
    expect_next(r, "2");
    assert_null(rows_schema(r));
    assert_true(rows_share(r) > 0.99);
    expect_last(r);
}

static void test_bad_record_lines_are_placed(void **unused)
{
    struct record x;
    struct err e = {0};
    char begin[80];
    (void)unused;
    struct rows *r = open_text("{\"value\":1}\n\n{\"vaule\":1}\n", ROWS_RECORD_LINES);
    struct buffer place;
    buffer_init(&place);
    expect_next(r, "1");
    assert_int_equal(rows_next(r, &x, &e), -ERR_DATA);
    snprintf(begin, sizeof begin, "%s:3: ", path);
    assert_memory_equal(e.text, begin, strlen(begin));
    rows_place(r, &place);
    assert_int_equal(place.n, strlen(begin) - 2);
    assert_memory_equal(place.data, begin, place.n);
    buffer_done(&place);
    assert_non_null(strstr(e.text, "vaule"));
    rows_close(r);
}

static void test_json_rows(void **unused)
{
    (void)unused;
    struct rows *r = open_text("{\"a\":1}\n[2]\n\n", ROWS_JSON);
    expect_next(r, "{\"a\":1}");
    expect_next(r, "[2]");
    expect_last(r);
}

static void test_csv(void **unused)
{
    (void)unused;
    struct rows *r = open_text("x,host,other,n,up,at,list\r\n"
                               "1.5,\"a \"\"b\"\", c\",zzz,7,true,1700000000000,\"[1,2]\"\r\n"
                               ",\"\",,-9223372036854775808,,2023-11-14T22:13:20Z,\n"
                               "\n"
                               "NaN,\"two\nlines\",,,false,,[]\n",
                               ROWS_CSV);
    expect_next(r, "{\"x\":1.5,\"host\":\"a \\\"b\\\", c\",\"n\":7,\"up\":true,"
                   "\"at\":1700000000000,\"list\":[1,2]}");
    expect_next(r, "{\"host\":\"\",\"n\":-9223372036854775808,\"at\":\"2023-11-14T22:13:20Z\"}");
    expect_next(r, "{\"x\":\"NaN\",\"host\":\"two\\nlines\",\"up\":false,\"list\":[]}");
    expect_last(r);
}

static void test_a_byte_order_mark_is_no_name(void **unused)
{
    (void)unused;
    struct rows *r = open_text("\xef\xbb\xbfhost,n\na,1\n", ROWS_CSV);
    expect_next(r, "{\"host\":\"a\",\"n\":1}");
    expect_last(r);
}

static void test_csv_fields_of_a_wrong_type(void **unused)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"n\n1\n1.5\n", ":3: \"1.5\" is no whole number (column n)"},
        {"n\n1\n99999999999999999999\n",
         ":3: \"99999999999999999999\" is no whole number (column n)"},
        {"host,x\n\"two\nlines\",1\n\n,1x\n", ":5: \"1x\" is no number (column x)"},
        {"n,up\n1,\n1,yes\n", ":3: \"yes\" is no boolean (true or false) (column up)"},
        {"n,list\n1,\n1,1\n", ":3: \"1\" is no array (JSON) (column list)"},
        {"n,x\n1,2\n1\n", ":3: not as many fields as the header has"},
        {"n,x\n1,2\n1,2,3\n", ":3: not as many fields as the header has"},
    };
    (void)unused;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct record x;
        struct err e = {0};
        struct rows *r = open_text(bad[i].text, ROWS_CSV);
        assert_int_equal(rows_next(r, &x, &e), 1);
        expect_error(r, bad[i].message);
    }
}

static void test_files_that_cannot_be_opened(void **unused)
{
    struct rows *r;
    struct err e = {0};
    (void)unused;
    assert_int_equal(rows_open(&r, "no/such.jsonl", ROWS_JSON, NULL, &e), -ERR_CONFIG);
    assert_string_equal(e.text, "cannot read no/such.jsonl: No such file or directory");
    err_clear(&e);
    assert_int_equal(rows_open(&r, P_tmpdir, ROWS_JSON, NULL, &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "Is a directory"));
    err_clear(&e);
    assert_int_equal(rows_open(&r, path, ROWS_CSV, columns, &e), -ERR_DATA); /* empty */
    assert_non_null(strstr(e.text, "header"));
    err_clear(&e);
    write_text("no container", 12);
    assert_int_equal(rows_open(&r, path, ROWS_CONTAINER, NULL, &e), -ERR_DATA);
    assert_non_null(strstr(e.text, path));
    err_clear(&e);
    write_text("n,\"x\n", 5);
    assert_int_equal(rows_open(&r, path, ROWS_CSV, columns, &e), -ERR_DATA);
    assert_non_null(strstr(e.text, path));
}

static void expect_header(const char *text, int status, const char *message)
{
    struct rows *r = NULL;
    struct err e = {0};
    write_text(text, strlen(text));
    int result = rows_open(&r, path, ROWS_CSV, columns, &e);
    if (result == 0) {
        result = rows_need_all(r, &e);
        rows_close(r);
    }
    assert_int_equal(result, status);
    assert_string_equal(e.text + (e.kind ? strlen(path) : 0), message);
}

static void test_headers_that_lack_a_column(void **unused)
{
    (void)unused;
    expect_header("host,n,x,up,at,list,more\n", 0, "");
    expect_header("hots,n,x,up,at,list\n", -ERR_DATA,
                  ":1: the header has no column \"host\": did it mean that by \"hots\"?");
    expect_header("n,lisst\n", -ERR_DATA,
                  ":1: the header has no column \"list\": did it mean that by \"lisst\"?");
    expect_header("n,x,up,at,list,other\n", -ERR_DATA, ":1: the header lacks the column \"host\"");
    expect_header("n,x,up,at\n", -ERR_DATA, ":1: the header lacks the columns \"host\", \"list\"");
}

static void test_columns_out_of_the_header(void **unused)
{
    struct rows *r = NULL;
    struct err e = {0};
    (void)unused;
    const char *text = "a,b c\n1,\n\"x,y\",\"\"\n";
    write_text(text, strlen(text));
    assert_int_equal(rows_open(&r, path, ROWS_CSV, NULL, &e), 0);
    assert_int_equal(rows_columns(r)->n, 2);
    assert_string_equal(rows_columns(r)->col[1].name, "b c");
    assert_int_equal(rows_columns(r)->col[0].type->kind, TYPE_STRING);
    expect_next(r, "{\"a\":\"1\"}");
    expect_next(r, "{\"a\":\"x,y\",\"b c\":\"\"}");
    expect_last(r);
    const char *const bad[] = {"a,a\n", "a,,b\n"};
    for (int i = 0; i < 2; i++) {
        err_clear(&e);
        write_text(bad[i], strlen(bad[i]));
        assert_int_equal(rows_open(&r, path, ROWS_CSV, NULL, &e), -ERR_DATA);
    }
}

static void test_reading_goes_on_behind_a_bad_line(void **unused)
{
    struct record x;
    struct err e = {0};
    const char *line;
    size_t n;
    (void)unused;
    struct rows *r = open_text("n,x\n1,2\n1,zwei\n3,4\n", ROWS_CSV);
    expect_next(r, "{\"n\":1,\"x\":2.0}");
    assert_int_equal(rows_next(r, &x, &e), -ERR_DATA);
    assert_true(rows_bad_line(r, &line, &n));
    assert_int_equal(n, 6);
    assert_memory_equal(line, "1,zwei", 6);
    expect_next(r, "{\"n\":3,\"x\":4.0}");
    expect_last(r);
    err_clear(&e);
    r = open_text("{\"value\":1}\n{\"valu\n{\"value\":2}\n", ROWS_RECORD_LINES);
    expect_next(r, "1");
    assert_int_equal(rows_next(r, &x, &e), -ERR_DATA);
    assert_true(rows_bad_line(r, &line, &n));
    assert_memory_equal(line, "{\"valu", n);
    expect_next(r, "2");
    expect_last(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_formats_by_ending),
        cmocka_unit_test_setup_teardown(test_record_lines, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_record_lines_are_placed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_json_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_csv, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_byte_order_mark_is_no_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_csv_fields_of_a_wrong_type, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_that_cannot_be_opened, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_headers_that_lack_a_column, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_columns_out_of_the_header, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_reading_goes_on_behind_a_bad_line, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
