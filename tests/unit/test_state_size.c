/* Bytes of state are what the allocator gives out for it, within a fifth: for values of a fixed
 * size and for those that own memory; they fall when values go.
 *
 * The allocator is asked before a task is restored and after; both run the same steps with the same
 * rows, once with few keys and once with many, so that what is not state drops out.
 */
#include "tests/support/task_rig.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
size_t __sanitizer_get_current_allocated_bytes(void);

static uint64_t allocated(void)
{
    return __sanitizer_get_current_allocated_bytes();
}
#else
static uint64_t allocated(void)
{
    struct mallinfo2 m = mallinfo2();
    return m.uordblks + m.hblkhd;
}
#endif

#define KEYS 3000

static void sum(void *ctx, const struct task_step *s)
{
    *(uint64_t *)ctx += s->bytes;
}

/* Gives the changelog of the task to another one; the answer is what that took, and *said what its
 * steps say. */
static uint64_t restored(struct task_rig *r, const struct produced *item, size_t n, uint64_t *said)
{
    uint64_t before = allocated();
    task_rig_new(r, 0);
    assert_int_equal(task_rig_restore(r, 0, item, n), 0);
    assert_int_equal(task_rig_open(r), 0);
    uint64_t took = allocated() - before;
    *said = 0;
    task_steps(r->task, sum, said);
    task_rig_stop(r);
    return took;
}

/* Half of the changelog, and all of it: the difference is state. The answer is what is said of all.
 */
static uint64_t assert_ratio(const char *name, struct task_rig *r)
{
    uint64_t half = 0, all = 0;
    uint64_t took_half = restored(r, r->item, r->n / 2, &half);
    uint64_t took_all = restored(r, r->item, r->n, &all);
    double ratio = (double)(all - half) / (double)(took_all - took_half);
    printf("%-10s %9llu said, %9llu taken: %.2f\n", name, (unsigned long long)(all - half),
           (unsigned long long)(took_all - took_half), ratio);
    assert_true(took_all > took_half);
    assert_true(ratio > 0.8 && ratio < 1.2);
    return all;
}

static void assert_honest(const char *name, const char *step, const char *columns)
{
    struct task_rig r;
    char text[1000], row[600], value[300];
    snprintf(text, sizeof text,
             "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, key: {h: string}, "
             "columns: {h: string, v: double, s: string, ts: long%s}}\n"
             "    time: {field: ts}\n    steps:\n      - %s\n    to: o\n",
             columns, step);
    task_rig_init(&r, text, 0);
    task_rig_start(&r, 0);
    memset(value, 'x', sizeof value);
    value[200] = '\0';
    for (int i = 0; i < KEYS * 4; i++) {
        char key[20];
        snprintf(key, sizeof key, "key-%06d", i % KEYS);
        snprintf(row, sizeof row,
                 "{\"h\":\"%s\",\"v\":%d.5,\"s\":\"%s%d\",\"ts\":%d,\"window_start\":0,"
                 "\"window_end\":100000}",
                 key, i, value, i, 5000 + i % 10);
        assert_int_equal(task_rig_push_one(&r, "x", i, key, row), 0);
    }
    assert_int_equal(task_flush(r.task, &r.err), 0);
    task_committed(r.task);
    uint64_t at_work = 0;
    task_steps(r.task, sum, &at_work);
    task_rig_stop(&r);
    uint64_t all = assert_ratio(name, &r);
    assert_true(at_work >= all * 8 / 10); /* grown, not read: room to spare is counted */
    task_rig_done(&r);
}

#define FEATURES(algorithm)                                                                        \
    "classify: {algorithm: " algorithm ", label: v > 1000, features: [v, ts], per: key, as: p}"

static void steps(void **state)
{
    (void)state;
    assert_honest("window", "window: {tumbling: 10s, aggregate: \"count() as n, avg(v) as a\"}",
                  "");
    assert_honest("collect", "window: {tumbling: 10s, aggregate: collect(s) as all}", "");
    assert_honest("session", "window: {session: 10s, aggregate: \"last(s) as s\"}", "");
    assert_honest("aggregate", "aggregate: \"count() as n, max(s) as s\"", "");
    assert_honest("top", "top: {n: 3, by: v}", ", window_start: timestamp, window_end: timestamp");
    assert_honest("absent", "absent: {after: 60s}", "");
    assert_honest("running", "running: lag(s, 2) as before, avg(v, 5) as mean", "");
    assert_honest("bayes", FEATURES("gaussian_nb"), "");
    assert_honest("logistic", FEATURES("logistic_regression"), "");
    assert_honest("softmax", FEATURES("softmax_regression, scale: standard"), "");
    assert_honest("dedupe", "dedupe: {by: s, within: 60s}", "");
}

