/* The store of a table and the step that fills it: changelog, restart, another shape, versions.
 */
#include "engine/hash.h"
#include "engine/random.h"
#include "engine/table.h"
#include "tests/support/fake_disk.h"
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define TOPOLOGY(columns, more)                                                                    \
    "name: t\ntables:\n  h: {from: {topic: h, value: json, columns: {" columns "}}" more "}\n"     \
    "streams:\n  s:\n    from: {topic: s, value: json, columns: {i: long}}\n"                      \
    "    steps:\n      - lookup: {table: h, take: {x: a}}\n      - select: i, x\n"                 \
    "    to: {topic: out, value: csv}\n"
#define PLAIN TOPOLOGY("a: string", "")

static void commit(struct task_rig *r)
{
    assert_int_equal(task_flush(r->task, &r->err), 0);
    task_committed(r->task);
}

static int input_of(const struct task_rig *r, const char *topic)
{
    return task_input(r->task, topic, -1);
}

static void rows_are_found_after_a_restart(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, PLAIN, 0);
    task_rig_start(&r, 0);
    assert_true(task_input_rewinds(r.task, input_of(&r, "h"))); /* nothing was restored */
    assert_false(task_input_rewinds(r.task, input_of(&r, "s")));
    assert_true(task_input_is_table(r.task, input_of(&r, "h")));
    assert_false(task_input_is_table(r.task, input_of(&r, "s")));
    const char *key[] = {"k", "l", "gone", "gone", NULL, "k"};
    const char *value[] = {"{\"a\":\"old\"}", "{\"a\":\"a text longer than twelve\"}",
                           "{\"a\":\"x\"}",   NULL,
                           "{\"a\":\"y\"}",   "{\"a\":\"new\"}"};
    assert_int_equal(task_rig_push(&r, "h", 10, key, value, 6), 0);
    commit(&r);
    size_t n = r.n;
    struct produced *item = r.item;
    assert_int_equal(n,
                     3); /* the layout; each key once; what never got there is not deleted there */
    r.item = NULL;
    r.n = 0;
    task_rig_stop(&r);

    task_rig_new(&r, 0);
    assert_int_equal(task_rig_restore(&r, 0, item, n), 0);
    assert_int_equal(task_rig_open(&r), 0);
    assert_false(task_input_rewinds(r.task, input_of(&r, "h")));
    task_rig_push_one(&r, "s", 0, "k", "{\"i\":1}");
    task_rig_push_one(&r, "s", 1, "l", "{\"i\":2}");
    task_rig_push_one(&r, "s", 2, "gone", "{\"i\":3}");
    task_rig_push_one(&r, "s", 3, NULL, "{\"i\":4}");
    assert_string_equal(task_rig_out(&r), "out k 1,new\nout l 2,a text longer than twelve\n"
                                          "out gone 3,\nout - 4,\n");
    task_rig_push_one(&r, "h", 16, "l", NULL);
    task_rig_push_one(&r, "s", 4, "l", "{\"i\":5}");
    commit(&r);
    const struct produced *deleted = task_rig_find(&r, "t-h-table-changelog");
    assert_non_null(deleted);
    assert_string_equal(deleted->key, "l");
    assert_null(deleted->value);
    assert_string_equal(task_rig_out(&r), "out l 5,\n");
    r.item = item;
    r.n = n;
    task_rig_done(&r);
}

/* Saves one row under `from`, opens r as `to` with it. */
static int reopen(struct task_rig *r, const char *from, const char *to, const char *topic)
{
    struct task_rig old;
    task_rig_init(&old, from, 0);
    task_rig_start(&old, 0);
    task_rig_push_one(&old, topic, 10, "k", "{\"a\":\"x\",\"b\":7}");
    commit(&old);
    task_rig_init(r, to, 0);
    task_rig_new(r, 0);
    assert_int_equal(task_rig_restore(r, 0, old.item, old.n), 0);
    task_rig_done(&old);
    return task_rig_open(r);
}

