/* Waiting rows beside a plain list of them, over restarts. */
#include "ml/waiting.h"

#include "engine/memory.h"
#include "engine/random.h"
#include "ml/held.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define KEYS   4
#define ROWS   4000
#define WITHIN 1000

struct row {
    int64_t time;
    uint32_t key, number;
    bool is_gone;
};

struct rig {
    struct waiting w;
    struct state *s;
    struct per_plan plan;
    struct row row[ROWS];
    uint32_t n;
    bool was_met[ROWS]; /* by the call at hand */
    uint32_t met;
};

static const char *const names[KEYS] = {"a", "b", "", "a long key, longer than what fits inline"};

static struct str key_of(uint32_t key)
{
    return str_ref(names[key], (uint32_t)strlen(names[key]));
}

static void open(struct rig *r)
{
    static struct node node;
    memset(r, 0, sizeof *r);
    per_bind(&r->plan, &node, PER_GLOBAL, &(struct object_def){0}, NULL);
    r->s = state_memory_new(&r->plan.codec);
    waiting_init(&r->w, WITHIN);
}

static void close_rig(struct rig *r)
{
    waiting_done(&r->w);
    state_free(r->s);
}

static void add(struct rig *r, uint32_t key, int64_t time, uint32_t length)
{
    struct buffer bytes;
    struct str k = key_of(key);
    buffer_init(&bytes);
    buffer_add(&bytes, &r->n, sizeof r->n);
    for (uint32_t i = 0; i < length; i++) {
        buffer_byte(&bytes, (uint8_t)r->n);
    }
    r->row[r->n] = (struct row){.time = time, .key = key, .number = r->n};
    waiting_add(&r->w, r->s, &k, time, &bytes);
    r->n++;
    buffer_done(&bytes);
}

/* Even rows go, odd ones stay; expired ones all go. */
struct taking {
    struct rig *r;
    bool is_end;
};

static int take(void *ctx, const struct str *key, int64_t time, const char *row, size_t n)
{
    struct taking *t = ctx;
    uint32_t number;
    assert_true(n >= sizeof number);
    memcpy(&number, row, sizeof number);
    struct row *known = &t->r->row[number];
    assert_true(number < t->r->n && !known->is_gone && !t->r->was_met[number]);
    assert_true(known->time == time && strlen(names[known->key]) == key->n);
    for (size_t i = sizeof number; i < n; i++) {
        assert_int_equal((uint8_t)row[i], (uint8_t)number);
    }
    t->r->was_met[number] = true;
    t->r->met++;
    bool goes = t->is_end || number % 2 == 0;
    known->is_gone = goes;
    return goes;
}

static void check_take(struct rig *r, uint32_t key, int64_t from, int64_t to)
{
    struct taking t = {r, false};
    struct str k = key_of(key);
    uint32_t expected = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        const struct row *x = &r->row[i];
        expected += !x->is_gone && x->key == key && x->time >= from && x->time <= to;
    }
    memset(r->was_met, 0, sizeof r->was_met);
    r->met = 0;
    assert_int_equal(waiting_take(&r->w, r->s, &k, from, to, take, &t), 0);
    assert_int_equal(r->met, expected);
}

static void check_expire(struct rig *r, int64_t watermark)
{
    struct taking t = {r, true};
    memset(r->was_met, 0, sizeof r->was_met);
    assert_int_equal(waiting_expire(&r->w, r->s, watermark, take, &t), 0);
    uint64_t left = 0;
    for (uint32_t i = 0; i < r->n; i++) {
        const struct row *x = &r->row[i];
        left += !x->is_gone;
        /* Not before its time, and no later than a bucket after it. */
        assert_false(r->was_met[i] && x->time + WITHIN >= watermark);
        assert_false(!x->is_gone && x->time + WITHIN + WITHIN / 16 + 1 < watermark);
    }
    assert_int_equal(r->w.rows, left);
    assert_true(waiting_next(&r->w) > watermark);
}

static int add_pages(void *ctx, struct state_entry *e)
{
    uint32_t pages;
    memcpy(&pages, state_value(e), sizeof pages);
    assert_true(pages > 0);
    *(uint64_t *)ctx += pages;
    return 0;
}

