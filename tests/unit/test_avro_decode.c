/* Decoding: hand-made bytes against the columns they must give, and bytes that must be refused. */
#include "tests/support/avro_support.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define BYTES(...)              (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})
#define REC(fields)             "{\"type\":\"record\",\"name\":\"R\",\"fields\":[" fields "]}"
#define FIELD(name, type)       "{\"name\":\"" name "\",\"type\":" type "}"
#define FIELD_OR(name, type, d) "{\"name\":\"" name "\",\"type\":" type ",\"default\":" d "}"

/* Every truncation and every extra byte is refused. The copies let sanitizers see the ends. */
static void expect_exact(struct avro_case *c, const uint8_t *p, size_t n)
{
    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *copy = test_malloc(cut + 1);
        memcpy(copy + 1, p, cut);
        assert_int_equal(avro_case_decode(c, copy + 1, cut), -ERR_DATA);
        test_free(copy);
    }
    uint8_t *copy = test_malloc(n + 1);
    memcpy(copy, p, n);
    copy[n] = 0;
    assert_int_equal(avro_case_decode(c, copy, n + 1), -ERR_DATA);
    test_free(copy);
}

static void expect(const char *writer, const char *reader, const uint8_t *p, size_t n,
                   const char *want)
{
    struct avro_case c;
    struct buffer out;
    buffer_init(&out);
    if (avro_case_open(&c, writer, reader) < 0) {
        fail_msg("%s", c.err.text);
    }
    int rc = avro_case_decode(&c, p, n);
    if (rc < 0) {
        buffer_printf(&out, "error: %s", c.err.text);
    } else {
        avro_case_print(&out, &c, 0);
        expect_exact(&c, p, n);
    }
    assert_string_equal(buffer_cstr(&out), want);
    buffer_done(&out);
    avro_case_done(&c);
}

