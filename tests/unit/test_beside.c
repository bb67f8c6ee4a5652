/* Trainings under way: which are begun, which replace others, what goes into the objects and when. */
#include "ml/beside.h"

#include "engine/memory.h"
#include "tests/support/held_trainer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* There is no task, and so no limit. */
int op_room(const struct op *op)
{
    (void)op;
    return 0;
}

/* An object that owes a training when it is told so; its model is that training's number. */
struct thing {
    int64_t due, owed, model;
    uint64_t bytes;
};

struct data {
    int64_t number;
    bool has_run;
};

static void *make_thing(const void *plan, uint64_t seed)
{
    (void)plan;
    (void)seed;
    return mem_zalloc(sizeof(struct thing));
}

static int thing_io(void *object, struct snapshot *s)
{
    struct thing *x = object;
    snapshot_long(s, &x->due);
    snapshot_long(s, &x->owed);
    snapshot_long(s, &x->model);
    return snapshot_status(s);
}

static uint64_t thing_size(const void *object)
{
    (void)object;
    return sizeof(struct thing);
}

static const struct object_def things = {
    .make = make_thing, .io = thing_io, .size = thing_size, .free = mem_free};

static int64_t owes(const void *object)
{
    return ((const struct thing *)object)->owed;
}

static uint64_t bytes(const void *object)
{
    return ((const struct thing *)object)->bytes;
}

static void *make_data(const void *object)
{
    struct data *d = mem_zalloc(sizeof(*d));
    d->number = owes(object);
    return d;
}

static int run(void *data, const struct cancel *c)
{
    assert_false(cancel_is_set(c));
    ((struct data *)data)->has_run = true;
    return 0;
}

static void take(void *object, void *data)
{
    const struct data *d = data;
    assert_true(d->has_run);
    ((struct thing *)object)->model = d->number;
}

static void ended(void *object, int64_t number)
{
    struct thing *x = object;
    x->owed = x->due > number ? x->due : 0;
}

static const struct trainable trainable = {owes, bytes, make_data, run, mem_free, take, ended};

struct rig {
    struct held_trainer trainer;
    struct schema schema;
    struct node node;
    struct per_plan plan;
    struct op op;
    struct per_task task;
    struct per_rows rows;
    struct beside beside;
};

static void rig_open(struct rig *r)
{
    struct err e = {0};
    *r = (struct rig){.schema.keyed = true};
    held_trainer_init(&r->trainer);
    r->node.in[0] = &r->schema;
    r->node.path = "a.step";
    assert_int_equal(per_bind(&r->plan, &r->node, PER_KEY, &things, NULL), 0);
    r->op.node = &r->node;
    r->op.state = state_memory_new(&r->plan.codec);
    assert_int_equal(per_open(&r->task, &r->op, &r->plan, &e), 0);
    beside_init(&r->beside, &trainable, &r->trainer.trainer);
    per_rows_begin(&r->rows, &r->op, &r->task);
}

static void rig_close(struct rig *r)
{
    beside_close(&r->beside, &r->op);
    assert_int_equal(r->trainer.waiting + r->trainer.at_work + r->trainer.done, 0);
    per_close(&r->task);
    state_free(r->op.state);
}

/* The object of a key, made when there is none. */
static struct thing *thing(struct rig *r, const char *key)
{
    struct str name = str_ref(key, (uint32_t)strlen(key));
    struct keyed_rows keys = {.key = &name};
    void *object = per_find_key(&r->rows, &name);
    if (!object) {
        r->rows.keys = keys;
        object = per_make(&r->rows, 0);
    }
    return object;
}

/* A row of that key makes training `number` due, or 0: it goes by. */
static struct thing *row(struct rig *r, const char *key, int64_t number, uint64_t size)
{
    struct thing *x = thing(r, key);
    x->due = number > 0 ? number : x->due;
    x->owed = number > 0 ? number : x->owed;
    x->bytes = size;
    beside_row(&r->beside, &r->rows, x);
    return x;
}

static void flush(struct rig *r)
{
    beside_flush(&r->beside, &r->op, &r->task);
    assert_int_equal(per_flush(&r->task, &r->op), 0);
    state_committed(r->op.state);
}

