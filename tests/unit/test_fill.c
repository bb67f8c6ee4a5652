/* Rows for empty windows (windows/fill.c). */
#include "tests/unit/window_harness.h"

#include "engine/random.h"
#include "windows/fill.h"

#include <stdlib.h>

static void expect(const char *window, struct row *row, size_t n, const char *expected)
{
    for (uint16_t batch = 1; batch <= 3; batch += 2) {
        struct harness h;
        harness_init(&h, window);
        h.is_filled = true;
        assert_int_equal(harness_run(&h, row, n, batch), 0);
        assert_int_equal(harness_advance(&h, TIME_MAX), 0);
        assert_string_equal(harness_out(&h), expected);
        assert_int_equal(state_count(h.op.state), 0);
        harness_done(&h);
    }
}

#define ROWS_OF_TWO                                                                                \
    {                                                                                              \
        {"a", 1, 4, 0.5, "a longer text than 12", 0}, {"b", 12, 5, 1.5, NULL, 0},                  \
            {"a", 35, 6, 2.5, "y", 0}, {"b", 31, 7, 3.5, NULL, 0},                                 \
    }

static void test_values(void **state)
{
    (void)state;
    struct row row[] = ROWS_OF_TWO;
    expect("{tumbling: 10ms, fill: zero, aggregate: \"count() as n, avg(d) * 2 as d, last(s) as s, "
           "window_end - window_start as width\"}",
           row, 4,
           "host=a window_start=0 window_end=10 n=1 d=1.0 s=a longer text than 12 width=10 @9\n"
           "host=b window_start=10 window_end=20 n=1 d=3.0 s=null width=10 @19\n"
           "host=a window_start=10 window_end=20 n=0 d=0.0 s=null width=10 @19\n"
           "host=a window_start=20 window_end=30 n=0 d=0.0 s=null width=10 @29\n"
           "host=b window_start=20 window_end=30 n=0 d=0.0 s=null width=10 @29\n"
           "host=a window_start=30 window_end=40 n=1 d=5.0 s=y width=10 @39\n"
           "host=b window_start=30 window_end=40 n=1 d=7.0 s=null width=10 @39\n");
    expect("{tumbling: 10ms, fill: previous, aggregate: \"count() as n, last(s) as s, "
           "window_end as e\"}",
           row, 4,
           "host=a window_start=0 window_end=10 n=1 s=a longer text than 12 e=10 @9\n"
           "host=b window_start=10 window_end=20 n=1 s=null e=20 @19\n"
           "host=a window_start=10 window_end=20 n=1 s=a longer text than 12 e=20 @19\n"
           "host=a window_start=20 window_end=30 n=1 s=a longer text than 12 e=30 @29\n"
           "host=b window_start=20 window_end=30 n=1 s=null e=30 @29\n"
           "host=a window_start=30 window_end=40 n=1 s=y e=40 @39\n"
           "host=b window_start=30 window_end=40 n=1 s=null e=40 @39\n");
    expect("{tumbling: 10ms, fill: null, having: n is null or n * 100 / n > 1, "
           "aggregate: \"count() as n, 10 / count() as x\"}",
           row, 4,
           "host=a window_start=0 window_end=10 n=1 x=10 @9\n"
           "host=b window_start=10 window_end=20 n=1 x=10 @19\n"
           "host=a window_start=10 window_end=20 n=null x=null @19\n"
           "host=a window_start=20 window_end=30 n=null x=null @29\n"
           "host=b window_start=20 window_end=30 n=null x=null @29\n"
           "host=a window_start=30 window_end=40 n=1 x=10 @39\n"
           "host=b window_start=30 window_end=40 n=1 x=10 @39\n");
    expect("{tumbling: 10ms, fill: zero, having: sum(v) = 0, aggregate: count() as n}", row, 4,
           "host=a window_start=10 window_end=20 n=0 @19\n"
           "host=a window_start=20 window_end=30 n=0 @29\n"
           "host=b window_start=20 window_end=30 n=0 @29\n");
}

