/* State in memory against a plain model: random operations, commits, restores into a copy. */
#include "engine/state.h"

#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct state_entry *insert(struct state *s, const char *key, uint32_t value_n, bool *is_new)
{
    uint32_t n = (uint32_t)strlen(key);
    return state_insert(s, hash_bytes(key, n, 0), key, n, value_n, is_new);
}

static struct state_entry *find(const struct state *s, const char *key)
{
    return state_find(s, hash_bytes(key, strlen(key), 0), key, (uint32_t)strlen(key));
}

static void put(struct state *s, const char *key, int64_t value)
{
    bool is_new;
    struct state_entry *e = insert(s, key, sizeof value, &is_new);
    memcpy(state_value(e), &value, sizeof value);
    state_touch(s, e);
}

/* "key=value " of each change, "key- " of a deletion. */
static int note(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    struct buffer *out = ctx;
    buffer_add(out, key, key_n);
    if (value == NULL) {
        buffer_text(out, "- ");
        return 0;
    }
    int64_t v;
    assert_int_equal(value_n, sizeof v);
    memcpy(&v, value, sizeof v);
    buffer_printf(out, "=%lld ", (long long)v);
    return 0;
}

static void assert_changes(struct state *s, const char *expected)
{
    struct buffer out;
    buffer_init(&out);
    assert_int_equal(state_changes(s, note, &out), 0);
    assert_string_equal(buffer_cstr(&out), expected);
    buffer_done(&out);
}

static void changes_in_order_of_first_touch(void **state)
{
    (void)state;
    struct state *s = state_memory_new(NULL);
    put(s, "b", 1);
    put(s, "a", 2);
    put(s, "b", 3);
    assert_int_equal(state_dirty_bytes(s), 2 * 9);
    assert_changes(s, "b=3 a=2 ");
    state_committed(s);
    assert_int_equal(state_dirty_bytes(s), 0);
    assert_changes(s, "");
    put(s, "a", 4);
    assert_changes(s, "a=4 ");
    state_free(s);
}

static void deletions(void **state)
{
    (void)state;
    struct state *s = state_memory_new(NULL);
    put(s, "kept", 1);
    put(s, "gone", 2);
    state_committed(s);
    put(s, "never", 3);
    state_delete(s, find(s, "never"));
    state_delete(s, find(s, "gone"));
    assert_null(find(s, "gone"));
    assert_null(find(s, "never"));
    assert_int_equal(state_count(s), 1);
    assert_changes(s, "gone- ");
    bool is_new;
    struct state_entry *e = insert(s, "gone", 8, &is_new);
    assert_true(is_new);
    int64_t zero;
    memcpy(&zero, state_value(e), sizeof zero);
    assert_int_equal(zero, 0);
    put(s, "gone", 5);
    assert_changes(s, "gone=5 ");
    state_delete(s, find(s, "gone"));
    assert_changes(s, "gone- ");
    state_committed(s);
    assert_changes(s, "");
    assert_int_equal(state_count(s), 1);
    put(s, "gone", 6);
    state_delete(s, find(s, "gone"));
    assert_changes(s, "");
    state_free(s);
}

static void revived_with_another_size(void **state)
{
    (void)state;
    struct state *s = state_memory_new(NULL);
    put(s, "a", 1);
    put(s, "b", 1);
    state_committed(s);
    state_delete(s, find(s, "a"));
    put(s, "b", 2);
    bool is_new;
    struct state_entry *e = insert(s, "a", 500, &is_new);
    assert_true(is_new);
    assert_int_equal(state_value_size(e), 500);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(((char *)state_value(e))[i], 0);
    }
    assert_ptr_equal(find(s, "a"), e);
    e = state_resize(s, e, 8);
    assert_changes(s, "a=0 b=2 ");
    state_free(s);
}

