/* Large objects: what goes to the changelog makes the same object anew, however it was split into
 * parts and logs. */
#include "ml/held.h"

#include "engine/memory.h"
#include "engine/random.h"
#include "ml/per.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CELLS 200000 /* 1.6 MB: four parts */

/* Cells that events set; and one that no event tells of. */
struct table {
    uint32_t n;
    double *cell;
    double hidden;
};

static void *make(const void *plan, uint64_t seed)
{
    (void)seed;
    struct table *t = mem_zalloc(sizeof(*t));
    t->n = *(const uint32_t *)plan;
    t->cell = mem_array(t->n, sizeof(double));
    memset(t->cell, 0, t->n * sizeof(double));
    return t;
}

static int io(void *object, struct snapshot *s)
{
    struct table *t = object;
    snapshot_version(s, 1);
    snapshot_array(s, t->cell, t->n);
    snapshot_double(s, &t->hidden);
    return snapshot_status(s);
}

static uint64_t size(const void *object)
{
    const struct table *t = object;
    return t->n * sizeof(double);
}

static void done(void *object)
{
    struct table *t = object;
    mem_free(t->cell);
    mem_free(t);
}

static int replay(const void *plan, void *object, const double *event, uint32_t n)
{
    (void)plan;
    struct table *t = object;
    if (n != 2 || !(event[0] >= 0 && event[0] < t->n)) {
        return -ERR_DATA;
    }
    t->cell[(uint32_t)event[0]] += event[1];
    return 0;
}

static const struct object_def tables = {
    .make = make, .io = io, .size = size, .free = done, .replay = replay};
static const struct object_def tables_without = {
    .make = make, .io = io, .size = size, .free = done};

/* One task's store, and the changelog as the store behind it. */
struct rig {
    uint32_t cells;
    struct node node;
    struct per_plan plan;
    struct op op;
    struct state *changelog; /* the last value of each key, as plain bytes */
    struct per_task task;
    struct per_rows rows;
    uint64_t records, bytes, longest; /* of the last commit */
};

static void rig_open(struct rig *r, const struct object_def *def, uint32_t cells)
{
    *r = (struct rig){.cells = cells};
    struct err e;
    struct batch none = {0};
    assert_int_equal(per_bind(&r->plan, &r->node, PER_GLOBAL, def, &r->cells), 0);
    r->op.state = state_memory_new(&r->plan.codec);
    r->changelog = state_memory_new(NULL);
    assert_int_equal(per_open(&r->task, &r->op, &r->plan, &e), 0);
    per_rows_init(&r->rows, &r->op, &r->task, &none);
}

static void rig_close(struct rig *r)
{
    per_close(&r->task);
    state_free(r->op.state);
    state_free(r->changelog);
}

static int change(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    struct rig *r = ctx;
    r->records++;
    r->bytes += value_n;
    r->longest = value_n > r->longest ? value_n : r->longest;
    return state_restore(r->changelog, key, key_n, value, value_n);
}

static void commit(struct rig *r)
{
    r->records = r->bytes = r->longest = 0;
    assert_int_equal(per_flush(&r->task, &r->op), 0);
    assert_int_equal(state_changes(r->op.state, change, r), 0);
    state_committed(r->op.state);
}

static struct table *table_of(struct rig *r)
{
    void *object = per_find(&r->rows, 0);
    return object ? object : per_make(&r->rows, 0);
}

static void add(struct rig *r, double cell, double value)
{
    double event[] = {cell, value};
    assert_int_equal(replay(NULL, table_of(r), event, 2), 0);
    per_touch_event(&r->rows, event, 2);
}

static void keep(void *ctx, void *object)
{
    *(const struct table **)ctx = object;
}

static int restore(void *ctx, struct state_entry *e)
{
    uint32_t n;
    const void *key = state_key(e, &n);
    return state_restore(ctx, key, n, state_value(e), state_value_size(e));
}

/* A store restored from the changelog alone, in whatever order. */
static int restored(struct rig *r, struct per_task *task, struct op *op)
{
    struct err e = {0};
    *op = (struct op){.state = state_memory_new(&r->plan.codec)};
    assert_int_equal(state_each(r->changelog, restore, op->state), 0);
    return per_open(task, op, &r->plan, &e);
}

