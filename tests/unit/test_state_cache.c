/* Stores over a disk (a fake one): the same as a plain model, however often entries are sent away;
 * restarts, ranges, what is damaged.
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "engine/state.h"
#include "tests/support/fake_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS 400

static struct state_entry *find(struct state *s, const char *key)
{
    return state_find(s, hash_bytes(key, strlen(key), 0), key, (uint32_t)strlen(key));
}

static bool put(struct state *s, const char *key, int64_t value)
{
    uint32_t n = (uint32_t)strlen(key);
    bool is_new;
    struct state_entry *e = state_insert(s, hash_bytes(key, n, 0), key, n, sizeof value, &is_new);
    memcpy(state_value(e), &value, sizeof value);
    state_touch(s, e);
    return is_new;
}

static int64_t value_of(struct state *s, const char *key)
{
    const struct state_entry *e = find(s, key);
    int64_t v = -1;
    if (e) {
        assert_int_equal(state_value_size(e), sizeof v);
        memcpy(&v, state_value(e), sizeof v);
    }
    return v;
}

static struct state *open_store(struct fake_disk *f, bool is_lazy)
{
    struct state *s = state_memory_new(NULL);
    assert_int_equal(state_attach(s, &f->disk, 3, is_lazy), 0);
    return s;
}

static void entries_go_to_the_disk_and_come_back(void **state)
{
    (void)state;
    struct fake_disk f;
    fake_disk_init(&f, 0);
    struct state *s = open_store(&f, true);
    assert_true(put(s, "a", 1));
    assert_true(put(s, "b", 2));
    assert_int_equal(f.gets, 0); /* complete: there is nobody to ask */
    fake_disk_commit(&f, s, 3);
    assert_int_equal(state_count(s), 0); /* no room */
    assert_false(state_is_complete(s));
    assert_int_equal(state_evictions(s), 1);
    assert_int_equal(value_of(s, "a"), 1);
    assert_int_equal(value_of(s, "nobody"), -1);
    assert_false(put(s, "b", 3));
    assert_int_equal(f.gets, 3);
    assert_int_equal(value_of(s, "b"), 3);
    assert_int_equal(f.gets, 3);
    state_delete(s, find(s, "a"));
    assert_int_equal(value_of(s, "a"), -1); /* though the disk still has it */
    fake_disk_commit(&f, s, 3);
    assert_false(fake_disk_has(&f, 3, "a"));
    assert_int_equal(value_of(s, "a"), -1);
    assert_int_equal(value_of(s, "b"), 3);
    state_free(s);
    fake_disk_done(&f);
}

static void what_did_not_commit_is_not_on_disk(void **state)
{
    (void)state;
    struct fake_disk f;
    fake_disk_init(&f, 1 << 20);
    struct state *s = open_store(&f, true);
    put(s, "kept", 1);
    fake_disk_commit(&f, s, 3);
    put(s, "kept", 2);
    put(s, "new", 2);
    state_free(s); /* aborted */
    f.disk.ops->close(&f.disk);
    s = open_store(&f, true);
    assert_int_equal(value_of(s, "kept"), 1);
    assert_int_equal(value_of(s, "new"), -1);
    state_free(s);
    fake_disk_done(&f);
}

static void an_eager_store_stays_whole(void **state)
{
    (void)state;
    struct fake_disk f;
    fake_disk_init(&f, 0);
    struct state *s = open_store(&f, false);
    put(s, "a", 1);
    put(s, "b", 2);
    struct state_entry *a = find(s, "a");
    fake_disk_commit(&f, s, 3);
    assert_ptr_equal(find(s, "a"), a);
    assert_int_equal(state_evictions(s), 0);
    state_free(s);
    s = open_store(&f, false);
    assert_int_equal(state_count(s), 2);
    assert_int_equal(value_of(s, "b"), 2);
    assert_int_equal(f.gets, 0);
    state_free(s);
    fake_disk_done(&f);
}