static void resize_keeps_the_bytes(void **state)
{
    (void)state;
    struct state *s = state_memory_new(NULL);
    put(s, "x", 7);
    put(s, "y", 8);
    struct state_entry *e = find(s, "x");
    for (uint32_t n = 8; n < 5000; n = n * 3 / 2) {
        e = state_resize(s, e, n);
        int64_t v;
        memcpy(&v, state_value(e), sizeof v);
        assert_int_equal(v, 7);
        assert_int_equal(((char *)state_value(e))[n - 1], n == 8 ? v >> 56 : 0);
        memset((char *)state_value(e) + 8, 1, n - 8);
        memset((char *)state_value(e) + 8, 0, n - 8);
        assert_ptr_equal(find(s, "x"), e);
    }
    e = state_resize(s, e, 8);
    assert_changes(s, "x=7 y=8 ");
    uint32_t n;
    assert_memory_equal(state_key(e, &n), "x", 1);
    assert_int_equal(n, 1);
    assert_int_equal((uintptr_t)state_value(e) % 8, 0);
    state_free(s);
}

struct walk {
    struct state *s;
    uint64_t seen;
    int64_t sum;
};

static int delete_odd(void *ctx, struct state_entry *e)
{
    struct walk *w = ctx;
    int64_t v;
    memcpy(&v, state_value(e), sizeof v);
    w->seen++;
    w->sum += v;
    if (v % 2) {
        state_delete(w->s, e);
    }
    return 0;
}

static void each_may_delete(void **state)
{
    (void)state;
    for (int committed = 0; committed < 2; committed++) {
        struct state *s = state_memory_new(NULL);
        char key[20];
        for (int i = 0; i < 1000; i++) {
            snprintf(key, sizeof key, "key-%d", i);
            put(s, key, i);
        }
        if (committed) {
            state_committed(s);
        }
        struct walk w = {s, 0, 0};
        assert_int_equal(state_each(s, delete_odd, &w), 0);
        assert_int_equal(w.seen, 1000);
        assert_int_equal(w.sum, 499500);
        w = (struct walk){s, 0, 0};
        state_each(s, delete_odd, &w);
        assert_int_equal(w.seen, 500);
        assert_int_equal(state_count(s), 500);
        state_free(s);
    }
}

static int stop(void *ctx, struct state_entry *e)
{
    (void)e;
    ++*(int *)ctx;
    return -ERR_ABORT;
}

static void each_stops_on_failure(void **state)
{
    (void)state;
    struct state *s = state_memory_new(NULL);
    put(s, "a", 1);
    put(s, "b", 1);
    int calls = 0;
    assert_int_equal(state_each(s, stop, &calls), -ERR_ABORT);
    assert_int_equal(calls, 1);
    state_free(s);
}

/* A model of 300 keys: what callers see, and what the changelog has. */
#define KEYS 300

struct twin {
    struct state *s, *copy;
    int64_t value[KEYS]; /* -1: absent */
    int64_t logged[KEYS];
};

static int apply(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    struct twin *t = ctx;
    char text[16] = "";
    memcpy(text, key, key_n);
    int number = (int)strtol(text + 1, NULL, 10);
    int64_t v = -1;
    if (value) {
        memcpy(&v, value, sizeof v);
    }
    assert_true(value != NULL || t->logged[number] >= 0); /* no deletion of the unknown */
    t->logged[number] = v;
    return state_restore(t->copy, key, key_n, value, value_n);
}

static void assert_same(const struct twin *t, const struct state *s)
{
    uint64_t n = 0;
    for (int k = 0; k < KEYS; k++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", k);
        struct state_entry *e = find(s, key);
        assert_int_equal(e != NULL, t->value[k] >= 0);
        if (e) {
            int64_t v;
            memcpy(&v, state_value(e), sizeof v);
            assert_int_equal(v, t->value[k]);
            n++;
        }
    }
    assert_int_equal(state_count(s), n);
}

static void random_operations(void **state)
{
    (void)state;
    struct random r;
    random_seed(&r, 11, 1);
    static struct twin t;
    t.s = state_memory_new(NULL);
    t.copy = state_memory_new(NULL);
    for (int k = 0; k < KEYS; k++) {
        t.value[k] = t.logged[k] = -1;
    }
    for (int i = 0; i < 60000; i++) {
        int k = (int)random_below(&r, KEYS);
        char key[16];
        snprintf(key, sizeof key, "k%d", k);
        struct state_entry *e = find(t.s, key);
        uint32_t what = random_below(&r, 10);
        if (what < 5) {
            put(t.s, key, i);
            t.value[k] = i;
        } else if (what < 8 && e) {
            state_delete(t.s, e);
            t.value[k] = -1;
        } else if (what == 8 && e) {
            e = state_resize(t.s, e, 8 + random_below(&r, 2000));
            e = state_resize(t.s, e, 8);
        }
        if (random_below(&r, 500) == 0) {
            assert_int_equal(state_changes(t.s, apply, &t), 0);
            state_committed(t.s);
            assert_memory_equal(t.value, t.logged, sizeof t.value);
            assert_same(&t, t.copy);
            assert_same(&t, t.s);
        }
    }
    state_free(t.s);
    state_free(t.copy);
}

