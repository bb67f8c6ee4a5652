/* Schema texts: what is kept, how names resolve, what is refused. */
#include "engine/memory.h"
#include "schemas/avro_schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static const struct avro_node *parse(const char *json)
{
    struct avro_node *s = NULL;
    struct err e = {0};
    if (avro_schema_parse(&s, &arena, json, strlen(json), &e) < 0) {
        fail_msg("%s: %s", json, e.text);
    }
    return s;
}

static void expect_refused(const char *json, const char *why)
{
    struct avro_node *s;
    struct err e = {0};
    assert_int_equal(avro_schema_parse(&s, &arena, json, strlen(json), &e), -ERR_CONFIG);
    if (!strstr(e.text, why)) {
        fail_msg("%s: %s", json, e.text);
    }
}

static void test_everything_is_kept(void **state)
{
    (void)state;
    const struct avro_node *s = parse(
        "{\"type\":\"record\",\"name\":\"R\",\"namespace\":\"a.b\",\"doc\":\"d\",\"aliases\":["
        "\"Q\","
        "\"x.P\"],\"fields\":[{\"name\":\"f\",\"type\":{\"type\":\"bytes\",\"logicalType\":"
        "\"decimal\",\"precision\":9,\"scale\":2},\"order\":\"ignore\",\"aliases\":[\"g\"]},"
        "{\"name\":\"e\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"],"
        "\"default\":\"B\"},\"default\":\"A\"},{\"name\":\"n\",\"type\":[\"null\",\"R\"],"
        "\"default\":null}]}");
    assert_string_equal(s->name, "a.b.R");
    assert_string_equal(s->alias[0], "a.b.Q");
    assert_string_equal(s->alias[1], "x.P");
    assert_int_equal(s->n, 3);
    assert_int_equal(s->field[0].type->logical, AV_DECIMAL);
    assert_int_equal(s->field[0].type->precision, 9);
    assert_int_equal(s->field[0].type->scale, 2);
    assert_int_equal(s->field[0].order, AV_IGNORE);
    assert_string_equal(s->field[0].alias[0], "g");
    assert_null(s->field[0].json);
    assert_string_equal(s->field[1].type->name, "a.b.E");
    assert_int_equal(s->field[1].type->symbol_default, 1);
    assert_string_equal(s->field[1].json, "\"A\"");
    assert_int_equal(s->field[1].nbytes, 1);
    assert_int_equal(s->field[1].bytes[0], 0);
    assert_ptr_equal(s->field[2].type->branch[1], s);
}

static void test_names(void **state)
{
    (void)state;
    const struct avro_node *s = parse(
        "[{\"type\":\"fixed\",\"name\":\"F\",\"size\":2},{\"type\":\"record\",\"name\":"
        "\"x.y.R\",\"namespace\":\"ignored\",\"fields\":[{\"name\":\"a\",\"type\":\"F\"},"
        "{\"name\":\"b\",\"type\":{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[]}},"
        "{\"name\":\"c\",\"type\":{\"type\":\"fixed\",\"name\":\"G\",\"namespace\":\"\","
        "\"size\":0}},{\"name\":\"d\",\"type\":\"x.y.E\"},{\"name\":\"e\",\"type\":\"E\"}]}]");
    const struct avro_node *r = s->branch[1];
    assert_ptr_equal(r->field[0].type, s->branch[0]);
    assert_string_equal(r->field[1].type->name, "x.y.E");
    assert_string_equal(r->field[2].type->name, "G");
    assert_ptr_equal(r->field[3].type, r->field[1].type);
    assert_ptr_equal(r->field[4].type, r->field[1].type);
    assert_string_equal(avro_short_name("a.b.C"), "C");
    assert_string_equal(avro_short_name("C"), "C");
}

static void test_refused(void **state)
{
    (void)state;
    expect_refused("", "line");
    expect_refused("{", "line");
    expect_refused("5", "a type is");
    expect_refused("\"nothing\"", "unknown type \"nothing\"");
    expect_refused("{}", "no \"type\"");
    expect_refused("[]", "no branches");
    expect_refused("[\"int\",\"int\"]", "two branches \"int\"");
    expect_refused("[[\"int\"]]", "directly in a union");
    expect_refused("{\"type\":\"array\"}", "\"items\"");
    expect_refused("{\"type\":\"map\"}", "\"values\"");
    expect_refused("{\"type\":\"record\",\"name\":\"R\"}", "\"fields\"");
    expect_refused("{\"type\":\"record\",\"name\":\"int\",\"fields\":[]}", "there already");
    expect_refused("{\"type\":\"record\",\"name\":\"9\",\"fields\":[]}", "needs a name");
    expect_refused("{\"type\":\"record\",\"fields\":[]}", "needs a name");
    expect_refused("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\"}]}", "no type");
    expect_refused("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a-b\",\"type\":"
                   "\"int\"}]}",
                   "a field needs a name");
    expect_refused("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":"
                   "\"int\"},{\"name\":\"a\",\"type\":\"int\"}]}",
                   "two fields \"a\"");
    expect_refused("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"A\"]}", "two symbols");
    expect_refused("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"],\"default\":\"B\"}",
                   "none of its symbols");
    expect_refused("{\"type\":\"fixed\",\"name\":\"F\",\"size\":-1}", "valid size");
    expect_refused("{\"type\":\"fixed\",\"name\":\"F\",\"size\":5000000000}", "valid size");
    expect_refused("[{\"type\":\"fixed\",\"name\":\"F\",\"size\":1},{\"type\":\"fixed\",\"name\":"
                   "\"F\",\"size\":2}]",
                   "there already");
}

