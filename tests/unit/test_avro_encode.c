/* Encoding: exact bytes, conversions to the schema's types, what cannot be written. */
#include "engine/nested.h"
#include "schemas/avro_encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    struct arena arena;
    struct schema *schema;
    struct batch *b;
    struct buffer out;
    struct err err;
};

static int setup(void **state)
{
    static struct fixture f;
    memset(&f, 0, sizeof f);
    arena_init(&f.arena);
    buffer_init(&f.out);
    f.schema = schema_new(&f.arena, 8);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    buffer_done(&f->out);
    arena_done(&f->arena);
    return 0;
}

/* Columns of the batch so far; every one is null in row 1. */
static void fill(struct fixture *f)
{
    f->b = batch_new(&f->arena, f->schema, 2, NULL);
    for (uint16_t c = 0; c < f->schema->n; c++) {
        vec_set_null(&f->b->col[c], f->b->mem, 2, 1);
    }
}

static int encode(struct fixture *f, const char *json, uint16_t row)
{
    struct avro_node *s;
    struct avro_shape *shape, **leaf;
    struct avro_encoder *encoder;
    uint32_t n;
    err_clear(&f->err);
    buffer_clear(&f->out);
    int rc = avro_schema_parse(&s, &f->arena, json, strlen(json), &f->err);
    rc = rc < 0 ? rc : avro_columns(&shape, &leaf, &n, &f->arena, s, "v", &f->err);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        leaf[i]->target = schema_find(f->schema, leaf[i]->name);
    }
    rc = rc < 0 ? rc : avro_encoder_compile(&encoder, &f->arena, shape, f->schema, &f->err);
    return rc < 0 ? rc : avro_encode(encoder, f->b, row, &f->out, &f->err);
}

static void expect(struct fixture *f, const char *json, uint16_t row, const char *want, size_t n)
{
    if (encode(f, json, row) < 0) {
        fail_msg("%s: %s", json, f->err.text);
    }
    assert_int_equal(f->out.n, n);
    assert_memory_equal(buffer_cstr(&f->out), want, n);
}

#define EXPECT(json, row, want) expect(f, json, row, want, sizeof(want) - 1)

static void test_longs(void **state)
{
    struct fixture *f = *state;
    schema_add(f->schema, "v", &type_long, true, false);
    fill(f);
    f->b->col[0].i[0] = 3;
    EXPECT("\"long\"", 0, "\6");
    EXPECT("\"int\"", 0, "\6");
    EXPECT("\"double\"", 0, "\0\0\0\0\0\0\x08\x40");
    EXPECT("\"float\"", 0, "\0\0\x40\x40");
    EXPECT("[\"null\",\"long\"]", 0, "\2\6");
    EXPECT("[\"null\",\"long\"]", 1, "\0");
    EXPECT("[\"long\",\"null\"]", 1, "\2");
    EXPECT("[\"null\",\"string\",\"int\",\"double\"]", 0, "\4\6");
    EXPECT("{\"type\":\"bytes\",\"logicalType\":\"decimal\",\"precision\":5,\"scale\":2}", 0,
           "\x10\0\0\0\0\0\0\x01\x2c");
    assert_int_equal(encode(f, "\"long\"", 1), -ERR_DATA);
    assert_string_equal(f->err.text, "Avro: column v: null, but the schema has no null there");
    f->b->col[0].i[0] = 1LL << 31;
    assert_int_equal(encode(f, "\"int\"", 0), -ERR_DATA);
    assert_string_equal(f->err.text, "Avro: column v: the value does not fit the schema");
    assert_int_equal(encode(f, "\"string\"", 0), -ERR_CONFIG);
    assert_string_equal(f->err.text,
                        "column v of type long cannot be written as field v, Avro string");
}

static void test_timestamps(void **state)
{
    struct fixture *f = *state;
    schema_add(f->schema, "v", &type_timestamp, true, false);
    fill(f);
    f->b->col[0].i[0] = 2;
    EXPECT("{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", 0, "\4");
    EXPECT("{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", 0, "\xa0\x1f");
    f->b->col[0].i[0] = INT64_MAX;
    assert_int_equal(encode(f, "{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", 0),
                     -ERR_DATA);
}

static void test_strings(void **state)
{
    struct fixture *f = *state;
    schema_add(f->schema, "v", &type_string, true, false);
    fill(f);
    f->b->col[0].s[0] = str_ref("B", 1);
    EXPECT("\"string\"", 0, "\2B");
    EXPECT("[\"null\",{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"B\"]}]", 0, "\2\2");
    assert_int_equal(encode(f, "{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", 0),
                     -ERR_DATA);
    /* JSON text goes to the branch that takes it. */
    f->b->col[0].s[0] = str_ref("\"x\"", 3);
    EXPECT("[\"null\",\"int\",\"string\"]", 0, "\4\2x");
    EXPECT("[\"null\",\"int\",\"string\"]", 1, "\0");
    f->b->col[0].s[0] = str_ref("[1,2]", 5);
    EXPECT("[\"null\",\"int\",{\"type\":\"array\",\"items\":\"int\"}]", 0, "\4\4\2\4\0");
    f->b->col[0].s[0] = str_ref("no json", 7);
    assert_int_equal(encode(f, "[\"null\",\"int\",\"string\"]", 0), -ERR_DATA);
}

static void test_nested(void **state)
{
    struct fixture *f = *state;
    schema_add(f->schema, "v", type_map(&f->arena, type_array(&f->arena, &type_long)), true, false);
    fill(f);
    /* {"k": [1, null]} */
    f->b->col[0].s[0] = str_copy(&f->arena, "\2\2k\1\4\1\2\0", 8);
    EXPECT("{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":[\"null\",\"int\"]}}", 0,
           "\2\2k\4\2\2\0\0\0");
    assert_int_equal(
        encode(f, "{\"type\":\"map\",\"values\":{\"type\":\"array\",\"items\":\"int\"}}", 0),
        -ERR_DATA);
}

#define SUB "{\"type\":\"record\",\"name\":\"S\",\"fields\":[{\"name\":\"x\",\"type\":\"long\"}]}"

static void test_records(void **state)
{
    struct fixture *f = *state;
    schema_add(f->schema, "a.x", &type_long, true, false);
    schema_add(f->schema, "b", &type_boolean, true, false);
    fill(f);
    f->b->col[0].i[0] = 5;
    f->b->col[1].b[0] = 1;
    EXPECT("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"b\",\"type\":\"boolean\"},"
           "{\"name\":\"a\",\"type\":[\"null\"," SUB "]},{\"name\":\"c\",\"type\":\"int\","
           "\"default\":7},{\"name\":\"d\",\"type\":[\"string\",\"null\"]}]}",
           0, "\1\2\x0a\x0e\2");
    EXPECT("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\"," SUB
           "]}]}",
           1, "\0");
    assert_int_equal(encode(f,
                            "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"q\","
                            "\"type\":\"int\"}]}",
                            0),
                     -ERR_CONFIG);
    assert_string_equal(f->err.text, "no column for field q, which has no default");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_longs),  TEST(test_timestamps), TEST(test_strings),
        TEST(test_nested), TEST(test_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
