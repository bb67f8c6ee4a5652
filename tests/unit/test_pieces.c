/* Pieces: what is known of them, and a part at a time of what a window holds; against a plain
 * model, over a disk with room for nothing, for little, for all. */
#include "windows/pieces.h"

#include "engine/error.h"
#include "engine/hash.h"
#include "engine/random.h"
#include "engine/task_internal.h"
#include "tests/support/fake_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEYS      40
#define POSITIONS 6
#define FROMS     3

struct rig {
    struct fake_disk disk;
    struct state *store;
    struct series_set set;
    struct pieces pieces;
    const struct schema *schema;
    struct arena plan, mem;
    struct task task;
    struct op op;
    int64_t model[KEYS][POSITIONS][FROMS];
};

static void open_rig(struct rig *r)
{
    r->store = state_memory_new(NULL);
    assert_int_equal(state_attach(r->store, &r->disk.disk, 0, true), 0);
    series_init(&r->set, r->store, 8, 2);
    pieces_init(&r->pieces, &r->set);
}

static void close_rig(struct rig *r)
{
    pieces_done(&r->pieces);
    series_done(&r->set);
    state_free(r->store);
}

static void init(struct rig *r, uint64_t share)
{
    memset(r, 0, sizeof *r);
    arena_init(&r->plan);
    arena_init(&r->mem);
    struct schema *s = schema_new(&r->plan, 1);
    s->key[s->nkey++] = schema_add(s, "key", &type_string, false, false);
    r->schema = s;
    r->op = (struct op){.task = &r->task, .mem = &r->mem};
    fake_disk_init(&r->disk, share);
    open_rig(r);
    assert_int_equal(pieces_load(&r->pieces), 0);
}

static void done(struct rig *r)
{
    close_rig(r);
    fake_disk_done(&r->disk);
    arena_done(&r->mem);
    arena_done(&r->plan);
}

static void add(struct rig *r, int key, int64_t pos, int64_t from)
{
    char text[32];
    struct str k = str_ref(text, (uint32_t)snprintf(text, sizeof text, "key number %02d", key));
    struct series *s = NULL;
    bool is_new;
    struct state_entry *e = r->pieces.by_part ? series_stored(&r->set, &k, pos, from, &is_new)
                                              : series_entry(&r->set, hash_bytes(text, k.n, 0), &k,
                                                             pos, from, &s, &is_new);
    int64_t *value = state_value(e);
    assert_int_equal(is_new, r->model[key][pos][from] == 0);
    *value = ++r->model[key][pos][from];
    pieces_add(&r->pieces, pos, from);
}

static int number_of(const struct rig *r, struct series *s)
{
    uint32_t n;
    const char *key = series_key(&r->set, s, &n);
    assert_int_equal(n, strlen("key number 00"));
    return (key[n - 2] - '0') * 10 + key[n - 1] - '0';
}

/* Every key of the window once, with all of its points, behind those of the parts before. */
static int check_part(struct rig *r, int64_t low, int64_t high, int64_t window, int next)
{
    struct date *d = agenda_first(&r->set.agenda);
    int greatest = next - 1;
    for (uint32_t i = 0; d && i < d->n; i++) {
        struct series *s = d->item[i];
        int key = number_of(r, s);
        assert_int_equal(d->time, window);
        assert_true(key >= next);
        greatest = key > greatest ? key : greatest;
        const struct point *p = series_points(s);
        uint32_t n = 0;
        for (int64_t pos = low; pos <= high; pos++) {
            for (int64_t from = 0; from < FROMS && from <= window; from++) {
                if (r->model[key][pos][from] > 0) {
                    assert_true(n < s->n && p[n].pos == pos && point_from(&p[n]) == from);
                    assert_int_equal(*(int64_t *)state_value(p[n++].entry),
                                     r->model[key][pos][from]);
                }
            }
        }
        assert_int_equal(n, s->n);
    }
    return greatest + 1;
}

static uint32_t keys_of(const struct rig *r, int64_t low, int64_t high, int64_t window)
{
    uint32_t n = 0;
    for (int key = 0; key < KEYS; key++) {
        bool has = false;
        for (int64_t pos = low; pos <= high; pos++) {
            for (int64_t from = 0; from < FROMS && from <= window; from++) {
                has |= r->model[key][pos][from] > 0;
            }
        }
        n += has;
    }
    return n;
}

/* Returns how many parts there were. */
static int read_window(struct rig *r, int64_t low, int64_t high, int64_t window, bool is_sorted)
{
    int parts = 0, next = 0;
    uint32_t n = 0;
    bool has_more = true;
    while (has_more) {
        int status = 1;
        while (status > 0) { /* a commit between two slices */
            r->task.left = 20;
            status =
                pieces_gather(&r->pieces, low, high, window, is_sorted ? r->schema : NULL, &r->op);
            assert_true(status == 0 || is_sorted);
            fake_disk_commit(&r->disk, r->store, 0);
        }
        assert_int_equal(status, 0);
        next = check_part(r, low, high, window, next);
        n += (uint32_t)r->set.count;
        fake_disk_commit(&r->disk, r->store, 0); /* what is in hand stays */
        has_more = pieces_leave(&r->pieces);
        assert_int_equal(r->set.count, 0);
        if (has_more) {
            struct buffer behind;
            buffer_init(&behind);
            pieces_behind(&r->pieces, &behind);
            int number = atoi(buffer_cstr(&behind) + strlen("key number "));
            assert_true(number == next || (number == next - 1 && !is_sorted) ||
                        (number > next && is_sorted));
            buffer_done(&behind);
        }
        parts++;
    }
    assert_int_equal(n, keys_of(r, low, high, window));
    return parts;
}

