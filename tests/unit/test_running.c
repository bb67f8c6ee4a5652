/* running: the step around its calls: expressions, state, errors. What the calls compute stands in
 * test_running_call.c. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_running;

static void test_expressions(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_running, "k: string, v: long?", "k",
        "v - lag(v) as d, coalesce(lag(v + 1, 2), 0) * 10 as x, count() as n",
        "- [1, a, 1]\n- [2, b, 10]\n- [3, a, 3]\n- [4, a, ~]\n- [5, b, 11]\n- [6, a, 7]\n",
        "1 k=a v=1 d=null x=0 n=1\n2 k=b v=10 d=null x=0 n=1\n3 k=a v=3 d=2 x=0 n=2\n"
        "4 k=a v=null d=null x=20 n=3\n5 k=b v=11 d=1 x=0 n=2\n6 k=a v=7 d=null x=40 n=4\n"});
}

static void test_replaced_and_maps(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_running, "k: string, v: long", "k",
                                      "{v: cumsum(v), w: v + 1, t: \"max(v, 2) - min(v, 2)\"}",
                                      "- [1, a, 1]\n- [2, a, 5]\n- [3, a, 2]\n",
                                      "1 k=a v=1 w=2 t=0\n2 k=a v=6 w=6 t=4\n3 k=a v=8 w=3 t=3\n"});
}

static void test_texts(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_running, "k: long, s: string?", "k",
                                      "lag(s, 2) as two, lag(s) as one",
                                      "- [1, 1, short]\n- [2, 1, longer than twelve bytes]\n- [3, "
                                      "1, ~]\n- [4, 1, '']\n- [5, 1, x]\n",
                                      "1 k=1 s=short two=null one=null\n"
                                      "2 k=1 s=longer than twelve bytes two=null one=short\n"
                                      "3 k=1 s=null two=short one=longer than twelve bytes\n"
                                      "4 k=1 s= two=longer than twelve bytes one=null\n"
                                      "5 k=1 s=x two=null one=\n"});
}

static void test_one_group_and_null_keys(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_running, "v: long", "", "cumsum(v) as c",
                                      "- [1, 1]\n- [2, 2]\n", "1 v=1 c=1\n2 v=2 c=3\n"});
    stand_expect(&(struct stand_case){&op_running, "k: string?", "k", "count() as n",
                                      "- [1, a]\n- [2, ~]\n- [3, a]\n", "1 k=a n=1\n3 k=a n=2\n"});
}

static void test_row_errors(void **state)
{
    (void)state;
    /* 2: the argument fails, the row is not counted. 3: fails behind the calls, and is counted. 5:
     * the sum overflows and stays, the count goes on. */
    stand_expect(&(struct stand_case){
        &op_running, "v: long, w: long", "", "cumsum(10 / v) as c, count() / w as n",
        "- [1, 1, 1]\n- [2, 0, 1]\n- [3, 2, 0]\n- [4, 1, 1]\n",
        "1 v=1 w=1 c=10 n=1\n4 v=1 w=1 c=25 n=3\nbad 2: division by zero: 10 / 0\n"
        "bad 3: division by zero: 2 / 0\n"});
    stand_expect(&(struct stand_case){
        &op_running, "v: long", "", "cumsum(v) as c, diff(v) as d, count() as n",
        "- [1, 9223372036854775807]\n- [2, 1]\n- [3, -2]\n- [4, -9223372036854775807]\n",
        "1 v=9223372036854775807 c=9223372036854775807 d=null n=1\n"
        "3 v=-2 c=9223372036854775805 d=-3 n=3\n"
        "4 v=-9223372036854775807 c=-2 d=-9223372036854775805 n=4\n"
        "bad 2: cumsum: the sum does not fit a long\n"});
}

static void test_bind(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_running, "k: long, v: long, s: string", "k",
        "lag(v, 0) as a, ewma(v, 2) as b, avg(s) as c, rate() as d, lgg(v) as e, avg(v, 1.5) as f",
        "",
        "1:1 lag(x, k): the second argument is a whole number from 1 to 10000\n"
        "1:17 ewma(x, alpha): alpha is a number above 0, at most 1\n"
        "1:34 avg(x, rows) works on numbers\n"
        "1:47 expected rate(x)\n"
        "1:60 there is no function 'lgg'; did you mean 'lag'?\n"
        "1:73 avg(x, rows): the second argument is a whole number from 1 to 10000\n"});
    stand_expect(&(struct stand_case){&op_running, "k: long, _time: timestamp", "k",
                                      "count() as _time", "",
                                      "1:1 `_time` cannot be set: choose another name\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expressions), cmocka_unit_test(test_replaced_and_maps),
        cmocka_unit_test(test_texts),       cmocka_unit_test(test_one_group_and_null_keys),
        cmocka_unit_test(test_row_errors),  cmocka_unit_test(test_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
