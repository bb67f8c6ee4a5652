/* pca: known components, the sign rule, rows left out, constant and huge columns. */
#include "tests/unit/transform_harness.h"

extern const struct step_def op_pca;

static void components_of_known_rows(void **state)
{
    (void)state;
    /* All variance lies along (1, 2): 3 rows at -sqrt(5), 0, sqrt(5). */
    transform_expect(&op_pca, "a: double?, b: long",
                     "{columns: [a, b], as: p, n_components: 1, refresh: 3}",
                     "- [1, 1, 2]\n- [2, null, 4]\n- [3, 2, 4]\n- [4, 0, 0]\n- [5, 3, 6]\n"
                     "- [6, .inf, 6]\n",
                     "1 a=1.0 b=2 p_1=null\n2 a=null b=4 p_1=null\n3 a=2.0 b=4 p_1=null\n"
                     "4 a=0.0 b=0 p_1=-2.23606797749979\n5 a=3.0 b=6 p_1=4.47213595499958\n"
                     "6 a=Infinity b=6 p_1=null\n");
}

static void whitened_components_have_deviation_1(void **state)
{
    (void)state;
    transform_expect(&op_pca, "a: double",
                     "{columns: a, as: p, n_components: 1, refresh: 3, whiten: true}",
                     "- [1, 0]\n- [2, 10]\n- [3, 20]\n- [4, 30]\n",
                     "1 a=0.0 p_1=null\n2 a=10.0 p_1=null\n3 a=20.0 p_1=1.0\n4 a=30.0 p_1=2.0\n");
}

static void odd_columns(void **state)
{
    (void)state;
    const char *yaml = "{columns: [a, b], as: p, n_components: 1, refresh: 2}";
    transform_expect(&op_pca, "a: double, b: double", yaml,
                     "- [1, 3, 1]\n- [2, 3, 1]\n- [3, 3, 1]\n",
                     "1 a=3.0 b=1.0 p_1=null\n2 a=3.0 b=1.0 p_1=null\n3 a=3.0 b=1.0 p_1=null\n");
    transform_expect(&op_pca, "a: double, b: double", yaml,
                     "- [1, 3, 1]\n- [2, 3, 5]\n- [3, 4, 1e150]\n- [4, 3, -1e150]\n- [5, 3, 4]\n",
                     "1 a=3.0 b=1.0 p_1=null\n2 a=3.0 b=5.0 p_1=2.0\n3 a=4.0 b=1e+150 p_1=1e+150\n"
                     "4 a=3.0 b=-1e+150 p_1=-1e+150\n5 a=3.0 b=4.0 p_1=4.0\n");
}

static void errors_name_the_remedy(void **state)
{
    (void)state;
    transform_expect(&op_pca, "a: double", "{columns: a, as: p}", "",
                     "1:1 more components than the 1 columns\n");
    transform_expect(&op_pca, "a: double, p_1: long", "{columns: a, as: p, n_components: 1}", "",
                     "1:18 there is a column 'p_1' already\n");
}

static void refuses_damage(void **state)
{
    (void)state;
    transform_expect_damage(&op_pca, "a: double, b: double", "{columns: [a, b], as: p, refresh: 3}",
                            "- [1, 1, 2]\n- [2, 3, 1]\n- [3, 5, 9]\n- [4, 0, 0]\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(components_of_known_rows),
        cmocka_unit_test(whitened_components_have_deviation_1),
        cmocka_unit_test(odd_columns),
        cmocka_unit_test(errors_name_the_remedy),
        cmocka_unit_test(refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