static void stores_do_not_see_each_other(void **state)
{
    (void)state;
    struct fake_disk f;
    fake_disk_init(&f, 0);
    struct state *s = open_store(&f, true), *other = state_memory_new(NULL);
    assert_int_equal(state_attach(other, &f.disk, 4, true), 0);
    put(s, "a", 1);
    put(other, "b", 2);
    fake_disk_commit(&f, s, 3);
    fake_disk_commit(&f, other, 4);
    assert_int_equal(value_of(other, "a"), -1);
    assert_int_equal(value_of(s, "b"), -1);
    assert_int_equal(value_of(other, "b"), 2);
    state_free(s);
    state_free(other);
    fake_disk_done(&f);
}

struct seen {
    struct state *s;
    bool deletes;
    int n, parts;
    int64_t sum;
    char before[8]; /* the last key of the parts before */
};

static int see(void *ctx, struct state_entry *e)
{
    struct seen *x = ctx;
    int64_t v;
    uint32_t key_n;
    const char *key = state_key(e, &key_n);
    assert_true(key_n < sizeof x->before);
    assert_true(strncmp(x->before, key, key_n) < 0);
    memcpy(&v, state_value(e), sizeof v);
    x->n++;
    x->sum += v;
    if (x->deletes) {
        state_delete(x->s, e);
    }
    return 0;
}

/* All parts of a range; each has greater keys than those before. */
static void range_of(struct state *s, const char *prefix, struct seen *x)
{
    struct buffer behind;
    int more = 1;
    buffer_init(&behind);
    while (more) {
        more = state_range(s, prefix, (uint32_t)strlen(prefix), &behind, see, x);
        assert_true(more >= 0 && behind.n < sizeof x->before);
        strncpy(x->before, buffer_cstr(&behind), sizeof x->before - 1);
        x->parts++;
    }
    buffer_done(&behind);
}

static void a_range_is_the_disk_under_what_is_dirty(void **state)
{
    (void)state;
    struct fake_disk f;
    fake_disk_init(&f, 0);
    struct state *s = open_store(&f, true);
    struct buffer key;
    buffer_init(&key);
    put(s, "p1", 1);
    put(s, "p2", 2);
    put(s, "p3", 4);
    put(s, "q1", 8);
    struct seen before = {.s = s};
    range_of(s, "p", &before);
    assert_int_equal(before.sum, 7); /* complete */
    fake_disk_commit(&f, s, 3);
    put(s, "p2", 16); /* changed */
    put(s, "p4", 32); /* not on disk */
    put(s, "q2", 64);
    state_delete(s, find(s, "p3"));
    (void)find(s, "p1"); /* clean, in memory */
    struct seen x = {.s = s};
    range_of(s, "p", &x);
    assert_int_equal(x.n, 3);
    assert_int_equal(x.parts, 4); /* p1, p2, p3; nothing behind them but p4, which is dirty */
    assert_int_equal(x.sum, 1 + 16 + 32);
    assert_int_equal(state_stored_key(s, "p4", 2, &key), 1);
    assert_string_equal(buffer_cstr(&key), "q1");
    assert_int_equal(state_stored_key(s, "q2", 2, &key), 0);
    x = (struct seen){.s = s, .deletes = true};
    range_of(s, "p", &x);
    assert_int_equal(x.n, 3);
    fake_disk_commit(&f, s, 3);
    x = (struct seen){.s = s};
    assert_int_equal(state_each(s, see, &x), 0); /* loads all */
    assert_int_equal(x.sum, 8 + 64);
    assert_int_equal(f.n, 2);
    buffer_done(&key);
    state_free(s);
    fake_disk_done(&f);
}

/* Between two parts keys ahead become dirty, and others of the same length are gone through. */
static void parts_meet_what_has_changed_between(void **state)
{
    (void)state;
    static const char *const keys[] = {"p0", "p2", "p4", "p6", "q0", "q1"};
    static const char *const late[] = {"p1", "p3", "p5", "p7"};
    for (int at = 0; at < 5; at++) {
        struct fake_disk f;
        struct buffer behind, other;
        fake_disk_init(&f, 0);
        buffer_init(&behind);
        buffer_init(&other);
        struct state *s = open_store(&f, true);
        for (int i = 0; i < 6; i++) {
            put(s, keys[i], 1);
        }
        fake_disk_commit(&f, s, 3);
        struct seen x = {.s = s, .deletes = true}, y = {.s = s};
        int sum = 4, more = 1;
        for (int part = 0; more; part++) {
            for (int i = 0; part == at && i < 4; i++) {
                if (strcmp(late[i], buffer_cstr(&behind)) > 0) {
                    put(s, late[i], 10);
                    sum += 10;
                }
            }
            if (part == at) {
                assert_int_equal(state_range(s, "q", 1, &other, see, &y), 1);
            }
            more = state_range(s, "p", 1, &behind, see, &x);
        }
        assert_int_equal(x.sum, sum);
        state_free(s);
        buffer_done(&behind);
        buffer_done(&other);
        fake_disk_done(&f);
    }
}

