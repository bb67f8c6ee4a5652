/* Patterns: what counts as one, and what it means. */
#include "ml/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void a_star_at_an_end_makes_a_pattern(void **state)
{
    (void)state;
    assert_true(pattern_is("*"));
    assert_true(pattern_is("cpu_*"));
    assert_true(pattern_is("*.user"));
    assert_true(pattern_is("*a*b*"));
    assert_false(pattern_is(""));
    assert_false(pattern_is("a*b"));
    assert_false(pattern_is("cpu * 2*"));
    assert_false(pattern_is("cpu"));
}

static void a_star_stands_for_anything(void **state)
{
    (void)state;
    assert_true(pattern_matches("*", ""));
    assert_true(pattern_matches("*", "cpu"));
    assert_true(pattern_matches("cpu_*", "cpu_"));
    assert_true(pattern_matches("cpu_*", "cpu_user"));
    assert_false(pattern_matches("cpu_*", "cpu"));
    assert_true(pattern_matches("*_user", "cpu_user_user"));
    assert_false(pattern_matches("*_user", "cpu_users"));
    assert_true(pattern_matches("*a*b*", "xxaxxbxx"));
    assert_false(pattern_matches("*a*b*", "xxbxxaxx"));
    assert_false(pattern_matches("*********b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_at_an_end_makes_a_pattern),
        cmocka_unit_test(a_star_stands_for_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
