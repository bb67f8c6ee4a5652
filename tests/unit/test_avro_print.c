/* Printing: canonical form and fingerprints of the specification's own test data, whole schemas. */
#include "schemas/avro_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct both {
    struct arena arena;
    struct buffer text;
};

static const struct avro_node *parse(struct both *t, const char *json)
{
    struct avro_node *s = NULL;
    struct err e = {0};
    if (avro_schema_parse(&s, &t->arena, json, strlen(json), &e) < 0) {
        fail_msg("%s: %s", json, e.text);
    }
    return s;
}

static void test_fingerprints(void **state)
{
    (void)state;
    struct both t;
    arena_init(&t.arena);
    static const struct {
        const char *json;
        int64_t want;
    } known[] = {
        {"\"null\"", 7195948357588979594},   {"\"boolean\"", -6970731678124411036},
        {"\"int\"", 8247732601305521295},    {"\"long\"", -3434872931120570953},
        {"\"float\"", 5583340709985441680},  {"\"double\"", -8181574048448539266},
        {"\"bytes\"", 5746618253357095269},  {"\"string\"", -8142146995180207161},
        {"[\"int\"]", -5232228896498058493}, {"{\"type\":\"int\"}", 8247732601305521295},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        assert_true((int64_t)avro_schema_fingerprint(parse(&t, known[i].json)) == known[i].want);
    }
    arena_done(&t.arena);
}

static void expect_canonical(const char *json, const char *want)
{
    struct both t;
    arena_init(&t.arena);
    buffer_init(&t.text);
    avro_schema_canonical(&t.text, parse(&t, json));
    assert_string_equal(buffer_cstr(&t.text), want);
    buffer_done(&t.text);
    arena_done(&t.arena);
}

static void test_canonical(void **state)
{
    (void)state;
    expect_canonical("{\"type\":\"int\",\"logicalType\":\"date\"}", "\"int\"");
    expect_canonical(" {\"items\" : { \"type\":\"long\" }, \"type\":\"array\"}",
                     "{\"type\":\"array\",\"items\":\"long\"}");
    expect_canonical("{\"fields\":[{\"type\":{\"name\":\"E\",\"type\":\"enum\",\"symbols\":[\"A\"],"
                     "\"default\":\"A\"},\"name\":\"a\",\"default\":\"A\",\"aliases\":[\"z\"]},"
                     "{\"name\":\"b\",\"type\":[\"null\",\"E\",\"R\"]}],\"doc\":\"x\",\"name\":"
                     "\"R\",\"namespace\":\"x.y\",\"aliases\":[\"Q\"],\"type\":\"record\"}",
                     "{\"name\":\"x.y.R\",\"type\":\"record\",\"fields\":[{\"name\":\"a\",\"type\":"
                     "{\"name\":\"x.y.E\",\"type\":\"enum\",\"symbols\":[\"A\"]}},{\"name\":\"b\","
                     "\"type\":[\"null\",\"x.y.E\",\"x.y.R\"]}]}");
    expect_canonical("{\"type\":\"fixed\",\"name\":\"F\",\"size\":16,\"logicalType\":\"decimal\","
                     "\"precision\":3}",
                     "{\"name\":\"F\",\"type\":\"fixed\",\"size\":16}");
}

static void test_whole_schema_survives(void **state)
{
    (void)state;
    struct both t;
    arena_init(&t.arena);
    buffer_init(&t.text);
    const char *json =
        "{\"name\":\"x.R\",\"type\":\"record\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":"
        "\"bytes\",\"logicalType\":\"decimal\",\"precision\":9,\"scale\":2},\"default\":"
        "\"\\u0001\","
        "\"order\":\"descending\",\"aliases\":[\"g\"]},{\"name\":\"m\",\"type\":{\"type\":\"map\","
        "\"values\":{\"name\":\"x.E\",\"type\":\"enum\",\"symbols\":[\"A\",\"B\"],\"default\":"
        "\"B\",\"aliases\":[\"x.D\"]}}}],\"aliases\":[\"x.Q\"]}";
    const struct avro_node *s = parse(&t, json);
    avro_schema_print(&t.text, s);
    assert_string_equal(buffer_cstr(&t.text), json);
    assert_true(avro_schema_same(s, parse(&t, buffer_cstr(&t.text))));
    assert_false(avro_schema_same(s, parse(&t, "\"int\"")));
    buffer_done(&t.text);
    arena_done(&t.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fingerprints),
        cmocka_unit_test(test_canonical),
        cmocka_unit_test(test_whole_schema_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