/* A codec whose value is a pointer to memory of its own: a length and bytes. */
static void text_save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    (void)ctx;
    (void)n;
    char *p;
    memcpy(&p, value, sizeof p);
    buffer_text(out, p);
}

static int64_t text_size(void *ctx, const void *saved, size_t n)
{
    (void)ctx;
    return n > 0 && *(const char *)saved == '!' ? -ERR_DATA : (int64_t)sizeof(char *);
}

static int text_load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    (void)ctx;
    (void)n;
    char *p = mem_strndup(saved, saved_n);
    memcpy(value, &p, sizeof p);
    return 0;
}

static void text_drop(void *ctx, void *value, uint32_t n)
{
    (void)n;
    char *p;
    memcpy(&p, value, sizeof p);
    mem_free(p);
    ++*(int *)ctx;
}

static int restore_into(void *ctx, const void *key, uint32_t key_n, const void *value,
                        size_t value_n)
{
    return state_restore(ctx, key, key_n, value, value_n);
}

static void values_that_own_memory(void **state)
{
    (void)state;
    int dropped = 0;
    const struct state_codec codec = {&dropped,  text_save, text_size, text_load,
                                      text_drop, NULL,      NULL};
    struct state *s = state_memory_new(&codec);
    struct state *copy = state_memory_new(&codec);
    bool is_new;
    const char *const names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        struct state_entry *e = insert(s, names[i], sizeof(char *), &is_new);
        char *p = mem_strdup(i == 1 ? "a somewhat longer text" : "");
        memcpy(state_value(e), &p, sizeof p);
        state_touch(s, e);
    }
    state_delete(s, find(s, "c"));
    assert_int_equal(dropped, 1);
    for (int i = 0; i < 2; i++) { /* restoring twice is harmless */
        assert_int_equal(state_changes(s, restore_into, copy), 0);
    }
    assert_int_equal(dropped, 3);
    char *p;
    memcpy(&p, state_value(find(copy, "b")), sizeof p);
    assert_string_equal(p, "a somewhat longer text");
    memcpy(&p, state_value(find(copy, "a")), sizeof p);
    assert_string_equal(p, "");
    assert_null(find(copy, "c"));
    assert_int_equal(state_restore(copy, "d", 1, "!", 1), -ERR_DATA);
    assert_int_equal(state_dirty_bytes(copy), 0);
    assert_int_equal(state_restore(copy, "b", 1, NULL, 0), 0);
    assert_null(find(copy, "b"));
    assert_int_equal(state_restore(copy, "nobody", 6, NULL, 0), 0);
    state_free(s);
    state_free(copy);
    assert_int_equal(dropped, 7);
}

static void memory_is_used_again(void **state)
{
    (void)state;
    struct state *s = state_memory_new(NULL);
    uint64_t bytes = 0;
    for (int round = 0; round < 10; round++) {
        char key[20];
        for (int i = 0; i < 2000; i++) {
            snprintf(key, sizeof key, "%d-%d", round, i);
            put(s, key, i);
        }
        for (int i = 0; i < 2000; i++) {
            snprintf(key, sizeof key, "%d-%d", round, i);
            state_delete(s, find(s, key));
        }
        assert_int_equal(state_count(s), 0);
        assert_int_equal(state_dirty_bytes(s), 0);
        if (round == 0) {
            bytes = state_bytes(s);
        }
    }
    assert_int_equal(state_bytes(s), bytes);
    state_free(s);
    state_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_in_order_of_first_touch),
        cmocka_unit_test(deletions),
        cmocka_unit_test(revived_with_another_size),
        cmocka_unit_test(resize_keeps_the_bytes),
        cmocka_unit_test(each_may_delete),
        cmocka_unit_test(each_stops_on_failure),
        cmocka_unit_test(random_operations),
        cmocka_unit_test(values_that_own_memory),
        cmocka_unit_test(memory_is_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
