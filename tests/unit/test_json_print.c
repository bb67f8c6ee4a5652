/* Printing JSON: strings of any bytes, doubles, rows. */
#include "schemas/json_print.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void strings(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"", "\"\""},
        {"a\"b\\c/", "\"a\\\"b\\\\c/\""},
        {"\b\f\n\r\t\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\""},
        {"\xc3\xa4\xf0\x9f\x98\x80", "\"\xc3\xa4\xf0\x9f\x98\x80\""},
        {"a\xff"
         "b\xc3",
         "\"a\xef\xbf\xbd"
         "b\xef\xbf\xbd\""},
        {"\xed\xa0\x80\n", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\n\""},
        {"\xc3\xa4\xff\xc3\xa4", "\"\xc3\xa4\xef\xbf\xbd\xc3\xa4\""},
    };
    struct buffer b;
    buffer_init(&b);
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        buffer_clear(&b);
        json_print_string(&b, pairs[i][0], strlen(pairs[i][0]));
        assert_string_equal(buffer_cstr(&b), pairs[i][1]);
    }
    buffer_clear(&b);
    json_print_string(&b, "a\0b", 3);
    assert_string_equal(buffer_cstr(&b), "\"a\\u0000b\"");
    buffer_done(&b);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        double d;
        const char *text;
    } doubles[] = {
        {0.1, "0.1"},
        {1, "1.0"},
        {-2.5, "-2.5"},
        {1e300, "1e+300"},
        {1.0 / 3, "0.3333333333333333"},
        {(double)NAN, "\"NaN\""},
        {(double)INFINITY, "\"Infinity\""},
        {-(double)INFINITY, "\"-Infinity\""},
    };
    static const struct {
        int64_t i;
        const char *text;
    } longs[] = {{0, "0"},
                 {-1, "-1"},
                 {INT64_MAX, "9223372036854775807"},
                 {INT64_MIN, "-9223372036854775808"}};
    struct buffer b;
    buffer_init(&b);
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++) {
        buffer_clear(&b);
        json_print_double(&b, doubles[i].d);
        assert_string_equal(buffer_cstr(&b), doubles[i].text);
    }
    for (size_t i = 0; i < sizeof longs / sizeof *longs; i++) {
        buffer_clear(&b);
        json_print_long(&b, longs[i].i);
        assert_string_equal(buffer_cstr(&b), longs[i].text);
    }
    buffer_done(&b);
}

static void rows(void **state)
{
    (void)state;
    struct arena a;
    struct buffer out;
    struct json_rows rows;
    arena_init(&a);
    buffer_init(&out);
    struct schema *s = schema_new(&a, 4);
    schema_add(s, "_key", &type_string, true, true);
    schema_add(s, "a.x", &type_long, true, false);
    schema_add(s, "b", &type_bytes, true, false);
    schema_add(s, "a.y", &type_boolean, true, false);
    struct batch *b = batch_new(&a, s, 2, NULL);
    b->col[1].i[1] = 7;
    b->col[2].s[1] = str_ref("\0\1", 2);
    vec_set_null(&b->col[3], &a, 2, 1);
    json_rows_init(&rows, s);
    json_rows_print(&rows, b, 1, &out);
    assert_string_equal(buffer_cstr(&out), "{\"a\":{\"x\":7,\"y\":null},\"b\":\"AAE=\"}");
    json_rows_done(&rows);
    static const uint16_t column[] = {2, 0};
    buffer_clear(&out);
    json_rows_init_columns(&rows, s, column, 2);
    json_rows_print(&rows, b, 0, &out);
    assert_string_equal(buffer_cstr(&out), "{\"b\":\"\",\"_key\":\"\"}");
    json_rows_done(&rows);
    buffer_done(&out);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(strings), cmocka_unit_test(numbers),
                                       cmocka_unit_test(rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
