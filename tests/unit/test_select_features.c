/* select_features: each method, what stands in rejected columns, labels that do not leak, errors. */
#include "tests/unit/transform_harness.h"

extern const struct step_def op_select_features;

static void variance_above_a_threshold(void **state)
{
    (void)state;
    transform_expect(&op_select_features, "a: double?, b: long", "{columns: [a, b]}",
                     "- [1, 1, 4]\n- [2, 2, 4]\n- [3, null, 4]\n- [4, 3, 5]\n",
                     "1 a=1.0 b=4.0\n2 a=2.0 b=0.0\n3 a=null b=0.0\n4 a=3.0 b=5.0\n");
    transform_expect(&op_select_features, "a: double, b: double",
                     "{columns: '*', threshold: 0.6, min_samples: 3, rejected: null, as: s_*}",
                     "- [1, 0, 0]\n- [2, 1, 0]\n- [3, 0, 9]\n",
                     "1 a=0.0 b=0.0 s_a=0.0 s_b=0.0\n2 a=1.0 b=0.0 s_a=1.0 s_b=0.0\n"
                     "3 a=0.0 b=9.0 s_a=null s_b=9.0\n");
}

/* The row itself is never ranked by: at 3 two rows have been learned. */
static void correlation_with_the_label(void **state)
{
    (void)state;
    const char *rows = "- [1, 1, 5, 1]\n- [2, 2, 1, 2]\n- [3, 3, 9, 3]\n- [4, 4, 0, null]\n"
                       "- [5, 5, 1, 7]\n- [6, null, 2, 5]\n";
    transform_expect(
        &op_select_features, "a: double?, b: double, y: long?",
        "{columns: '*', label: y, method: correlation, k: 1, refresh: 3}", rows,
        "1 a=1.0 b=5.0 y=1\n2 a=2.0 b=1.0 y=2\n3 a=3.0 b=9.0 y=3\n4 a=4.0 b=0.0 y=null\n"
        "5 a=5.0 b=0.0 y=7\n6 a=null b=0.0 y=5\n");
    transform_expect(
        &op_select_features, "a: double, b: double, y: boolean",
        "{columns: [a, b], label: y, method: correlation, k: 1, refresh: 1, "
        "use_abs: false}",
        "- [1, 1, 1, false]\n- [2, 2, 0, true]\n- [3, 3, 1, false]\n- [4, 2, 2, true]\n",
        "1 a=1.0 b=1.0 y=false\n2 a=2.0 b=0.0 y=true\n3 a=3.0 b=0.0 y=false\n"
        "4 a=2.0 b=0.0 y=true\n");
}

static void information_about_classes(void **state)
{
    (void)state;
    struct buffer rows, expected;
    buffer_init(&rows);
    buffer_init(&expected);
    for (int i = 0; i < 60; i++) {
        int class = i * 7 % 3, noise = i * 5 % 4;
        const char *const name[] = {"x", "y", "a name longer than twelve"};
        /* In `b`, one value tells class 2; `a` tells nothing; `c` is constant. */
        buffer_printf(&rows, "- [%d, %d, %d, 5, %s]\n", i, noise, class == 2 ? 1 : 0, name[class]);
        bool is_ranked = i >= 40;
        buffer_printf(&expected, "%d a=%d.0 b=%d.0 c=%d.0 y=%s\n", i, is_ranked ? 0 : noise,
                      class == 2 ? 1 : 0, is_ranked ? 0 : 5, name[class]);
    }
    transform_expect(&op_select_features, "a: double, b: double, c: double, y: string",
                     "{columns: [a, b, c], label: y, method: mutual_information, k: 1, n_bins: 4, "
                     "warm_up: 20, refresh: 40}",
                     buffer_cstr(&rows), buffer_cstr(&expected));
    transform_expect_damage(&op_select_features, "a: double, b: double, c: double, y: string",
                            "{columns: [a, b], label: y, method: mutual_information, k: 1, n_bins: "
                            "2, warm_up: 20, refresh: 40}",
                            buffer_cstr(&rows));
    buffer_done(&rows);
    buffer_done(&expected);
}

static void errors_name_the_remedy(void **state)
{
    (void)state;
    const char *columns = "a: double, s: string, y: double";
    transform_expect(&op_select_features, columns, "{columns: a, label: y}", "",
                     "1:21 variance needs no label\n");
    transform_expect(&op_select_features, columns, "{columns: a, method: correlation}", "",
                     "1:22 correlation needs `label`, an expression\n");
    transform_expect(&op_select_features, columns, "{columns: a, method: correlation, label: s}",
                     "", "1:42 correlation is with a number or a boolean\n");
    transform_expect(&op_select_features, columns,
                     "{columns: a, method: mutual_information, label: y}", "",
                     "1:49 mutual_information is with a class: a string, long or boolean\n");
    transform_expect(&op_select_features, columns,
                     "{columns: [a, y], method: correlation, label: y}", "",
                     "1:15 'y' is the label: a feature must be known before it\n");
}

static void refuses_damage(void **state)
{
    (void)state;
    const char *rows = "- [1, 1, 4, 2]\n- [2, 2, 4, 3]\n- [3, 3, 4, 5]\n";
    transform_expect_damage(&op_select_features, "a: double, b: long, y: long", "{columns: [a, b]}",
                            rows);
    transform_expect_damage(&op_select_features, "a: double, b: long, y: long",
                            "{columns: [a, b], label: y, method: correlation, refresh: 2}", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(variance_above_a_threshold),
        cmocka_unit_test(correlation_with_the_label),
        cmocka_unit_test(information_about_classes),
        cmocka_unit_test(errors_name_the_remedy),
        cmocka_unit_test(refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