static void check_restores(struct rig *r)
{
    struct op op;
    struct per_task task;
    const struct table *a = table_of(r), *b = NULL;
    assert_int_equal(restored(r, &task, &op), 0);
    struct err e = {0};
    assert_int_equal(per_totals(&task, &op, &(struct per_totals){&b, NULL, keep}, &e), 0);
    assert_non_null(b);
    assert_memory_equal(a->cell, b->cell, a->n * sizeof(double));
    assert_true(a->hidden == b->hidden);
    per_close(&task);
    state_free(op.state);
}

static void a_small_object_is_one_entry(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &tables, 100);
    for (int i = 0; i < 5; i++) {
        add(&r, i, 1.5);
        commit(&r);
        assert_int_equal(r.records, 1);
        check_restores(&r);
    }
    rig_close(&r);
}

static void a_commit_costs_what_was_learned(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &tables, CELLS);
    add(&r, 7, 1);
    commit(&r);
    assert_int_equal(r.records, 5); /* four parts, and the entry that counts them */
    assert_true(r.longest <= HELD_PART_BYTES + 1 && r.bytes > CELLS * sizeof(double));
    for (int i = 0; i < 20; i++) {
        add(&r, i * 9999, i + 0.25);
        add(&r, 1, 0.1);
        commit(&r);
        assert_int_equal(r.records, 2);
        assert_true(r.bytes < 200);
        check_restores(&r);
    }
    rig_close(&r);
}

static void what_no_event_tells_saves_it_whole(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &tables, CELLS);
    add(&r, 7, 1);
    commit(&r);
    add(&r, 8, 1);
    commit(&r);
    table_of(&r)->hidden = 4;
    per_touch(&r.rows);
    add(&r, 9, 1);
    commit(&r);
    assert_int_equal(r.records, 4 + 1 + 5); /* parts, the entry, and what was deleted: parts, log */
    check_restores(&r);
    assert_int_equal(state_count(r.changelog), 5);
    rig_close(&r);
}

static void logs_never_outgrow_the_snapshot(void **state)
{
    (void)state;
    struct rig r;
    struct random random;
    uint64_t wholes = 0;
    rig_open(&r, &tables, 10000); /* 80 KB */
    random_seed(&random, 5, 0);
    for (int i = 0; i < 400; i++) {
        for (int k = 0; k < 50; k++) {
            add(&r, (double)random_below(&random, 10000), random_unit(&random));
        }
        commit(&r);
        wholes += r.bytes > 80000;
        if (i % 40 == 0) {
            check_restores(&r);
        }
    }
    check_restores(&r);
    assert_in_range(wholes, 4, 10); /* 400 commits of 850 bytes */
    rig_close(&r);
}

static void without_replay_each_commit_has_all(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, &tables_without, 10000);
    for (int i = 0; i < 3; i++) {
        add(&r, i, 1);
        commit(&r);
        assert_true(r.bytes > 80000);
        check_restores(&r);
    }
    rig_close(&r);
}

static int lose(void *ctx, struct state_entry *e)
{
    uint32_t n, *left = ctx;
    const char *key = state_key(e, &n);
    if (key[0] != 'o' && (*left)-- == 0) {
        memset(state_value(e), 1, 1); /* not bytes of a part any more */
    }
    return 0;
}

static void what_does_not_fit_is_refused(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 5; i++) {
        struct rig r;
        struct op op;
        struct per_task task;
        rig_open(&r, &tables, CELLS);
        add(&r, 7, 1);
        commit(&r);
        add(&r, 8, 1);
        commit(&r);
        uint32_t left = i;
        state_each(r.changelog, lose, &left);
        op = (struct op){.state = state_memory_new(&r.plan.codec)};
        struct err e = {0};
        int status = state_each(r.changelog, restore, op.state);
        status = per_open(&task, &op, &r.plan, &e) < 0 ? -ERR_DATA : status;
        assert_int_equal(status, -ERR_DATA);
        per_close(&task);
        state_free(op.state);
        rig_close(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_object_is_one_entry),
        cmocka_unit_test(a_commit_costs_what_was_learned),
        cmocka_unit_test(what_no_event_tells_saves_it_whole),
        cmocka_unit_test(logs_never_outgrow_the_snapshot),
        cmocka_unit_test(without_replay_each_commit_has_all),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
