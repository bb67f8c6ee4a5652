/* Panes: against a plain model, dropped in order, found again after a restore. */
#include "windows/panes.h"

#include "engine/error.h"
#include "engine/hash.h"
#include "engine/random.h"
#include "tests/support/fake_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define STARTS 300
#define KEYS   7

static struct state_entry *entry(struct panes *p, int64_t start, int key, bool *is_new)
{
    char text[32];
    struct str s = str_ref(text, (uint32_t)snprintf(text, sizeof text, "key number %d", key));
    return panes_entry(p, agenda_at(&p->starts, start), hash_bytes(text, s.n, 0), &s, is_new);
}

static void drop_first(struct panes *p)
{
    const struct date *pane = agenda_first(&p->starts);
    panes_delete(p, pane, 0, pane->n);
    panes_drop_first(p);
}

static void random_panes(void **state)
{
    (void)state;
    static int64_t model[STARTS][KEYS];
    struct state *store = state_memory_new(NULL);
    struct panes p;
    panes_init(&p, store, 8);
    struct random r;
    random_seed(&r, 1, 1);
    int64_t closed = 0; /* panes below are gone */
    for (int i = 0; i < 50000; i++) {
        int64_t start = closed + (int64_t)random_below(&r, 40);
        int key = (int)random_below(&r, KEYS);
        if (start >= STARTS) {
            break;
        }
        bool is_new;
        int64_t *n = state_value(entry(&p, start * 10, key, &is_new));
        assert_int_equal(is_new, model[start][key] == 0);
        assert_int_equal(*n, model[start][key]);
        model[start][key]++;
        ++*n;
        if (random_below(&r, 20) == 0) {
            struct date *first = agenda_first(&p.starts);
            assert_true(first->time >= closed * 10);
            closed = first->time / 10;
            uint32_t keys = 0;
            for (int k = 0; k < KEYS; k++) {
                keys += model[closed][k] > 0;
            }
            assert_int_equal(first->n, keys);
            drop_first(&p);
            closed++;
        }
    }
    while (agenda_first(&p.starts)) {
        drop_first(&p);
    }
    assert_int_equal(state_count(store), 0);
    assert_int_equal(p.starts.times.n, 0);
    panes_done(&p);
    state_free(store);
}

static void found_again_after_a_restore(void **state)
{
    (void)state;
    struct state *store = state_memory_new(NULL);
    struct panes p;
    panes_init(&p, store, 8);
    bool is_new;
    for (int i = 0; i < 30; i++) {
        entry(&p, 1000 - i / 3, i % 3, &is_new);
    }
    panes_done(&p);
    panes_init(&p, store, 8);
    assert_int_equal(panes_load(&p), 0);
    assert_int_equal(p.starts.times.n, 10);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(agenda_first(&p.starts)->time, 991 + i);
        assert_int_equal(agenda_first(&p.starts)->n, 3);
        uint32_t n;
        assert_int_equal(memcmp(pane_key(agenda_first(&p.starts)->item[0], &n), "key number ", 11),
                         0);
        drop_first(&p);
    }
    panes_done(&p);
    panes_init(&p, store, 8);
    assert_int_equal(panes_load(&p), 0);
    assert_null(agenda_first(&p.starts));
    state_restore(store, "short", 5, "12345678", 8);
    assert_int_equal(panes_load(&p), -ERR_DATA);
    panes_done(&p);
    state_free(store);
}

static void sorted_by_key_text(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a);
    struct schema *s = schema_new(&a, 1);
    s->key[s->nkey++] = schema_add(s, "host", &type_string, false, false);
    struct state *store = state_memory_new(NULL);
    struct panes p;
    panes_init(&p, store, 8);
    const char *const sorted[] = {"",          "a",         "a\x01",    "abcdefgh",
                                  "abcdefgha", "abcdefghb", "abcdefgi", "b"};
    const int order[] = {5, 2, 7, 0, 4, 1, 6, 3};
    for (int i = 0; i < 8; i++) {
        const char *key = sorted[order[i]];
        struct str x = str_ref(key, (uint32_t)strlen(key));
        bool is_new;
        panes_entry(&p, agenda_at(&p.starts, 0), hash_bytes(key, x.n, 0), &x, &is_new);
        assert_true(is_new);
    }
    struct date *pane = agenda_first(&p.starts);
    struct key_by by = panes_order(s);
    struct key_sort sort = {0};
    key_sort_begin(&sort, pane->item, pane->n, &by);
    while (!key_sort_step(&sort, &a)) {
    }
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t n;
        const char *key = pane_key(pane->item[i], &n);
        assert_int_equal(n, strlen(sorted[i]));
        assert_memory_equal(key, sorted[i], n);
    }
    panes_done(&p);
    state_free(store);
    arena_done(&a);
}

