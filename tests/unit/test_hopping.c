/* Hopping windows at their boundaries, as Kafka Streams has them. */
#include "engine/random.h"
#include "tests/unit/window_harness.h"

static void overlapping_windows_share_rows(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h,
                 "{hopping: {size: 10ms, every: 5ms}, aggregate: \"count() as n, sum(v) as s\"}");
    struct row r[] = {{"a", 3, 1, 0, NULL, 0},
                      {"b", 4, 8, 0, NULL, 0},
                      {"a", 7, 2, 0, NULL, 0},
                      {"a", 12, 4, 0, NULL, 0},
                      {"z", 99, 0, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 5, 2048), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=2 s=3 @9\n"
                                         "host=b window_start=0 window_end=10 n=1 s=8 @9\n"
                                         "host=a window_start=5 window_end=15 n=2 s=6 @14\n"
                                         "host=a window_start=10 window_end=20 n=1 s=4 @19\n");
    harness_done(&h);
}

static void a_rest_cuts_two_slices(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{hopping: {size: 7ms, every: 3ms}, aggregate: count() as n}");
    struct row r[] = {{"a", 6, 1, 0, NULL, 0}, {"a", 7, 1, 0, NULL, 0}, {"z", 99, 0, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 3, 2048), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=7 n=1 @6\n"
                                         "host=a window_start=3 window_end=10 n=2 @9\n"
                                         "host=a window_start=6 window_end=13 n=2 @12\n");
    harness_done(&h);
}

static void closes_at_end_plus_grace(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{hopping: {size: 10ms, every: 5ms}, grace: 5ms, aggregate: count() as n}");
    struct row r[] = {{"a", 3, 1, 0, NULL, 0}, {"b", 14, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, r, 2, 1), 0);
    assert_int_equal(op_window.next_time(&h.op), 15);
    assert_string_equal(harness_out(&h), "");
    struct row more[] = {{"b", 15, 1, 0, NULL, 0}};
    assert_int_equal(harness_run(&h, more, 1, 1), 0);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=1 @9\n");
    assert_int_equal(op_window.lag(&h.node), 5);
    harness_done(&h);
}

/* The older window has not fired yet when the row comes, but is closed as of that row. */
static void late_for_some_windows_only(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h,
                 "{hopping: {size: 10ms, every: 5ms}, aggregate: \"count() as n, first(v) as f\"}");
    struct row r[] = {{"a", 7, 1, 0, NULL, 7},
                      {"b", 12, 1, 0, NULL, 12},
                      {"a", 7, 2, 0, NULL, 12},  /* [0, 10) is closed, [5, 15) is not */
                      {"a", 4, 3, 0, NULL, 12}}; /* late for all */
    assert_int_equal(harness_push(&h, r, 4), 0);
    assert_int_equal(h.op.counter[COUNT_LATE], 1);
    harness_restart(&h);
    harness_advance(&h, 12);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=1 f=1 @9\n");
    harness_restart(&h);
    harness_advance(&h, 15);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=1 f=1 @9\n"
                                         "host=a window_start=5 window_end=15 n=2 f=1 @14\n"
                                         "host=b window_start=5 window_end=15 n=1 f=1 @14\n");
    harness_done(&h);
}

/* After a restart a task goes through all watermarks again, from the one of its commit on. */
static void a_closed_window_stays_closed_over_a_restart(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{hopping: {size: 10ms, every: 5ms}, aggregate: count() as n}");
    struct row r[] = {{"a", 7, 1, 0, NULL, 7}};
    assert_int_equal(harness_push(&h, r, 1), 0);
    harness_advance(&h, 12);
    const char *once = "host=a window_start=0 window_end=10 n=1 @9\n";
    assert_string_equal(harness_out(&h), once);
    harness_restart(&h);
    h.op.watermark = TIME_MIN;
    harness_advance(&h, 12);
    assert_string_equal(harness_out(&h), once);
    harness_advance(&h, 15);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=1 @9\n"
                                         "host=a window_start=5 window_end=15 n=1 @14\n");
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

static void no_negative_windows(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{hopping: {size: 10ms, every: 3ms}, aggregate: count() as n}");
    struct row r[] = {
        {"a", -1, 1, 0, NULL, -1}, {"a", TIME_MIN, 1, 0, NULL, -1}, {"a", 0, 1, 0, NULL, 0}};
    assert_int_equal(harness_push(&h, r, 3), 0);
    assert_int_equal(h.op.counter[COUNT_LATE], 2);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(harness_out(&h), "host=a window_start=0 window_end=10 n=1 @9\n");
    harness_done(&h);
}

