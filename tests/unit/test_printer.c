/* Printer: records of every format as record lines, and what is none of that format. */
#include "schemas/registry_memory.h"
#include "worker/printer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

struct side {
    const void *p;
    size_t n;
};
#define BYTES(text) ((struct side){text, sizeof(text) - 1})
#define NOTHING     ((struct side){NULL, 0})

static struct schema_store *schemas;
static struct buffer out;

static int set_up(void **unused)
{
    (void)unused;
    schemas = registry_memory_new();
    buffer_init(&out);
    return 0;
}

static int tear_down(void **unused)
{
    (void)unused;
    schemas->free(schemas);
    buffer_done(&out);
    return 0;
}

static int print(struct printer *p, struct side key, struct side value, struct err *e)
{
    struct record r = {.topic = "t",
                       .partition = 2,
                       .offset = 5,
                       .timestamp = 1000,
                       .key = key.p,
                       .key_n = key.n,
                       .value = value.p,
                       .value_n = value.n};
    buffer_clear(&out);
    return printer_line(p, &r, &out, e);
}

#define PLACE(rest) "{\"topic\":\"t\",\"partition\":2,\"offset\":5," rest "}"

static void expect_line(struct printer *p, struct side key, struct side value, const char *line)
{
    struct err e = {0};
    int r = print(p, key, value, &e);
    if (r < 0) {
        print_message("%s\n", e.text);
    }
    assert_int_equal(r, 0);
    assert_string_equal(buffer_cstr(&out), line);
}

static struct printer *new_printer(const char *key, const char *value)
{
    struct printer *p = NULL;
    struct err e = {0};
    assert_int_equal(printer_new(&p, key, value, schemas, &e), 0);
    return p;
}

static void test_plain_formats(void **unused)
{
    (void)unused;
    struct printer *p = new_printer("string", "string");
    expect_line(p, BYTES("K\xc3\xb6ln"), BYTES("a \"b\"\n"),
                PLACE("\"key\":\"Köln\",\"timestamp\":1000,\"value\":\"a \\\"b\\\"\\n\""));
    expect_line(p, NOTHING, NOTHING, PLACE("\"key\":null,\"timestamp\":1000,\"value\":null"));
    expect_line(p, BYTES(""), BYTES(""), PLACE("\"key\":\"\",\"timestamp\":1000,\"value\":\"\""));
    printer_free(p);
    p = new_printer("long", "bytes");
    expect_line(p, BYTES("\0\0\0\0\0\0\1\2"), BYTES("\0\1\xff"),
                PLACE("\"key\":258,\"timestamp\":1000,\"value\":\"AAH/\""));
    struct err e = {0};
    assert_int_equal(print(p, BYTES("short"), NOTHING, &e), -ERR_DATA);
    assert_true(e.text[0] != 0);
    printer_free(p);
}

static void test_json_passes_and_the_rest_is_a_string(void **unused)
{
    (void)unused;
    struct printer *p = new_printer("json", "json");
    expect_line(p, BYTES("[1]"), BYTES("{\"a\":\n 1}\r\n"),
                PLACE("\"key\":[1],\"timestamp\":1000,\"value\":{\"a\":  1}  "));
    expect_line(p, BYTES("[1"), BYTES("{} {}"),
                PLACE("\"key\":\"[1\",\"timestamp\":1000,\"value\":\"{} {}\""));
    expect_line(p, NOTHING, BYTES("\xff"),
                PLACE("\"key\":null,\"timestamp\":1000,\"value\":\"\xef\xbf\xbd\""));
    printer_free(p);
}

