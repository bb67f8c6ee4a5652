/* select: the listed columns, with the key kept. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_select;

static void test_columns(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_select, "host: string, v: long?, w: double, _time: timestamp", NULL,
        "v + 1 as next, host as h, v", "- [1000, a, 1, 0.5, 0]\n- [2000, b, ~, 1.5, 0]\n",
        "1000 next=2 h=a v=1 (_time=0)\n"
        "2000 next=null h=b v=null (_time=0)\n"});
    stand_expect(&(struct stand_case){&op_select, "a: long, b: long", NULL, "{b: a, a: b}",
                                      "- [1, 1, 2]\n", "1 b=1 a=2\n"});
}

static void test_key(void **state)
{
    (void)state;
    const char *rows = "- [1000, A, 1]\n";
    stand_expect(&(struct stand_case){&op_select, "host: string, v: long", "host", "v", rows,
                                      "1000 v=1 (host=A)\n"});
    stand_expect(&(struct stand_case){&op_select, "host: string, v: long", "host", "v, host as h",
                                      rows, "1000 v=1 h=A\n"});
    stand_expect(&(struct stand_case){&op_select, "host: string, v: long", "host",
                                      "lower(host) as host", rows, "1000 host=a (_key_host=A)\n"});
    struct task t;
    assert_true(stand_bind(&t, &(struct stand_case){&op_select, "a: long, b: long, c: long", "c,a",
                                                    "a as x, b", "", ""}));
    const struct schema *s = t.node.out[0];
    assert_int_equal(s->n, 3);
    assert_true(s->keyed && s->nkey == 2 && s->key[0] == 2 && s->key[1] == 0);
    assert_true(s->col[2].hidden && !s->col[0].hidden);
    stand_done(&t);
}

static void test_errors(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_select, "v: long, w: long", NULL, "1 / v as a, 1 / w as b",
        "- [1, 1, 1]\n- [2, 1, 0]\n- [3, 0, 1]\n- [4, 0, 0]\n- [5, 1, 1]\n",
        "1 a=1 b=1\n5 a=1 b=1\nbad 2: division by zero: 1 / 0\nbad 3: division by zero: 1 / 0\n"
        "bad 4: division by zero: 1 / 0\n"});
}

static void test_bind(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_select, "v: long, _time: timestamp", NULL, "v as _time",
                                      "", "1:1 `_time` cannot be set: choose another name\n"});
    stand_expect(&(struct stand_case){&op_select, "v: long", NULL, "{}", "",
                                      "1:1 select needs at least one column\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_key),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