static void one_an_object(void **state)
{
    (void)state;
    struct rig r;
    struct held_trainer *t = &r.trainer;
    rig_open(&r);
    row(&r, "a", 0, 10);
    assert_int_equal(t->waiting, 0); /* owes nothing */
    row(&r, "a", 1, 10);
    row(&r, "a key that is long", 1, 10);
    assert_int_equal(t->waiting, 2);
    row(&r, "a", 0, 10); /* it is under way */
    assert_int_equal(t->waiting, 2);
    row(&r, "a", 2, 10); /* the first has not begun: the second takes its place */
    assert_int_equal(t->waiting, 2);
    assert_int_equal(t->dropped, 1);
    assert_int_equal(r.beside.bytes, 20);
    held_trainer_begin(t); /* that of the long key */
    row(&r, "a key that is long", 2, 10);
    assert_int_equal(t->waiting + t->at_work, 2); /* it goes on owing that */
    held_trainer_run(t);
    held_trainer_fail(t, -ERR_DATA);
    beside_tick(&r.beside, &r.op);
    assert_true(r.op.wants_commit);
    assert_int_equal(thing(&r, "a key that is long")->model, 0); /* not before the flush */
    flush(&r);
    assert_int_equal(thing(&r, "a key that is long")->model, 1);
    assert_int_equal(thing(&r, "a key that is long")->owed, 2);
    assert_int_equal(thing(&r, "a")->model, 0);
    assert_int_equal(thing(&r, "a")->owed, 0); /* failed: not before it is due again */
    assert_int_equal(r.beside.bytes, 0);
    row(&r, "a key that is long", 0, 10);
    assert_int_equal(t->waiting, 1);
    rig_close(&r);
    assert_int_equal(t->dropped, 2);
}

static void a_training_asks_for_a_commit_when_it_is_done(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    row(&r, "a", 1, 10);
    beside_tick(&r.beside, &r.op);
    assert_false(r.op.wants_commit);
    flush(&r);
    assert_int_equal(r.trainer.waiting, 1);
    held_trainer_run(&r.trainer);
    beside_tick(&r.beside, &r.op);
    assert_true(r.op.wants_commit);
    beside_flush(&r.beside, &r.op, &r.task);
    assert_true(r.task.touched != NULL); /* it is in this commit */
    flush(&r);
    rig_close(&r);
}

static void bounded_by_number_and_bytes(void **state)
{
    (void)state;
    struct rig r;
    struct held_trainer *t = &r.trainer;
    char key[20];
    rig_open(&r);
    for (int i = 0; i < BESIDE_MOST; i++) {
        snprintf(key, sizeof key, "%d", i);
        row(&r, key, 1, 1);
    }
    row(&r, "one more", 1, 1);
    assert_int_equal(t->waiting, BESIDE_MOST);
    row(&r, "7", 2, 1); /* in place of another there is room */
    assert_int_equal(t->dropped, 1);
    held_trainer_run(t);
    flush(&r);
    row(&r, "one more", 0, 1);
    assert_int_equal(t->waiting, BESIDE_MOST);
    while (t->waiting > 0) {
        held_trainer_run(t);
    }
    flush(&r);
    assert_int_equal(thing(&r, "7")->model, 2);
    assert_int_equal(thing(&r, "one more")->model, 1);

    row(&r, "huge", 1, (uint64_t)BESIDE_BYTES_MOST * 4); /* alone it may be */
    row(&r, "small", 1, 1);
    assert_int_equal(t->waiting, 1);
    held_trainer_run(t);
    flush(&r);
    row(&r, "small", 0, 1);
    row(&r, "huge", 2, BESIDE_BYTES_MOST);
    assert_int_equal(t->waiting, 1);
    rig_close(&r);
}

static void at_once_without_a_trainer(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    r.beside.trainer = NULL;
    assert_int_equal(row(&r, "a", 0, 1)->model, 0);
    assert_true(r.task.touched == NULL);
    struct thing *x = row(&r, "a", 3, 1);
    assert_int_equal(x->model, 3);
    assert_int_equal(x->owed, 0);
    assert_true(r.task.touched != NULL);
    flush(&r);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_an_object),
        cmocka_unit_test(a_training_asks_for_a_commit_when_it_is_done),
        cmocka_unit_test(bounded_by_number_and_bytes),
        cmocka_unit_test(at_once_without_a_trainer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
