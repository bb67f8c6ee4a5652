/* The rows that wait: found by key and time in order, expired, restored, refused when foreign. */
#include "tests/unit/join_harness.h"

#include "engine/hash.h"
#include "engine/random.h"

#include <stdlib.h>

#define JOIN "{with: right, type: outer, within: 10ms}"

struct rig {
    struct harness h; /* for its plan */
    struct state *state;
    struct join_rows rows;
};

static struct join_key key_of(const char *text)
{
    uint32_t n = (uint32_t)strlen(text);
    return (struct join_key){text, n, hash_bytes(text, n, 0)};
}

static void open_rows(struct rig *r)
{
    struct err e = {0};
    assert_int_equal(join_rows_open(&r->rows, r->h.node.bound, r->state, &e), 0);
}

static void setup(struct rig *r, const char *join)
{
    int status = harness_bind(&r->h, join, "string");
    assert_int_equal(status, 0);
    r->state = state_memory_new(op_join.state_codec(&r->h.node));
    open_rows(r);
}

static void teardown(struct rig *r)
{
    join_rows_done(&r->rows);
    state_free(r->state);
    harness_done(&r->h);
}

/* The bytes of a row whose columns are null but the text. */
static void add(struct rig *r, int side, const char *key, int64_t time, const char *text)
{
    struct join_key k = key_of(key);
    struct buffer row;
    buffer_init(&row);
    buffer_byte(&row, 0);
    buffer_byte(&row, 1);
    buffer_varint(&row, (int64_t)strlen(text));
    buffer_text(&row, text);
    join_rows_add(&r->rows, side, &k, time, false, &row);
    buffer_done(&row);
}

/* "TIME:TEXT " of the rows found. */
static const char *walk(struct rig *r, int side, const char *key, int64_t from, int64_t to)
{
    struct join_key k = key_of(key);
    struct buffer *out = &r->h.out;
    buffer_clear(out);
    join_rows_walk(&r->rows, side, &k, from, to);
    for (struct waiting *w; (w = join_rows_next(&r->rows)) != NULL;) {
        size_t n;
        const char *row = waiting_row(w, &n);
        buffer_printf(out, "%lld:%.*s ", (long long)w->time, (int)n - 3, row + 3);
    }
    assert_null(join_rows_next(&r->rows));
    return buffer_cstr(out);
}

static void found_by_key_and_time(void **state)
{
    (void)state;
    struct rig r;
    setup(&r, JOIN);
    assert_string_equal(walk(&r, LEFT, "a", TIME_MIN, TIME_MAX), "");
    add(&r, LEFT, "a", 30, "x");
    add(&r, LEFT, "a", 10, "y");
    add(&r, LEFT, "b", 20, "z");
    add(&r, LEFT, "a", 20, "u");
    add(&r, LEFT, "a", 20, "v");
    add(&r, RIGHT, "a", 20, "w");
    add(&r, LEFT, "", -5, "empty");
    assert_string_equal(walk(&r, LEFT, "a", TIME_MIN, TIME_MAX), "10:y 20:u 20:v 30:x ");
    assert_string_equal(walk(&r, LEFT, "a", 11, 29), "20:u 20:v ");
    assert_string_equal(walk(&r, LEFT, "a", 20, 20), "20:u 20:v ");
    assert_string_equal(walk(&r, LEFT, "a", 21, 29), "");
    assert_string_equal(walk(&r, LEFT, "a", 29, 21), "");
    assert_string_equal(walk(&r, RIGHT, "a", 0, 100), "20:w ");
    assert_string_equal(walk(&r, LEFT, "", -10, 0), "-5:empty ");
    assert_string_equal(walk(&r, RIGHT, "c", 0, 100), "");
    teardown(&r);
}

static void expire_in_order(void **state)
{
    (void)state;
    struct rig r;
    setup(&r, "{with: right, type: outer, within: {before: 5ms, after: 1ms}, grace: 2ms}");
    add(&r, LEFT, "a", 10, "x");  /* 13 */
    add(&r, RIGHT, "a", 10, "y"); /* 17 */
    add(&r, LEFT, "b", 9, "z");   /* 12 */
    assert_int_equal(join_last(r.h.node.bound, LEFT, 10), 13);
    assert_int_equal(join_last(r.h.node.bound, RIGHT, 10), 17);
    assert_int_equal(join_last(r.h.node.bound, RIGHT, TIME_MAX - 3), TIME_MAX);
    assert_null(join_rows_expired(&r.rows, 12));
    struct state_entry *e = join_rows_expired(&r.rows, 14);
    assert_int_equal(block_first(block_of(e))->time, 9);
    join_rows_remove(&r.rows, e);
    assert_string_equal(walk(&r, LEFT, "b", 0, 99), "");
    e = join_rows_expired(&r.rows, 14);
    assert_int_equal(block_first(block_of(e))->time, 10);
    assert_string_equal(walk(&r, LEFT, "a", 0, 99), "10:x ");
    join_rows_remove(&r.rows, e);
    assert_null(join_rows_expired(&r.rows, 14));
    assert_null(join_rows_expired(&r.rows, 17));
    e = join_rows_expired(&r.rows, 18);
    assert_int_equal(block_first(block_of(e))->side, RIGHT);
    join_rows_remove(&r.rows, e);
    assert_int_equal(state_count(r.state), 0);
    teardown(&r);
}

