/* filter: rows where the condition is true. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_filter;

#define COLUMNS "host: string, v: long?, _time: timestamp"

static void test_rows(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_filter, COLUMNS, NULL, "v > 1 and host <> 'c'",
        "- [1000, a, 1, 7]\n- [2000, b, 2, 8]\n- [3000, b, ~, 9]\n- [4000, c, 5, 9]\n"
        "- [5000, a long host name, 3, 9]\n",
        "2000 host=b v=2 (_time=8)\n"
        "5000 host=a long host name v=3 (_time=9)\n"});
}

static void test_errors(void **state)
{
    (void)state;
    stand_expect(
        &(struct stand_case){&op_filter, "v: long", NULL, "10 / v > 1",
                             "- [1000, 1]\n- [2000, 0]\n- [3000, 20]\n- [4000, 0]\n- [5000, 2]\n",
                             "1000 v=1\n5000 v=2\nbad 2000: division by zero: 10 / 0\nbad 4000: "
                             "division by zero: 10 / 0\n"});
}

static void test_bind(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_filter, "v: long", NULL, "v + 1", "",
                                      "1:1 filter needs a condition, this is a long\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