static void the_end_of_time(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{hopping: {size: 10ms, every: 4ms}, grace: 1d, aggregate: count() as n}");
    struct row r[] = {{"a", TIME_MAX - 1, 1, 0, NULL, 0}, {"a", 5, 1, 0, NULL, 0}};
    assert_int_equal(harness_push(&h, r, 2), 0);
    harness_advance(&h, TIME_MAX);
    assert_string_equal(
        harness_out(&h),
        "host=a window_start=0 window_end=10 n=1 @9\n"
        "host=a window_start=4 window_end=14 n=1 @13\n"
        "host=a window_start=9223372036854775800 window_end=9223372036854775807 n=1 "
        "@9223372036854775806\n"
        "host=a window_start=9223372036854775804 window_end=9223372036854775807 n=1 "
        "@9223372036854775806\n");
    assert_int_equal(op_window.next_time(&h.op), TIME_MAX);
    assert_int_equal(state_count(h.op.state), 0);
    harness_done(&h);
}

/* However many windows a row is in, it makes one entry; a jump of time visits no empty window. */
static void a_row_touches_one_pane(void **state)
{
    (void)state;
    struct harness h;
    harness_init(&h, "{hopping: {size: 1000s, every: 1ms}, aggregate: count() as n}");
    struct row r[] = {{"a", 5, 1, 0, NULL, 5}, {"a", 5, 1, 0, NULL, 5}, {"a", 5, 1, 0, NULL, 5}};
    assert_int_equal(harness_push(&h, r, 3), 0);
    assert_int_equal(state_count(h.op.state), 1);
    harness_advance(&h, TIME_MAX);
    assert_int_equal(state_count(h.op.state), 0);
    const char *last = "host=a window_start=5 window_end=1000005 n=3 @1000004\n";
    assert_string_equal(harness_out(&h) + h.out.n - strlen(last), last);
    harness_done(&h);
}

static void assert_refused(const char *text, const char *why)
{
    struct harness h;
    char line[600] = "";
    assert_true(harness_bind(&h, text, NULL) < 0);
    assert_true(h.diags.n > 0);
    diags_format(&h.diags, 0, line, sizeof line);
    if (strstr(line, why) == NULL) {
        fail_msg("%s", line);
    }
    harness_done(&h);
}

static void hostile_sizes_are_refused(void **state)
{
    (void)state;
    assert_refused("{hopping: {size: 5ms, every: 6ms}, aggregate: count() as n}",
                   "rows between two windows would be in none");
    assert_refused("{hopping: {size: 2000s, every: 1ms}, aggregate: count() as n}",
                   "in 2000000 windows, more than 1000000");
    assert_refused("{hopping: {size: 5ms, every: 0s}, aggregate: count() as n}", "every");
    assert_refused("{hopping: {size: 5ms}, aggregate: count() as n}", "every");
    assert_refused("{hopping: 5ms, aggregate: count() as n}", "hopping takes a map");
}

#define MANY 250

/* Late rows, rows that are late for some windows only, keys that come and go. */
static void make_many(struct row *r, char text[][12], uint64_t seed)
{
    struct random rnd;
    random_seed(&rnd, seed, 1);
    int64_t time = 0;
    for (int i = 0; i < MANY; i++) {
        time += random_below(&rnd, 3) == 0 ? 1 + random_below(&rnd, 4) : 0;
        snprintf(text[i], sizeof text[i], "%c%u", 'a' + (int)random_below(&rnd, 5),
                 random_below(&rnd, 8));
        int64_t late = random_below(&rnd, 4) ? random_below(&rnd, 6) : random_below(&rnd, 30);
        r[i] = (struct row){text[i], late > time ? 0 : time - late, i, 0, text[(i + 1) / 2], 0};
    }
}

/* Runs many rows; restarts every so many, 0: never. */
static void run_many(struct harness *h, uint64_t seed, size_t restart)
{
    static char text[MANY][12];
    static struct row r[MANY];
    make_many(r, text, seed);
    h->out_of_order = 5;
    h->slice = 8;
    h->crashes = restart > 0;
    for (size_t at = 0, n; at < MANY; at += n) {
        n = restart == 0 || MANY - at < restart ? MANY - at : restart;
        assert_int_equal(harness_run(h, r + at, n, 7), 0);
        if (restart > 0) {
            harness_restart(h);
        }
    }
    harness_advance(h, TIME_MAX);
    assert_int_equal(state_count(h->op.state), 0);
}

/* Keys of two columns have another order as text than as bytes. */
static const struct schema *two_keys(struct arena *a)
{
    struct schema *s = (struct schema *)(uintptr_t)harness_schema(a);
    s->key[s->nkey++] = 3;
    return s;
}

