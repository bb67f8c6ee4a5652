/* scale: each method over a few rows, missing and odd values, types, errors of the configuration. */
#include "tests/unit/transform_harness.h"

extern const struct step_def op_scale;

static const char *const few = "- [1, 2, 7]\n- [2, 4, 7]\n- [3, null, 7]\n- [4, 6, 7]\n";

static void each_method(void **state)
{
    (void)state;
    const char *columns = "a: double?, b: long";
    transform_expect(&op_scale, columns, "{columns: [a, b]}", few,
                     "1 a=0.0 b=0.0\n2 a=1.0 b=0.0\n3 a=null b=0.0\n"
                     "4 a=1.224744871391589 b=0.0\n");
    transform_expect(&op_scale, columns, "{columns: [a], with_std: false}", few,
                     "1 a=0.0 b=7\n2 a=1.0 b=7\n3 a=null b=7\n4 a=2.0 b=7\n");
    transform_expect(&op_scale, columns, "{columns: a, method: min_max, as: '*_s'}", few,
                     "1 a=2.0 b=7 a_s=0.0\n2 a=4.0 b=7 a_s=1.0\n3 a=null b=7 a_s=null\n"
                     "4 a=6.0 b=7 a_s=1.0\n");
    transform_expect(&op_scale, columns, "{columns: a, method: max_abs, as: s}", few,
                     "1 a=2.0 b=7 s=1.0\n2 a=4.0 b=7 s=1.0\n3 a=null b=7 s=null\n"
                     "4 a=6.0 b=7 s=1.0\n");
    transform_expect(&op_scale, columns, "{columns: '*', method: robust}", few,
                     "1 a=0.0 b=0.0\n2 a=0.0 b=0.0\n3 a=null b=0.0\n4 a=0.5 b=0.0\n");
}

static void odd_values(void **state)
{
    (void)state;
    transform_expect(&op_scale, "a: double?, up: boolean?", "{columns: [a, up]}",
                     "- [1, .nan, null]\n- [2, .inf, true]\n- [3, 1e151, false]\n"
                     "- [4, 1e150, true]\n- [5, -1e150, null]\n",
                     "1 a=null up=null\n2 a=null up=0.0\n3 a=null up=-1.0\n"
                     "4 a=0.0 up=0.7071067811865476\n5 a=-1.0 up=null\n");
    transform_expect(&op_scale, "a: double", "{columns: a, method: min_max}",
                     "- [1, 1e150]\n- [2, -1e150]\n- [3, 0]\n", "1 a=0.0\n2 a=0.0\n3 a=0.5\n");
    transform_expect(&op_scale, "a: double?", "{columns: a, method: robust}",
                     "- [1, null]\n- [2, 5]\n- [3, null]\n", "1 a=null\n2 a=0.0\n3 a=null\n");
}

static void nothing_is_learned(void **state)
{
    (void)state;
    transform_expect(&op_scale, "a: double", "{columns: a, learn: never}", "- [1, 5]\n",
                     "1 a=null\n");
}

static void statistics_per_key(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_scale, "h: string?, a: double", "h", "{columns: a, method: min_max, per: key}",
        "- [1, x, 1]\n- [2, y, 10]\n- [3, x, 2]\n- [4, null, 2]\n- [5, y, 20]\n- [6, y, 15]\n",
        "1 h=x a=0.0\n2 h=y a=0.0\n3 h=x a=1.0\n5 h=y a=1.0\n6 h=y a=0.5\n"});
}

static void errors_name_the_remedy(void **state)
{
    (void)state;
    transform_expect(&op_scale, "a: double, s: string", "{columns: [b, s, a, a]}", "",
                     "1:12 there is no column `b`\n1:15 's' is of type string; scale takes "
                     "numbers\n1:21 'a' is named twice\n");
    transform_expect(&op_scale, "a: double", "{columns: 'x*'}", "",
                     "1:12 no column of numbers matches 'x*'\n");
    transform_expect(&op_scale, "a: double", "{columns: a, q_inf: 0.8, method: robust}", "",
                     "1:21 q_inf must be less than q_sup\n");
    transform_expect(&op_scale, "a: double, b: double", "{columns: [a, b], as: s}", "",
                     "1:23 's' would name several columns: `*` in it stands for the name of each, "
                     "`'*_s'`\n");
    transform_expect(&op_scale, "a: double, b: double", "{columns: a, as: b}", "",
                     "1:18 there is a column 'b' already\n");
    stand_expect(&(struct stand_case){&op_scale, "h: long, a: double", "h", "{columns: h}", "",
                                      "1:11 'h' is a key column, which stays what it is: give the "
                                      "new column a name by `as`\n"});
    transform_expect(&op_scale, "a: double", "{columns: a, per: key}", "",
                     "1:19 rows have no key here: put `key_by` before, or `per: global`\n");
}

static void refuses_damage(void **state)
{
    (void)state;
    static const char *const method[] = {"standard", "min_max", "max_abs", "robust"};
    for (int i = 0; i < 4; i++) {
        char yaml[64];
        snprintf(yaml, sizeof yaml, "{columns: [a, b], method: %s}", method[i]);
        transform_expect_damage(&op_scale, "a: double?, b: long", yaml, few);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_method),
        cmocka_unit_test(odd_values),
        cmocka_unit_test(nothing_is_learned),
        cmocka_unit_test(statistics_per_key),
        cmocka_unit_test(errors_name_the_remedy),
        cmocka_unit_test(refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