static int keep(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    return state_restore(ctx, key, key_n, value, value_n);
}

static int replay(void *ctx, struct state_entry *e)
{
    uint32_t n;
    const void *key = state_key(e, &n);
    return state_restore(ctx, key, n, state_value(e), state_value_size(e));
}

/* Through the changelog into a new store. */
static struct state *copy_of(struct rig *r)
{
    struct state *log = state_memory_new(NULL), *to = state_memory_new(&join_codec);
    assert_int_equal(state_changes(r->state, keep, log), 0);
    assert_int_equal(state_each(log, replay, to), 0);
    state_free(log);
    return to;
}

static void restored_as_they_were(void **state)
{
    (void)state;
    struct rig r;
    setup(&r, JOIN);
    for (int i = 0; i < 100; i++) {
        char key[40], text[20];
        snprintf(key, sizeof key, i % 2 ? "k%d" : "a key that is longer %d", i % 7);
        snprintf(text, sizeof text, "%d", i);
        add(&r, i % 3 == 0, key, 1000 - i / 3, text);
    }
    struct join_key k = key_of("k3");
    join_rows_walk(&r.rows, LEFT, &k, 0, 2000);
    join_rows_next(&r.rows)->has_met = true;
    char *left = mem_strdup(walk(&r, LEFT, "k3", 0, 2000));
    char *right = mem_strdup(walk(&r, RIGHT, "a key that is longer 2", 0, 2000));
    assert_true(strlen(left) > 20 && strlen(right) > 5);

    struct state *to = copy_of(&r);
    join_rows_done(&r.rows);
    state_free(r.state);
    r.state = to;
    open_rows(&r);
    assert_string_equal(walk(&r, LEFT, "k3", 0, 2000), left);
    assert_string_equal(walk(&r, RIGHT, "a key that is longer 2", 0, 2000), right);
    join_rows_walk(&r.rows, LEFT, &k, 0, 2000);
    assert_true(join_rows_next(&r.rows)->has_met);
    assert_false(join_rows_next(&r.rows)->has_met);
    assert_int_equal(r.rows.blocks.next, 100); /* later rows come behind */
    mem_free(left);
    mem_free(right);
    teardown(&r);
}

/* What is kept depends on what is read: the words say it. */
static void layout_tells_what_is_kept(void **state)
{
    (void)state;
    struct rig r;
    bool out[16] = {true, true, false, true}, in[16] = {false};
    setup(&r, JOIN);
    op_join.state_layout(&r.h.node, &r.h.out);
    assert_string_equal(buffer_cstr(&r.h.out), "side 0 kept\ncolumn v long\ncolumn s string\n"
                                               "side 1 kept\ncolumn v long\ncolumn t string\n");
    buffer_clear(&r.h.out);
    op_join.needs(&r.h.node, out, in);
    op_join.second_needs(&r.h.node, out, in);
    op_join.state_layout(&r.h.node, &r.h.out);
    assert_string_equal(buffer_cstr(&r.h.out),
                        "side 0 kept\ncolumn v long\nside 1 kept\ncolumn v long\n");
    teardown(&r);
}

/* Rows of a side that is not kept share a block, which goes when the last of them has expired. */
static void rows_expire_in_blocks(void **state)
{
    (void)state;
    struct rig r;
    setup(&r, "{with: right, type: left, within: 10ms}");
    for (int i = 0; i < 4; i++) {
        add(&r, RIGHT, i % 2 ? "a" : "b", 100 - 10 * i, "x"); /* the first expires last */
    }
    add(&r, LEFT, "a", 75, "alone");
    uint64_t blocks = state_count(r.state);
    assert_true(blocks >= 2 && blocks < 5);
    struct state_entry *e = join_rows_expired(&r.rows, 86);
    assert_int_equal(block_of(e)->last, 85);
    assert_int_equal(block_first(block_of(e))->side, LEFT);
    join_rows_remove(&r.rows, e);
    assert_string_equal(walk(&r, LEFT, "a", 0, 200), "");
    assert_string_equal(walk(&r, RIGHT, "a", 85, 200), "90:x ");
    while ((e = join_rows_expired(&r.rows, 111)) != NULL) {
        assert_true(block_of(e)->last < 111);
        join_rows_remove(&r.rows, e);
    }
    assert_string_equal(walk(&r, RIGHT, "a", 0, 200), "");
    assert_string_equal(walk(&r, RIGHT, "b", 0, 200), "");
    assert_int_equal(state_count(r.state), 0);
    teardown(&r);
}

