/* rename: other names, all at once. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_rename;

#define COLUMNS "host: string, v: long, w: long, _time: timestamp"

static void test_columns(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_rename, "host: string, v: long, w: long", "host",
                                      "{v: w, w: v, h: host}", "- [1000, a, 1, 2]\n",
                                      "1000 h=a w=1 v=2\n"});
    struct task t;
    assert_true(
        stand_bind(&t, &(struct stand_case){&op_rename, COLUMNS, "v,host", "{h: host}", "", ""}));
    assert_true(t.node.out[0]->nkey == 2 && t.node.out[0]->key[0] == 1 &&
                t.node.out[0]->key[1] == 0);
    stand_done(&t);
}

static void test_bind(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_rename, COLUMNS, NULL,
                                      "{host: h, t: _time, a: v, b: v, c: hots}", "",
                                      "1:8 there is no column `h`: rename takes {new: old}\n"
                                      "1:14 `_time` cannot be renamed: use `add: _time as NAME`\n"
                                      "1:30 column `v` is renamed twice\n"
                                      "1:36 there is no column `hots`: did you mean `host`?\n"});
    stand_expect(&(struct stand_case){&op_rename, COLUMNS, NULL, "{v: host}", "",
                                      "1:1 rename gives two columns the name `v`\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
