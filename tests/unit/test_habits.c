/* Habits: words of other systems lead to klamm's, and only to such as may stand there. */
#include "engine/habits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void translates(void **state)
{
    (void)state;
    assert_string_equal(habit_of(HABIT_FUNCTION, "IfNull"), "coalesce(a, b)");
    assert_string_equal(habit_of(HABIT_FUNCTION, "log"), "ln(a)");
    assert_string_equal(habit_of(HABIT_STEP, "groupByKey"), "key_by");
    assert_string_equal(habit_of(HABIT_STEP, "StandardScaler"), "scale");
    assert_string_equal(habit_of(HABIT_STEP, "one_hot_encoder"), "one_hot");
    assert_string_equal(habit_of(HABIT_STEP, "left_join"), "join: {type: left, …}");
    assert_string_equal(habit_of(HABIT_TYPE, "int64"), "long");
    assert_null(habit_of(HABIT_STEP, "int64"));
    assert_null(habit_of(HABIT_FUNCTION, ""));
}

static void only_among_candidates(void **state)
{
    (void)state;
    const char *const hopping[] = {"size", "every", NULL}, *const joins[] = {"with", "type", NULL};
    assert_string_equal(habit_or_nearest(HABIT_KEY, "advance", hopping), "every");
    assert_null(habit_or_nearest(HABIT_KEY, "advance", joins));
    assert_string_equal(habit_or_nearest(HABIT_KEY, "evrey", hopping), "every");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(translates),
        cmocka_unit_test(only_among_candidates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
