/* Large objects: what goes to the changelog makes the same object anew, however it was split into
 * parts and logs. */
#include "ml/held.h"

#include "engine/memory.h"
#include "engine/random.h"
#include "ml/per.h"
#include "tests/support/fake_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* There is no task, and so no limit. */
int op_room(const struct op *op)
{
    (void)op;
    return 0;
}

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

/* ---- one per key, over a disk ---- */

#define KEYS  6
#define LARGE 10000 /* 80 KB: parts and logs */
#define FEW   100

struct keyed {
    uint32_t cells;
    struct schema schema;
    struct node node;
    struct per_plan plan;
    struct op op;
    struct per_task task;
    struct per_rows rows;
    struct str key[KEYS];
    struct fake_disk disk;
    double total; /* of all that was ever added */
    double *model;
};

static int io_total(void *ctx, struct snapshot *s)
{
    snapshot_double(s, ctx);
    return snapshot_status(s);
}

static void add_total(void *ctx, void *object)
{
    const struct table *t = object;
    for (uint32_t i = 0; i < t->n; i++) {
        *(double *)ctx += t->cell[i];
    }
}

static int keyed_open(struct keyed *k)
{
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    struct err e = {0};
    k->op = (struct op){.state = state_memory_new(&k->plan.codec)};
    assert_true(per_is_lazy(&k->plan));
    int attached = state_attach(k->op.state, &k->disk.disk, 0, true);
    int status = per_open(&k->task, &k->op, &k->plan, &e);
    status = attached < 0 ? attached : status;
    k->total = 0;
    status = status < 0 ? status
                        : per_totals(&k->task, &k->op,
                                     &(struct per_totals){&k->total, io_total, add_total}, &e);
    per_rows_begin(&k->rows, &k->op, &k->task);
    k->rows.keys.key = k->key;
    for (int i = 0; i < KEYS; i++) {
        k->key[i] = str_ref(names[i], 1);
    }
    return status;
}

static void keyed_init(struct keyed *k, uint32_t cells, uint64_t share)
{
    *k = (struct keyed){.cells = cells, .schema.keyed = true};
    const struct schema *in = &k->schema;
    k->node.in[0] = in;
    assert_int_equal(per_bind(&k->plan, &k->node, PER_KEY, &tables, &k->cells), 0);
    fake_disk_init(&k->disk, share);
    k->model = mem_zalloc((size_t)KEYS * cells * sizeof(double));
    assert_int_equal(keyed_open(k), 0);
}

static void keyed_close(struct keyed *k)
{
    per_close(&k->task);
    state_free(k->op.state);
    k->disk.disk.ops->close(&k->disk.disk);
}

static void keyed_commit(struct keyed *k)
{
    assert_int_equal(per_flush(&k->task, &k->op), 0);
    fake_disk_commit(&k->disk, k->op.state, 0);
}

static void keyed_add(struct keyed *k, struct random *random)
{
    uint16_t row = (uint16_t)random_below(random, KEYS);
    double event[] = {random_below(random, k->cells), random_unit(random)};
    struct table *t = per_find(&k->rows, row);
    t = t ? t : per_make(&k->rows, row);
    assert_int_equal(replay(NULL, t, event, 2), 0);
    k->model[row * k->cells + (uint32_t)event[0]] += event[1];
    k->total += event[1];
    per_touch_event(&k->rows, event, 2);
}

static void keyed_check(struct keyed *k)
{
    for (uint16_t row = 0; row < KEYS; row++) {
        const struct table *t = per_find(&k->rows, row);
        assert_non_null(t);
        assert_memory_equal(t->cell, k->model + row * k->cells, k->cells * sizeof(double));
    }
}

static void objects_come_and_go(void **state)
{
    (void)state;
    static const uint32_t cells[] = {FEW, LARGE};
    for (int turn = 0; turn < 4; turn++) {
        struct keyed k;
        struct random random;
        uint32_t n = cells[turn / 2];
        random_seed(&random, (uint64_t)turn, 8);
        keyed_init(&k, n, turn % 2 ? 0 : n * sizeof(double) * 5 / 2);
        for (int i = 0; i < 300; i++) {
            keyed_add(&k, &random);
            if (random_below(&random, 4) == 0) {
                keyed_commit(&k);
            } else if (random_below(&random, 4) == 0) {
                state_trim(k.op.state);
            }
            if (i % 60 == 59) {
                double total = k.total;
                keyed_commit(&k);
                keyed_close(&k);
                assert_int_equal(keyed_open(&k), 0);
                assert_true(k.total == total);
                keyed_check(&k);
            }
        }
        assert_true(k.disk.gets > 50);
        keyed_close(&k);
        mem_free(k.model);
        fake_disk_done(&k.disk);
    }
}

/* What an object takes counts from when it is made, or found, not only from its commit. */
static void objects_count_with_what_they_own(void **state)
{
    (void)state;
    struct keyed k;
    keyed_init(&k, LARGE, 0);
    uint64_t before = state_bytes(k.op.state);
    (void)per_make(&k.rows, 0);
    assert_true(state_bytes(k.op.state) >= before + LARGE * sizeof(double));
    per_touch(&k.rows);
    assert_true(state_dirty_bytes(k.op.state) >= LARGE * sizeof(double));
    keyed_commit(&k);
    assert_int_equal(state_count(k.op.state), 0);
    before = state_bytes(k.op.state);
    assert_non_null(per_find(&k.rows, 0));
    assert_true(state_bytes(k.op.state) >= before + LARGE * sizeof(double));
    keyed_close(&k);
    mem_free(k.model);
    fake_disk_done(&k.disk);
}

static void what_is_damaged_on_disk_ends_the_task(void **state)
{
    (void)state;
    struct random random;
    random_seed(&random, 3, 8);
    for (uint32_t i = 0; i < 40; i++) {
        struct keyed k;
        keyed_init(&k, i % 2 ? FEW : LARGE, 0);
        while (k.disk.n < (i % 2 ? KEYS + 1 : 2 * KEYS + 1)) { /* all keys, and the totals */
            keyed_add(&k, &random);
            keyed_commit(&k);
        }
        struct fake_entry *e = &k.disk.entry[random_below(&random, (uint32_t)k.disk.n)];
        e->value_n = random_below(&random, (uint32_t)e->value_n);
        keyed_close(&k);
        bool has_failed = keyed_open(&k) < 0;
        for (uint16_t row = 0; row < KEYS && !has_failed; row++) {
            struct table *t = per_find(&k.rows, row);
            t = t ? t : per_make(&k.rows, row);
            assert_int_equal(t->n, k.cells);
            has_failed = k.disk.disk.failed != 0;
        }
        assert_true(has_failed);
        keyed_close(&k);
        mem_free(k.model);
        fake_disk_done(&k.disk);
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
        cmocka_unit_test(objects_come_and_go),
        cmocka_unit_test(objects_count_with_what_they_own),
        cmocka_unit_test(what_is_damaged_on_disk_ends_the_task),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