static void another_shape_is_read_anew(void **state)
{
    (void)state;
    static const char *const others[] = {
        TOPOLOGY("a: string, b: long", ""), TOPOLOGY("a: long", ""),
        "name: t\ntables:\n  h: {from: {topic: h, value: json, columns: {a: string}}}\n"
        "streams:\n  s:\n    from: {topic: s, value: json, columns: {i: long}}\n"
        "    steps:\n      - lookup: {table: h, take: {x: a}, versioned: true}\n"
        "      - select: i, x\n    to: {topic: out, value: csv}\n"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct task_rig r;
        assert_int_equal(reopen(&r, PLAIN, others[i], "h"), 0);
        assert_true(task_input_rewinds(r.task, input_of(&r, "h")));
        task_rig_push_one(&r, "s", 0, "k", "{\"i\":1}");
        assert_string_equal(task_rig_out(&r), "out k 1,\n");
        commit(&r); /* what cannot be read goes, should the topic not bring it again */
        const struct produced *deleted = task_rig_find(&r, "t-h-table-changelog");
        assert_non_null(deleted);
        assert_null(deleted->value);
        task_rig_done(&r);
    }
    struct task_rig r; /* what is taken of it does not matter */
    assert_int_equal(reopen(&r, PLAIN,
                            "name: t\ntables:\n  h: {from: {topic: h, value: json, columns: {a: "
                            "string}}}\nstreams:\n  s:\n    from: {topic: s, value: json, columns: "
                            "{i: long}}\n    steps:\n      - lookup: {table: h, take: {}}\n"
                            "    to: {topic: out, value: csv}\n",
                            "h"),
                     0);
    assert_false(task_input_rewinds(r.task, input_of(&r, "h")));
    task_rig_done(&r);
}

static void a_stream_cannot_be_read_again(void **state)
{
    (void)state;
#define OF_STREAM(columns)                                                                         \
    "name: t\ntables: {h: {from: in}}\nstreams:\n"                                                 \
    "  in: {from: {topic: x, value: json, columns: {" columns "}}}\n"                              \
    "  s:\n    from: in\n    steps:\n      - lookup: {table: h, take: {x: a}}\n"                   \
    "    to: {topic: out, value: csv}\n"
    struct task_rig r;
    assert_int_equal(reopen(&r, OF_STREAM("a: string"), OF_STREAM("a: string, b: long"), "x"),
                     -ERR_CONFIG);
    assert_non_null(strstr(r.err.text, "the columns of the table have changed"));
    task_rig_done(&r);
}

static void keys_that_are_null_are_counted(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r, PLAIN, 0);
    task_rig_start(&r, 0);
    assert_int_equal(task_rig_push_one(&r, "h", 0, NULL, "{\"a\":\"x\"}"), 0);
    assert_int_equal(task_rig_push_one(&r, "h", 1, NULL, NULL), 0);
    assert_int_equal(task_rig_push_one(&r, "h", 2, "nobody", NULL), 0);
    commit(&r);
    assert_null(task_rig_find(&r, "t-h-table-changelog"));
    task_rig_done(&r);
}

static void a_table_holds_nothing_back(void **state)
{
    (void)state;
    struct task_rig r;
    task_rig_init(&r,
                  "name: t\ntables: {h: {from: {topic: h, value: json, columns: {a: string}}}}\n"
                  "streams:\n  s:\n    from: {topic: s, value: json, columns: {i: long}}\n"
                  "    steps:\n      - lookup: {table: h}\n"
                  "      - window: {tumbling: 10ms, aggregate: \"count() as n, last(a) as a\"}\n"
                  "      - select: n, a\n    to: {topic: out, value: csv}\n",
                  0);
    task_rig_start(&r, 0);
    task_rig_push_one(&r, "s", 1, "k", "{\"i\":1}");
    task_rig_push_one(&r, "h", 2, "k", "{\"a\":\"x\"}");
    task_rig_push_one(&r, "s", 3, "k", "{\"i\":2}");
    task_rig_push_one(&r, "s", 30, "k", "{\"i\":2}");
    assert_string_equal(task_rig_out(&r), "out k 2,x\n");
    task_rig_done(&r);
}

#define TOLD                                                                                       \
    "name: t\ntables:\n"                                                                           \
    "  h: {from: {topic: h, value: json, columns: {a: string, b: long}}}\n"                        \
    "streams:\n  s: {from: h, steps: [select: 'a, b + 1 as c'], to: {topic: out, value: csv}}\n"

