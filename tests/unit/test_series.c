/* Series: points in order, the store behind them, dates, a restore; against plain models. */
#include "windows/series.h"

#include "engine/error.h"
#include "engine/hash.h"
#include "engine/random.h"
#include "engine/task_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define KEYS      5
#define POSITIONS 60
#define FROMS     3

static struct state_entry *entry(struct series_set *a, int key, int64_t pos, int64_t from,
                                 struct series **s, bool *is_new)
{
    char text[32];
    struct str k = str_ref(text, (uint32_t)snprintf(text, sizeof text, "key number %d", key));
    return series_entry(a, hash_bytes(text, k.n, 0), &k, pos, from, s, is_new);
}

static struct series *find(struct series_set *a, int key)
{
    char text[32];
    struct str k = str_ref(text, (uint32_t)snprintf(text, sizeof text, "key number %d", key));
    return series_find(a, hash_bytes(text, k.n, 0), &k);
}

static int restore(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    return state_restore(ctx, key, key_n, value, value_n);
}

static int64_t model[KEYS][POSITIONS][FROMS];

static void check_series(struct series_set *a, int key)
{
    struct series *s = find(a, key);
    uint32_t n = 0;
    for (int64_t pos = 0; pos < POSITIONS; pos++) {
        if (s) {
            assert_int_equal(series_lower(s, pos), n);
        }
        for (int from = 0; from < FROMS; from++) {
            if (model[key][pos][from] == 0) {
                continue;
            }
            assert_non_null(s);
            const struct point *p = &series_points(s)[n++];
            assert_int_equal(p->pos, pos);
            assert_int_equal(point_from(p), from);
            const int64_t *value = state_value(p->entry);
            assert_int_equal(*value, model[key][pos][from]);
        }
    }
    assert_int_equal(s ? s->n : 0, n);
}

static void points_against_a_model(void **state)
{
    (void)state;
    struct state *store = state_memory_new(NULL);
    struct series_set a;
    struct random r;
    memset(model, 0, sizeof model);
    random_seed(&r, 3, 1);
    series_init(&a, store, 8, 2);
    for (int i = 0; i < 20000; i++) {
        int key = (int)random_below(&r, KEYS);
        int64_t pos = (int64_t)random_below(&r, POSITIONS);
        int from = (int)random_below(&r, FROMS);
        struct series *s;
        bool is_new;
        if (random_below(&r, 3) > 0) {
            int64_t *value = state_value(entry(&a, key, pos, from, &s, &is_new));
            assert_int_equal(is_new, model[key][pos][from] == 0);
            model[key][pos][from] = ++*value;
        } else if ((s = find(&a, key)) != NULL) {
            uint32_t at = random_below(&r, 3) ? 0 : random_below(&r, s->n);
            uint32_t n = 1 + random_below(&r, s->n - at);
            for (uint32_t k = at; k < at + n; k++) {
                const struct point *p = &series_points(s)[k];
                model[key][p->pos][point_from(p)] = 0;
            }
            series_remove(&a, s, at, n);
        }
        if (i % 100 == 0) {
            check_series(&a, key);
        }
        if (i % 4000 == 3999) { /* a restart */
            struct state *copy = state_memory_new(NULL);
            assert_int_equal(state_changes(store, restore, copy), 0);
            series_done(&a);
            state_free(store);
            store = copy;
            series_init(&a, store, 8, 2);
            assert_int_equal(series_load(&a, NULL), 0);
            for (int k = 0; k < KEYS; k++) {
                check_series(&a, k);
                for (int64_t at = 0; at < POSITIONS; at++) { /* the copy has committed nothing */
                    for (int f = 0; f < FROMS; f++) {
                        if (model[k][at][f]) {
                            entry(&a, k, at, f, &s, &is_new);
                        }
                    }
                }
            }
        }
    }
    series_done(&a);
    state_free(store);
}

/* How many series the date's turn has, all of it in one slice. */
static uint32_t due(struct series_set *a, struct date *d, const struct schema *schema)
{
    struct series_order by = {.schema = schema};
    struct task t = {.left = 1000};
    struct arena scratch;
    arena_init(&scratch);
    struct op op = {.task = &t, .mem = &scratch};
    assert_int_equal(series_due(a, d, &by, &op), 0);
    arena_done(&scratch);
    return a->turn.n;
}

