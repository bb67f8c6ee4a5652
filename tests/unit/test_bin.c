/* bin: equal widths, quantiles, few rows, edges that are met exactly. */
#include "tests/unit/transform_harness.h"

extern const struct step_def op_bin;

static const char *const rows =
    "- [1, 0]\n- [2, 10]\n- [3, 5]\n- [4, 2.4]\n- [5, null]\n- [6, 7.5]\n"
    "- [7, 10]\n- [8, -10]\n- [9, 10]\n";

static void equal_widths(void **state)
{
    (void)state;
    transform_expect(&op_bin, "a: double?", "{columns: a, method: uniform, n_bins: 4}", rows,
                     "1 a=0\n2 a=3\n3 a=2\n4 a=0\n5 a=null\n6 a=3\n7 a=3\n8 a=0\n9 a=3\n");
}

static void equally_many(void **state)
{
    (void)state;
    transform_expect(&op_bin, "a: double?", "{columns: a, n_bins: 3, as: q}", rows,
                     "1 a=0.0 q=0\n2 a=10.0 q=2\n3 a=5.0 q=1\n4 a=2.4 q=1\n5 a=null q=null\n"
                     "6 a=7.5 q=2\n7 a=10.0 q=2\n8 a=-10.0 q=0\n9 a=10.0 q=2\n");
}

static void a_constant_column_is_bin_0(void **state)
{
    (void)state;
    const char *same = "- [1, 4]\n- [2, 4]\n- [3, 4]\n- [4, 4]\n- [5, 4]\n";
    const char *out = "1 a=0\n2 a=0\n3 a=0\n4 a=0\n5 a=0\n";
    transform_expect(&op_bin, "a: long", "{columns: a, method: uniform}", same, out);
    transform_expect(&op_bin, "a: long", "{columns: a, n_bins: 2}", same, out);
}

static void odd_values(void **state)
{
    (void)state;
    transform_expect(&op_bin, "a: double", "{columns: a, method: uniform, n_bins: 2}",
                     "- [1, 1e150]\n- [2, -1e150]\n- [3, .nan]\n- [4, -.inf]\n- [5, 0]\n",
                     "1 a=0\n2 a=0\n3 a=null\n4 a=null\n5 a=1\n");
    transform_expect(&op_bin, "s: string", "{columns: s}", "",
                     "1:11 's' is of type string; bin takes numbers\n");
}

static void refuses_damage(void **state)
{
    (void)state;
    transform_expect_damage(&op_bin, "a: double?", "{columns: a, method: uniform}", rows);
    transform_expect_damage(&op_bin, "a: double?", "{columns: a, n_bins: 3}", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_widths),
        cmocka_unit_test(equally_many),
        cmocka_unit_test(a_constant_column_is_bin_0),
        cmocka_unit_test(odd_values),
        cmocka_unit_test(refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
