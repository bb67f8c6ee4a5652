/* impute: each method and type, what comes before anything was seen, odd values. */
#include "tests/unit/transform_harness.h"

extern const struct step_def op_impute;

static const char *const columns = "a: double?, n: long?, s: string?, up: boolean?";
static const char *const rows = "- [1, null, null, null, null]\n"
                                "- [2, 1, 9007199254740993, a text longer than twelve, true]\n"
                                "- [3, 2, 5, b, false]\n"
                                "- [4, .nan, null, null, null]\n"
                                "- [5, 6, 5, b, false]\n"
                                "- [6, -.inf, null, null, null]\n";

static void means_and_medians_are_doubles(void **state)
{
    (void)state;
    transform_expect(
        &op_impute, "a: double?, n: long?", "{columns: [a, n]}",
        "- [1, null, 1]\n- [2, 1, null]\n- [3, .nan, 4]\n- [4, 4, null]\n"
        "- [5, .inf, null]\n",
        "1 a=null n=1.0\n2 a=1.0 n=1.0\n3 a=1.0 n=4.0\n4 a=4.0 n=2.5\n5 a=2.5 n=2.5\n");
    transform_expect(&op_impute, "a: long?", "{columns: a, method: median, as: '*_m'}",
                     "- [1, 3]\n- [2, 9]\n- [3, 4]\n- [4, null]\n",
                     "1 a=3 a_m=3.0\n2 a=9 a_m=9.0\n3 a=4 a_m=4.0\n4 a=null a_m=4.0\n");
}

static void every_type_has_a_last_value(void **state)
{
    (void)state;
    transform_expect(&op_impute, columns, "{columns: '*', method: last}", rows,
                     "1 a=null n=null s=null up=null\n"
                     "2 a=1.0 n=9007199254740993 s=a text longer than twelve up=true\n"
                     "3 a=2.0 n=5 s=b up=false\n"
                     "4 a=2.0 n=5 s=b up=false\n"
                     "5 a=6.0 n=5 s=b up=false\n"
                     "6 a=6.0 n=5 s=b up=false\n");
}

static void the_most_frequent_is_the_first_on_a_tie(void **state)
{
    (void)state;
    transform_expect(&op_impute, columns, "{columns: [a, n, s, up], method: most_frequent}", rows,
                     "1 a=null n=null s=null up=null\n"
                     "2 a=1.0 n=9007199254740993 s=a text longer than twelve up=true\n"
                     "3 a=2.0 n=5 s=b up=false\n"
                     "4 a=1.0 n=9007199254740993 s=a text longer than twelve up=true\n"
                     "5 a=6.0 n=5 s=b up=false\n"
                     "6 a=1.0 n=5 s=b up=false\n");
    transform_expect(&op_impute, "s: string?", "{columns: s, method: most_frequent, k: 1}",
                     "- [1, '']\n- [2, b]\n- [3, b]\n- [4, null]\n", "1 s=\n2 s=b\n3 s=b\n4 s=\n");
}

static void a_constant_needs_no_state(void **state)
{
    (void)state;
    transform_expect(&op_impute, "a: double?, b: double?",
                     "{columns: [a, b], method: constant, value: 3}",
                     "- [1, null, 7]\n- [2, .nan, null]\n", "1 a=3.0 b=7.0\n2 a=3.0 b=3.0\n");
    transform_expect(&op_impute, "s: string?",
                     "{columns: s, method: constant, value: a value that is long}",
                     "- [1, null]\n- [2, x]\n", "1 s=a value that is long\n2 s=x\n");
    transform_expect(&op_impute, "up: boolean?", "{columns: up, method: constant, value: true}",
                     "- [1, null]\n- [2, false]\n", "1 up=true\n2 up=false\n");
}

static void errors_name_the_remedy(void **state)
{
    (void)state;
    transform_expect(&op_impute, "s: string", "{columns: s}", "",
                     "1:11 's' is of type string; impute takes numbers\n");
    transform_expect(&op_impute, "n: long", "{columns: n, method: constant, value: 1.5}", "",
                     "1:39 'n' is of type long, the value is not\n");
    transform_expect(&op_impute, "n: long", "{columns: n, method: constant}", "",
                     "1:22 `value` and `method: constant` belong together\n");
    transform_expect(&op_impute, "n: long", "{columns: n, value: 1}", "",
                     "1:21 `value` and `method: constant` belong together\n");
}

static void refuses_damage(void **state)
{
    (void)state;
    transform_expect_damage(&op_impute, columns, "{columns: [a, n]}", rows);
    transform_expect_damage(&op_impute, columns, "{columns: [a, n], method: median}", rows);
    transform_expect_damage(&op_impute, columns, "{columns: '*', method: last}", rows);
    transform_expect_damage(&op_impute, columns, "{columns: '*', method: most_frequent}", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(means_and_medians_are_doubles),
        cmocka_unit_test(every_type_has_a_last_value),
        cmocka_unit_test(the_most_frequent_is_the_first_on_a_tie),
        cmocka_unit_test(a_constant_needs_no_state),
        cmocka_unit_test(errors_name_the_remedy),
        cmocka_unit_test(refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
