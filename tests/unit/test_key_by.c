/* key_by: which columns are the key. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_key_by;

#define COLUMNS "host: string, v: long?, tags: array<string>?, _key: string?"

static void assert_key(const char *yaml, int nkey, int first)
{
    struct task t;
    assert_true(stand_bind(&t, &(struct stand_case){&op_key_by, COLUMNS, "v", yaml, "", ""}));
    const struct schema *s = t.node.out[0];
    assert_true(s->keyed);
    assert_int_equal(s->nkey, nkey);
    if (nkey > 0) {
        assert_int_equal(s->key[0], first);
    }
    stand_done(&t);
}

static void test_keys(void **state)
{
    (void)state;
    assert_key("host", 1, 0);
    assert_key("v, host", 2, 1);
    assert_key("[host, v]", 2, 0);
    assert_key("[]", 0, 0);
    assert_key("_key", 1, 3);
    assert_key("lower(host) as h", 1, 4);
    assert_key("{h: host}", 1, 4);
    assert_key("lower(host) as host", 1, 0);
}

static void test_rows(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_key_by, "host: string?, v: long", NULL,
                                      "lower(host) as h, 10 / v as d",
                                      "- [1, A, 1]\n- [2, ~, 2]\n- [3, C, 0]\n",
                                      "1 host=A v=1 h=a d=10\n2 host=null v=2 h=null d=5\n"
                                      "bad 3: division by zero: 10 / 0\n"});
}

static void test_bind(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_key_by, COLUMNS, NULL, "tags", "",
                                      "1:1 `tags` is an array or a map: it cannot be a key\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_bind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
