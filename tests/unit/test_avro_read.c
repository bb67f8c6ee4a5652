/* Numbers of every length, skipping, and what ends hostile data. */
#include "schemas/avro_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_numbers_of_every_length(void **state)
{
    (void)state;
    for (int bits = 0; bits < 64; bits++) {
        for (int sign = -1; sign <= 1; sign += 2) {
            int64_t want = (int64_t)(1ULL << bits) * sign - (bits == 63 && sign > 0 ? 1 : 0);
            struct buffer b;
            buffer_init(&b);
            want = bits == 63 ? (sign > 0 ? INT64_MAX : INT64_MIN) : want;
            buffer_varint(&b, want);
            size_t n = b.n;
            memset(buffer_reserve(&b, 16), 0xff, 16);
            const uint8_t *p = (const uint8_t *)b.data;
            struct avro_number any = avro_any_number(p, p + n);
            assert_true(any.v == want);
            assert_ptr_equal(any.p, p + n);
            assert_null(avro_any_number(p, p + n - 1).p);
            struct avro_number quick = avro_short_number(p, p + n + 16);
            if (n <= 8) {
                assert_true(quick.v == want);
                assert_ptr_equal(quick.p, p + n);
            } else {
                assert_null(quick.p);
            }
            assert_null(avro_short_number(p, p + (n < 8 ? n : 7)).p);
            buffer_done(&b);
        }
    }
}

struct fixture {
    struct arena arena;
    struct avro_node *schema;
    struct avro_in in;
};

static void begin(struct fixture *f, const char *json, const void *p, size_t n)
{
    struct err e = {0};
    arena_init(&f->arena);
    if (avro_schema_parse(&f->schema, &f->arena, json, strlen(json), &e) < 0) {
        fail_msg("%s", e.text);
    }
    f->in = (struct avro_in){.p = p, .end = (const uint8_t *)p + n, .fuel = 1000};
}

static void expect_skip(const char *json, const char *data, size_t n, int rc)
{
    struct fixture f;
    begin(&f, json, data, n);
    assert_int_equal(avro_read_skip(&f.in, f.schema, 0), rc);
    if (rc == 0) {
        assert_ptr_equal(f.in.p, f.in.end);
    }
    arena_done(&f.arena);
}

#define SKIP(json, data, rc) expect_skip(json, data, sizeof(data) - 1, rc)
#define LONGS                "{\"type\":\"array\",\"items\":\"long\"}"

static void test_skip(void **state)
{
    (void)state;
    SKIP("\"null\"", "", 0);
    SKIP("\"boolean\"", "\1", 0);
    SKIP("\"double\"", "12345678", 0);
    SKIP("\"double\"", "1234567", -ERR_DATA);
    SKIP("\"string\"", "\4ab", 0);
    SKIP("\"string\"", "\6ab", -ERR_DATA);
    SKIP("\"bytes\"", "\1", -ERR_DATA);
    SKIP(LONGS, "\4\2\2\0", 0);
    SKIP(LONGS, "\3\4\2\2\0", 0);
    SKIP(LONGS, "\3\2\2\2\0", -ERR_DATA);
    SKIP("{\"type\":\"map\",\"values\":\"int\"}", "\2\2k\2\0", 0);
    SKIP("[\"null\",\"int\"]", "\2\2", 0);
    SKIP("[\"null\",\"int\"]", "\4\2", -ERR_DATA);
    SKIP("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", "\2", -ERR_DATA);
    SKIP("{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},"
         "{\"name\":\"n\",\"type\":[\"null\",\"R\"]}]}",
         "\2\2\4\2\6\0", 0);
}

static void test_fuel_and_depth(void **state)
{
    (void)state;
    struct fixture f;
    char deep[200];
    memset(deep, 2, sizeof deep);
    begin(&f,
          "{\"type\":\"record\",\"name\":\"R\",\"fields\":[{\"name\":\"n\",\"type\":[\"null\","
          "\"R\"]}]}",
          deep, sizeof deep);
    assert_int_equal(avro_read_skip(&f.in, f.schema, 0), -ERR_DATA);
    assert_string_equal(f.in.why, "nested too deeply");
    arena_done(&f.arena);
    begin(&f, "{\"type\":\"array\",\"items\":\"null\"}", "\xd0\x0f\xd0\x0f\0", 5);
    assert_int_equal(avro_read_skip(&f.in, f.schema, 0), -ERR_DATA); /* twice 1000 nulls */
    assert_string_equal(f.in.why, "too many values for so few bytes");
    arena_done(&f.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_of_every_length),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_fuel_and_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
