/* split: the first true branch takes the row. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_split;

#define ROWS "- [1, 5]\n- [2, 50]\n- [3, ~]\n- [4, 500]\n- [5, 0]\n- [6, 7]\n"

static void test_branches(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_split, "v: long?", NULL, "{high: v >= 50, all: v > 4}",
                                      ROWS, "2 v=50\n4 v=500\n1>1 v=5\n1>6 v=7\n"});
    stand_expect(&(struct stand_case){&op_split, "v: long?", NULL,
                                      "{high: v >= 50, rest: else, five: v = 5}", ROWS,
                                      "2 v=50\n4 v=500\n1>3 v=null\n1>5 v=0\n1>6 v=7\n2>1 v=5\n"});
}

static void test_names(void **state)
{
    (void)state;
    static const char *const yaml[] = {"{a: v > 1, rest: else}", "{a: v > 1, else: rest}",
                                       "{a: v > 1, else: true}"};
    for (int i = 0; i < 3; i++) {
        struct task t;
        assert_true(
            stand_bind(&t, &(struct stand_case){&op_split, "v: long", NULL, yaml[i], "", ""}));
        assert_int_equal(t.node.noutputs, 2);
        assert_string_equal(t.node.output_name[0], "a");
        assert_string_equal(t.node.output_name[1], i < 2 ? "rest" : "else");
        stand_done(&t);
    }
}

static void test_counted(void **state)
{
    (void)state;
    struct task t;
    const struct stand_case c = {&op_split, "v: long?", NULL, "{a: v > 4}", ROWS, ""};
    assert_true(stand_bind(&t, &c));
    assert_int_equal(yaml_parse(&t.rows, &t.plan, "rows", ROWS, strlen(ROWS), &t.diags), 0);
    stand_open(&t);
    stand_push(&t, 0, 6);
    assert_int_equal(t.op.counter[COUNT_SKIPPED], 2);
    stand_close(&t);
    stand_done(&t);
}

static void test_errors(void **state)
{
    (void)state;
    /* a row that an earlier branch has taken cannot fail in a later one */
    stand_expect(&(struct stand_case){&op_split, "v: long", NULL,
                                      "{zero: v = 0, x: 10 / v > 1, y: 10 / (v - 1) > 0, z: else}",
                                      "- [1, 0]\n- [2, 2]\n- [3, 1]\n- [4, 20]\n- [5, 11]\n",
                                      "1 v=0\n1>2 v=2\n1>3 v=1\n2>5 v=11\n3>4 v=20\n"});
    stand_expect(&(struct stand_case){
        &op_split, "v: long", NULL, "{x: 10 / v > 100, y: 10 / (v - 1) > 0}",
        "- [1, 1]\n- [2, 0]\n- [3, 5]\n- [4, 1]\n",
        "1>3 v=5\nbad 1: division by zero: 10 / 0\nbad 2: division by zero: 10 / 0\n"
        "bad 4: division by zero: 10 / 0\n"});
}

static void test_bind(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_split, "v: long", NULL, "v > 1", "",
                                      "1:1 split needs a map {branch: CONDITION}\n"});
    stand_expect(&(struct stand_case){&op_split, "v: long", NULL, "{}", "",
                                      "1:1 split needs 1 to 16 branches, found 0\n"});
    stand_expect(&(struct stand_case){&op_split, "v: long", NULL, "{a: v, b: else, c: else}", "",
                                      "1:5 branch `a` needs a condition\n"
                                      "1:20 two branches take the rest: `b` and `c`\n"});
    stand_expect(&(struct stand_case){&op_split, "v: long", NULL, "{a: v > 1, else: a}", "",
                                      "1:18 two branches have the name `a`\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_branches), cmocka_unit_test(test_names),
        cmocka_unit_test(test_counted),  cmocka_unit_test(test_errors),
        cmocka_unit_test(test_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