/* Two ranges side by side, in parts of one entry each, and what is dirty apart from them. */
static void halves_of_a_range(void **state)
{
    (void)state;
    struct fake_disk f;
    struct buffer p, q;
    fake_disk_init(&f, 0);
    buffer_init(&p);
    buffer_init(&q);
    struct state *s = open_store(&f, true);
    put(s, "p1", 1);
    put(s, "p2", 2);
    put(s, "p3", 4);
    put(s, "q1", 8);
    fake_disk_commit(&f, s, 3);
    put(s, "p2", 16);
    put(s, "r", 32);
    state_delete(s, find(s, "p3"));
    struct seen x = {.s = s}, y = {.s = s};
    assert_int_equal(state_range_stored(s, "p", 1, &p, 2, see, &x), 1);
    assert_string_equal(buffer_cstr(&p), "p1");
    assert_int_equal(state_range_stored(s, "q", 1, &q, 2, see, &x), 1);
    assert_int_equal(x.sum, 9);
    while (state_range_stored(s, "p", 1, &p, 2, see, &x) > 0) {
    }
    assert_int_equal(state_range_stored(s, "q", 1, &q, 2, see, &x), 0);
    assert_int_equal(x.sum, 9); /* the others are dirty, or gone */
    assert_int_equal(state_each_dirty(s, see, &y), 0);
    assert_int_equal(y.sum, 48);
    state_free(s);
    buffer_done(&p);
    buffer_done(&q);
    fake_disk_done(&f);
}

static void what_was_only_read_goes_between_batches(void **state)
{
    (void)state;
    struct fake_disk f;
    fake_disk_init(&f, 2000);
    struct state *s = open_store(&f, true);
    char key[16];
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "k%d", i);
        put(s, key, i);
    }
    fake_disk_commit(&f, s, 3);
    put(s, "dirty", 1);
    for (int i = 0; i < 2000; i++) {
        snprintf(key, sizeof key, "k%d", i % 500);
        assert_int_equal(value_of(s, key), i % 500);
        state_trim(s);
        assert_in_range(state_count(s), 1, 60);
    }
    assert_int_equal(value_of(s, "dirty"), 1);
    uint64_t evictions = state_evictions(s);
    state_pin(s);
    for (int i = 0; i < 500; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(value_of(s, key), i);
        state_trim(s);
    }
    assert_int_equal(state_evictions(s), evictions);
    assert_int_equal(state_count(s), 501);
    state_unpin(s);
    state_trim(s);
    assert_true(state_evictions(s) > evictions);
    state_free(s);
    fake_disk_done(&f);
}

/* As a task does: store and disk get the same. */
static void restore(struct fake_disk *f, struct state *s, const char *key, const int64_t *v)
{
    uint32_t n = (uint32_t)strlen(key);
    assert_int_equal(state_restore(s, key, n, v, sizeof *v), 0);
    f->disk.ops->put(&f->disk, 3, key, n, v, sizeof *v);
}

static void restored_changes_go_with_the_disk(void **state)
{
    (void)state;
    struct fake_disk f;
    fake_disk_init(&f, 0);
    struct state *s = open_store(&f, true);
    int64_t v = 7;
    put(s, "old", 1);
    put(s, "gone", 2);
    fake_disk_commit(&f, s, 3);
    restore(&f, s, "old", &v);
    restore(&f, s, "gone", NULL);
    restore(&f, s, "never", NULL);
    restore(&f, s, "new", &v);
    restore(&f, s, "new", NULL);
    restore(&f, s, "twice", NULL);
    restore(&f, s, "twice", &v);
    fake_disk_commit(&f, s, 3);
    assert_int_equal(value_of(s, "gone"), -1);
    assert_int_equal(value_of(s, "twice"), 7);
    assert_int_equal(f.n, 2);
    assert_int_equal(value_of(s, "old"), 7);
    assert_int_equal(value_of(s, "gone"), -1);
    assert_int_equal(value_of(s, "twice"), 7);
    state_free(s);
    fake_disk_done(&f);
}