/* With no room in memory a pane closes in parts, in the order of its keys; commits come between. */
static void parts_come_in_order(void **state)
{
    (void)state;
    struct fake_disk f;
    struct panes p;
    bool is_new;
    fake_disk_init(&f, 0);
    struct state *store = state_memory_new(NULL);
    assert_int_equal(state_attach(store, &f.disk, 0, true), 0);
    panes_init(&p, store, 8);
    p.in_parts = true;
    for (int key = 9; key > 0; key -= 2) {
        entry(&p, 10, key, &is_new);
        entry(&p, 20, key, &is_new);
    }
    fake_disk_commit(&f, store, 0);
    panes_follow(&p);
    entry(&p, 10, 4, &is_new); /* between the others, and behind all */
    entry(&p, 10, 99, &is_new);
    char last[32] = "";
    int parts = 0, items = 0;
    for (const struct date *d; (d = agenda_first(&p.starts))->time == 10; parts++) {
        assert_int_equal(panes_gather(&p), 0);
        char greatest[32] = "";
        for (uint32_t i = 0; i < d->n; i++, items++) {
            uint32_t n;
            const char *key = pane_key(d->item[i], &n);
            char text[32];
            snprintf(text, sizeof text, "%.*s", (int)n, key);
            assert_true(strcmp(last, text) < 0);
            if (strcmp(greatest, text) < 0) {
                memcpy(greatest, text, sizeof greatest);
            }
        }
        memcpy(last, greatest, sizeof last);
        drop_first(&p);
        fake_disk_commit(&f, store, 0);
    }
    assert_int_equal(items, 7);
    assert_true(parts > 3);
    assert_int_equal(f.n, 5);
    assert_int_equal(panes_gather(&p), 0);
    drop_first(&p);
    panes_done(&p);
    state_free(store);
    fake_disk_done(&f);
}

/* With no room in memory: the items of a pane are known when it closes, those that are dirty and
 * those on disk. */
static void items_come_from_the_disk(void **state)
{
    (void)state;
    struct fake_disk f;
    struct panes p;
    bool is_new;
    fake_disk_init(&f, 0);
    for (int restarts = 0; restarts < 2; restarts++) {
        struct state *store = state_memory_new(NULL);
        assert_int_equal(state_attach(store, &f.disk, 0, true), 0);
        panes_init(&p, store, 8);
        assert_int_equal(panes_load(&p), 0);
        if (restarts == 0) {
            entry(&p, 10, 1, &is_new);
            entry(&p, 10, 2, &is_new);
            entry(&p, 20, 1, &is_new);
            assert_int_equal(agenda_first(&p.starts)->n, 2);
            fake_disk_commit(&f, store, 0);
            panes_follow(&p);
            assert_int_equal(agenda_first(&p.starts)->n, 0);
            entry(&p, 10, 3, &is_new);
            assert_true(is_new);
            entry(&p, 10, 1, &is_new);
            assert_false(is_new);
            fake_disk_commit(&f, store, 0);
        } else {
            panes_follow(&p);
            entry(&p, 10, 4, &is_new);
            assert_true(is_new);
            assert_int_equal(panes_gather(&p), 0);
            assert_int_equal(agenda_first(&p.starts)->time, 10);
            assert_int_equal(agenda_first(&p.starts)->n, 4);
            fake_disk_commit(&f, store, 0); /* they stay */
            drop_first(&p);
            assert_int_equal(panes_gather(&p), 0);
            assert_int_equal(agenda_first(&p.starts)->time, 20);
            assert_int_equal(agenda_first(&p.starts)->n, 1);
            drop_first(&p);
            assert_null(agenda_first(&p.starts));
            fake_disk_commit(&f, store, 0);
        }
        panes_done(&p);
        state_free(store);
    }
    assert_int_equal(f.n, 0);
    fake_disk_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_panes),
        cmocka_unit_test(found_again_after_a_restore),
        cmocka_unit_test(items_come_from_the_disk),
        cmocka_unit_test(parts_come_in_order),
        cmocka_unit_test(sorted_by_key_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
