/* aggregate: one row out per row in, the table so far. */
#include "engine/layout.h"
#include "tests/unit/step_harness.h"

#include "engine/random.h"

extern const struct step_def op_aggregate;

static void test_updates(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_aggregate, "k: string, v: long?, s: string?", "k",
        "count() as n, sum(v) as total, sum(v) * 100 / count() as share, last(s) as s",
        "- [10, a, 1, x]\n- [20, b, null, null]\n- [30, a, 4, a text longer than twelve bytes]\n"
        "- [5, a, 2, early]\n- [40, b, 7, z]\n",
        "10 k=a n=1 total=1 share=100 s=x\n"
        "20 k=b n=1 total=null share=null s=null\n"
        "30 k=a n=2 total=5 share=250 s=a text longer than twelve bytes\n"
        "30 k=a n=3 total=7 share=233 s=a text longer than twelve bytes\n"
        "40 k=b n=2 total=7 share=350 s=z\n"});
}

static void test_keys(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_aggregate, "a: long?, b: string?, v: long", "a,b",
                                      "sum(v) as s",
                                      "- [1, 1, x, 1]\n- [2, null, x, 9]\n"
                                      "- [3, 1, y, 2]\n- [4, 1, x, 3]\n",
                                      "1 a=1 b=x s=1\n3 a=1 b=y s=2\n4 a=1 b=x s=4\n"});
    stand_expect(&(struct stand_case){&op_aggregate, "v: long", "", "max(v) as m",
                                      "- [1, 4]\n- [2, 9]\n- [3, 5]\n", "1 m=4\n2 m=9\n3 m=9\n"});
    stand_expect(&(struct stand_case){&op_aggregate, "_key: string, window_end: long", "_key",
                                      "max(window_end) as window_end", "- [1, a, 4]\n- [2, a, 3]\n",
                                      "1 (_key=a) window_end=4\n2 (_key=a) window_end=4\n"});
}

static void test_errors(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_aggregate, "k: long, v: long", "k", "sum(10 / v) as s, 6 / count() as n",
        "- [1, 1, 5]\n- [2, 1, 0]\n- [3, 1, 2]\n",
        "1 k=1 s=2 n=6\n3 k=1 s=7 n=3\nbad 2: division by zero: 10 / 0\n"});
    stand_expect(&(struct stand_case){&op_aggregate, "k: long, v: long", "k", "v + 1 as s", "",
                                      "1:1 the column 'v' can only be used inside a call such as "
                                      "max(v) here; outside of calls there are: k\n"});
    stand_expect(&(struct stand_case){&op_aggregate, "k: long, v: long", "k", "count() as k", "",
                                      "1:1 the result has two columns named \"k\"\n"});
}

static uint32_t hash_of(const char *yaml)
{
    struct task t;
    struct arena a;
    arena_init(&a);
    assert_true(
        stand_bind(&t, &(struct stand_case){&op_aggregate, "k: long, v: long", "k", yaml, "", ""}));
    uint32_t hash = layout_of(&t.node, "t", &a)->hash;
    assert_null(op_aggregate.lag);
    stand_done(&t);
    arena_done(&a);
    return hash;
}

static void test_layout(void **state)
{
    (void)state; /* the same state, shown otherwise */
    assert_int_equal(hash_of("sum(v) as x"), hash_of("sum(v) * 2 as y"));
    assert_int_not_equal(hash_of("sum(v) as x"), hash_of("sum(v + 1) as x"));
}

static void test_brute_force(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 7, 0);
    for (int trial = 0; trial < 20; trial++) {
        struct buffer rows, expected;
        buffer_init(&rows);
        buffer_init(&expected);
        int64_t sum[4] = {0}, n[4] = {0}, least[4] = {0}, last[4] = {0};
        for (int i = 0; i < 60; i++) {
            int64_t time = i + (int64_t)random_below(&random, 20);
            int64_t v = (int64_t)random_below(&random, 100) - 50;
            int k = (int)random_below(&random, 4);
            least[k] = n[k] == 0 || v < least[k] ? v : least[k];
            last[k] = time > last[k] ? time : last[k];
            sum[k] += v;
            n[k]++;
            buffer_printf(&rows, "- [%lld, %d, %lld]\n", (long long)time, k, (long long)v);
            buffer_printf(&expected, "%lld k=%d n=%lld s=%lld least=%lld\n", (long long)last[k], k,
                          (long long)n[k], (long long)sum[k], (long long)least[k]);
        }
        stand_expect(&(struct stand_case){&op_aggregate, "k: long, v: long", "k",
                                          "count() as n, sum(v) as s, min(v) as least",
                                          buffer_cstr(&rows), buffer_cstr(&expected)});
        buffer_done(&rows);
        buffer_done(&expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates),     cmocka_unit_test(test_keys),
        cmocka_unit_test(test_errors),      cmocka_unit_test(test_layout),
        cmocka_unit_test(test_brute_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