static void test_wrong_logical_types_are_ignored(void **state)
{
    (void)state;
    assert_int_equal(parse("{\"type\":\"int\",\"logicalType\":\"uuid\"}")->logical, AV_PLAIN);
    assert_int_equal(parse("{\"type\":\"int\",\"logicalType\":\"who\"}")->logical, AV_PLAIN);
    assert_int_equal(parse("{\"type\":\"bytes\",\"logicalType\":\"decimal\"}")->logical, AV_PLAIN);
    assert_int_equal(parse("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":2,"
                           "\"scale\":3}")
                         ->logical,
                     AV_PLAIN);
    assert_int_equal(parse("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2,\"logicalType\":"
                           "\"decimal\",\"precision\":5}")
                         ->logical,
                     AV_PLAIN);
    assert_int_equal(parse("{\"type\":\"fixed\",\"name\":\"F\",\"size\":2,\"logicalType\":"
                           "\"decimal\",\"precision\":4}")
                         ->logical,
                     AV_DECIMAL);
    assert_int_equal(parse("{\"type\":\"fixed\",\"name\":\"D\",\"size\":12,\"logicalType\":"
                           "\"duration\"}")
                         ->logical,
                     AV_DURATION);
}

static void test_a_bad_default_is_kept_as_text(void **state)
{
    (void)state;
    const struct avro_node *s = parse("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":"
                                      "\"a\",\"type\":\"int\",\"default\":\"x\"}]}");
    assert_string_equal(s->field[0].json, "\"x\"");
    assert_null(s->field[0].bytes);
}

/* Each record holds two of the one before, all with defaults: 2^40 bytes if written out. */
static void test_defaults_do_not_explode(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    buffer_byte(&b, '[');
    buffer_text(&b, "{\"type\":\"record\",\"name\":\"R0\",\"fields\":[{\"name\":\"x\",\"type\":"
                    "\"string\",\"default\":\"abc\"}]}");
    for (int i = 1; i < 40; i++) {
        buffer_printf(&b,
                      ",{\"type\":\"record\",\"name\":\"R%d\",\"fields\":[{\"name\":\"a\",\"type\":"
                      "\"R%d\",\"default\":{}},{\"name\":\"b\",\"type\":\"R%d\",\"default\":{}}]}",
                      i, i - 1, i - 1);
    }
    buffer_byte(&b, ']');
    const struct avro_node *s = parse(buffer_cstr(&b));
    assert_non_null(s->branch[3]->field[0].bytes);
    assert_null(s->branch[39]->field[0].bytes);
    buffer_done(&b);
}

static void test_limits(void **state)
{
    (void)state;
    struct buffer b;
    buffer_init(&b);
    for (int i = 0; i < 80; i++) {
        buffer_text(&b, "{\"type\":\"array\",\"items\":");
    }
    buffer_text(&b, "\"int\"");
    for (int i = 0; i < 80; i++) {
        buffer_byte(&b, '}');
    }
    expect_refused(buffer_cstr(&b), "nested too deeply");
    buffer_clear(&b);
    buffer_text(&b, "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"S\"");
    for (int i = 0; i < 5000; i++) {
        buffer_printf(&b, ",\"S%d\"", i);
    }
    buffer_text(&b, "]}");
    expect_refused(buffer_cstr(&b), "at most 4096");
    buffer_clear(&b);
    memset(buffer_reserve(&b, AVRO_TEXT_MAX + 1), ' ', AVRO_TEXT_MAX + 1);
    b.n = AVRO_TEXT_MAX + 1;
    expect_refused(buffer_cstr(&b), "more than");
    buffer_done(&b);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_everything_is_kept),
        TEST(test_names),
        TEST(test_refused),
        TEST(test_wrong_logical_types_are_ignored),
        TEST(test_a_bad_default_is_kept_as_text),
        TEST(test_defaults_do_not_explode),
        TEST(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
