/* dedupe: the first of equal rows within a time. */
#include "tests/unit/step_harness.h"

extern const struct step_def op_dedupe;

static void test_duplicates(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_dedupe, "k: string, id: long?, v: long", "k", "{by: [id], within: 10ms}",
        "- [100, a, 1, 1]\n- [101, a, 1, 2]\n- [101, b, 1, 3]\n- [102, a, 2, 4]\n- [110, a, 1, 5]\n"
        "- [111, a, 1, 6]\n- [112, a, ~, 7]\n- [113, a, ~, 8]\n- [121, a, 1, 9]\n- [122, a, 1, "
        "10]\n",
        "100 k=a id=1 v=1\n101 k=b id=1 v=3\n102 k=a id=2 v=4\n111 k=a id=1 v=6\n"
        "112 k=a id=null v=7\n122 k=a id=1 v=10\n"});
}

static void test_out_of_order(void **state)
{
    (void)state;
    /* The watermark is the greatest time: 85 is 15 from 100 and so another; 92 is a duplicate of
     * 100, still remembered at 105; at 120 the 100 is forgotten, so a late 100 passes. */
    stand_expect(&(struct stand_case){
        &op_dedupe, "k: long, v: long", "k", "{within: 10ms}",
        "- [100, 1, 1]\n- [85, 1, 2]\n- [105, 1, 3]\n- [92, 1, 4]\n- [120, 1, 5]\n- [100, 1, 6]\n"
        "- [100, 1, 7]\n- [115, 1, 8]\n- [131, 1, 9]\n",
        "100 k=1 v=1\n85 k=1 v=2\n120 k=1 v=5\n100 k=1 v=6\n100 k=1 v=7\n131 k=1 v=9\n"});
}

static void test_exact_edges(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_dedupe, "k: long", "k", "{within: 0s}",
        "- [-5, 1]\n- [-5, 1]\n- [-4, 1]\n- [0, 1]\n- [0, 1]\n- [9223372036854775807, 1]\n"
        "- [9223372036854775807, 1]\n",
        "-5 k=1\n-4 k=1\n0 k=1\n9223372036854775807 k=1\n"});
    stand_expect(&(struct stand_case){&op_dedupe, "k: long", "k", "{within: 3ms}",
                                      "- [-9223372036854775808, 1]\n- [-9223372036854775808, 1]\n"
                                      "- [-9223372036854775805, 1]\n- [-9223372036854775804, 1]\n",
                                      "-9223372036854775808 k=1\n-9223372036854775804 k=1\n"});
}

static void test_null_keys(void **state)
{
    (void)state;
    struct task t;
    const char *rows = "- [1, ~]\n- [2, a]\n- [3, a]\n- [4, ~]\n";
    const struct stand_case c = {&op_dedupe, "k: string?", "k", "{within: 1s}", rows, "2 k=a\n"};
    stand_expect(&c);
    assert_true(stand_bind(&t, &c));
    assert_int_equal(yaml_parse(&t.rows, &t.plan, "rows", rows, strlen(rows), &t.diags), 0);
    stand_open(&t);
    stand_push(&t, 0, 4);
    assert_int_equal(t.op.counter[COUNT_NULL_KEY], 2);
    assert_int_equal(t.op.counter[COUNT_SKIPPED], 1);
    assert_int_equal(state_count(t.op.state), 1);
    stand_advance(&t, 1002);
    assert_int_equal(state_count(t.op.state), 1);
    stand_advance(&t, 1003);
    assert_int_equal(state_count(t.op.state), 0);
    stand_close(&t);
    stand_done(&t);
}

static void test_errors(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_dedupe, "k: long, v: long", "k", "{by: [1.0 / v, 10 / v], within: 1s}",
        "- [1, 1, 0]\n- [2, 1, 5]\n- [3, 1, 5]\n", "2 k=1 v=5\nbad 1: division by zero: 10 / 0\n"});
    stand_expect(&(struct stand_case){&op_dedupe, "k: long", "k", "{by: [k]}", "",
                                      "1:1 key `within` is missing\n"});
}

/* Against a list of all rows kept, over many orders of times. */
static void test_brute_force(void **state)
{
    (void)state;
    uint64_t seed = 7;
    struct buffer rows, expected;
    buffer_init(&rows);
    buffer_init(&expected);
    int64_t kept[2][400], watermark = INT64_MIN;
    int n[2] = {0, 0};
    for (int i = 0; i < 400; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        int64_t time = i * 2 + (int64_t)(seed >> 33) % 40 - 20;
        int key = (int)(seed >> 60) & 1;
        watermark = time > watermark ? time : watermark;
        bool is_duplicate = false;
        for (int k = 0; k < n[key]; k++) {
            int64_t apart = time > kept[key][k] ? time - kept[key][k] : kept[key][k] - time;
            is_duplicate |= apart <= 7 && watermark <= kept[key][k] + 7;
        }
        if (!is_duplicate) {
            kept[key][n[key]++] = time;
            buffer_printf(&expected, "%lld k=%d\n", (long long)time, key);
        }
        buffer_printf(&rows, "- [%lld, %d]\n", (long long)time, key);
    }
    stand_expect(&(struct stand_case){&op_dedupe, "k: long", "k", "{within: 7ms}",
                                      buffer_cstr(&rows), buffer_cstr(&expected)});
    buffer_done(&rows);
    buffer_done(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duplicates),  cmocka_unit_test(test_out_of_order),
        cmocka_unit_test(test_exact_edges), cmocka_unit_test(test_null_keys),
        cmocka_unit_test(test_errors),      cmocka_unit_test(test_brute_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
