/* Records as lines: every format on either side, and bytes that are not what they should be.
 */
#include "worker/printer.h"

#include "engine/memory.h"
#include "schemas/registry_memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const char *print(struct printer *p, struct buffer *b, const void *key, size_t key_n,
                         const void *value, size_t value_n)
{
    struct err e = {0};
    struct record r = {.topic = "t",
                       .partition = 1,
                       .offset = 2,
                       .timestamp = 3,
                       .key = key,
                       .key_n = key_n,
                       .value = value,
                       .value_n = value_n};
    buffer_clear(b);
    return printer_line(p, &r, b, &e) < 0 ? "data error" : buffer_cstr(b);
}

#define HEAD "{\"topic\":\"t\",\"partition\":1,\"offset\":2,\"key\":"

static void plain_formats(void **state)
{
    (void)state;
    struct printer *p;
    struct err e = {0};
    struct buffer b;
    buffer_init(&b);
    assert_int_equal(printer_new(&p, "long", "string", NULL, &e), 0);
    assert_string_equal(print(p, &b, "\0\0\0\0\0\0\1\2", 8, "say \"hi\"\n", 9),
                        HEAD "258,\"timestamp\":3,\"value\":\"say \\\"hi\\\"\\n\"}");
    assert_string_equal(print(p, &b, NULL, 0, NULL, 0),
                        HEAD "null,\"timestamp\":3,\"value\":null}");
    assert_string_equal(print(p, &b, "abc", 3, "x", 1), "data error");
    assert_string_equal(print(p, &b, NULL, 0, "\xff", 1), "data error");
    printer_free(p);
    assert_int_equal(printer_new(&p, "bytes", "bytes", NULL, &e), 0);
    assert_string_equal(print(p, &b, "\1", 1, "\xff\xfe", 2),
                        HEAD "\"AQ==\",\"timestamp\":3,\"value\":\"//4=\"}");
    printer_free(p);
    buffer_done(&b);
}

static void json_stays_on_one_line(void **state)
{
    (void)state;
    struct printer *p;
    struct err e = {0};
    struct buffer b;
    buffer_init(&b);
    assert_int_equal(printer_new(&p, "string", "json", NULL, &e), 0);
    assert_string_equal(print(p, &b, "k", 1, "{\n \"a\":\r\n1}", 11),
                        HEAD "\"k\",\"timestamp\":3,\"value\":{  \"a\":  1}}");
    /* dead letters may hold anything */
    assert_string_equal(print(p, &b, "k", 1, "{\"a\":", 5),
                        HEAD "\"k\",\"timestamp\":3,\"value\":\"{\\\"a\\\":\"}");
    assert_string_equal(print(p, &b, "k", 1, "1}", 2),
                        HEAD "\"k\",\"timestamp\":3,\"value\":\"1}\"}");
    assert_string_equal(print(p, &b, "k", 1, "", 0), HEAD "\"k\",\"timestamp\":3,\"value\":\"\"}");
    struct record r = {.value = "[1]", .value_n = 3};
    buffer_clear(&b);
    assert_int_equal(printer_value(p, &r, &b, &e), 0);
    r.value = NULL;
    assert_int_equal(printer_value(p, &r, &b, &e), 0);
    assert_string_equal(buffer_cstr(&b), "[1]null");
    printer_free(p);
    buffer_done(&b);
}

static void avro_by_the_schema_of_each_record(void **state)
{
    (void)state;
    static const char one[] =
        "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"v\",\"type\":\"long\"}]}";
    static const char two[] = "{\"type\":\"record\",\"name\":\"A\",\"fields\":[{\"name\":\"s\","
                              "\"type\":[\"null\",\"string\"]}]}";
    struct schema_store *schemas = registry_memory_new();
    struct printer *p;
    struct err e = {0};
    struct buffer b;
    uint32_t id[2];
    uint8_t bytes[2][10] = {{0, 0, 0, 0, 0, 14}, {0, 0, 0, 0, 0, 2, 4, 'h', 'i'}};
    buffer_init(&b);
    assert_int_equal(schemas->put(schemas, "a-value", one, &id[0], &e), 0);
    assert_int_equal(schemas->put(schemas, "b-value", two, &id[1], &e), 0);
    bytes[0][4] = (uint8_t)id[0];
    bytes[1][4] = (uint8_t)id[1];
    assert_int_equal(printer_new(&p, "avro", "avro", schemas, &e), 0);
    for (int round = 0; round < 2; round++) {
        assert_string_equal(print(p, &b, bytes[0], 6, bytes[1], 9),
                            HEAD "{\"v\":7},\"timestamp\":3,\"value\":{\"s\":\"hi\"}}");
    }
    assert_string_equal(print(p, &b, NULL, 0, bytes[1], 7), "data error");
    assert_string_equal(print(p, &b, NULL, 0, "\0\0\0\0\x63\2", 6), "data error");
    assert_string_equal(print(p, &b, NULL, 0, "\0\0", 2), "data error");
    assert_string_equal(print(p, &b, NULL, 0, "{\"v\":1}", 7), "data error");
    assert_string_equal(print(p, &b, NULL, 0, "", 0), "data error");
    printer_free(p);
    assert_int_equal(printer_new(&p, "string", "avro", NULL, &e), 0);
    assert_string_equal(print(p, &b, NULL, 0, bytes[1], 9), "data error");
    printer_free(p);
    schemas->free(schemas);
    buffer_done(&b);
}

static void csv_by_its_columns(void **state)
{
    (void)state;
    struct printer *p;
    struct err e = {0};
    struct buffer b;
    struct arena a;
    arena_init(&a);
    buffer_init(&b);
    struct schema *s = schema_new(&a, 2);
    schema_add(s, "n", &type_long, false, false);
    schema_add(s, "t", &type_string, false, false);
    assert_int_equal(printer_new(&p, "none", "csv", NULL, &e), 0);
    assert_int_equal(printer_columns(p, s, &e), 0);
    assert_string_equal(print(p, &b, NULL, 0, "5,\"a,b\"", 7),
                        HEAD "null,\"timestamp\":3,\"value\":{\"n\":5,\"t\":\"a,b\"}}");
    assert_string_equal(print(p, &b, NULL, 0, "five,x", 6), "data error");
    printer_free(p);
    buffer_done(&b);
    arena_done(&a);
}

static void unknown_formats(void **state)
{
    (void)state;
    struct printer *p;
    struct err e = {0};
    assert_int_equal(printer_new(&p, "strin", "json", NULL, &e), -ERR_CONFIG);
    assert_string_equal(e.text, "there is no format \"strin\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_formats),
        cmocka_unit_test(json_stays_on_one_line),
        cmocka_unit_test(avro_by_the_schema_of_each_record),
        cmocka_unit_test(csv_by_its_columns),
        cmocka_unit_test(unknown_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