/* A stream gets each change, but neither what has no key nor what deletes nothing. */
static void changes_are_told(void **state)
{
    (void)state;
    for (uint16_t batch = 0; batch < 3; batch++) {
        struct task_rig r;
        task_rig_init(&r, TOLD, batch);
        task_rig_start(&r, 0);
        assert_false(task_input_rewinds(r.task, input_of(&r, "h"))); /* would tell all again */
        const char *key[] = {"k", "none", "k", NULL, "k", "k", "k"};
        const char *value[] = {"{\"a\":\"x\",\"b\":1}", NULL, "{\"a\":\"y\"}",
                               "{\"a\":\"z\"}",         NULL, NULL,
                               "{\"a\":\"w\",\"b\":7}"};
        assert_int_equal(task_rig_push(&r, "h", 10, key, value, 7), 0);
        assert_string_equal(task_rig_out(&r), "out k x,2\nout k y,\nout k null\nout k w,8\n");
        task_rig_done(&r);
    }
}

/* What does not pass is deleted, and nobody computes with it; a row that fails is only bad. Other
 * readers of the same rows see them whole.
 */
static void a_filter_deletes_what_it_keeps_out(void **state)
{
    (void)state;
    for (uint16_t batch = 0; batch < 3; batch++) {
        struct task_rig r;
        task_rig_init(&r,
                      "name: t\nerrors: {tolerance: all, dead_letter_topic: dead}\ntables:\n"
                      "  h: {from: {topic: h, value: json, columns: {a: string, b: long}}}\n"
                      "streams:\n"
                      "  s: {from: h, steps: [filter: 8 / b > 1, select: 'a, 12 / (b - 5) as c'], "
                      "to: {topic: out, value: csv}}\n"
                      "  whole: {from: h, to: {topic: whole, value: csv}}\n",
                      batch);
        task_rig_start(&r, 0);
        const char *key[] = {"k", "k", "l", "m", "k", "l"};
        const char *value[] = {"{\"a\":\"x\",\"b\":3}",
                               "{\"a\":\"y\",\"b\":5}",
                               "{\"a\":\"z\"}",
                               "{\"b\":0}",
                               NULL,
                               "{\"b\":2}"};
        assert_int_equal(task_rig_push(&r, "h", 10, key, value, 6), 0);
        struct buffer out, whole;
        buffer_init(&out);
        buffer_init(&whole);
        for (size_t i = 0; i < r.n; i++) {
            struct produced *p = &r.item[i];
            struct buffer *to = strcmp(p->topic, "out") == 0 ? &out : &whole;
            if (strcmp(p->topic, "dead") != 0) {
                buffer_printf(to, "%s %s\n", p->key, p->value ? p->value : "null");
            }
        }
        assert_string_equal(buffer_cstr(&out), "k x,-6\nk null\nl null\nk null\nl ,-4\n");
        assert_string_equal(buffer_cstr(&whole), "k x,3\nk y,5\nl z,\nm ,0\nk null\nl ,2\n");
        buffer_done(&out);
        buffer_done(&whole);
        task_rig_done(&r);
    }
}

/* ---- the store itself ---- */

struct bench {
    struct arena mem;
    struct schema *schema;
    struct table_cfg cfg;
    struct table_plan *plan;
    struct state *state;
    struct table_store *s;
};

static void bench_open(struct bench *b)
{
    bool is_stale;
    assert_int_equal(table_open(&b->s, b->plan, b->state, &is_stale), 0);
    assert_false(is_stale);
}

static void bench_init(struct bench *b, int64_t history)
{
    arena_init(&b->mem);
    b->schema = schema_new(&b->mem, 2);
    schema_add(b->schema, "_key", &type_string, true, true);
    schema_add(b->schema, "v", &type_long, true, false);
    b->schema->key[0] = 0;
    b->schema->nkey = 1;
    b->schema->keyed = true;
    b->cfg = (struct table_cfg){.by = -1, .is_versioned = history > 0, .history = history};
    b->plan = table_plan_new(&b->mem, &b->cfg, b->schema);
    b->state = state_memory_new(&b->plan->codec);
    bench_open(b);
}

static void put(struct bench *b, const char *key, int64_t time, int64_t v)
{
    struct batch *rows = batch_new(&b->mem, b->schema, 1, NULL);
    struct str k = str_ref(key, (uint32_t)strlen(key));
    rows->time[0] = time;
    rows->col[1].i[0] = v;
    table_put(b->s, &k, NULL, rows, 0);
}

