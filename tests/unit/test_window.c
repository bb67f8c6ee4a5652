/* The step `window`: all aggregates at once, bad rows, null keys, deletions, any batch size. */
#include "tests/unit/window_harness.h"

#include "engine/random.h"
#include "windows/window_internal.h"

#define EVERY                                                                                      \
    "{tumbling: 10ms, aggregate: \"count() as n, count(v) as nv, sum(v) as sum, avg(d) as avg, "   \
    "min(v) as least, max(d) as most, var(v) as var, stddev(v) as dev, first(s) as first, "        \
    "last(s) as last\"}"

static void all_aggregates(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, EVERY);
    struct row r[] = {{"a", 1, 4, 1.5, "early", 1},
                      {"a", 3, NONE, 2.5, NULL, 3},
                      {"b", 2, NONE, 0, NULL, 3},
                      {"a", 3, 6, 0.5, "a later text, and longer", 3}};
    assert_int_equal(harness_run(&h, r, 4, 100), 0);
    harness_advance(&h, 10);
    assert_string_equal(harness_out(&h),
                        "host=a window_start=0 window_end=10 n=3 nv=2 sum=10 avg=1.5 least=4 "
                        "most=2.5 var=2.0 dev=1.4142135623730951 first=early last=a later text, "
                        "and longer @9\n"
                        "host=b window_start=0 window_end=10 n=1 nv=0 sum=null avg=0.0 least=null "
                        "most=0.0 var=null dev=null first=null last=null @9\n");
    harness_done(&h);
}

static void fill_random(struct row *r, int n, uint64_t seed)
{
    static const char *const hosts[] = {"a", "b", "host-c", "a host of a longer name", "", NULL};
    static const char *const texts[] = {"x", "quite a long text here", "", NULL};
    struct random rnd;
    random_seed(&rnd, seed, 1);
    for (int i = 0; i < n; i++) {
        int64_t time = i / 4 + (int64_t)random_below(&rnd, 30) - 20;
        r[i] = (struct row){hosts[random_below(&rnd, 6)],
                            time,
                            random_below(&rnd, 5) ? (int64_t)random_below(&rnd, 100) - 50 : NONE,
                            random_normal(&rnd),
                            texts[random_below(&rnd, 4)],
                            0};
    }
}

static void any_batch_size_gives_the_same_bytes(void **state)
{
    (void)state;
    static struct row r[3000];
    fill_random(r, 3000, 7);
    struct harness one;
    harness_init(&one, EVERY);
    one.out_of_order = 5;
    assert_int_equal(harness_run(&one, r, 3000, 1), 0);
    harness_advance(&one, TIME_MAX);
    assert_true(one.op.counter[COUNT_LATE] > 100);
    assert_true(one.op.counter[COUNT_NULL_KEY] > 100);
    const uint16_t sizes[] = {3, 100, 2048};
    for (int i = 0; i < 3; i++) {
        struct harness h;
        harness_init(&h, EVERY);
        h.out_of_order = 5;
        assert_int_equal(harness_run(&h, r, 3000, sizes[i]), 0);
        harness_advance(&h, TIME_MAX);
        assert_string_equal(harness_out(&h), harness_out(&one));
        assert_memory_equal(h.op.counter, one.op.counter, sizeof h.op.counter);
        harness_done(&h);
    }
    harness_done(&one);
}

static void restarts_do_not_show(void **state)
{
    (void)state;
    static struct row r[600];
    fill_random(r, 600, 8);
    struct harness calm, restless;
    harness_init(&calm, EVERY);
    harness_init(&restless, EVERY);
    assert_int_equal(harness_run(&calm, r, 600, 50), 0);
    for (int i = 0; i < 600; i += 20) {
        assert_int_equal(harness_run(&restless, r + i, 20, 7), 0);
        harness_restart(&restless);
    }
    harness_advance(&calm, TIME_MAX);
    harness_advance(&restless, TIME_MAX);
    assert_string_equal(harness_out(&restless), harness_out(&calm));
    harness_done(&calm);
    harness_done(&restless);
}

static void a_failing_argument_counts_nowhere(void **state)
{
    (void)state;
    const char *text =
        "{tumbling: 10ms, aggregate: \"count() as n, sum(10 / v) as x, sum(v) as v\"}";
    struct harness h;
    harness_init(&h, text);
    h.tolerates = true;
    struct row r[] = {{"a", 1, 2, 0, NULL, 1}, {"a", 2, 0, 0, NULL, 2}, {"a", 3, 5, 0, NULL, 3}};
    assert_int_equal(harness_push(&h, r, 3), 0);
    harness_advance(&h, 10);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=2 x=7 v=7 @9\n");
    assert_memory_equal(buffer_cstr(&h.bad), "2: ", 3);
    harness_done(&h);
    harness_init(&h, text);
    assert_int_equal(harness_push(&h, r, 3), -ERR_DATA);
    harness_done(&h);
}