static void test_scalars(void **state)
{
    (void)state;
    expect(
        REC(FIELD("a", "\"int\"") "," FIELD("b", "\"long\"") "," FIELD(
            "c",
            "\"boolean\"") "," FIELD("d",
                                     "\"double\"") "," FIELD("e",
                                                             "\"float\"") "," FIELD("f",
                                                                                    "\"string\"")),
        NULL, BYTES(3, 0x80, 1, 1, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0, 0, 0x80, 0x3e, 4, 'h', 'i'),
        "a=-2 b=64 c=true d=1.5 e=0.25 f=\"hi\"");
    expect("\"bytes\"", NULL, BYTES(4, 0, 255), "_value=0x00ff");
    expect("\"string\"", NULL,
           BYTES(26, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l', 'm'),
           "_value=\"abcdefghijklm\"");
    expect("\"string\"", NULL,
           BYTES(24, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k', 'l'),
           "_value=\"abcdefghijkl\"");
    expect("\"long\"", NULL, BYTES(255, 255, 255, 255, 255, 255, 255, 255, 255, 1),
           "_value=-9223372036854775808");
    expect("{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\",\"LONG_SYMBOL_NAME\"]}", NULL,
           BYTES(2), "_value=\"LONG_SYMBOL_NAME\"");
    expect("{\"type\":\"fixed\",\"name\":\"X\",\"size\":3}", NULL, BYTES(1, 2, 3),
           "_value=0x010203");
}

static void test_strings_of_every_length(void **state)
{
    (void)state;
    struct avro_case c;
    assert_int_equal(
        avro_case_open(&c, REC(FIELD("s", "\"string\"") "," FIELD("n", "\"long\"")), NULL), 0);
    for (size_t tail = 0; tail < 20; tail += 19) { /* near the end, and far from it */
        for (size_t n = 0; n < 40; n++) {
            uint8_t data[80];
            data[0] = (uint8_t)(2 * n);
            for (size_t i = 0; i < n; i++) {
                data[1 + i] = (uint8_t)('a' + i % 26);
            }
            data[1 + n] = 14;
            memset(data + 2 + n, 'z', 20);
            struct str want = str_ref(data + 1, (uint32_t)n);
            int rc = avro_case_decode(&c, data, 2 + n + tail);
            assert_int_equal(rc,
                             tail ? -ERR_DATA : 0); /* the tail is left over, the row is there */
            assert_true(str_equal(&c.b->col[0].s[0], &want));
            assert_int_equal(c.b->col[1].i[0], 7);
        }
    }
    avro_case_done(&c);
}

static void test_projection_keeps_only_needed(void **state)
{
    (void)state;
    struct avro_case c;
    assert_int_equal(
        avro_case_open(
            &c,
            REC(FIELD("a", "\"string\"") "," FIELD("b", "\"string\"") "," FIELD(
                "c", "\"string\"") "," FIELD("d", "\"long\"") "," FIELD("e",
                                                                        "[\"null\",\"string\"]")),
            NULL),
        0);
    for (uint32_t i = 0; i < c.nleaves; i++) {
        c.leaf[i]->target = i == 3 ? 3 : -1;
    }
    c.plan = avro_plan_compile(&c.arena, avro_resolve(&c.arena, c.writer, c.writer), c.shape);
    const uint8_t data[] = {2, 'x', 2, 'y', 2, 'z', 84, 2, 4, 'o', 'k'};
    assert_int_equal(avro_case_decode(&c, data, sizeof data), 0);
    assert_int_equal(c.b->col[3].i[0], 42);
    assert_int_equal(c.b->col[0].s[0].n, 0);
    avro_case_done(&c);
}

static void test_unions(void **state)
{
    (void)state;
    const char *two =
        REC(FIELD("a", "[\"null\",\"long\"]") "," FIELD("b", "[\"string\",\"null\"]"));
    expect(two, NULL, BYTES(0, 2), "a=null b=null");
    expect(two, NULL, BYTES(2, 10, 0, 2, 'x'), "a=5 b=\"x\"");
    expect("[\"null\",\"int\",\"double\"]", NULL, BYTES(2, 6), "_value=3.0");
    expect("[\"null\",\"int\",\"string\"]", NULL, BYTES(2, 6), "_value=\"3\"");
    expect("[\"null\",\"int\",\"string\"]", NULL, BYTES(4, 2, '"'), "_value=\"\"\\\"\"\"");
    expect("[\"null\",\"int\",\"string\"]", NULL, BYTES(0), "_value=null");
    expect("[\"null\",\"string\",{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}]", NULL,
           BYTES(4, 0), "_value=\"A\"");
    expect("[\"null\",\"bytes\",{\"type\":\"array\",\"items\":\"double\"}]", NULL,
           BYTES(4, 2, 0, 0, 0, 0, 0, 0, 0xf0, 0x7f, 0), "_value=\"[\"Infinity\"]\"");
    expect("[\"null\",\"bytes\",\"boolean\"]", NULL, BYTES(2, 8, 1, 2, 3, 4),
           "_value=\"\"AQIDBA==\"\"");
}

static void test_rows_can_be_filled_again(void **state)
{
    (void)state;
    struct avro_case c;
    assert_int_equal(avro_case_open(&c, "[\"null\",\"long\"]", NULL), 0);
    const uint8_t null[] = {0}, five[] = {2, 10}, bad[] = {0, 0};
    assert_int_equal(avro_case_decode(&c, five, sizeof five), 0);
    assert_int_equal(avro_decode(c.plan, &c.scratch, bad, sizeof bad, c.b, 0), -ERR_DATA);
    assert_true(vec_is_null(&c.b->col[0], 0));
    assert_int_equal(c.b->col[0].i[0], 0);
    assert_int_equal(avro_decode(c.plan, &c.scratch, five, sizeof five, c.b, 0), 0);
    assert_false(vec_is_null(&c.b->col[0], 0));
    assert_int_equal(avro_decode(c.plan, &c.scratch, null, sizeof null, c.b, 1), 0);
    assert_true(vec_is_null(&c.b->col[0], 1));
    avro_case_done(&c);
}

static void test_nested(void **state)
{
    (void)state;
    const char *longs = REC(FIELD("a", "{\"type\":\"array\",\"items\":\"long\"}"));
    const char *pairs = "{\"type\":\"array\",\"items\":" REC(
        FIELD("x", "\"int\"") "," FIELD("y", "\"string\"")) "}";
    expect(longs, NULL, BYTES(4, 2, 4, 1, 2, 6, 0), "a=[1,2,3]");
    expect(REC(FIELD("m", "{\"type\":\"map\",\"values\":[\"null\",\"string\"]}")), NULL,
           BYTES(4, 2, 'k', 0, 2, 'l', 2, 2, 'v', 0), "m=[k:null,l:\"v\"]");
    expect(pairs, REC(FIELD("x", "\"int\"")), BYTES(0),
           "error: Avro: array cannot be read as record");
    expect(pairs,
           "{\"type\":\"array\",\"items\":" REC(FIELD("y", "\"string\"") "," FIELD_OR(
               "z", "\"int\"", "9") "," FIELD("x", "\"long\"")) "}",
           BYTES(2, 2, 2, 'q', 0), "_value=[{y:\"q\",z:9,x:1}]");
    expect("{\"type\":\"array\",\"items\":{\"type\":\"array\",\"items\":[\"null\",\"int\","
           "\"string\"]}}",
           NULL, BYTES(4, 6, 0, 2, 8, 4, 2, 's', 0, 0, 0), "_value=[[null,\"4\",\"\"s\"\"],[]]");
}

static void test_recursion_becomes_text(void **state)
{
    (void)state;
    struct avro_case c;
    const char *list = REC(FIELD("v", "\"int\"") "," FIELD("next", "[\"null\",\"R\"]"));
    assert_int_equal(avro_case_open(&c, list, NULL), 0);
    assert_int_equal(c.nleaves, 9);
    uint8_t data[40];
    size_t n = 0;
    for (int i = 0; i < 10; i++) {
        data[n++] = (uint8_t)(2 * i);
        data[n++] = i < 9 ? 2 : 0;
    }
    assert_int_equal(avro_case_decode(&c, data, n), 0);
    struct buffer out;
    buffer_init(&out);
    avro_case_print(&out, &c, 0);
    assert_non_null(strstr(buffer_cstr(&out), "next.next.v=2 "));
    assert_non_null(strstr(buffer_cstr(&out), "=\"{\"v\":8,\"next\":{\"v\":9,\"next\":null}}\""));
    buffer_done(&out);
    avro_case_done(&c);
}

/* As many columns as there may be, each with a branch: the chain of calls must not eat the stack.
 */
static void test_widest_record(void **state)
{
    (void)state;
    struct avro_case c;
    struct buffer json, data;
    buffer_init(&json);
    buffer_init(&data);
    for (int i = 0; i < COLUMNS_MAX; i++) {
        buffer_printf(&json, "%s{\"name\":\"f%d\",\"type\":[\"null\",\"long\"]}",
                      i ? "," : "{\"type\":\"record\",\"name\":\"R\",\"fields\":[", i);
        buffer_varint(&data, i % 2);
        if (i % 2) {
            buffer_varint(&data, i);
        }
    }
    buffer_text(&json, "]}");
    assert_int_equal(avro_case_open(&c, buffer_cstr(&json), NULL), 0);
    assert_int_equal(avro_case_decode(&c, data.data, data.n), 0);
    assert_true(vec_is_null(&c.b->col[4000], 0));
    assert_int_equal(c.b->col[4095].i[0], 4095);
    avro_case_done(&c);
    buffer_done(&json);
    buffer_done(&data);
}

static void test_hostile(void **state)
{
    (void)state;
    const char *cut = "error: Avro: _value: the data is cut off or a number is out of range";
    expect("{\"type\":\"array\",\"items\":\"null\"}", NULL,
           BYTES(0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20),
           "error: Avro: _value: too many values for so few bytes");
    expect("\"string\"", NULL, BYTES(1), cut);
    expect("\"string\"", NULL, BYTES(2, 0xff), "error: Avro: _value: a string is not valid UTF-8");
    expect("\"int\"", NULL, BYTES(0x80, 0x80, 0x80, 0x80, 0x20), cut);
    expect("\"boolean\"", NULL, BYTES(2), cut);
    expect("\"bytes\"", "\"string\"", BYTES(4, 0xc0, 0x80),
           "error: Avro: _value: a string is not valid UTF-8");
    expect("{\"type\":\"array\",\"items\":\"long\"}", NULL, BYTES(1, 0x80),
           "error: Avro: _value: a number is cut off");
    expect("{\"type\":\"array\",\"items\":\"long\"}", NULL, BYTES(1, 8, 2, 0),
           "error: Avro: _value: a block reaches beyond the end");
    uint8_t deep[256];
    memset(deep, 2, sizeof deep);
    expect("{\"type\":\"array\",\"items\":[\"null\"," REC(FIELD("r", "[\"null\",\"R\"]")) "]}",
           NULL, deep, sizeof deep, "error: Avro: _value: nested too deeply");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_strings_of_every_length),
        cmocka_unit_test(test_projection_keeps_only_needed),
        cmocka_unit_test(test_unions),
        cmocka_unit_test(test_rows_can_be_filled_again),
        cmocka_unit_test(test_nested),
        cmocka_unit_test(test_recursion_becomes_text),
        cmocka_unit_test(test_widest_record),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