static void drop(struct bench *b, const char *key, int64_t time)
{
    struct str k = str_ref(key, (uint32_t)strlen(key));
    table_delete(b->s, &k, time);
}

static int64_t get(struct bench *b, const char *key, int64_t as_of)
{
    struct str k = str_ref(key, (uint32_t)strlen(key));
    struct vec col[2] = {vec_new(&b->mem, &type_string, 1), vec_new(&b->mem, &type_long, 1)};
    uint32_t n;
    const void *row = table_get(b->s, &k, hash_bytes(key, strlen(key), 0), as_of, &n);
    if (!row) {
        return -1;
    }
    assert_int_equal(row_load(&b->plan->layout, row, n, col, NULL, 0, 1, &b->mem), 0);
    return col[1].i[0];
}

static int keep_change(void *ctx, const void *key, uint32_t key_n, const void *value,
                       size_t value_n)
{
    return state_restore(ctx, key, key_n, value, value_n);
}

/* Everything through the changelog. */
static void bench_restart(struct bench *b)
{
    struct state *fresh = state_memory_new(&b->plan->codec);
    assert_int_equal(state_changes(b->state, keep_change, fresh), 0);
    table_close(b->s);
    state_free(b->state);
    b->state = fresh;
    bench_open(b);
}

static void bench_done(struct bench *b)
{
    table_close(b->s);
    state_free(b->state);
    arena_done(&b->mem);
}

static void the_latest_row(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 0);
    put(&b, "k", 10, 1);
    put(&b, "k", 5, 2);
    put(&b, "", 5, 3);
    assert_int_equal(get(&b, "k", TIME_MAX), 2);
    assert_int_equal(get(&b, "", TIME_MAX), 3);
    table_expire(b.s, 1000000); /* nothing to expire without versions */
    bench_restart(&b);
    assert_int_equal(get(&b, "k", TIME_MAX), 2);
    drop(&b, "k", 1);
    drop(&b, "l", 1);
    assert_int_equal(get(&b, "k", TIME_MAX), -1);
    assert_int_equal(state_count(b.state), 1);
    bench_done(&b);
}

static void versions_in_any_order(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 100);
    put(&b, "k", 30, 3);
    put(&b, "k", 10, 1);
    put(&b, "k", 20, 2);
    drop(&b, "k", 40);
    put(&b, "k", 20, 4); /* of equal times the later one to come */
    for (int turn = 0; turn < 2; turn++) {
        assert_int_equal(get(&b, "k", 9), -1);
        assert_int_equal(get(&b, "k", 10), 1);
        assert_int_equal(get(&b, "k", 29), 4);
        assert_int_equal(get(&b, "k", 39), 3);
        assert_int_equal(get(&b, "k", TIME_MAX), -1);
        bench_restart(&b);
    }
    bench_done(&b);
}

static void versions_out_of_reach_go(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 100);
    for (int turn = 0; turn < 2; turn++) {
        put(&b, "k", 10, 1);
        put(&b, "k", 20, 2);
        put(&b, "l", 15, 3);
        drop(&b, "l", 25);
        put(&b, "m", 1, 4);
        if (turn) {
            bench_restart(&b);
        }
        table_expire(b.s, 119);
        assert_int_equal(state_count(b.state), 5);
        assert_int_equal(get(&b, "k", 19), 1);
        assert_int_equal(get(&b, "k", 18), -1); /* before the history */
        table_expire(b.s, 120);
        assert_int_equal(state_count(b.state), 4);
        assert_int_equal(get(&b, "k", 20), 2);
        table_expire(b.s, 125);
        assert_int_equal(state_count(b.state), 2); /* the newest of k and of m stay */
        table_expire(b.s, TIME_MAX);
        assert_int_equal(get(&b, "m", TIME_MAX), 4);
        put(&b, "k", 5, 9); /* before the history, and not the newest: gone at once */
        assert_int_equal(state_count(b.state), 2);
        drop(&b, "k", 21);
        drop(&b, "m", 21);
        assert_int_equal(state_count(b.state), 0);
        table_close(b.s); /* the history begins anew */
        bench_open(&b);
    }
    bench_done(&b);
}

