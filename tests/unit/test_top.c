/* top: the best rows of each key and window, with their rank. */
#include "tests/unit/step_harness.h"

#include "engine/random.h"

#include <stdlib.h>

extern const struct step_def op_top;

#define COLUMNS "k: long, h: string, window_start: timestamp, window_end: timestamp, v: double?"

static void test_ranks(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_top, COLUMNS, "k", "{n: 2, by: v}",
                                      "- [9, 1, a, 0, 10, 3.0]\n- [9, 1, b, 0, 10, 5.0]\n"
                                      "- [9, 2, c, 0, 10, 1.0]\n- [9, 1, d, 0, 10, 4.0]\n"
                                      "- [9, 1, e, 5, 10, 0.5]\n- [19, 1, a, 10, 20, 1.0]\n",
                                      "9 k=1 h=b window_start=0 window_end=10 v=5.0 rank=1\n"
                                      "9 k=1 h=d window_start=0 window_end=10 v=4.0 rank=2\n"
                                      "9 k=2 h=c window_start=0 window_end=10 v=1.0 rank=1\n"
                                      "9 k=1 h=e window_start=5 window_end=10 v=0.5 rank=1\n"});
}

static void test_ties_and_nulls(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_top, COLUMNS, "k", "{n: 5, by: v}",
                                      "- [9, 1, f, 0, 10, null]\n- [9, 1, d, 0, 10, .nan]\n"
                                      "- [9, 1, c, 0, 10, 4.0]\n- [9, 1, b, 0, 10, 4.0]\n"
                                      "- [9, 1, a, 0, 10, null]\n- [9, 1, e, 0, 10, -.inf]\n"
                                      "- [10, 1, x, 10, 20, 1.0]\n",
                                      "9 k=1 h=b window_start=0 window_end=10 v=4.0 rank=1\n"
                                      "9 k=1 h=c window_start=0 window_end=10 v=4.0 rank=2\n"
                                      "9 k=1 h=e window_start=0 window_end=10 v=-Infinity rank=3\n"
                                      "9 k=1 h=d window_start=0 window_end=10 v=NaN rank=4\n"
                                      "9 k=1 h=a window_start=0 window_end=10 v=null rank=5\n"});
    stand_expect(&(struct stand_case){
        &op_top,
        "_key: string, k: long?, window_start: timestamp?, window_end: timestamp, s: string", "k",
        "{n: 1, by: s || 'x'}",
        "- [9, z, 1, 0, 10, b]\n- [9, y, 1, 0, 10, b]\n- [9, q, 1, null, 10, c]\n"
        "- [9, q, null, 0, 10, c]\n- [11, y, 1, 10, 20, b]\n",
        "9 k=1 window_start=0 window_end=10 s=b rank=1\n"});
}

static void test_late(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_top, COLUMNS, "k", "{n: 2, by: v}",
                                      "- [9, 1, a, 0, 10, 3.0]\n- [10, 1, b, 0, 11, 1.0]\n"
                                      "- [9, 1, c, 0, 10, 4.0]\n- [12, 1, d, 0, 13, 1.0]\n",
                                      "9 k=1 h=a window_start=0 window_end=10 v=3.0 rank=1\n"
                                      "10 k=1 h=b window_start=0 window_end=11 v=1.0 rank=1\n"});
}

static void test_errors(void **state)
{
    (void)state;
    stand_expect(&(struct stand_case){&op_top, COLUMNS, "k",
                                      "{n: 2, by: 1 / (cast(v as long) - 1)}",
                                      "- [9, 1, a, 0, 10, 3.0]\n- [9, 1, b, 0, 10, 1.0]\n"
                                      "- [10, 1, c, 0, 11, 1.0]\n",
                                      "9 k=1 h=a window_start=0 window_end=10 v=3.0 rank=1\n"
                                      "bad 9: division by zero: 1 / 0\n"
                                      "bad 10: division by zero: 1 / 0\n"});
    stand_expect(&(struct stand_case){
        &op_top, "k: long, window_end: timestamp", "k", "{n: 2, by: k}", "",
        "1:1 top ranks the rows of a window, by its columns window_start and window_end, and there "
        "is no timestamp column \"window_start\": put it behind a `window`, and keep both "
        "columns\n"});
    stand_expect(&(struct stand_case){
        &op_top, COLUMNS ", rank: long", "k", "{n: 2, by: k}", "",
        "1:1 there is a column \"rank\" already, which top adds: rename it before\n"});
    stand_expect(&(struct stand_case){&op_top, COLUMNS ", x: array<long>", "k", "{n: 2, by: x}", "",
                                      "1:12 by must be a number, a time, a text or a boolean\n"});
}

/* ---- brute force ------------------------------------------------------------------------------
 */

struct row {
    int64_t time, start, v;
    int k, h;
};

static int compare(const void *a, const void *b)
{
    const struct row *x = a, *y = b;
    const int64_t p[] = {x->time, x->start, x->k, -x->v, x->h};
    const int64_t q[] = {y->time, y->start, y->k, -y->v, y->h};
    for (int i = 0; i < 5; i++) {
        if (p[i] != q[i]) {
            return p[i] < q[i] ? -1 : 1;
        }
    }
    return 0;
}

static void test_brute_force(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 11, 0);
    for (int trial = 0; trial < 30; trial++) {
        struct row kept[100];
        int n = 0, rank = 0;
        int64_t watermark = TIME_MIN;
        struct buffer rows, expected;
        buffer_init(&rows);
        buffer_init(&expected);
        for (int i = 0; i < 100; i++) {
            struct row r = {.time = i / 4 + (int64_t)random_below(&random, 3),
                            .v = random_below(&random, 5)};
            r.start = r.time - random_below(&random, 2);
            r.k = (int)random_below(&random, 3);
            r.h = (int)random_below(&random, 9);
            watermark = r.time > watermark ? r.time : watermark;
            if (watermark == r.time) {
                kept[n++] = r;
            }
            buffer_printf(&rows, "- [%lld, %d, h%d, %lld, %lld, %lld.0]\n", (long long)r.time, r.k,
                          r.h, (long long)r.start, (long long)r.time + 1, (long long)r.v);
        }
        buffer_printf(&rows, "- [%lld, 1, z, 0, 1, 1.0]\n", (long long)watermark + 1);
        qsort(kept, (size_t)n, sizeof *kept, compare);
        for (int i = 0; i < n; i++) {
            const struct row *r = &kept[i], *old = &kept[i > 0 ? i - 1 : 0];
            bool is_same =
                i > 0 && r->time == old->time && r->start == old->start && r->k == old->k;
            rank = is_same ? rank + 1 : 1;
            if (rank <= 3) {
                buffer_printf(&expected,
                              "%lld k=%d h=h%d window_start=%lld window_end=%lld v=%lld.0 "
                              "rank=%d\n",
                              (long long)r->time, r->k, r->h, (long long)r->start,
                              (long long)r->time + 1, (long long)r->v, rank);
            }
        }
        stand_expect(&(struct stand_case){&op_top, COLUMNS, "k", "{n: 3, by: v}",
                                          buffer_cstr(&rows), buffer_cstr(&expected)});
        buffer_done(&rows);
        buffer_done(&expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ranks),       cmocka_unit_test(test_ties_and_nulls),
        cmocka_unit_test(test_late),        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_brute_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