static void test_avro_by_its_schema_id(void **unused)
{
    static const char json[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                               "{\"name\":\"a\",\"type\":[\"null\",\"long\"]},"
                               "{\"name\":\"b\",\"type\":{\"type\":\"record\",\"name\":\"B\","
                               "\"fields\":[{\"name\":\"c\",\"type\":\"string\"}]}}]}";
    struct err e = {0};
    uint32_t one, two;
    (void)unused;
    assert_int_equal(schemas->put(schemas, "one", json, &one, &e), 0);
    assert_int_equal(schemas->put(schemas, "two", "\"string\"", &two, &e), 0);
    assert_true(one < 256 && two < 256 && one != two);
    struct printer *p = new_printer("string", "avro");
    for (int again = 0; again < 3; again++) {
        char x[] = {0, 0, 0, 0, (char)one, 2, 14, 4, 'h', 'i'};
        expect_line(
            p, NOTHING, (struct side){x, sizeof x},
            PLACE("\"key\":null,\"timestamp\":1000,\"value\":{\"a\":7,\"b\":{\"c\":\"hi\"}}"));
        char y[] = {0, 0, 0, 0, (char)one, 0, 0};
        expect_line(
            p, NOTHING, (struct side){y, sizeof y},
            PLACE("\"key\":null,\"timestamp\":1000,\"value\":{\"a\":null,\"b\":{\"c\":\"\"}}"));
    }
    printer_free(p);
    p = new_printer("avro", "avro");
    char key[] = {0, 0, 0, 0, (char)two, 2, 'k'};
    expect_line(p, (struct side){key, sizeof key}, NOTHING,
                PLACE("\"key\":\"k\",\"timestamp\":1000,\"value\":null"));
    printer_free(p);
}

static void test_avro_that_is_none(void **unused)
{
    static const char json[] = "{\"type\":\"record\",\"name\":\"R\",\"fields\":["
                               "{\"name\":\"a\",\"type\":\"string\"}]}";
    struct err e = {0};
    uint32_t id;
    (void)unused;
    assert_int_equal(schemas->put(schemas, "three", json, &id, &e), 0);
    struct printer *p = new_printer("string", "avro");
    char torn[] = {0, 0, 0, 0, (char)id, 20, 'x'};
    const struct side bad[] = {BYTES("{\"a\":1}"),
                               BYTES(""),
                               BYTES("\0\0\0\0"),
                               BYTES("\0\xff\xff\xff\xff\0"),
                               {torn, sizeof torn}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        err_clear(&e);
        assert_int_equal(print(p, NOTHING, bad[i], &e), -ERR_DATA);
        assert_true(e.text[0] != 0);
    }
    char good[] = {0, 0, 0, 0, (char)id, 2, 'x'};
    expect_line(p, NOTHING, (struct side){good, sizeof good},
                PLACE("\"key\":null,\"timestamp\":1000,\"value\":{\"a\":\"x\"}"));
    printer_free(p);
    assert_int_equal(printer_new(&p, "string", "avro", NULL, &e), 0);
    err_clear(&e);
    assert_int_equal(print(p, NOTHING, BYTES("\0\0\0\0\1\0"), &e), -ERR_CONFIG);
    printer_free(p);
}

static void test_columns_for_csv(void **unused)
{
    struct arena mem;
    struct err e = {0};
    (void)unused;
    arena_init(&mem);
    struct schema *s = schema_new(&mem, 3);
    schema_add(s, "host", &type_string, false, false);
    schema_add(s, "_key", &type_string, true, true);
    schema_add(s, "n", &type_long, true, false);
    struct printer *p = new_printer("none", "csv");
    assert_int_equal(printer_columns(p, s, &e), 0);
    struct record r = {.topic = "t", .value = "\"a,b\",7", .value_n = 7};
    buffer_clear(&out);
    assert_int_equal(printer_value(p, &r, &out, &e), 0);
    assert_string_equal(buffer_cstr(&out), "{\"host\":\"a,b\",\"n\":7}");
    r = (struct record){.topic = "t"};
    buffer_clear(&out);
    assert_int_equal(printer_value(p, &r, &out, &e), 0);
    assert_string_equal(buffer_cstr(&out), "null");
    printer_free(p);
    arena_done(&mem);
}

static void test_unknown_formats(void **unused)
{
    struct printer *p = NULL;
    struct err e = {0};
    (void)unused;
    assert_int_equal(printer_new(&p, "string", "avrow", schemas, &e), -ERR_CONFIG);
    assert_string_equal(e.text, "there is no format \"avrow\": did you mean \"avro\"?");
    assert_int_equal(printer_new(&p, "strnig", "avro", schemas, NULL), -ERR_CONFIG);
    assert_null(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_formats),
        cmocka_unit_test(test_json_passes_and_the_rest_is_a_string),
        cmocka_unit_test(test_avro_by_its_schema_id),
        cmocka_unit_test(test_avro_that_is_none),
        cmocka_unit_test(test_columns_for_csv),
        cmocka_unit_test(test_unknown_formats),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
