/* The core schema: what is a number, and what only looks like one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_values),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