static void overflow_is_a_bad_row(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, aggregate: \"sum(v) as x, sum(v + 0) as y\"}");
    h.tolerates = true;
    struct row r[] = {{"a", 1, INT64_MAX, 0, NULL, 1},
                      {"b", 2, 1, 0, NULL, 2},
                      {"a", 3, 1, 0, NULL, 3},
                      {"a", 4, -1, 0, NULL, 4}};
    assert_int_equal(harness_push(&h, r, 4), 0);
    assert_string_equal(buffer_cstr(&h.bad), "3: sum leaves the range of a long\n");
    harness_advance(&h, 10);
    assert_string_equal(harness_out(&h),
                        "host=a window_start=0 window_end=10 x=9223372036854775806 "
                        "y=9223372036854775806 @9\n"
                        "host=b window_start=0 window_end=10 x=1 y=1 @9\n");
    harness_done(&h);
}

/* A row that one aggregate refuses counts in none, whichever it is and however batches are cut. */
static void a_refused_row_counts_nowhere(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "count() as n, sum(v) as x, max(d) as most",
        "sum(v + 0) as y, count() as n, sum(v) as x, max(d) as most",
        "count() as n, sum(v) as x, collect(v) as all, max(d) as most, sum(d) as s"};
    struct row r[] = {{"a", 1, INT64_MAX - 1, 1, NULL, 1},
                      {"a", 2, 5, 90, NULL, 2},
                      {"a", 3, 1, 3, NULL, 3},
                      {"a", 4, 1, 80, NULL, 4},
                      {"b", 4, 1, 2, NULL, 4},
                      {"a", 5, -7, 2, NULL, 5}};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        for (uint16_t cut = 1; cut <= 6; cut++) {
            char text[200];
            struct harness h;
            snprintf(text, sizeof text, "{tumbling: 10ms, aggregate: \"%s\"}", lists[i]);
            harness_init(&h, text);
            h.tolerates = true;
            for (uint16_t at = 0; at < 6; at = (uint16_t)(at + cut)) {
                assert_int_equal(harness_push(&h, r + at, at + cut < 6 ? cut : (uint16_t)(6 - at)),
                                 0);
            }
            assert_string_equal(buffer_cstr(&h.bad), "2: sum leaves the range of a long\n"
                                                     "4: sum leaves the range of a long\n");
            harness_advance(&h, 10);
            const char *out = harness_out(&h);
            assert_non_null(strstr(out, " n=3 "));
            assert_non_null(strstr(out, " x=9223372036854775800 "));
            assert_non_null(strstr(out, " most=3.0 "));
            assert_non_null(strstr(out, " n=1 x=1 "));
            harness_done(&h);
        }
    }
}

static void deletions_are_no_rows(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, aggregate: count() as n}");
    struct row r[] = {{"a", 1, 1, 0, NULL, 1}, {"a", 2, 1, 0, NULL, 2}};
    struct batch *b = harness_batch(&h, r, 2);
    b->row_op = arena_zalloc(&h.mem, 2);
    b->row_op[0] = ROW_DELETE;
    assert_int_equal(op_window.push(&h.op, 0, b), 0);
    assert_int_equal(h.op.counter[COUNT_SKIPPED], 1);
    harness_advance(&h, 10);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=1 @9\n");
    harness_done(&h);
}

static void only_what_is_read_is_needed(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, aggregate: \"sum(v) as x, count() as n\"}");
    bool out[8] = {true}, in[4] = {false};
    op_window.needs(&h.node, out, in);
    const bool expected[] = {true, true, false, false};
    assert_memory_equal(in, expected, sizeof in);
    harness_done(&h);
}

static void merged_errors_are_ascending(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct row_error x[] = {{2, "x2"}, {5, "x5"}}, y[] = {{1, "y1"}, {5, "y5"}, {7, "y7"}};
    struct row_errors into = {0}, first = {2, x}, second = {3, y};
    window_merge_errors(&into, &first, &a);
    window_merge_errors(&into, &second, &a);
    const char *const expected[] = {"y1", "x2", "x5", "y7"};
    assert_int_equal(into.n, 4);
    for (int i = 0; i < 4; i++) {
        assert_string_equal(into.item[i].text, expected[i]);
    }
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_aggregates),
        cmocka_unit_test(any_batch_size_gives_the_same_bytes),
        cmocka_unit_test(restarts_do_not_show),
        cmocka_unit_test(a_failing_argument_counts_nowhere),
        cmocka_unit_test(overflow_is_a_bad_row),
        cmocka_unit_test(a_refused_row_counts_nowhere),
        cmocka_unit_test(deletions_are_no_rows),
        cmocka_unit_test(only_what_is_read_is_needed),
        cmocka_unit_test(merged_errors_are_ascending),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