static void test_columns(void **state)
{
    (void)state;
    static const char *const fill[][2] = {
        {"zero", "n: long, x: double?, s: string?, w: long"},
        {"null", "n: long?, x: double?, s: string?, w: long"},
        {"previous", "n: long, x: double?, s: string?, w: long"},
    };
    for (int i = 0; i < 3; i++) {
        struct harness h;
        struct buffer b;
        char text[200];
        snprintf(text, sizeof text,
                 "{tumbling: 5s, fill: %s, aggregate: \"count() as n, avg(v) as x, last(s) as s, "
                 "window_end - window_start as w\"}",
                 fill[i][0]);
        assert_int_equal(harness_bind(&h, text, NULL), 0);
        buffer_init(&b);
        schema_print(&b, h.node.out[0]);
        assert_string_equal(strstr(buffer_cstr(&b), "n: "), fill[i][1]);
        buffer_done(&b);
        harness_done(&h);
    }
}

/* A long gap is not filled, and what has been silent for so long is forgotten. */
static void test_bound(void **state)
{
    (void)state;
    const int64_t far = 10 * (FILL_MOST + 1);
    struct row row[] = {{"a", 0, 1, 0, NULL, 0},
                        {"b", 0, 1, 0, NULL, 0},
                        {"a", far, 1, 0, NULL, 0},
                        {"b", far + 10, 1, 0, NULL, 0},
                        {"c", far + 20, 1, 0, NULL, 0}};
    struct harness h;
    harness_init(&h, "{tumbling: 10ms, fill: zero, aggregate: count() as n}");
    h.is_filled = true;
    assert_int_equal(harness_run(&h, row, 5, 3), 0);
    size_t lines = 0;
    for (const char *p = harness_out(&h); *p; p++) {
        lines += *p == '\n';
    }
    assert_int_equal(lines, 4 + FILL_MOST);
    assert_int_equal(state_count(h.op.state), 3); /* memories of a and b, a window of c */
    struct row last[] = {{"d", 3 * far, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, last, 1, 1), 0);
    assert_int_equal(state_count(h.op.state), 1);
    harness_done(&h);
}

/* ---- brute force ------------------------------------------------------------------------------
 */

#define ROWS 80

struct line {
    char host[8];
    long long start, n, sum;
};

static int read_lines(const char *text, struct line *line)
{
    int n = 0;
    for (const char *p = text; *p; p = strchr(p, '\n') + 1) {
        struct line *l = &line[n++];
        long long end;
        assert_int_equal(sscanf(p, "host=%7s window_start=%lld window_end=%lld n=%lld sum=%lld",
                                l->host, &l->start, &end, &l->n, &l->sum),
                         5);
    }
    return n;
}

static int by_start_host(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    return x->start != y->start ? (x->start > y->start) - (x->start < y->start)
                                : strcmp(x->host, y->host);
}

static void print_line(const struct line *l, long long size, struct buffer *out)
{
    buffer_printf(out, "host=%s window_start=%lld window_end=%lld n=%lld sum=%lld @%lld\n", l->host,
                  l->start, l->start + size, l->n, l->sum, l->start + size - 1);
}

/* The results without fill, and before those of each start what its keys lack. */
static void fill_by_hand(const struct line *line, int n, long long size, long long step,
                         bool is_previous, struct buffer *out)
{
    struct line *gap = mem_array(20000, sizeof *gap);
    for (int i = 0; i < n;) {
        int to = i, ngaps = 0;
        for (; to < n && line[to].start == line[i].start; to++) {
            int before = to - 1;
            while (before >= 0 && strcmp(line[before].host, line[to].host) != 0) {
                before--;
            }
            for (long long at = before < 0 ? line[to].start : line[before].start + step;
                 at < line[to].start; at += step) {
                assert_true(ngaps < 20000);
                gap[ngaps] = line[before];
                gap[ngaps].n = is_previous ? gap[ngaps].n : 0;
                gap[ngaps].sum = is_previous ? gap[ngaps].sum : 0;
                gap[ngaps++].start = at;
            }
        }
        qsort(gap, (size_t)ngaps, sizeof *gap, by_start_host);
        for (int k = 0; k < ngaps; k++) {
            print_line(&gap[k], size, out);
        }
        for (; i < to; i++) {
            print_line(&line[i], size, out);
        }
    }
    mem_free(gap);
}

