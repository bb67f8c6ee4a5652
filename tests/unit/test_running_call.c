/* What the calls of running compute, against values worked out by hand or by brute force. */
#include "tests/unit/step_harness.h"

#include <math.h>
#include <stdlib.h>

extern const struct step_def op_running;

#define COLUMNS "k: long, v: double?"

static void test_rate(void **state)
{
    (void)state;
    /* 2000: +10 in 1 s. 3000: fell, counts from 0. 3000 again: no time. 2500: back. 5000: null. */
    stand_expect(&(struct stand_case){
        &op_running, COLUMNS, "k", "rate(v) as r",
        "- [1000, 1, 5]\n- [2000, 1, 15]\n- [3000, 1, 4]\n- [3000, 1, 6]\n- [2500, 1, 100]\n"
        "- [5000, 1, ~]\n- [5500, 1, 16]\n",
        "1000 k=1 v=5.0 r=null\n2000 k=1 v=15.0 r=10.0\n3000 k=1 v=4.0 r=4.0\n"
        "3000 k=1 v=6.0 r=null\n2500 k=1 v=100.0 r=null\n5000 k=1 v=null r=null\n"
        "5500 k=1 v=16.0 r=4.0\n"});
    stand_expect(&(struct stand_case){
        &op_running, "v: long", "", "rate(v) as r",
        "- [0, -9223372036854775808]\n- [1000, 9223372036854775807]\n- [1500, 3]\n",
        "0 v=-9223372036854775808 r=null\n1000 v=9223372036854775807 r=1.8446744073709552e+19\n"
        "1500 v=3 r=6.0\n"});
}

static void test_totals(void **state)
{
    (void)state;
    stand_expect(
        &(struct stand_case){&op_running, COLUMNS, "k",
                             "ewma(v, 0.5) as e, cumsum(v) as c, avg(v) as a, stddev(v) as s, "
                             "min(v) as lo, max(v) as hi",
                             "- [1, 1, ~]\n- [2, 1, 4]\n- [3, 1, 2]\n- [4, 1, ~]\n- [5, 1, 9]\n",
                             "1 k=1 v=null e=null c=null a=null s=null lo=null hi=null\n"
                             "2 k=1 v=4.0 e=4.0 c=4.0 a=4.0 s=null lo=4.0 hi=4.0\n"
                             "3 k=1 v=2.0 e=3.0 c=6.0 a=3.0 s=1.4142135623730951 lo=2.0 hi=4.0\n"
                             "4 k=1 v=null e=3.0 c=6.0 a=3.0 s=1.4142135623730951 lo=2.0 hi=4.0\n"
                             "5 k=1 v=9.0 e=6.0 c=15.0 a=5.0 s=3.605551275463989 lo=2.0 hi=9.0\n"});
}

static void test_windows(void **state)
{
    (void)state;
    stand_expect(
        &(struct stand_case){&op_running, COLUMNS, "k",
                             "avg(v, 3) as a, stddev(v, 3) as s, min(v, 2) as lo, max(v, 2) as hi",
                             "- [1, 1, 1]\n- [2, 1, 2]\n- [3, 1, ~]\n- [4, 1, 6]\n- [5, 1, ~]\n- "
                             "[6, 1, ~]\n- [7, 1, ~]\n",
                             "1 k=1 v=1.0 a=1.0 s=null lo=1.0 hi=1.0\n"
                             "2 k=1 v=2.0 a=1.5 s=0.7071067811865476 lo=1.0 hi=2.0\n"
                             "3 k=1 v=null a=1.5 s=0.7071067811865476 lo=2.0 hi=2.0\n"
                             "4 k=1 v=6.0 a=4.0 s=2.8284271247461903 lo=6.0 hi=6.0\n"
                             "5 k=1 v=null a=6.0 s=null lo=6.0 hi=6.0\n"
                             "6 k=1 v=null a=6.0 s=null lo=null hi=null\n"
                             "7 k=1 v=null a=null s=null lo=null hi=null\n"});
}

static void test_compensation_and_specials(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_running, "v: double", "", "cumsum(v) as c, max(v) as hi, min(v) as lo",
        "- [1, 1]\n- [2, 1e100]\n- [3, 1]\n- [4, -1e100]\n- [5, .inf]\n- [6, .nan]\n- [7, 3]\n",
        "1 v=1.0 c=1.0 hi=1.0 lo=1.0\n2 v=1e+100 c=1e+100 hi=1e+100 lo=1.0\n"
        "3 v=1.0 c=1e+100 hi=1e+100 lo=1.0\n4 v=-1e+100 c=2.0 hi=1e+100 lo=-1e+100\n"
        "5 v=Infinity c=Infinity hi=Infinity lo=-1e+100\n6 v=NaN c=NaN hi=NaN lo=-1e+100\n"
        "7 v=3.0 c=NaN hi=NaN lo=-1e+100\n"});
}

static void test_types(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){
        &op_running, "b: boolean, t: timestamp?, a: array<long>, n: long", "",
        "lag(b) as lb, diff(t) as dt, max(t) as mt, lag(a) as la, diff(n, 2) as d, min(n, 2) as m",
        "- [1, true, 1000, [1], 5]\n- [2, false, 1500, [2, 3], 7]\n- [3, true, ~, [], 1]\n",
        "1 b=true t=1000 a=[1] n=5 lb=null dt=null mt=1000 la=null d=null m=5\n"
        "2 b=false t=1500 a=[2, 3] n=7 lb=true dt=500 mt=1500 la=[1] d=null m=5\n"
        "3 b=true t=null a=[] n=1 lb=false dt=null mt=1500 la=[2, 3] d=-4 m=1\n"});
}

/* avg over the last 5 of 300 rows in three keys, as a loop over all rows before computes it. */
static void test_brute_force(void **state)
{
    (void)state;
    uint64_t seed = 11;
    struct buffer rows, expected;
    buffer_init(&rows);
    buffer_init(&expected);
    int64_t v[300];
    int key[300];
    for (int i = 0; i < 300; i++) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        v[i] = (int64_t)(seed >> 40) % 100;
        key[i] = (int)((seed >> 33) % 3);
        int64_t sum = 0, most = INT64_MIN;
        int n = 0;
        for (int k = i; k >= 0 && n < 5; k--) {
            if (key[k] == key[i]) {
                sum += v[k];
                most = v[k] > most ? v[k] : most;
                n++;
            }
        }
        buffer_printf(&rows, "- [%d, %d, %lld]\n", i, key[i], (long long)v[i]);
        buffer_printf(&expected, "%d k=%d v=%lld a=", i, key[i], (long long)v[i]);
        print_double(&expected, (double)sum / n);
        buffer_printf(&expected, " m=%lld\n", (long long)most);
    }
    stand_expect(&(struct stand_case){&op_running, "k: long, v: long", "k",
                                      "avg(v, 5) as a, max(v, 5) as m", buffer_cstr(&rows),
                                      buffer_cstr(&expected)});
    buffer_done(&rows);
    buffer_done(&expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate),    cmocka_unit_test(test_totals),
        cmocka_unit_test(test_windows), cmocka_unit_test(test_compensation_and_specials),
        cmocka_unit_test(test_types),   cmocka_unit_test(test_brute_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