/* A row of a far future does not make its neighbours wait. */
static void far_times_do_not_share(void **state)
{
    (void)state;
    struct rig r;
    setup(&r, "{with: right, within: 10ms}");
    const int64_t far = 1000000000;
    for (int i = 0; i < 6; i++) {
        add(&r, LEFT, "a", i % 2 ? far + i : i, "x");
    }
    add(&r, LEFT, "a", TIME_MIN, "y");
    for (struct state_entry *e; (e = join_rows_expired(&r.rows, far)) != NULL;) {
        join_rows_remove(&r.rows, e);
    }
    assert_string_equal(walk(&r, LEFT, "a", TIME_MIN, TIME_MAX),
                        "1000000001:x 1000000003:x 1000000005:x ");
    teardown(&r);
}

/* A committed block is not sent again for new rows; rows of many blocks are restored. */
static void committed_blocks_are_closed(void **state)
{
    (void)state;
    struct rig r;
    setup(&r, "{with: right, within: 10ms}");
    add(&r, LEFT, "a", 1, "x");
    add(&r, RIGHT, "a", 1, "y");
    join_rows_begin(&r.rows);
    assert_non_null(r.rows.blocks.open[LEFT]); /* not committed yet */
    state_committed(r.state);
    join_rows_begin(&r.rows);
    assert_null(r.rows.blocks.open[LEFT]);
    assert_null(r.rows.blocks.open[RIGHT]);
    for (int i = 2; i < 500; i++) {
        add(&r, LEFT, "a", i, "z");
    }
    uint64_t blocks = state_count(r.state);
    assert_true(blocks > 3 && blocks < 300);
    struct state_entry *e = join_rows_expired(&r.rows, 12); /* the left's first, then the right's */
    assert_int_equal(block_first(block_of(e))->time, 1);
    join_rows_remove(&r.rows, e);
    char *left = mem_strdup(walk(&r, LEFT, "a", 0, 600));
    struct state *to = copy_of(&r);
    join_rows_done(&r.rows);
    state_free(r.state);
    r.state = to;
    open_rows(&r);
    assert_string_equal(walk(&r, LEFT, "a", 0, 600), left);
    assert_int_equal(r.rows.blocks.next, 500);
    mem_free(left);
    teardown(&r);
}

static void damaged_entries_are_refused(void **state)
{
    (void)state;
    struct rig r;
    struct join_rows rows;
    struct err e = {0};
    setup(&r, JOIN);
    const uint8_t row[] = {0, 0, 0, 0, 2, 'a', 2, 0};
    assert_int_equal(state_restore(r.state, "1234567", 7, row, sizeof row), 0); /* 7 bytes */
    assert_int_equal(join_rows_open(&rows, r.h.node.bound, r.state, &e), -ERR_DATA);
    assert_string_equal(e.text, "the restored state of the join is damaged");
    join_rows_done(&rows);
    teardown(&r);
}

struct item {
    int key;
    int64_t time;
    int number;
    bool is_gone;
};

static int by_time(const void *a, const void *b)
{
    const struct item *x = a, *y = b;
    return x->time != y->time ? (x->time < y->time ? -1 : 1) : x->number - y->number;
}

/* Many keys come and go: the index finds all that are there, and nothing else. */
static void many_keys(void **state)
{
    (void)state;
    enum { N = 2000, KEYS = 300 };
    static struct item item[N];
    struct rig r;
    struct random rnd;
    struct buffer expected;
    buffer_init(&expected);
    random_seed(&rnd, 5, 5);
    setup(&r, JOIN);
    for (int i = 0; i < N; i++) {
        char key[16], text[16];
        item[i] = (struct item){(int)random_below(&rnd, KEYS), random_below(&rnd, 500), i, false};
        snprintf(key, sizeof key, "%d", item[i].key);
        snprintf(text, sizeof text, "%d", i);
        add(&r, LEFT, key, item[i].time, text);
    }
    qsort(item, N, sizeof item[0], by_time);
    for (int64_t end = 0; end <= 500; end += 50) {
        for (struct state_entry *e; (e = join_rows_expired(&r.rows, end)) != NULL;) {
            join_rows_remove(&r.rows, e);
        }
        uint64_t keys = 0;
        for (int k = 0; k < KEYS; k++) {
            char key[16];
            buffer_clear(&expected);
            for (int i = 0; i < N; i++) {
                if (item[i].key == k && item[i].time + 10 >= end) {
                    buffer_printf(&expected, "%lld:%d ", (long long)item[i].time, item[i].number);
                }
            }
            snprintf(key, sizeof key, "%d", k);
            keys += expected.n > 0;
            assert_string_equal(walk(&r, LEFT, key, 0, 1000), buffer_cstr(&expected));
        }
        assert_int_equal(r.rows.index[LEFT].used, keys);
    }
    buffer_done(&expected);
    teardown(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(found_by_key_and_time),       cmocka_unit_test(expire_in_order),
        cmocka_unit_test(restored_as_they_were),       cmocka_unit_test(layout_tells_what_is_kept),
        cmocka_unit_test(damaged_entries_are_refused), cmocka_unit_test(many_keys),
        cmocka_unit_test(far_times_do_not_share),      cmocka_unit_test(rows_expire_in_blocks),
        cmocka_unit_test(committed_blocks_are_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
