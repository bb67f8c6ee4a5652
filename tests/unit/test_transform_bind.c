/* What preprocessing steps refuse before a row comes: columns that are not there, of another type,
 * the label's or the key's; options without effect.
 */
#include "tests/support/plan_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define HEAD                                                                                       \
    "name: test\n"                                                                                 \
    "streams:\n"                                                                                   \
    "  s:\n"                                                                                       \
    "    from: {topic: in, key: {h: string}, value: json,\n"                                       \
    "           columns: {h: string, a: double, b: double, word: string}}\n"                       \
    "    steps:\n"

/* Each step is refused with these words. */
static void expect_refused(const char *const (*wrong)[2], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct plan_rig r;
        char topology[1000];
        snprintf(topology, sizeof topology, HEAD "      - %s\n    to: out\n", wrong[i][0]);
        assert_int_equal(plan_rig_init(&r, topology), -ERR_CONFIG);
        if (!strstr(plan_rig_problems(&r), wrong[i][1])) {
            fail_msg("%s: %s", wrong[i][0], plan_rig_problems(&r));
        }
        plan_rig_done(&r);
    }
}

static void columns_are_there_and_fit(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"scale: {columns: [a, c]}", "there is no column `c`"},
        {"scale: {columns: [word]}", "'word' is of type string"},
        {"scale: {columns: [a, a]}", "'a' is named twice"},
        {"scale: {columns: 'x*'}", "no column of numbers matches 'x*'"},
        {"scale: {columns: []}", "at least one column is needed"},
        {"scale: {columns: a, as: b}", "there is a column 'b' already"},
        {"scale: {columns: [a, b], as: s}", "'s' would name several columns"},
        {"one_hot: {columns: h, categories: [x, y]}", "'h' is a key column"},
        {"select_features: {columns: [a, b], method: correlation, label: a}", "'a' is the label"},
    };
    expect_refused(wrong, sizeof wrong / sizeof wrong[0]);
}

/* An option that the method does not know is told, and whose it is. */
static void options_without_effect_are_refused(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"scale: {columns: a, q_inf: 0.2}",
         "scale.q_inf: it has no effect with `method: standard`"},
        {"scale: {columns: a, method: robust, with_std: false}",
         "scale.with_std: it has no effect"},
        {"scale: {columns: a, method: max_abs, with_scaling: true}",
         "a method that knows it (robust)"},
        {"clip: {columns: a, threshold: 3}",
         "clip.threshold: it has no effect with `method: quantile`"},
        {"clip: {columns: a, method: mad, upper: 0.9}", "clip.upper: it has no effect"},
        {"clip: {columns: a, method: bounds, min: 0, warm_up: 9}", "it (quantile, mad)"},
        {"impute: {columns: a, k: 3}", "impute.k: it has no effect with `method: mean`"},
        {"impute: {columns: a, method: constant, value: .inf}",
         "impute.value: expected a finite number"},
        {"select_features: {columns: a, k: 3}", "select_features.k: it has no effect"},
        {"select_features: {columns: a, method: correlation, label: a, n_bins: 3}",
         "select_features.n_bins: it has no effect with `method: correlation`"},
    };
    expect_refused(wrong, sizeof wrong / sizeof wrong[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_there_and_fit),
        cmocka_unit_test(options_without_effect_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