/* ---- against a model ---- */

static void assert_same(struct state *s, const int64_t *value)
{
    for (int k = 0; k < KEYS; k++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", k);
        assert_int_equal(value_of(s, key), value[k]);
    }
}

/* All values of keys that begin with k1, or 0. */
static void assert_same_range(struct state *s, const int64_t *value)
{
    struct seen x = {.s = s};
    int64_t sum = 0;
    int n = 0;
    for (int k = 0; k < KEYS; k++) {
        char key[16];
        snprintf(key, sizeof key, "k%d", k);
        if (key[1] == '1' && value[k] >= 0) {
            sum += value[k];
            n++;
        }
    }
    range_of(s, "k1", &x);
    assert_int_equal(x.n, n);
    assert_int_equal(x.sum, sum);
}

static void operate(struct random *r, struct state *s, int64_t *value, int i)
{
    int k = (int)random_below(r, KEYS);
    char key[16];
    snprintf(key, sizeof key, "k%d", k);
    struct state_entry *e = find(s, key);
    assert_int_equal(e != NULL, value[k] >= 0);
    if (random_below(r, 10) < 6) {
        assert_int_equal(put(s, key, i), value[k] < 0);
        value[k] = i;
    } else if (e && random_below(r, 2)) {
        state_delete(s, e);
        value[k] = -1;
    } else if (e) {
        e = state_resize(s, e, 8 + random_below(r, 2000));
        e = state_resize(s, e, 8);
    }
}

static void random_run(uint64_t share, bool is_lazy, uint64_t seed)
{
    struct random r;
    struct fake_disk f;
    int64_t value[KEYS], committed[KEYS];
    random_seed(&r, seed, 1);
    fake_disk_init(&f, share);
    memset(value, 0xff, sizeof value);
    memcpy(committed, value, sizeof value);
    struct state *s = open_store(&f, is_lazy);
    for (int i = 0; i < 20000; i++) {
        operate(&r, s, value, i);
        uint32_t what = random_below(&r, 1000);
        if (what < 10) {
            fake_disk_commit(&f, s, 3);
            memcpy(committed, value, sizeof value);
        } else if (what < 12) {
            assert_same(s, value);
        } else if (what < 16) {
            assert_same_range(s, value);
        } else if (what < 18) { /* aborted, or killed: what was committed comes back */
            state_free(s);
            f.disk.ops->close(&f.disk);
            s = open_store(&f, is_lazy);
            memcpy(value, committed, sizeof value);
        } else if (what < 40) {
            state_trim(s);
        }
    }
    assert_same(s, value);
    state_free(s);
    fake_disk_done(&f);
}

static void random_operations(void **state)
{
    (void)state;
    static const uint64_t shares[] = {0, 2000, 10000, 1 << 20};
    for (uint64_t i = 0; i < 4; i++) {
        print_message("seed %d\n", (int)i);
        random_run(shares[i], true, i);
    }
    random_run(0, false, 9);
}

static void the_share_is_kept_to(void **state)
{
    (void)state;
    struct fake_disk f;
    struct buffer key;
    buffer_init(&key);
    fake_disk_init(&f, 20000);
    struct state *s = open_store(&f, true);
    for (int i = 0; i < 5000; i++) {
        buffer_clear(&key);
        buffer_printf(&key, "key%d", i % 1000);
        put(s, buffer_cstr(&key), i);
        put(s, "often", i); /* asked for all the time */
        if (i % 50 == 49) {
            fake_disk_commit(&f, s, 3);
            assert_in_range(state_count(s), 1, 20000 / 48);
            uint64_t gets = f.gets;
            assert_int_equal(value_of(s, "often"), i);
            assert_int_equal(f.gets, gets);
        }
    }
    assert_int_equal(f.n, 1001);
    state_free(s);
    buffer_done(&key);
    fake_disk_done(&f);
}

