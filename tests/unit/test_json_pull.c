/* JSON pull parser: what is JSON, what is not, and what numbers and strings come out as. */
#include "schemas/json_pull.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool is_json(const char *text)
{
    struct json_pull j;
    json_pull_init(&j);
    json_begin(&j, text, strlen(text));
    bool is_ok = json_skip(&j, NULL) && json_finish(&j);
    json_pull_done(&j);
    return is_ok;
}

static void accepts(void **state)
{
    (void)state;
    static const char *const good[] = {
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1.5e-3",
        "\"\"",
        "[]",
        "{}",
        " [ 1 , 2 ] ",
        "{\"a\":{\"b\":[{},[],null]}}",
        "\"\\u00e4\\ud83d\\ude00\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\xc3\xa4\"",
        "1E5",
        "[[[[[[]]]]]]",
        "\"\\u0000\"",
        "\t\r\n1\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(is_json(good[i]));
    }
}

static void refuses(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        " ",
        "nul",
        "nulll",
        "tru",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "[1,]",
        "[,1]",
        "[1 2]",
        "[",
        "]",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{a:1}",
        "{\"a\":1 \"b\":2}",
        "\"",
        "\"\\\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud83d\"",
        "\"\\ude00\"",
        "\"\\ud83dx\"",
        "\"\x01\"",
        "\"\n\"",
        "\"\xc3\"",
        "\"\xed\xa0\x80\"",
        "\"\xff\"",
        "1 2",
        "'a'",
        "[1]]",
        "{\"a\":1}}",
        "1e400",
        "-1e999",
        "//x",
        "\"\\ud83d\\u0041\"",
        "[}",
        "{]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (is_json(bad[i])) {
            fail_msg("taken for JSON: %s", bad[i]);
        }
    }
}

static void depth_ends_at_64(void **state)
{
    (void)state;
    char text[2 * 65 + 1];
    for (int depth = 64; depth <= 65; depth++) {
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        text[2 * depth] = '\0';
        assert_int_equal(is_json(text), depth == 64);
    }
}

static struct json_number number(const char *text)
{
    struct json_pull j;
    struct json_number v = {0};
    json_pull_init(&j);
    json_begin(&j, text, strlen(text));
    assert_true(json_number(&j, &v));
    assert_true(json_finish(&j));
    json_pull_done(&j);
    return v;
}

static void numbers(void **state)
{
    (void)state;
    assert_int_equal(number("9223372036854775807").i, INT64_MAX);
    assert_int_equal(number("-9223372036854775808").i, INT64_MIN);
    assert_true(number("-9223372036854775808").is_long);
    assert_false(number("9223372036854775808").is_long);
    assert_true(number("9223372036854775808").d == 0x1p63);
    assert_false(number("1.0").is_long);
    assert_true(signbit(number("-0").d));
    assert_true(number("0.1").d == 0.1);
    assert_true(number("123456789012345678901234567890").d == 123456789012345678901234567890.0);
    assert_true(number("1.7976931348623157e308").d == 1.7976931348623157e308);
    assert_true(number("5e-324").d == 5e-324);
    assert_true(number("2.2250738585072011e-308").d == 2.2250738585072011e-308);
    assert_true(number("9007199254740993").d == 9007199254740992.0);
    assert_true(number("0.000000000000000000000001").d == 1e-24);
    assert_true(number("1e-400").d == 0.0);
    assert_true(number("100000000000000000000e-20").d == 1.0);
}

static void strings(void **state)
{
    (void)state;
    struct json_pull j;
    struct json_text t;
    static const char text[] = "[\"plain\", \"a\\u00e4\\ud83d\\ude00\\n\"]";
    json_pull_init(&j);
    json_begin(&j, text, strlen(text));
    assert_true(json_enter(&j));
    assert_true(json_item(&j));
    assert_true(json_string(&j, &t));
    assert_ptr_equal(t.p, text + 2);
    assert_int_equal(t.n, 5);
    assert_true(json_item(&j));
    assert_true(json_string(&j, &t));
    assert_int_equal(t.n, 8);
    assert_memory_equal(t.p, "a\xc3\xa4\xf0\x9f\x98\x80\n", 8);
    assert_false(json_item(&j));
    assert_true(json_finish(&j));
    json_pull_done(&j);
}

static void faults_name_the_place(void **state)
{
    (void)state;
    struct json_pull j;
    struct err e = {0};
    json_pull_init(&j);
    json_begin(&j, "{\"a\": 1 2}", 10);
    assert_false(json_skip(&j, NULL));
    assert_int_equal(json_fault(&j, &e), -ERR_DATA);
    assert_non_null(strstr(e.text, "',' or '}' is expected at byte 8"));
    struct json_text key;
    assert_false(json_key(&j, &key)); /* a fault lasts */
    assert_int_equal(json_peek(&j), JSON_BAD);
    json_pull_done(&j);
}

static void skip_gives_the_text(void **state)
{
    (void)state;
    struct json_pull j;
    struct json_text key, raw;
    static const char text[] = "{\"a\": {\"b\" : [1, 2]} , \"c\":\"x\"}";
    json_pull_init(&j);
    json_begin(&j, text, strlen(text));
    assert_true(json_enter(&j));
    assert_true(json_key(&j, &key));
    assert_true(json_skip(&j, &raw));
    assert_int_equal(raw.n, 14);
    assert_memory_equal(raw.p, "{\"b\" : [1, 2]}", 14);
    assert_true(json_key(&j, &key));
    assert_memory_equal(key.p, "c", 1);
    assert_true(json_skip(&j, &raw));
    assert_memory_equal(raw.p, "\"x\"", 3);
    assert_false(json_key(&j, &key));
    json_pull_done(&j);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts),
        cmocka_unit_test(refuses),
        cmocka_unit_test(depth_ends_at_64),
        cmocka_unit_test(numbers),
        cmocka_unit_test(strings),
        cmocka_unit_test(faults_name_the_place),
        cmocka_unit_test(skip_gives_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
