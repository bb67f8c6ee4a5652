/* Files of rows: record lines, JSON, CSV with its types, and what is wrong in them with its line.
 */
#include "worker/rows.h"

#include "engine/arena.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "rows-XXXXXX.txt";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemps(path, 4);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void write_file(const char *text, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, n, f), n);
    fclose(f);
}

/* All rows as "KEY=VALUE@TIMESTAMP;", then "! message" when the file is wrong. */
static const char *read_all(const char *text, enum rows_format format, const struct schema *columns,
                            struct buffer *b)
{
    struct rows *rows;
    struct record r;
    struct err e = {0};
    buffer_clear(b);
    write_file(text, strlen(text));
    int n = rows_open(&rows, path, format, columns, &e);
    if (n == 0) {
        while ((n = rows_next(rows, &r, &e)) == 1) {
            buffer_printf(b, "%s=%.*s@%lld;", r.key ? (const char *)r.key : "-",
                          (int)(r.value ? r.value_n : 4), r.value ? (const char *)r.value : "null",
                          (long long)r.timestamp);
        }
        assert_true(n < 0 || rows_share(rows) > 0.99 || text[0] == 0);
        rows_close(rows);
    }
    if (n < 0) {
        buffer_printf(b, "! %s", strchr(e.text, ':') ? strchr(e.text, ':') : e.text);
    }
    return buffer_cstr(b);
}

static void record_lines(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    assert_string_equal(
        read_all("{\"value\":{\"a\": 1},\"key\":\"k\\\"\",\"timestamp\":5}\n\n{\"value\":null}\r\n"
                 "{\"key\":{\"x\":1},\"value\":[]}",
                 ROWS_RECORD_LINES, NULL, &b),
        "k\"={\"a\": 1}@5;-=null@-1;{\"x\":1}=[]@-1;");
    assert_non_null(strstr(read_all("{\"value\":1}\n{\"valu\":1}\n", ROWS_RECORD_LINES, NULL, &b),
                           "-=1@-1;! :2: "));
    assert_non_null(strstr(read_all("oops", ROWS_RECORD_LINES, NULL, &b), "! :1: "));
    assert_string_equal(read_all("", ROWS_RECORD_LINES, NULL, &b), "");
    buffer_done(&b);
}

static void json_rows(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    assert_string_equal(read_all("{\"a\":1}\n5\n", ROWS_JSON, NULL, &b), "-={\"a\":1}@-1;-=5@-1;");
    buffer_done(&b);
}

static struct schema *columns(struct arena *a)
{
    struct schema *s = schema_new(a, 8);
    schema_add(s, "l", &type_long, true, false);
    schema_add(s, "d", &type_double, true, false);
    schema_add(s, "s", &type_string, true, false);
    schema_add(s, "b", &type_boolean, true, false);
    schema_add(s, "t", &type_timestamp, true, false);
    schema_add(s, "a", type_array(a, &type_long), true, false);
    return s;
}

static void csv_by_its_types(void **state)
{
    (void)state;
    struct buffer b;
    struct arena a;
    arena_init(&a);
    buffer_init(&b);
    const struct schema *s = columns(&a);
    assert_string_equal(
        read_all(
            "s,other,l,d,b,t,a\r\n\"x, \"\"y\"\"\nz\",skipped,-7,1e3,true,5,\"[1,2]\"\r\n,,,,,,\n"
            "\"\",,+5,inf,false,2026-01-01T00:00:00Z,[]\n",
            ROWS_CSV, s, &b),
        "-={\"s\":\"x, "
        "\\\"y\\\"\\nz\",\"l\":-7,\"d\":1000.0,\"b\":true,\"t\":5,\"a\":[1,2]}@-1;-={}@-1;"
        "-={\"s\":\"\",\"l\":5,\"d\":\"Infinity\",\"b\":false,\"t\":\"2026-01-01T00:00:00Z\",\"a\":"
        "[]}@-1;");
    assert_string_equal(read_all("l\n007\n", ROWS_CSV, s, &b), "-={\"l\":7}@-1;");
    buffer_done(&b);
    arena_done(&a);
}