/* Each entry of the store is a page, and is known to be there without looking. */
static void check_pages(struct rig *r)
{
    uint64_t pages = 0;
    state_each(r->w.pages, add_pages, &pages);
    assert_int_equal(pages, state_count(r->s));
}

static int copy(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    return state_restore(ctx, key, key_n, value, value_n);
}

/* From the changelog alone. */
static void restart(struct rig *r)
{
    struct state *again = state_memory_new(&r->plan.codec);
    state_changes(r->s, copy, again);
    state_free(r->s);
    r->s = again;
    uint64_t rows = r->w.rows;
    waiting_done(&r->w);
    waiting_init(&r->w, WITHIN);
    assert_int_equal(waiting_restore(&r->w, r->s), 0);
    assert_int_equal(r->w.rows, rows);
}

static void is_a_plain_list(void **state)
{
    (void)state;
    static struct rig r;
    struct random random;
    int64_t now = -5000;
    open(&r);
    random_seed(&random, 9, 0);
    while (r.n < ROWS) {
        now += random_below(&random, 20);
        uint32_t what = random_below(&random, 100);
        int64_t time = now - random_below(&random, 300);
        if (what < 90) {
            add(&r, random_below(&random, KEYS), time, random_below(&random, 10) * 60);
        } else if (what < 97) {
            check_take(&r, random_below(&random, KEYS), time - WITHIN, time);
        } else {
            check_expire(&r, now - 300);
        }
        check_pages(&r);
    }
    assert_true(r.w.rows > 20);
    check_expire(&r, now + 2 * WITHIN + 100);
    assert_int_equal(r.w.rows, 0);
    assert_int_equal(state_count(r.s), 0);
    assert_int_equal(state_count(r.w.pages), 0);
    assert_true(waiting_next(&r.w) == INT64_MAX);
    close_rig(&r);
}

static void goes_on_after_a_restart(void **state)
{
    (void)state;
    static struct rig r;
    open(&r);
    for (uint32_t i = 0; i < 500; i++) {
        add(&r, i % KEYS, i * 10, 100);
    }
    check_take(&r, 0, 3000, 4000);
    restart(&r);
    check_pages(&r);
    for (uint32_t i = 500; i < 700; i++) { /* behind what was restored */
        add(&r, i % 2, (i - 500) * 10, 200);
    }
    check_pages(&r);
    check_take(&r, 0, 0, 5000);
    check_take(&r, 3, 0, 5000);
    check_expire(&r, 4000);
    check_expire(&r, 10000);
    assert_int_equal(r.w.rows, 0);
    close_rig(&r);
}

static void a_full_page_is_never_written_again(void **state)
{
    (void)state;
    static struct rig r;
    open(&r);
    for (uint32_t i = 0; i < 400; i++) {
        add(&r, 0, 5, 100);
    }
    state_committed(r.s);
    add(&r, 0, 5, 100);
    assert_true(state_dirty_bytes(r.s) < 10000); /* of 45 KB */
    close_rig(&r);
}

/* Rows that got their labels leave nothing behind, however many there are before their bucket ends. */
static void what_was_taken_is_forgotten(void **state)
{
    (void)state;
    static struct rig r;
    open(&r);
    struct taking t = {&r, true};
    uint64_t most = 0;
    for (uint32_t i = 0; i < ROWS; i++) {
        int64_t time = i < 20 ? i : 20 + i % (WITHIN - 20);
        struct str k = key_of(i % KEYS);
        add(&r, i % KEYS, time, 10);
        r.was_met[i] = false;
        if (i >= 20) {
            assert_int_equal(waiting_take(&r.w, r.s, &k, time, time, take, &t), 0);
        }
        most = r.w.due.n > most ? r.w.due.n : most;
    }
    assert_true(most < 200);
    assert_int_equal(r.w.rows, 20);
    check_pages(&r);
    check_expire(&r, 3 * WITHIN);
    assert_int_equal(r.w.rows, 0);
    assert_true(waiting_next(&r.w) == INT64_MAX);
    close_rig(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_a_plain_list),
        cmocka_unit_test(goes_on_after_a_restart),
        cmocka_unit_test(a_full_page_is_never_written_again),
        cmocka_unit_test(what_was_taken_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