static void pinned_entries_stay(void **state)
{
    (void)state;
    struct fake_disk f;
    fake_disk_init(&f, 0);
    struct state *s = open_store(&f, true);
    state_pin(s);
    put(s, "a", 1);
    const struct state_entry *a = find(s, "a");
    fake_disk_commit(&f, s, 3);
    assert_ptr_equal(find(s, "a"), a);
    assert_int_equal(state_evictions(s), 0);
    state_unpin(s);
    fake_disk_commit(&f, s, 3);
    assert_int_equal(state_evictions(s), 1); /* used: spared once, and then not */
    assert_int_equal(state_count(s), 0);
    assert_int_equal(value_of(s, "a"), 1);
    state_free(s);
    fake_disk_done(&f);
}

/* ---- damage ---- */

static void a_read_error_sticks(void **state)
{
    (void)state;
    struct fake_disk f;
    fake_disk_init(&f, 0);
    struct state *s = open_store(&f, true);
    put(s, "a", 1);
    fake_disk_commit(&f, s, 3);
    f.reads_left = 0;
    assert_null(find(s, "a"));
    assert_int_equal(f.disk.failed, -ERR_DATA);
    assert_true(put(s, "a", 2)); /* what comes of it is thrown away */
    struct seen x = {.s = s};
    assert_true(state_each(s, see, &x) < 0);
    state_free(s);
    f.disk.ops->close(&f.disk);
    assert_int_equal(f.n, 0); /* gone */
    f.reads_left = 0;
    f.disk.ops->put(&f.disk, 3, "k", 1, "v", 1);
    f.disk.ops->write(&f.disk, 0, NULL);
    s = state_memory_new(NULL);
    assert_int_equal(state_attach(s, &f.disk, 3, true), -ERR_DATA);
    state_free(s);
    fake_disk_done(&f);
}

static int64_t odd_size(void *ctx, const void *saved, size_t n)
{
    (void)ctx;
    (void)saved;
    return n == 8 ? 8 : -ERR_DATA;
}

static int even_load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    (void)ctx;
    (void)saved_n;
    memcpy(value, saved, n);
    return *(const char *)saved == 'x' ? -ERR_DATA : 0;
}

static void bytes_that_the_codec_refuses(void **state)
{
    (void)state;
    static const struct state_codec codec = {.loaded_size = odd_size, .load = even_load};
    static const char *const bad[] = {"short", "xxxxxxxx"};
    for (int i = 0; i < 2; i++) {
        struct fake_disk f;
        fake_disk_init(&f, 0);
        f.disk.ops->put(&f.disk, 3, "k", 1, bad[i], strlen(bad[i]));
        f.disk.ops->put(&f.disk, 3, "good", 4, "12345678", 8);
        f.disk.ops->write(&f.disk, 0, NULL);
        f.share = 4; /* too little for more than one */
        struct state *s = state_memory_new(&codec);
        assert_int_equal(state_attach(s, &f.disk, 3, true), 0);
        assert_non_null(find(s, "good"));
        assert_int_equal(f.disk.failed, 0);
        assert_true(put(s, "k", 5));
        assert_int_equal(f.disk.failed, -ERR_DATA);
        state_free(s);
        f.disk.failed = 0;
        s = state_memory_new(&codec);
        assert_int_equal(state_attach(s, &f.disk, 3, false), -ERR_DATA);
        state_free(s);
        fake_disk_done(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(entries_go_to_the_disk_and_come_back),
        cmocka_unit_test(what_did_not_commit_is_not_on_disk),
        cmocka_unit_test(an_eager_store_stays_whole),
        cmocka_unit_test(stores_do_not_see_each_other),
        cmocka_unit_test(a_range_is_the_disk_under_what_is_dirty),
        cmocka_unit_test(parts_meet_what_has_changed_between),
        cmocka_unit_test(halves_of_a_range),
        cmocka_unit_test(what_was_only_read_goes_between_batches),
        cmocka_unit_test(restored_changes_go_with_the_disk),
        cmocka_unit_test(random_operations),
        cmocka_unit_test(the_share_is_kept_to),
        cmocka_unit_test(pinned_entries_stay),
        cmocka_unit_test(a_read_error_sticks),
        cmocka_unit_test(bytes_that_the_codec_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
