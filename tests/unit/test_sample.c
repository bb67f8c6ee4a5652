/* sample: a share of the rows, the same whenever and wherever. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_sample;

static void test_golden(void **state)
{
    (void)state;
    /* The hash is for ever: these rows, no others. */
    const char *rows =
        "- [1, a, 1]\n- [2, b, 2]\n- [3, c, 3]\n- [4, d, 4]\n- [5, e, 5]\n- [6, a, 6]\n"
        "- [7, ~, 7]\n- [8, ~, 8]\n";
    stand_expect(&(struct stand_case){&op_sample, "k: string?, v: long", "k", "{rate: 0.5}", rows,
                                      "1 k=a v=1\n2 k=b v=2\n6 k=a v=6\n"});
    stand_expect(&(struct stand_case){&op_sample, "k: string?, v: long", "v", "{rate: 0.5, by: k}",
                                      rows, "1 k=a v=1\n2 k=b v=2\n6 k=a v=6\n"});
    stand_expect(&(struct stand_case){&op_sample, "k: string?, v: long", NULL, "{rate: 0.5}", rows,
                                      "1 k=a v=1\n5 k=e v=5\n6 k=a v=6\n"});
}

/* Rows of n that a rate keeps. */
static int kept(const char *yaml, int n)
{
    struct task t;
    struct buffer rows;
    buffer_init(&rows);
    for (int i = 0; i < n; i++) {
        buffer_printf(&rows, "- [%d, %d]\n", i, i);
    }
    assert_true(stand_bind(&t, &(struct stand_case){&op_sample, "v: long", NULL, yaml, "", ""}));
    assert_int_equal(yaml_parse(&t.rows, &t.plan, "rows", buffer_cstr(&rows), rows.n, &t.diags), 0);
    stand_open(&t);
    stand_push(&t, 0, n);
    int lines = 0;
    for (size_t i = 0; i < t.out[0].n; i++) {
        lines += t.out[0].data[i] == '\n';
    }
    stand_close(&t);
    stand_done(&t);
    buffer_done(&rows);
    return lines;
}

static void test_rates(void **state)
{
    (void)state;
    assert_int_equal(kept("{rate: 0}", 2000), 0);
    assert_int_equal(kept("{rate: 1}", 2000), 2000);
    assert_in_range(kept("{rate: 0.1}", 2000), 160, 240);
    assert_in_range(kept("{rate: 0.7}", 2000), 1340, 1460);
}

static void test_errors(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_sample, "v: long", NULL, "{rate: 1, by: [10 / v]}",
                                      "- [1, 0]\n- [2, 1]\n",
                                      "2 v=1\nbad 1: division by zero: 10 / 0\n"});
    stand_expect(&(struct stand_case){&op_sample, "v: long", NULL, "{rate: 1.5}", "",
                                      "1:8 expected a value from 0 to 1, found 1.5\n"});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_rates),
        cmocka_unit_test(test_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