/* Rows that wait, with the index and the timers beside them. */
static void joins(void **state)
{
    struct task_rig r;
    (void)state;
    task_rig_init(&r,
                  "name: t\nstreams:\n"
                  "  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: string, "
                  "s: string}}\n"
                  "  b:\n    from: {topic: y, value: json, key: {h: string}, columns: {h: string, "
                  "u: string}}\n"
                  "  both:\n    from: a\n    steps:\n      - join: {with: b, within: 1h}\n"
                  "    to: o\n",
                  0);
    task_rig_start(&r, 0);
    for (int i = 0; i < KEYS * 2; i++) {
        char key[20], row[100];
        snprintf(key, sizeof key, "key-%06d", i);
        snprintf(row, sizeof row, "{\"h\":\"%s\",\"s\":\"%d\",\"u\":\"%d\"}", key, i, i);
        assert_int_equal(task_rig_push_one(&r, i % 2 ? "x" : "y", i, key, row), 0);
    }
    assert_int_equal(task_flush(r.task, &r.err), 0);
    task_rig_stop(&r);
    assert_ratio("join", &r);
    task_rig_done(&r);
}

/* A store whose values own memory, by hand. */
struct owner {
    char *p;
    uint64_t n;
};

static void owner_save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    (void)ctx;
    (void)n;
    buffer_add(out, ((const struct owner *)value)->p, ((const struct owner *)value)->n);
}

static int64_t owner_loaded_size(void *ctx, const void *saved, size_t n)
{
    (void)ctx;
    (void)saved;
    (void)n;
    return sizeof(struct owner);
}

static int owner_load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    struct owner *x = value;
    (void)ctx;
    (void)n;
    *x = (struct owner){mem_alloc(saved_n), saved_n};
    memcpy(x->p, saved, saved_n);
    return 0;
}

static void owner_drop(void *ctx, void *value, uint32_t n)
{
    struct owner *x = value;
    (void)ctx;
    (void)n;
    mem_free(x->p);
    *x = (struct owner){0};
}

static uint64_t owner_size(void *ctx, const void *value, uint32_t n)
{
    (void)ctx;
    (void)n;
    return ((const struct owner *)value)->n;
}

static struct state_entry *own(struct state *s, const char *key, uint64_t n)
{
    bool is_new;
    uint32_t key_n = (uint32_t)strlen(key);
    struct state_entry *e =
        state_insert(s, hash_bytes(key, key_n, 0), key, key_n, sizeof(struct owner), &is_new);
    struct owner *x = state_value(e);
    x->p = mem_resize(x->p, n, 1);
    x->n = n;
    memset(x->p, 7, n);
    state_touch(s, e);
    return e;
}

static int ignore(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    (void)ctx;
    (void)key;
    (void)key_n;
    (void)value;
    (void)value_n;
    return 0;
}

static void commit(struct state *s)
{
    assert_int_equal(state_changes(s, ignore, NULL), 0);
    state_committed(s);
}

static void grow_and_fall(const struct state_codec *codec)
{
    struct state *s = state_memory_new(codec);
    own(s, "a", 8);
    commit(s);
    uint64_t base = state_bytes(s) - 8; /* a slab, slots */
    own(s, "a", 5000);
    struct state_entry *b = own(s, "b", 300);
    assert_int_equal(state_changes(s, ignore, NULL), 0);
    assert_int_equal(state_dirty_bytes(s), 2 * (1 + sizeof(struct owner)) + 5300);
    state_committed(s);
    assert_int_equal(state_dirty_bytes(s), 0);
    bool is_malloc = state_bytes(s) != base + 5300; /* entries are, in the sanitizer presets */
    uint64_t with_b = state_bytes(s);
    state_delete(s, b);
    assert_int_equal(with_b - state_bytes(s), 300);
    assert_int_equal(state_dirty_bytes(s), 1 + sizeof(struct owner));
    own(s, "b", 40); /* revived */
    commit(s);
    assert_int_equal(with_b - state_bytes(s), 260);
    own(s, "a", 6000);
    state_recount(s);
    assert_int_equal(state_bytes(s) - with_b, 1000 - 260);
    assert_int_equal(state_dirty_bytes(s), 1 + sizeof(struct owner) + 6000);
    commit(s);
    assert_int_equal(state_restore(s, "a", 1, "123456", 6), 0);
    assert_int_equal(with_b - state_bytes(s), 5000 - 6 + 260);
    assert_int_equal(state_restore(s, "a", 1, NULL, 0), 0);
    assert_int_equal(state_restore(s, "b", 1, NULL, 0), 0);
    assert_true(is_malloc || state_bytes(s) == base);
    state_free(s);
}

static void values_that_own(void **state)
{
    (void)state;
    const struct state_codec exact = {.save = owner_save,
                                      .loaded_size = owner_loaded_size,
                                      .load = owner_load,
                                      .drop = owner_drop,
                                      .size = owner_size};
    struct state_codec by_saved = exact;
    by_saved.size = NULL; /* as many as the saved form has: the same here */
    grow_and_fall(&exact);
    grow_and_fall(&by_saved);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_that_own),
        cmocka_unit_test(steps),
        cmocka_unit_test(joins),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