static void parts_against_a_model(void **state)
{
    (void)state;
    static const uint64_t shares[] = {0, 3000, 9000};
    int windows = 0, most = 0;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct rig r;
        struct random rnd;
        random_seed(&rnd, seed, 1);
        init(&r, shares[seed % 3]);
        for (int i = 0; i < 400; i++) {
            pieces_follow(&r.pieces);
            add(&r, (int)random_below(&rnd, KEYS), (int64_t)random_below(&rnd, POSITIONS),
                (int64_t)random_below(&rnd, FROMS));
            if (random_below(&rnd, 20) == 0) {
                fake_disk_commit(&r.disk, r.store, 0);
            }
            if (random_below(&rnd, 100) == 0) {
                fake_disk_commit(&r.disk, r.store, 0);
                close_rig(&r);
                open_rig(&r);
                assert_int_equal(pieces_load(&r.pieces), 0);
            }
            pieces_follow(&r.pieces);
            if (r.pieces.by_part && random_below(&rnd, 10) == 0) {
                int64_t low = (int64_t)random_below(&rnd, POSITIONS);
                int64_t high = low + (int64_t)random_below(&rnd, (uint32_t)(POSITIONS - low));
                bool is_sorted = random_below(&rnd, 2) == 0;
                most += read_window(&r, low, high, (int64_t)random_below(&rnd, FROMS), is_sorted);
                windows++;
            }
        }
        assert_true(r.pieces.by_part);
        done(&r);
    }
    assert_true(most > 3 * windows);
}

/* The set is whole until the store sends something away, and known by seeks after that. */
static void what_there_is(void **state)
{
    (void)state;
    struct rig r;
    init(&r, 0);
    assert_int_equal(pieces_first(&r.pieces), SERIES_NEVER);
    add(&r, 1, 4, 0);
    add(&r, 2, 4, 2);
    add(&r, 2, 5, 0);
    assert_false(pieces_follow(&r.pieces));
    assert_int_equal(r.set.count, 2);
    pieces_hold(&r.pieces);
    fake_disk_commit(&r.disk, r.store, 0);
    assert_true(state_is_complete(r.store));
    pieces_let_go(&r.pieces);
    r.set.fired = 3;
    series_flush(&r.set);
    fake_disk_commit(&r.disk, r.store, 0);
    assert_true(pieces_follow(&r.pieces));
    assert_false(pieces_follow(&r.pieces));
    assert_int_equal(r.set.count, 0);
    close_rig(&r);
    open_rig(&r);
    assert_int_equal(pieces_load(&r.pieces), 0);
    assert_true(r.pieces.by_part);
    assert_int_equal(r.set.fired, 3);
    assert_int_equal(pieces_first(&r.pieces), 4);
    assert_int_equal(agenda_items(&r.pieces.there), 3);
    assert_in_range(state_count(r.store), 0, 1); /* by seeks, with no room for entries */
    pieces_drop_first(&r.pieces);
    assert_int_equal(pieces_first(&r.pieces), 5);
    pieces_drop_first(&r.pieces);
    r.set.beyond = 0;
    series_flush(&r.set); /* nothing is left that the mark is of use for */
    fake_disk_commit(&r.disk, r.store, 0);
    assert_int_equal(r.disk.n, 3);
    done(&r);
}

static void a_disk_that_fails(void **state)
{
    (void)state;
    struct rig r;
    init(&r, 0);
    for (int key = 0; key < 9; key++) {
        add(&r, key, 1, 0);
    }
    fake_disk_commit(&r.disk, r.store, 0);
    assert_true(pieces_follow(&r.pieces));
    r.disk.reads_left = 3;
    assert_true(pieces_gather(&r.pieces, 1, 1, 1, NULL, &r.op) >= 0);
    bool has_failed = false;
    while (!has_failed && pieces_leave(&r.pieces)) {
        has_failed = pieces_gather(&r.pieces, 1, 1, 1, NULL, &r.op) < 0;
    }
    assert_true(has_failed);
    done(&r);
}

static void keys_that_are_damaged(void **state)
{
    (void)state;
    static const char *const keys[] = {"short", "\xff\xff\xff\xff\xff\xff\xff\xffshort",
                                       "\xfe\xff\xff\xff\xff\xff\xff\xff a b c d e f g"};
    for (int i = 0; i < 3; i++) {
        struct rig r;
        bool is_new;
        init(&r, 0);
        add(&r, 1, 1, 0);
        add(&r, 2, 1, 0);
        uint32_t n = (uint32_t)strlen(keys[i]);
        state_touch(r.store,
                    state_insert(r.store, hash_bytes(keys[i], n, 0), keys[i], n, 8, &is_new));
        fake_disk_commit(&r.disk, r.store, 0);
        close_rig(&r);
        open_rig(&r);
        assert_int_equal(pieces_load(&r.pieces), -ERR_DATA);
        done(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_against_a_model),
        cmocka_unit_test(what_there_is),
        cmocka_unit_test(a_disk_that_fails),
        cmocka_unit_test(keys_that_are_damaged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