static void wrong_csv(void **state)
{
    (void)state;
    static const struct {
        const char *text, *problem;
    } wrong[] = {
        {"", "! : a CSV file begins with a header line"},
        {"l\nx\n", "! :2: \"x\" is no whole number (column l)"},
        {"l\n5 \n", "! :2: \"5 \" is no whole number (column l)"},
        {"l\n99999999999999999999\n", "is no whole number (column l)"},
        {"d\n1,5\n", "! :2: not as many fields as the header has"},
        {"d,l\n1\n", "! :2: not as many fields as the header has"},
        {"d\n1.5x\n", "! :2: \"1.5x\" is no number (column d)"},
        {"b\nyes\n", "! :2: \"yes\" is no boolean (true or false) (column b)"},
        {"b,s\n\"true,\"\"s\"\":\"\"evil\"\"\",x\n", "is no boolean"},
        {"a\n5\n", "! :2: \"5\" is no array (JSON) (column a)"},
        {"a\n\"[1\"\n", "is no array (JSON)"},
        {"s\n\"never closed\n", "! :2: "},
        {"l\n1\n2\nx\n", ":4: \"x\" is no whole number"},
    };
    struct buffer b;
    struct arena a;
    arena_init(&a);
    buffer_init(&b);
    const struct schema *s = columns(&a);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const char *found = read_all(wrong[i].text, ROWS_CSV, s, &b);
        if (!strstr(found, wrong[i].problem)) {
            assert_string_equal(found, wrong[i].problem);
        }
    }
    buffer_done(&b);
    arena_done(&a);
}

static void endings_tell_formats(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(rows_format_of("a.b.jsonl", &e), ROWS_RECORD_LINES);
    assert_int_equal(rows_format_of("x.csv", &e), ROWS_CSV);
    assert_int_equal(rows_format_of("/tmp/x.avro", &e), ROWS_CONTAINER);
    assert_int_equal(rows_format_of("x.txt", &e), -ERR_CONFIG);
    assert_string_equal(e.text, "x.txt: the file's ending tells its format: .jsonl (record lines), "
                                ".csv or .avro");
}

static void files_that_cannot_be_read(void **state)
{
    (void)state;
    struct rows *rows;
    struct err e = {0};
    assert_int_equal(rows_open(&rows, "no/such/file", ROWS_JSON, NULL, &e), -ERR_CONFIG);
    assert_string_equal(e.text, "cannot read no/such/file: No such file or directory");
    err_clear(&e);
    assert_int_equal(rows_open(&rows, "tests", ROWS_JSON, NULL, &e), -ERR_CONFIG);
    assert_string_equal(e.text, "cannot read tests: Is a directory");
    err_clear(&e);
    write_file("no container", 12);
    assert_true(rows_open(&rows, path, ROWS_CONTAINER, NULL, &e) < 0);
    assert_non_null(strstr(e.text, path));
}

static void bytes_of_any_kind(void **state)
{
    (void)state;
    char text[2000];
    struct rows *rows;
    struct record r;
    struct arena a;
    arena_init(&a);
    const struct schema *s = columns(&a);
    for (int seed = 0; seed < 200; seed++) {
        unsigned short dice[3] = {(unsigned short)seed, 1, 2};
        size_t n = (size_t)nrand48(dice) % sizeof text;
        for (size_t i = 0; i < n; i++) {
            static const char some[] = "\"\"\",,{}[]\n\n\r:\\u0019a\0\xff\xc3";
            text[i] = some[(size_t)nrand48(dice) % (sizeof some - 1)];
        }
        write_file(text, n);
        for (int format = ROWS_RECORD_LINES; format <= ROWS_CONTAINER; format++) {
            struct err e = {0};
            if (rows_open(&rows, path, (enum rows_format)format, s, &e) == 0) {
                while (rows_next(rows, &r, &e) == 1) {
                    assert_true(r.value == NULL || r.value_n < sizeof text * 8);
                }
                rows_close(rows);
            }
        }
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_lines),         cmocka_unit_test(json_rows),
        cmocka_unit_test(csv_by_its_types),     cmocka_unit_test(wrong_csv),
        cmocka_unit_test(endings_tell_formats), cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(bytes_of_any_kind),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
