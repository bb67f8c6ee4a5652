/* Schemas to columns: the table of types, flattening, recursion, limits. */
#include "schemas/avro_columns.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static int columns(const char *json, struct buffer *out, struct err *e)
{
    struct arena a;
    struct avro_node *s;
    struct avro_shape *shape, **leaf;
    uint32_t n;
    arena_init(&a);
    int rc = avro_schema_parse(&s, &a, json, strlen(json), e);
    rc = rc < 0 ? rc : avro_columns(&shape, &leaf, &n, &a, s, "_value", e);
    if (rc == 0) {
        struct schema *schema = schema_new(&a, (uint16_t)(n + 1));
        for (uint32_t i = 0; i < n; i++) {
            assert_int_equal(leaf[i]->column, i);
            schema_add(schema, leaf[i]->name, leaf[i]->type, leaf[i]->is_nullable, false);
        }
        schema_print(out, schema);
    }
    arena_done(&a);
    return rc;
}

static void expect(const char *json, const char *want)
{
    struct buffer out;
    struct err e = {0};
    buffer_init(&out);
    if (columns(json, &out, &e) < 0) {
        fail_msg("%s", e.text);
    }
    assert_string_equal(buffer_cstr(&out), want);
    buffer_done(&out);
}

#define LOGICAL(base, name) "{\"type\":\"" base "\",\"logicalType\":\"" name "\"}"
#define REC(name, fields)   "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" fields "]}"
#define FIELD(name, type)   "{\"name\":\"" name "\",\"type\":" type "}"

static void test_types(void **state)
{
    (void)state;
    expect("\"null\"", "_value: string?");
    expect("\"boolean\"", "_value: boolean");
    expect("\"int\"", "_value: long");
    expect("\"float\"", "_value: double");
    expect("\"bytes\"", "_value: bytes");
    expect("[\"null\",\"string\"]", "_value: string?");
    expect("[\"string\"]", "_value: string");
    expect(LOGICAL("long", "timestamp-millis"), "_value: timestamp");
    expect(LOGICAL("long", "local-timestamp-micros"), "_value: timestamp");
    expect(LOGICAL("int", "date"), "_value: long");
    expect(LOGICAL("long", "time-micros"), "_value: long");
    expect(LOGICAL("string", "uuid"), "_value: string");
    expect("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":3}", "_value: double");
    expect("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}", "_value: string");
    expect("{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}", "_value: bytes");
    expect("{\"type\":\"array\",\"items\":[\"null\",\"int\"]}", "_value: array<long>");
    expect("{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"string\"}}",
           "_value: map<array<string>>");
}

static void test_unions(void **state)
{
    (void)state;
    expect("[\"int\",\"null\",\"long\"]", "_value: long?");
    expect("[\"int\",\"double\"]", "_value: double");
    expect("[\"int\",\"string\"]", "_value: string");
    expect("[\"string\",{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}]", "_value: string");
    expect("[\"int\"," LOGICAL("long", "timestamp-millis") "]", "_value: string");
    expect("{\"type\":\"array\",\"items\":[\"int\",\"string\"]}", "_value: array<string>");
}

static void test_records_flatten(void **state)
{
    (void)state;
    expect(REC("R", FIELD("a", "\"int\"") "," FIELD(
                        "b", REC("S", FIELD("c", "\"int\"") "," FIELD("d", "[\"null\",\"int\"]")))),
           "a: long, b.c: long, b.d: long?");
    expect(REC("R",
               FIELD("b", "[\"null\"," REC("S", FIELD("c", REC("T", FIELD("d", "\"int\"")))) "]")),
           "b.c.d: long?");
    expect(
        REC("R", FIELD("b", "{\"type\":\"array\",\"items\":" REC("S", FIELD("c", "\"int\"")) "}")),
        "b: array<record<c: long>>");
    expect(REC("R", ""), "");
}

static void test_recursion(void **state)
{
    (void)state;
    expect(REC("R", FIELD("kids", "{\"type\":\"array\",\"items\":\"R\"}")), "kids: array<string>");
    struct buffer out;
    struct err e = {0};
    buffer_init(&out);
    assert_int_equal(
        columns(REC("R", FIELD("v", "\"int\"") "," FIELD("n", "[\"null\",\"R\"]")), &out, &e), 0);
    assert_non_null(strstr(buffer_cstr(&out), "n.n.n.n.n.n.n.v: long?, n.n.n.n.n.n.n.n: string?"));
    /* Four ways down: 4^8 columns are too many, so it flattens less deeply. */
    buffer_clear(&out);
    assert_int_equal(
        columns(
            REC("R",
                FIELD("v", "\"int\"") "," FIELD("a", "[\"null\",\"R\"]") "," FIELD(
                    "b", "[\"null\",\"R\"]") "," FIELD("c",
                                                       "[\"null\",\"R\"]") "," FIELD("d",
                                                                                     "[\"null\","
                                                                                     "\"R\"]")),
            &out, &e),
        0);
    assert_non_null(strstr(buffer_cstr(&out), "a.a.a.a: string?"));
    buffer_done(&out);
}

/* Record B_i holds two of B_(i-1), the last one W of B_9: 1024 columns each. */
static void test_too_many(void **state)
{
    (void)state;
    struct buffer json, out;
    struct err e = {0};
    buffer_init(&out);
    for (int wide = 3; wide <= 4; wide++) {
        buffer_init(&json);
        buffer_text(&json, "{\"type\":\"record\",\"name\":\"W\",\"fields\":[");
        for (int i = 9; i >= 0; i--) {
            buffer_printf(&json,
                          "{\"name\":\"a\",\"type\":{\"type\":\"record\",\"name\":"
                          "\"B%d\",\"fields\":[",
                          i);
        }
        buffer_text(&json, FIELD("a", "\"int\"") "," FIELD("b", "\"int\"") "]}}");
        for (int i = 1; i <= 9; i++) {
            buffer_printf(&json, ",{\"name\":\"b\",\"type\":\"B%d\"}]}}", i - 1);
        }
        for (int i = 0; i < wide; i++) {
            buffer_printf(&json, ",{\"name\":\"w%d\",\"type\":\"B9\"}", i);
        }
        buffer_text(&json, "]}");
        assert_int_equal(columns(buffer_cstr(&json), &out, &e), wide == 3 ? 0 : -ERR_CONFIG);
        buffer_done(&json);
    }
    assert_string_equal(e.text, "Avro schema: more than 4096 columns");
    buffer_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),           cmocka_unit_test(test_unions),
        cmocka_unit_test(test_records_flatten), cmocka_unit_test(test_recursion),
        cmocka_unit_test(test_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
