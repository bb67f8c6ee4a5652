/* The core schema: what is a number, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/arena.h"
#include "engine/yaml_scalar.h"

#include <math.h>
#include <string.h>

static struct yaml resolve(const char *text)
{
    struct yaml y = {.text = text, .text_n = strlen(text)};
    yaml_scalar_resolve(&y);
    return y;
}

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        enum yaml_kind kind;
        const char *text[16];
    } rows[] = {
        {YAML_NULL, {"", "~", "null", "Null", "NULL"}},
        {YAML_BOOLEAN, {"true", "True", "TRUE", "false", "False", "FALSE"}},
        {YAML_LONG,
         {"0", "-0", "+12", "007", "0x1F", "0o17", "9223372036854775807", "-9223372036854775808"}},
        {YAML_DOUBLE,
         {".5", "-.5", "1.", "1.5e3", "1e3", "+1E-3", ".inf", "-.INF", ".NaN",
          "9223372036854775808", "0xFFFFFFFFFFFFFFFFFF"}},
        {YAML_STRING,
         {"on", "no", "yes", "tRUE", "nULL", "12:30", "1_000", "0b1", "-0x1", "0x", "0o8", ".",
          "e3", "1e", "+", "- 1"}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (int k = 0; k < 16 && rows[i].text[k] != NULL; k++) {
            assert_int_equal(resolve(rows[i].text[k]).kind, rows[i].kind);
        }
    }
}

static void test_values(void **state)
{
    (void)state;
    assert_true(resolve("TRUE").boolean);
    assert_false(resolve("false").boolean);
    assert_int_equal(resolve("0x1F").number, 31);
    assert_int_equal(resolve("0o17").number, 15);
    assert_int_equal(resolve("007").number, 7);
    assert_true(resolve("-9223372036854775808").number == INT64_MIN);
    assert_true(resolve("9223372036854775807").number == INT64_MAX);
    assert_true(resolve("12").real == 12.0);
    assert_true(resolve("9223372036854775808").real == 9223372036854775808.0);
    assert_true(resolve("0x10000000000000000").real == 18446744073709551616.0);
    assert_true(resolve("-1.5e3").real == -1500.0);
    assert_true(resolve("-.inf").real == -(double)INFINITY);
    assert_true(isnan(resolve(".nan").real));
}

static void test_surrogates(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{\"a\": \"\\ud83d\\ude00!\"}", "{\"a\": \"\\U0001F600!\"}"},
        {" [\"\\uDBFF\\uDFFF\\ud800\\udc00\"]", " [\"\\U0010FFFF\\U00010000\"]"},
        {"[\"\\\\ud83d\\ude00\"]", "[\"\\\\ud83d\\ude00\"]"}, /* a backslash, then text */
        {"[\"\\ud83d\\u0041\\ude00\"]", "[\"\\ud83d\\u0041\\ude00\"]"},
        {"[\"\\ud83d\\ude0", "[\"\\ud83d\\ude0"},
        {"{\\", "{\\"},
        {"a: '\\ud83d\\ude00'", "a: '\\ud83d\\ude00'"}, /* YAML, where these are no escapes */
        {"", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena a;
        arena_init(&a);
        size_t n = strlen(cases[i][0]);
        const char *out = yaml_join_surrogates(&a, cases[i][0], &n);
        assert_int_equal(n, strlen(cases[i][1]));
        assert_memory_equal(out, cases[i][1], n);
        arena_done(&a);
    }
    struct arena a;
    struct diags d;
    struct yaml *y;
    arena_init(&a);
    diags_init(&d);
    const char text[] = "{\"a\": \"\\ud83d\\ude00\"}";
    assert_int_equal(yaml_parse(&y, &a, "f", text, sizeof text - 1, &d), 0);
    assert_string_equal(yaml_get(y, "a")->text, "\xF0\x9F\x98\x80");
    diags_done(&d);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_surrogates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