/* One restart each but for the first: with no room in memory, with little, with enough. */
static void the_same_from_disk(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{hopping: {size: 10ms, every: 3ms}, grace: 4ms, aggregate: \"count() as n, first(v) as "
        "f\"}",
        "{hopping: {size: 12ms, every: 2ms}, aggregate: \"sum(v) as sum, last(s) as l\"}",
        "{hopping: {size: 9ms, every: 4ms}, emit: updates, aggregate: count() as n}"};
    static const uint64_t shares[] = {0, 3000, 1 << 20};
    for (int i = 0; i < 18; i++) {
        struct harness plain, h;
        struct fake_disk disk;
        struct arena mem;
        arena_init(&mem);
        const struct schema *in = i % 2 ? two_keys(&mem) : harness_schema(&mem);
        const char *text = texts[i / 2 % 3];
        fake_disk_init(&disk, shares[i / 6]);
        assert_int_equal(harness_bind(&plain, text, in), 0);
        assert_int_equal(harness_bind(&h, text, in), 0);
        assert_true(op_window.lazy(&h.node));
        plain.judged_by_row = h.judged_by_row = i / 2 % 3 == 2;
        h.disk = &disk;
        harness_open(&plain);
        harness_open(&h);
        run_many(&plain, (uint64_t)i, 0);
        run_many(&h, (uint64_t)i, 30 + (size_t)i * 10);
        assert_true(plain.out.n > 1000);
        assert_string_equal(harness_out(&h), harness_out(&plain));
        assert_int_equal(h.op.counter[COUNT_LATE], plain.op.counter[COUNT_LATE]);
        assert_int_equal(disk.n, 0);
        harness_done(&plain);
        harness_done(&h);
        fake_disk_done(&disk);
        arena_done(&mem);
    }
}

/* A window that closes reads all of its slices. */
static void in_too_many_windows_for_a_disk(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{hopping: {size: 64ms, every: 1ms}, aggregate: count() as n}",
        "{hopping: {size: 65ms, every: 1ms}, aggregate: count() as n}",
        "{hopping: {size: 65ms, every: 1ms}, emit: updates, aggregate: count() as n}",
        "{hopping: {size: 5ms, every: 1ms}, emit: {every: 1s}, aggregate: count() as n}",
        "{hopping: {size: 5ms, every: 1ms}, fill: zero, aggregate: count() as n}"};
    for (int i = 0; i < 5; i++) {
        struct harness h;
        assert_int_equal(harness_bind(&h, texts[i], NULL), 0);
        assert_int_equal(op_window.lazy(&h.node), i == 0 || i == 2);
        harness_done(&h);
    }
}

/* What is known of entries beside the store does not grow with their number, nor does a window that
 * closes bring in more than a part of them: of one that is sorted by texts first, the keys only. */
static void keep_to_the_share(bool is_sorted)
{
    struct harness h;
    struct fake_disk disk;
    struct arena mem;
    arena_init(&mem);
    fake_disk_init(&disk, 10000);
    const struct schema *in = is_sorted ? two_keys(&mem) : harness_schema(&mem);
    assert_int_equal(
        harness_bind(&h, "{hopping: {size: 10ms, every: 5ms}, grace: 1s, aggregate: count() as n}",
                     in),
        0);
    h.disk = &disk;
    harness_open(&h);
    h.slice = 64;
    uint64_t most = 0, before = op_window.index_bytes(&h.op);
    for (int64_t time = 0; time < 20; time += 5) {
        for (int i = 0; i < 500; i += 10) {
            struct row r[10];
            char text[10][20];
            for (int k = 0; k < 10; k++) {
                snprintf(text[k], sizeof text[k], "host number %d", i + k);
                r[k] = (struct row){text[k], time, 1, 0, text[k], time};
            }
            assert_int_equal(harness_push(&h, r, 10), 0);
            uint64_t n = op_window.index_bytes(&h.op);
            most = time > 0 && n > most ? n : most;
        }
    }
    assert_true(disk.n >= 2000); /* and the mark */
    assert_true(most < before + 2000);
    int status = 1;
    uint64_t entries = 0;
    while (status > 0) { /* deleted ones go with the commit */
        h.left = h.slice;
        status = op_window.watermark(&h.op, TIME_MAX);
        arena_reset(&h.mem);
        entries = state_count(h.op.state) > entries ? state_count(h.op.state) : entries;
        harness_commit(&h);
    }
    assert_int_equal(status, 0);
    assert_true(op_window.index_bytes(&h.op) < before + 4000);
    assert_true(entries < 500);
    assert_int_equal(disk.n, 0);
    size_t lines = 0;
    for (const char *at = harness_out(&h); (at = strchr(at, '\n')); at++) {
        lines++;
    }
    assert_int_equal(lines, 500 * 4);
    harness_done(&h);
    fake_disk_done(&disk);
    arena_done(&mem);
}

static void memory_keeps_to_its_share(void **state)
{
    (void)state;
    keep_to_the_share(false);
    keep_to_the_share(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlapping_windows_share_rows),
        cmocka_unit_test(a_rest_cuts_two_slices),
        cmocka_unit_test(closes_at_end_plus_grace),
        cmocka_unit_test(late_for_some_windows_only),
        cmocka_unit_test(a_closed_window_stays_closed_over_a_restart),
        cmocka_unit_test(no_negative_windows),
        cmocka_unit_test(the_end_of_time),
        cmocka_unit_test(a_row_touches_one_pane),
        cmocka_unit_test(hostile_sizes_are_refused),
        cmocka_unit_test(the_same_from_disk),
        cmocka_unit_test(in_too_many_windows_for_a_disk),
        cmocka_unit_test(memory_keeps_to_its_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
