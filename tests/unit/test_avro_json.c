/* JSON to Avro data: defaults of all types, klamm's own JSON text, what does not fit. */
#include "schemas/avro_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int convert(const char *schema, const char *json, enum avro_json_form form,
                   struct buffer *out, int64_t fuel)
{
    struct arena a;
    struct avro_node *s;
    struct err e = {0};
    arena_init(&a);
    if (avro_schema_parse(&s, &a, schema, strlen(schema), &e) < 0) {
        fail_msg("%s", e.text);
    }
    int rc = avro_from_json_text(out, s, json, strlen(json), form, &fuel);
    arena_done(&a);
    return rc;
}

static void expect(const char *schema, const char *json, enum avro_json_form form, const char *want,
                   size_t n)
{
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(convert(schema, json, form, &out, 10000), 0);
    assert_int_equal(out.n, n);
    assert_memory_equal(buffer_cstr(&out), want, n);
    buffer_done(&out);
}

#define EXPECT(schema, json, want) expect(schema, json, AV_JSON_DEFAULT, want, sizeof(want) - 1)
#define TEXT(schema, json, want)   expect(schema, json, AV_JSON_TEXT, want, sizeof(want) - 1)

static void refuse(const char *schema, const char *json)
{
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(convert(schema, json, AV_JSON_DEFAULT, &out, 10000), -ERR_DATA);
    buffer_done(&out);
}

static void test_defaults(void **state)
{
    (void)state;
    EXPECT("\"null\"", "null", "");
    EXPECT("\"boolean\"", "true", "\1");
    EXPECT("\"int\"", "-2", "\3");
    EXPECT("\"double\"", "1", "\0\0\0\0\0\0\xf0\x3f");
    EXPECT("\"float\"", "1.5", "\0\0\xc0\x3f");
    EXPECT("\"float\"", "\"-Infinity\"", "\0\0\x80\xff");
    EXPECT("\"string\"", "\"h\\u00e9\"", "\6h\xc3\xa9");
    EXPECT("\"bytes\"", "\"\\u0000\\u00ff\\u0080\"", "\6\0\xff\x80");
    EXPECT("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"\\u0001\\u0002\"", "\1\2");
    EXPECT("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}", "\"B\"", "\2");
    EXPECT("{\"type\":\"array\",\"items\":\"int\"}", "[1,2]", "\4\2\4\0");
    EXPECT("{\"type\":\"array\",\"items\":\"int\"}", "[]", "\0");
    EXPECT("{\"type\":\"map\",\"values\":\"int\"}", "{\"k\":1}", "\2\2k\2\0");
    EXPECT("[\"null\",\"int\"]", "1", "\2\2");
    EXPECT("[\"int\",\"double\"]", "1.5", "\2\0\0\0\0\0\0\xf8\x3f");
    EXPECT("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
           "{\"name\":\"b\",\"type\":\"int\",\"default\":3}]}",
           "{\"a\":1}", "\2\6");
}

static void test_what_does_not_fit(void **state)
{
    (void)state;
    refuse("\"null\"", "0");
    refuse("\"boolean\"", "1");
    refuse("\"int\"", "3000000000");
    refuse("\"long\"", "1.5");
    refuse("\"double\"", "\"x\"");
    refuse("\"string\"", "1");
    refuse("\"bytes\"", "\"\\u0100\"");
    refuse("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2}", "\"a\"");
    refuse("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\"B\"");
    refuse("{\"type\":\"array\",\"items\":\"int\"}", "{}");
    refuse("{\"type\":\"map\",\"values\":\"int\"}", "[]");
    refuse("[\"null\",\"int\"]", "\"x\"");
    refuse("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"}]}",
           "{}");
    refuse("\"int\"", "not json");
}

static void test_text_form(void **state)
{
    (void)state;
    TEXT("\"bytes\"", "\"AP8=\"", "\4\0\xff");
    TEXT("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", "2", "\xa0\x1f");
    TEXT("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2,\"logicalType\":\"decimal\",\"precision\":"
         "4,\"scale\":2}",
         "-3.0", "\xfe\xd4");
    TEXT("{\"type\":\"fixed\",\"name\":\"F\",\"size\":10,\"logicalType\":\"decimal\",\"precision\":"
         "4,\"scale\":0}",
         "-1", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(convert("{\"type\":\"fixed\",\"name\":\"F\",\"size\":1,\"logicalType\":"
                             "\"decimal\",\"precision\":2,\"scale\":0}",
                             "128", AV_JSON_TEXT, &out, 100),
                     -ERR_DATA);
    buffer_done(&out);
}

static void test_fuel_ends_it(void **state)
{
    (void)state;
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(convert("{\"type\":\"array\",\"items\":\"null\"}", "[null,null,null,null]",
                             AV_JSON_DEFAULT, &out, 3),
                     -ERR_DATA);
    assert_int_equal(convert("\"string\"", "\"0123456789\"", AV_JSON_DEFAULT, &out, 8), -ERR_DATA);
    assert_int_equal(convert("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"r\","
                             "\"type\":\"R\",\"default\":{}}]}",
                             "{}", AV_JSON_DEFAULT, &out, 100000),
                     -ERR_DATA);
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_what_does_not_fit),
        cmocka_unit_test(test_text_form),
        cmocka_unit_test(test_fuel_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
