/* max_features: each way of saying how many columns. */
#include "ml/max_features.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void counts_columns(void **state)
{
    (void)state;
    assert_int_equal(max_features("sqrt", 6, true), 2);
    assert_int_equal(max_features("sqrt", 8, true), 3);
    assert_int_equal(max_features("sqrt", 8, false), 2);
    assert_int_equal(max_features("log2", 18, true), 4);
    assert_int_equal(max_features("all", 7, true), 7);
    assert_int_equal(max_features("3", 7, false), 3);
    assert_int_equal(max_features("30", 7, false), 7);
    assert_int_equal(max_features("0.5", 7, true), 3);
    assert_int_equal(max_features("0.01", 7, true), 1);
    assert_int_equal(max_features("1.0", 7, true), 7);
    assert_int_equal(max_features("log2", 1, true), 1);
}

static void refuses_other_words(void **state)
{
    (void)state;
    const char *const bad[] = {"", "cube", "-1", "0", "1.5", "3x", "nan", "inf"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct err e = {0};
        assert_int_equal(max_features_check(bad[i], &e), -ERR_CONFIG);
        assert_non_null(strstr(e.text, "sqrt"));
    }
    assert_int_equal(max_features_check("sqrt", NULL), 0);
    assert_int_equal(max_features_check("0.3", NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_columns),
        cmocka_unit_test(refuses_other_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