static void a_damaged_entry_is_not_read(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, 100);
    table_close(b.s);
    struct buffer saved;
    buffer_init(&saved);
    b.plan->codec.save(b.plan->codec.ctx, "\1\1\2", 3, &saved);
    static const char *const keys[] = {"", "\x02",
                                       "\x06"
                                       "k12345678",
                                       "\x01"
                                       "k12345678"};
    bool is_stale;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(
            state_restore(b.state, keys[i], (uint32_t)strlen(keys[i]), saved.data, saved.n), 0);
        assert_int_equal(table_open(&b.s, b.plan, b.state, &is_stale), 0);
        assert_true(is_stale);
        assert_int_equal(state_count(b.state), 0);
        table_close(b.s);
    }
    saved.data[0] ^= 1; /* of other columns */
    assert_int_equal(state_restore(b.state, "k", 1, saved.data, saved.n), 0);
    assert_int_equal(state_restore(b.state, "l", 1, saved.data, 3), 0);
    assert_int_equal(table_open(&b.s, b.plan, b.state, &is_stale), 0);
    assert_true(is_stale);
    buffer_done(&saved);
    bench_done(&b);
}

/* ---- over a disk ---- */

/* In place of the empty store in memory. */
static void bench_attach(struct bench *b, struct fake_disk *f)
{
    table_close(b->s);
    state_free(b->state);
    b->state = state_memory_new(&b->plan->codec);
    assert_int_equal(state_attach(b->state, &f->disk, 0, table_is_lazy(&b->cfg)), 0);
}

static void rows_on_disk_are_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed < 9; seed++) {
        struct random random;
        struct fake_disk f;
        struct bench a, b;
        random_seed(&random, seed, 3);
        fake_disk_init(&f, seed % 2 ? 0 : 700);
        bench_init(&a, 0);
        bench_init(&b, 0);
        bench_attach(&b, &f);
        bench_open(&b);
        for (int i = 0; i < 1500; i++) {
            char key[20];
            snprintf(key, sizeof key, "%d", (int)random_below(&random, 40));
            switch (random_below(&random, 8)) {
            case 0:
                drop(&a, key, i);
                drop(&b, key, i);
                break;
            case 1:
            case 2:
                put(&a, key, i, i);
                put(&b, key, i, i);
                break;
            case 3:
                state_trim(b.state);
                break;
            default:
                assert_int_equal(get(&a, key, TIME_MAX), get(&b, key, TIME_MAX));
            }
            if (random_below(&random, 30) == 0) {
                fake_disk_commit(&f, b.state, 0);
            }
            if (random_below(&random, 300) == 0) {
                fake_disk_commit(&f, b.state, 0);
                bench_attach(&b, &f);
                bench_open(&b);
            }
        }
        assert_true(f.gets > 100);
        bench_done(&a);
        bench_done(&b);
        fake_disk_done(&f);
    }
}

/* A restore has met rows of other columns, most of which lie on disk by now. */
static void rows_of_other_columns_on_disk_go(void **state)
{
    (void)state;
    for (int has_old = 0; has_old < 2; has_old++) {
        struct fake_disk f;
        struct bench b;
        bool is_stale;
        fake_disk_init(&f, 0);
        bench_init(&b, 0);
        bench_attach(&b, &f);
        struct buffer saved;
        buffer_init(&saved);
        b.plan->codec.save(b.plan->codec.ctx, "\1\1\2", 3, &saved);
        saved.data[0] ^= 1;
        for (int i = 0; i < 20 * has_old; i++) {
            char key[20];
            uint32_t n = (uint32_t)snprintf(key, sizeof key, "%d", i);
            assert_int_equal(state_restore(b.state, key, n, saved.data, saved.n), 0);
            f.disk.ops->put(&f.disk, 0, key, n, saved.data, saved.n);
        }
        f.disk.ops->write(&f.disk, 0, NULL);
        state_committed(b.state);
        assert_int_equal(state_count(b.state), 0);
        assert_int_equal(state_is_stale(b.state), has_old);
        assert_int_equal(table_open(&b.s, b.plan, b.state, &is_stale), 0);
        assert_int_equal(is_stale, has_old);
        assert_true(has_old || state_is_empty(b.state));
        put(&b, "7", 1, 5);
        fake_disk_commit(&f, b.state, 0);
        assert_int_equal(f.n, 1);
        assert_int_equal(get(&b, "7", TIME_MAX), 5);
        assert_false(state_is_empty(b.state));
        buffer_done(&saved);
        bench_done(&b);
        fake_disk_done(&f);
    }
}

