/* clip: fixed and learned bounds, warm-up, what is constant, infinite values. */
#include "tests/unit/transform_harness.h"

extern const struct step_def op_clip;

static void fixed_bounds_need_no_state(void **state)
{
    (void)state;
    transform_expect(&op_clip, "a: double?, b: long",
                     "{columns: '*', method: bounds, min: 0, max: 5}",
                     "- [1, -1, 3]\n- [2, null, 9]\n- [3, .inf, -9]\n- [4, .nan, 5]\n",
                     "1 a=0.0 b=3.0\n2 a=null b=5.0\n3 a=5.0 b=0.0\n4 a=null b=5.0\n");
    transform_expect(&op_clip, "a: double", "{columns: a, method: bounds, max: 5}",
                     "- [1, -.inf]\n- [2, 7]\n- [3, .inf]\n", "1 a=null\n2 a=5.0\n3 a=5.0\n");
}

static const char *const rows = "- [1, 10]\n- [2, 12]\n- [3, 11]\n- [4, 500]\n- [5, 9]\n- [6, 10]\n"
                                "- [7, 1000]\n- [8, 11]\n- [9, null]\n- [10, .inf]\n";

static void learned_bounds(void **state)
{
    (void)state;
    transform_expect(&op_clip, "a: double?", "{columns: a, method: mad, threshold: 2, warm_up: 5}",
                     rows,
                     "1 a=10.0\n2 a=12.0\n3 a=11.0\n4 a=500.0\n5 a=9.0\n6 a=10.0\n"
                     "7 a=12.9768\n8 a=11.0\n9 a=null\n10 a=12.9768\n");
}

/* Before there are bounds an infinite value is none: what is behind the step gets finite numbers
 * only. */
static void nothing_infinite_passes(void **state)
{
    (void)state;
    transform_expect(&op_clip, "a: double?", "{columns: a, method: mad, threshold: 2, warm_up: 5}",
                     "- [1, .inf]\n- [2, 12]\n- [3, -.inf]\n- [4, 500]\n",
                     "1 a=null\n2 a=12.0\n3 a=null\n4 a=500.0\n");
    transform_expect(&op_clip, "a: double?", "{columns: a, warm_up: 5}",
                     "- [1, 3]\n- [2, 3]\n- [3, 3]\n- [4, 3]\n- [5, 3]\n- [6, 3]\n- [7, .inf]\n",
                     "1 a=3.0\n2 a=3.0\n3 a=3.0\n4 a=3.0\n5 a=3.0\n6 a=3.0\n7 a=null\n");
}

static void a_constant_column_clips_nothing(void **state)
{
    (void)state;
    const char *all = "- [1, 3]\n- [2, 3]\n- [3, 3]\n- [4, 3]\n- [5, 3]\n- [6, 3]\n- [7, 8]\n";
    const char *out = "1 a=3.0\n2 a=3.0\n3 a=3.0\n4 a=3.0\n5 a=3.0\n6 a=3.0\n7 a=8.0\n";
    transform_expect(&op_clip, "a: long", "{columns: a, method: mad, warm_up: 5}", all, out);
    transform_expect(&op_clip, "a: long", "{columns: a, method: quantile, upper: 0.5, warm_up: 5}",
                     all, out);
}

static void errors_name_the_remedy(void **state)
{
    (void)state;
    transform_expect(&op_clip, "a: double", "{columns: a, min: 1}", "",
                     "1:19 min and max belong to `method: bounds`\n");
    transform_expect(&op_clip, "a: double", "{columns: a, method: bounds}", "",
                     "1:22 bounds needs `min`, `max` or both\n");
    transform_expect(&op_clip, "a: double", "{columns: a, method: bounds, min: 3, max: 2}", "",
                     "1:35 min is above max\n");
    transform_expect(&op_clip, "a: double", "{columns: a, lower: 0.9, upper: 0.2}", "",
                     "1:21 lower must be less than upper\n");
}

static void refuses_damage(void **state)
{
    (void)state;
    transform_expect_damage(&op_clip, "a: double?", "{columns: a, warm_up: 5}", rows);
    transform_expect_damage(&op_clip, "a: double?", "{columns: a, method: mad}", rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fixed_bounds_need_no_state),
        cmocka_unit_test(learned_bounds),
        cmocka_unit_test(nothing_infinite_passes),
        cmocka_unit_test(a_constant_column_clips_nothing),
        cmocka_unit_test(errors_name_the_remedy),
        cmocka_unit_test(refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