static void run(const char *window, const struct row *rows, int64_t out_of_order, uint64_t seed,
                bool restarts, struct buffer *out)
{
    struct harness h;
    struct random random;
    struct row row[ROWS];
    random_seed(&random, seed, 9);
    memcpy(row, rows, sizeof row);
    harness_init(&h, window);
    h.is_filled = true;
    h.out_of_order = out_of_order;
    h.crashes = restarts;
    for (size_t at = 0; at < ROWS;) {
        size_t n = 1 + random_below(&random, 9);
        n = n < ROWS - at ? n : ROWS - at;
        assert_int_equal(harness_run(&h, row + at, n, (uint16_t)(1 + random_below(&random, 5))), 0);
        at += n;
        if (restarts && random_below(&random, 3) == 0) {
            harness_restart(&h);
        }
    }
    assert_int_equal(harness_advance(&h, TIME_MAX), 0);
    assert_int_equal(state_count(h.op.state), 0);
    buffer_text(out, harness_out(&h));
    harness_done(&h);
}

static void test_brute_force(void **state)
{
    (void)state;
    static const char *const hosts[] = {"b", "a", "z", "k"};
    struct line *line = mem_array(ROWS * 20, sizeof *line);
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct random random;
        random_seed(&random, seed, 0);
        long long step = 1 + random_below(&random, 10);
        long long size = step + random_below(&random, 20), late = random_below(&random, 10);
        bool hops = random_below(&random, 2), is_previous = random_below(&random, 2);
        size = hops ? size : step;
        struct row row[ROWS];
        int64_t now = 0;
        for (int i = 0; i < ROWS; i++) {
            now += (int64_t)random_below(&random, random_below(&random, 8) == 0 ? 100 : 6);
            row[i] = (struct row){hosts[random_below(&random, 4)],
                                  now - (int64_t)random_below(&random, 12),
                                  1 + (int64_t)random_below(&random, 30),
                                  0,
                                  NULL,
                                  0};
        }
        char kind[80], window[300];
        snprintf(kind, sizeof kind,
                 hops ? "hopping: {size: %lldms, every: %lldms}" : "tumbling: %lldms", size, step);
        struct buffer plain, filled, again, expected;
        buffer_init(&plain);
        buffer_init(&filled);
        buffer_init(&again);
        buffer_init(&expected);
        snprintf(window, sizeof window,
                 "{%s, grace: 3ms, aggregate: \"count() as n, sum(v) as sum\"}", kind);
        run(window, row, late, seed, false, &plain);
        int n = read_lines(buffer_cstr(&plain), line);
        fill_by_hand(line, n, size, step, is_previous, &expected);
        snprintf(window, sizeof window,
                 "{%s, grace: 3ms, fill: %s, aggregate: \"count() as n, sum(v) as sum\"}", kind,
                 is_previous ? "previous" : "zero");
        run(window, row, late, seed, false, &filled);
        assert_string_equal(buffer_cstr(&filled), buffer_cstr(&expected));
        run(window, row, late, seed + 1, true, &again);
        assert_string_equal(buffer_cstr(&again), buffer_cstr(&expected));
        buffer_done(&plain);
        buffer_done(&filled);
        buffer_done(&again);
        buffer_done(&expected);
    }
    mem_free(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_brute_force),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
