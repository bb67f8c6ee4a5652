/* add: columns appended or replaced. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_add;

static void test_columns(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_add, "host: string, v: long?", NULL,
                                      "v + 1 as v, v as old, upper(host) as u",
                                      "- [1000, a, 1]\n- [2000, b, ~]\n",
                                      "1000 host=a v=2 old=1 u=A\n"
                                      "2000 host=b v=null old=null u=B\n"});
}

static void test_key(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_add, "host: string, v: long", "host",
                                      "lower(host) as host", "- [1000, A, 1]\n",
                                      "1000 host=a v=1 (_key_host=A)\n"});
}

static void test_errors(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_add, "v: long", NULL, "10 / v as w",
                                      "- [1, 0]\n- [2, 5]\n",
                                      "2 v=5 w=2\nbad 1: division by zero: 10 / 0\n"});
    stand_expect(&(struct stand_case){&op_add, "v: long, _time: timestamp", NULL,
                                      "{_time: v, x: v}", "",
                                      "1:9 `_time` cannot be set: choose another name\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