static void dates_that_no_longer_count(void **state)
{
    (void)state;
    struct arena mem;
    arena_init(&mem);
    struct schema *schema = schema_new(&mem, 1);
    schema->key[schema->nkey++] = schema_add(schema, "k", &type_string, false, false);
    struct state *store = state_memory_new(NULL);
    struct series_set a;
    struct series *x, *y;
    bool is_new;
    series_init(&a, store, 8, 1);
    entry(&a, 2, 5, 0, &x, &is_new);
    entry(&a, 1, 5, 0, &y, &is_new);
    series_schedule(&a, x, 20);
    series_schedule(&a, x, 30); /* later: nothing */
    series_schedule(&a, x, 10);
    series_schedule(&a, y, 10);
    struct date *d = agenda_first(&a.agenda);
    assert_int_equal(d->time, 10);
    assert_int_equal(due(&a, d, schema), 2);
    assert_true(d->item[0] == y && d->item[1] == x); /* by key */
    series_remove(&a, x, 0, 1);                      /* lives on in its date at 20 */
    assert_null(find(&a, 2));
    series_drop_date(&a);
    d = agenda_first(&a.agenda);
    assert_int_equal(d->time, 20);
    assert_int_equal(due(&a, d, schema), 0);
    series_drop_date(&a);
    series_schedule(&a, y, 40);
    series_done(&a);
    assert_int_equal(state_count(store), 1);
    state_free(store);
    arena_done(&mem);
}

static void what_has_been_closed_is_kept(void **state)
{
    (void)state;
    struct state *store = state_memory_new(NULL);
    struct series_set a;
    struct series *s;
    bool is_new;
    series_init(&a, store, 8, 2);
    a.fired = 7;
    series_flush(&a); /* no points: nothing that could be closed twice */
    assert_int_equal(state_count(store), 0);
    entry(&a, 1, 5, 0, &s, &is_new);
    series_flush(&a);
    assert_int_equal(state_count(store), 2);
    a.fired = 8;
    series_flush(&a);
    series_flush(&a);
    assert_int_equal(state_count(store), 2);
    series_done(&a);
    series_init(&a, store, 8, 2);
    assert_int_equal(series_load(&a, NULL), 0);
    assert_int_equal(a.fired, 8);
    assert_int_equal(a.count, 1);
    series_remove(&a, find(&a, 1), 0, 1);
    assert_int_equal(state_count(store), 0);
    series_done(&a);
    state_free(store);
}

static void damaged_entries(void **state)
{
    (void)state;
    struct state *store = state_memory_new(NULL);
    struct series_set a;
    assert_int_equal(state_restore(store, "short", 5, "12345678", 8), 0);
    series_init(&a, store, 8, 2);
    assert_int_equal(series_load(&a, NULL), -ERR_DATA);
    series_done(&a);
    state_free(store);
}

static void numbers_that_are_taken(void **state)
{
    (void)state;
    struct state *store = state_memory_new(NULL);
    struct series_set a;
    struct series *s = NULL;
    struct str key = str_ref("k", 1);
    uint64_t hash = hash_bytes("k", 1, 0);
    series_init(&a, store, 8, 1);
    const struct state_entry *x = series_add(&a, hash, &key, INT64_MAX, 30, &s);
    const struct state_entry *y = series_add(&a, hash, &key, INT64_MAX, 20, &s);
    const struct state_entry *z = series_add(&a, hash, &key, INT64_MAX, 40, &s);
    assert_true(x != y && y != z && s->n == 3);
    assert_ptr_equal(series_points(s)[0].entry, y);
    series_reorder(s, 0, 35);
    assert_ptr_equal(series_points(s)[1].entry, y);
    series_reorder(s, 2, 10);
    assert_ptr_equal(series_points(s)[0].entry, z);
    assert_int_equal(series_points(s)[0].pos, 10);
    series_done(&a);
    state_free(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(points_against_a_model),
        cmocka_unit_test(dates_that_no_longer_count),
        cmocka_unit_test(what_has_been_closed_is_kept),
        cmocka_unit_test(damaged_entries),
        cmocka_unit_test(numbers_that_are_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