/* Until they are deleted, in the changelog as well, a restart meets them again: the mark stays at
 * 0, of a copy for another process, too. */
static void the_mark_waits_for_rows_of_other_columns(void **state)
{
    (void)state;
    const int64_t next[] = {11};
    for (int is_copy = 0; is_copy < 2; is_copy++) {
        struct task_rig old, r;
        struct fake_disk f;
        fake_disk_init(&f, 0);
        task_rig_init(&old, PLAIN, 0);
        task_rig_start(&old, 0);
        task_rig_push_one(&old, "h", 10, "k", "{\"a\":\"x\"}");
        commit(&old);
        task_rig_init(&r, TOPOLOGY("a: long", ""), 0);
        task_rig_new(&r, 0);
        assert_int_equal(task_take_disk(r.task, &f.disk, 1), CHECKPOINT_NONE);
        assert_int_equal(task_attach(r.task), 0);
        for (size_t i = 0; i < old.n && is_copy; i++) {
            const struct produced *p = &old.item[i];
            struct record record = {
                .key = p->key, .key_n = p->key_n, .value = p->value, .value_n = p->value_n};
            assert_int_equal(task_copy(r.task, 0, &record, &r.err), 0);
        }
        if (is_copy) {
            assert_int_equal(task_copied(r.task, next, 5, &r.err), 0);
        } else {
            assert_int_equal(task_rig_restore(&r, 0, old.item, old.n), 0);
            assert_int_equal(task_restored(r.task, next, &r.err), 0);
            assert_int_equal(task_rig_open(&r), 0);
            assert_true(task_input_rewinds(r.task, input_of(&r, "h")));
        }
        assert_int_equal(task_mark(r.task)->next[0], 0);
        if (!is_copy) {
            task_set_mark(r.task, next);
            assert_int_equal(task_flush(r.task, &r.err), 0);
            assert_int_equal(task_write_checkpoint(r.task, &r.err), 0);
            assert_int_equal(f.n, 1); /* the mark */
            task_rig_stop(&r);
            task_rig_new(&r, 0);
            assert_int_equal(task_take_disk(r.task, &f.disk, 1), CHECKPOINT_THERE);
            assert_int_equal(task_mark(r.task)->next[0], 11);
            task_rig_stop(&old);
            task_rig_new(&old, 0);
            assert_int_equal(task_take_disk(old.task, &f.disk, 1), CHECKPOINT_OTHER);
        }
        task_rig_done(&r);
        task_rig_done(&old);
        fake_disk_done(&f);
    }
}

static void a_damaged_row_on_disk_ends_the_task(void **state)
{
    (void)state;
    struct fake_disk f;
    struct bench b;
    fake_disk_init(&f, 0);
    bench_init(&b, 0);
    assert_false(table_damaged(b.s)); /* no disk */
    bench_attach(&b, &f);
    bench_open(&b);
    put(&b, "k", 1, 5);
    fake_disk_commit(&f, b.state, 0);
    assert_int_equal(get(&b, "k", TIME_MAX), 5);
    assert_true(table_damaged(b.s));
    assert_int_equal(f.disk.failed, -ERR_DATA);
    bench_done(&b);
    fake_disk_done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_found_after_a_restart),
        cmocka_unit_test(another_shape_is_read_anew),
        cmocka_unit_test(a_stream_cannot_be_read_again),
        cmocka_unit_test(keys_that_are_null_are_counted),
        cmocka_unit_test(a_table_holds_nothing_back),
        cmocka_unit_test(changes_are_told),
        cmocka_unit_test(a_filter_deletes_what_it_keeps_out),
        cmocka_unit_test(the_latest_row),
        cmocka_unit_test(versions_in_any_order),
        cmocka_unit_test(versions_out_of_reach_go),
        cmocka_unit_test(a_damaged_entry_is_not_read),
        cmocka_unit_test(rows_on_disk_are_the_same),
        cmocka_unit_test(rows_of_other_columns_on_disk_go),
        cmocka_unit_test(the_mark_waits_for_rows_of_other_columns),
        cmocka_unit_test(a_damaged_row_on_disk_ends_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
