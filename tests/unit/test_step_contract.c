/* The contract of steps (engine/step.h), tried by four throw-away steps in a real task: a session
 * that collects, a remote echo, a background trainer, and late labels. They show that the contract
 * carries what is not built yet; so they are as small as they can be and still restart.
 *
 * The planner knows registered steps only, so each topology has a `dedupe` (a keyed step with a
 * store) in the place of the step, and swap() puts the step there.
 */
#include "engine/hash.h"
#include "engine/key.h"
#include "engine/memory.h"
#include "engine/nested.h"
#include "tests/support/task_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what the steps share ---- */

/* Rows: h string, v long, as written by the topologies below. */
static int64_t value_of(const struct batch *b, uint16_t row)
{
    return vec_is_null(&b->col[1], row) ? -1 : b->col[1].i[row];
}

static bool has_value(const struct batch *b, uint16_t row)
{
    return !vec_is_null(&b->col[1], row);
}

/* Emits one row: h, v. */
static int emit(struct op *op, struct str h, int64_t v, int64_t time, int64_t seen)
{
    struct batch *b = batch_new(op->mem, op->node->out[0], 1, NULL);
    b->nsel = 1;
    b->time[0] = time;
    b->seen[0] = seen;
    b->col[0].s[0] = h;
    b->col[1].i[0] = v;
    return op_emit(op, 0, b);
}

static void swap(struct task_rig *r, const struct step_def *def, void *bound)
{
    struct plan *p = r->plan.plan;
    struct node *n = p->vertex[plan_rig_vertex(&r->plan, VERTEX_STEP, "a")]->node;
    assert_string_equal(n->def->name, "dedupe");
    n->def = def;
    n->bound = bound;
    plan_find_needs(p);
}

#define FROM                                                                                       \
    "name: t\nstreams:\n  a:\n    from: {topic: x, value: json, key: {h: string}, columns: {h: "   \
    "string, v: long}}\n    steps:\n      - dedupe: {within: 1s}\n"

/* A task over many lives: its changelog, its position, its output. */
struct life {
    struct task_rig rig;
    struct produced *change;
    size_t nchanges;
    int64_t next;
    char metadata[100];
    struct buffer out;
};

static void life_init(struct life *l, const char *topology, const struct step_def *def, void *bound,
                      uint16_t batch)
{
    *l = (struct life){.next = 0};
    buffer_init(&l->out);
    task_rig_init(&l->rig, topology, batch);
    swap(&l->rig, def, bound);
}

static void life_begin(struct life *l)
{
    task_rig_new(&l->rig, 0);
    for (int s = 0; s < l->rig.plan.plan->subplan[0].nstores; s++) {
        int status = task_rig_restore(&l->rig, s, l->change, l->nchanges);
        if (status < 0) {
            print_message("%s\n", l->rig.err.text);
        }
        assert_int_equal(status, 0);
    }
    task_input_restore(l->rig.task, 0, l->next, l->metadata);
    assert_int_equal(task_rig_open(&l->rig), 0);
}

/* What was produced since the last commit becomes visible. */
static void life_commit(struct life *l)
{
    assert_int_equal(task_flush(l->rig.task, &l->rig.err), 0);
    l->next = task_position(l->rig.task, 0, l->metadata, sizeof l->metadata);
    task_committed(l->rig.task);
    for (size_t i = 0; i < l->rig.n; i++) {
        struct produced *p = &l->rig.item[i];
        if (strstr(p->topic, "-changelog")) {
            l->change = mem_resize(l->change, l->nchanges + 1, sizeof *l->change);
            l->change[l->nchanges++] = *p;
            *p = (struct produced){.topic = mem_strdup("taken")};
        } else {
            buffer_printf(&l->out, "%s %s\n", p->key ? p->key : "-", p->value);
        }
    }
    task_rig_clear(&l->rig);
}

static void life_end(struct life *l)
{
    task_rig_clear(&l->rig);
    task_rig_stop(&l->rig);
}

static void life_done(struct life *l)
{
    for (size_t i = 0; i < l->nchanges; i++) {
        mem_free(l->change[i].topic);
        mem_free(l->change[i].key);
        mem_free(l->change[i].value);
        mem_free(l->change[i].headers);
    }
    mem_free(l->change);
    buffer_done(&l->out);
    task_rig_done(&l->rig);
}

struct row {
    int64_t time;
    const char *h;
    int64_t v; /* negative: null */
};

/* Rows [from, to), whose offsets are their numbers. */
static void push(struct life *l, const struct row *row, int64_t from, int64_t to)
{
    char(*text)[80] = mem_array((size_t)(to - from) + 1, sizeof *text);
    struct record *r = mem_zalloc((size_t)(to - from + 1) * sizeof *r);
    for (int64_t i = from; i < to; i++) {
        char *t = text[i - from];
        if (row[i].v < 0) {
            snprintf(t, 80, "{\"h\":\"%s\"}", row[i].h);
        } else {
            snprintf(t, 80, "{\"h\":\"%s\",\"v\":%lld}", row[i].h, (long long)row[i].v);
        }
        r[i - from] = (struct record){.topic = "x",
                                      .offset = i,
                                      .timestamp = row[i].time,
                                      .key = row[i].h,
                                      .key_n = strlen(row[i].h),
                                      .value = t,
                                      .value_n = strlen(t)};
    }
    int status = task_push(l->rig.task, 0, r, (size_t)(to - from), &l->rig.err);
    if (status < 0) {
        print_message("%s\n", l->rig.err.text);
    }
    assert_int_equal(status, 0);
    mem_free(text);
    mem_free(r);
}

/* ---- a session that collects its values in the order of event time ----
 *
 * state: per key the rows of its open sessions, sorted by time; a session closes once watermark >
 * its last row + GAP; a row is judged on the session that it would end up in.
 */
#define GAP 10

struct point {
    int64_t time, v;
};

static struct point *points_of(const struct state_entry *e, uint32_t *n)
{
    *n = state_value_size(e) / (uint32_t)sizeof(struct point);
    return state_value(e);
}

/* End of the session that begins at point i. */
static uint32_t session_end(const struct point *p, uint32_t n, uint32_t i)
{
    while (i + 1 < n && p[i + 1].time - p[i].time <= GAP) {
        i++;
    }
    return i;
}

static bool is_too_late(const struct point *p, uint32_t n, int64_t time, int64_t seen)
{
    int64_t last = time;
    for (uint32_t i = 0; i < n; i++) {
        bool joins = p[i].time >= time - GAP && p[i].time <= last + GAP;
        last = joins && p[i].time > last ? p[i].time : last;
    }
    return seen > last + GAP;
}

static void add_point(struct op *op, const struct keyed_rows *k, const struct batch *b,
                      uint16_t row)
{
    bool is_new;
    uint32_t n = 0;
    struct state_entry *e =
        state_find(op->state, k->hash[row], str_data(&k->key[row]), k->key[row].n);
    struct point *p = e ? points_of(e, &n) : NULL;
    if (is_too_late(p, n, b->time[row], b->seen[row])) {
        op->counter[COUNT_LATE]++;
        return;
    }
    if (!e) {
        e = state_insert(op->state, k->hash[row], str_data(&k->key[row]), k->key[row].n,
                         sizeof(struct point), &is_new);
    } else {
        e = state_resize(op->state, e, (n + 1) * (uint32_t)sizeof(struct point));
    }
    p = state_value(e);
    uint32_t at = n;
    for (; at > 0 && p[at - 1].time > b->time[row]; at--) {
        p[at] = p[at - 1];
    }
    p[at] = (struct point){b->time[row], value_of(b, row)};
    state_touch(op->state, e);
}

static int session_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    struct keyed_rows k = key_rows(b);
    op->counter[COUNT_NULL_KEY] += k.nulls;
    for (uint16_t i = 0; i < k.nsel; i++) {
        add_point(op, &k, b, k.sel[i]);
    }
    return 0;
}

static int find_next(void *ctx, struct state_entry *e)
{
    int64_t *least = ctx;
    uint32_t n;
    const struct point *p = points_of(e, &n);
    int64_t fire = p[session_end(p, n, 0)].time + GAP + 1;
    *least = fire < *least ? fire : *least;
    return 0;
}

static int64_t session_next_time(struct op *op)
{
    int64_t least = TIME_MAX;
    state_each(op->state, find_next, &least);
    return least;
}

#define CLOSING_MOST 100

struct closing {
    struct arena *mem;
    int64_t watermark;
    size_t n;
    struct closed {
        const void *key;
        uint32_t key_n, npoints;
        const struct point *point;
    } item[CLOSING_MOST];
};

static int find_closed(void *ctx, struct state_entry *e)
{
    struct closing *c = ctx;
    uint32_t n, key_n, last;
    const struct point *p = points_of(e, &n);
    const char *key = state_key(e, &key_n);
    key = arena_strndup(c->mem, key, key_n);
    for (uint32_t i = 0; i < n && c->n < CLOSING_MOST; i = last + 1) {
        last = session_end(p, n, i);
        if (c->watermark <= p[last].time + GAP) {
            break;
        }
        struct point *copy = arena_array(c->mem, last + 1 - i, sizeof *copy);
        memcpy(copy, p + i, (last + 1 - i) * sizeof *copy);
        c->item[c->n++] = (struct closed){key, key_n, last + 1 - i, copy};
    }
    return 0;
}

static int by_end(const void *a, const void *b)
{
    const struct closed *x = a, *y = b;
    int64_t i = x->point[x->npoints - 1].time, j = y->point[y->npoints - 1].time;
    return i != j ? (i > j) - (i < j) : strcmp(x->key, y->key);
}

static int emit_session(struct op *op, const struct closed *c)
{
    struct buffer bytes;
    buffer_init(&bytes);
    buffer_varint(&bytes, c->npoints);
    for (uint32_t i = 0; i < c->npoints; i++) {
        nested_put(&bytes, &type_long, &(struct nested_value){.i = c->point[i].v});
    }
    struct batch *b = batch_new(op->mem, op->node->out[0], 1, NULL);
    b->nsel = 1;
    b->time[0] = b->seen[0] = c->point[c->npoints - 1].time;
    b->col[0].s[0] = str_copy(op->mem, c->key, c->key_n);
    b->col[1].s[0] = str_copy(op->mem, bytes.data, (uint32_t)bytes.n);
    buffer_done(&bytes);
    return op_emit(op, 0, b);
}

static void drop_points(struct op *op, const struct closed *c)
{
    uint64_t hash = hash_bytes(c->key, c->key_n, 0);
    struct state_entry *e = state_find(op->state, hash, c->key, c->key_n);
    uint32_t n;
    struct point *p = points_of(e, &n);
    if (n == c->npoints) {
        state_delete(op->state, e);
        return;
    }
    memmove(p, p + c->npoints, (n - c->npoints) * sizeof *p);
    e = state_resize(op->state, e, (n - c->npoints) * (uint32_t)sizeof *p);
    state_touch(op->state, e);
}

static int session_watermark(struct op *op, int64_t time)
{
    struct closing *c = arena_zalloc(op->mem, sizeof *c);
    int r = 0;
    c->mem = op->mem;
    c->watermark = time;
    state_each(op->state, find_closed, c);
    qsort(c->item, c->n, sizeof *c->item, by_end);
    for (size_t i = 0; i < c->n && r == 0; i++) {
        drop_points(op, &c->item[i]);
        r = emit_session(op, &c->item[i]);
    }
    return r;
}

static int64_t session_lag(const struct node *n)
{
    (void)n;
    return GAP;
}

static const struct step_def session_step = {.name = "session",
                                             .stateful = true,
                                             .state_version = 1,
                                             .lag = session_lag,
                                             .push = session_push,
                                             .watermark = session_watermark,
                                             .next_time = session_next_time};

static void a_session_that_collects(void **state)
{
    (void)state;
    static const struct row row[] = {{1, "a", 1},   {5, "b", 2},   {11, "a", 3},  {9, "a", 4},
                                     {22, "b", 5},  {31, "a", 6},  {24, "a", 7},  {30, "b", 8},
                                     {22, "c", 9},  {60, "a", 10}, {35, "b", 11}, {90, "c", 12},
                                     {120, "c", 13}};
    const int64_t n = sizeof row / sizeof *row;
    char *first = NULL;
    static const uint16_t batch[] = {2048, 1, 3};
    for (int way = 0; way < 6; way++) {
        struct life l;
        life_init(&l, FROM "    to: {topic: out, value: json}\n", &session_step, NULL,
                  batch[way % 3]);
        struct schema *out = schema_new(&l.rig.plan.mem, 4);
        schema_add(out, "h", &type_string, false, false);
        schema_add(out, "list", type_array(&l.rig.plan.mem, &type_long), false, false);
        out->keyed = true;
        out->nkey = 1;
        out->key[0] = 0;
        for (uint16_t i = 0; i < l.rig.plan.plan->nvertices; i++) {
            struct vertex *v = l.rig.plan.plan->vertex[i];
            if (v->kind == VERTEX_STEP) {
                v->node->out[0] = v->out[0] = out;
            } else if (v->kind == VERTEX_SINK) {
                v->sink->schema = v->sink->write_schema = out;
            }
        }
        plan_find_needs(l.rig.plan.plan);
        life_begin(&l);
        for (int64_t at = 0; at < n; at += way < 3 ? n : 1) {
            push(&l, row, at, way < 3 ? n : at + 1);
            if (way >= 3) {
                life_commit(&l);
                life_end(&l);
                life_begin(&l);
            }
        }
        assert_int_equal(task_finish(l.rig.task, &l.rig.err), 0);
        life_commit(&l);
        first = first ? first : strdup(buffer_cstr(&l.out));
        assert_string_equal(buffer_cstr(&l.out), first);
        life_done(&l);
    }
    assert_string_equal(first, "b {\"h\":\"b\",\"list\":[2]}\n"
                               "a {\"h\":\"a\",\"list\":[1,4,3]}\n"
                               "c {\"h\":\"c\",\"list\":[9]}\n"
                               "b {\"h\":\"b\",\"list\":[5,8]}\n"
                               "a {\"h\":\"a\",\"list\":[7,6]}\n"
                               "a {\"h\":\"a\",\"list\":[10]}\n"
                               "c {\"h\":\"c\",\"list\":[12]}\n"
                               "c {\"h\":\"c\",\"list\":[13]}\n");
    free(first);
}

/* ---- a remote echo: every row waits for its answer, and all leave in order ---- */

/* The questions that wait outside. */
struct outbox {
    size_t n;
    uint64_t id[1000];
    int64_t v[1000];
};

struct waiting {
    uint64_t id;
    char h[20];
    int64_t v, time, seen, offset;
    bool is_answered;
};

struct echo {
    uint64_t next_id;
    size_t n;
    struct waiting item[1000];
};

static int echo_open(struct op *op, struct err *e)
{
    (void)e;
    op->self = mem_zalloc(sizeof(struct echo));
    return 0;
}

static void tell_pass(struct op *op)
{
    const struct echo *self = op->self;
    op->pass = self->n ? self->item[0].seen : TIME_MAX;
}

static int echo_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    struct echo *self = op->self;
    struct outbox *out = op->node->bound;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        struct waiting *w = &self->item[self->n++];
        *w = (struct waiting){.id = self->next_id++,
                              .v = value_of(b, row),
                              .time = b->time[row],
                              .seen = b->seen[row],
                              .offset = b->origin[row]->offset};
        snprintf(w->h, sizeof w->h, "%.*s", (int)b->col[0].s[row].n, str_data(&b->col[0].s[row]));
        out->id[out->n] = w->id;
        out->v[out->n++] = w->v;
    }
    tell_pass(op);
    return 0;
}

static int echo_deliver(struct op *op, const struct message *m)
{
    struct echo *self = op->self;
    size_t done = 0;
    int r = m->status;
    for (size_t i = 0; r == 0 && i < self->n; i++) {
        if (self->item[i].id == m->id) {
            self->item[i].is_answered = true;
            memcpy(&self->item[i].v, m->data, m->n);
        }
    }
    for (; r == 0 && done < self->n && self->item[done].is_answered; done++) {
        const struct waiting *w = &self->item[done];
        r = emit(op, str_copy(op->mem, w->h, (uint32_t)strlen(w->h)), w->v, w->time, w->seen);
    }
    self->n -= done;
    memmove(self->item, self->item + done, self->n * sizeof *self->item);
    tell_pass(op);
    return r;
}

static int64_t echo_hold(struct op *op)
{
    const struct echo *self = op->self;
    return self->n ? self->item[0].offset : INT64_MAX;
}

static void free_self(struct op *op)
{
    mem_free(op->self);
}

static const struct step_def echo_step = {.name = "echo",
                                          .open = echo_open,
                                          .push = echo_push,
                                          .deliver = echo_deliver,
                                          .hold = echo_hold,
                                          .close = free_self};

/* Answers the question at place i of the outbox: twice its value. */
static void answer(struct life *l, struct outbox *out, size_t i)
{
    int64_t v = out->v[i] * 2;
    struct message m = {.id = out->id[i], .data = &v, .n = sizeof v};
    uint16_t vertex = plan_rig_vertex(&l->rig.plan, VERTEX_STEP, "a");
    out->n--;
    memmove(out->id + i, out->id + i + 1, (out->n - i) * sizeof *out->id);
    memmove(out->v + i, out->v + i + 1, (out->n - i) * sizeof *out->v);
    assert_int_equal(task_deliver(l->rig.task, vertex, &m, &l->rig.err), 0);
}

static const struct row echoed[] = {{1, "a", 1},  {4, "b", 2},  {12, "a", 3}, {14, "b", 4},
                                    {15, "a", 5}, {22, "b", 6}, {33, "a", 7}, {34, "b", 8}};

static void a_remote_echo_holds_what_is_not_answered(void **state)
{
    (void)state;
    struct outbox out = {0};
    struct life l;
    life_init(&l, FROM "    to: {topic: out, value: csv}\n", &echo_step, &out, 3);
    l.rig.plan.plan->subplan[0].nstores = 0;
    life_begin(&l);
    push(&l, echoed, 0, 4);
    assert_int_equal(out.n, 4);
    life_commit(&l);
    assert_int_equal(l.next, 0); /* nothing is finished */
    assert_string_equal(buffer_cstr(&l.out), "");
    answer(&l, &out, 2); /* row 2, before 0 and 1 */
    life_commit(&l);
    assert_int_equal(l.next, 0);
    answer(&l, &out, 0);
    life_commit(&l);
    assert_int_equal(l.next, 1);
    assert_string_equal(buffer_cstr(&l.out), "a a,2\n");
    answer(&l, &out, 0);
    life_commit(&l);
    assert_int_equal(l.next, 3);
    assert_string_equal(buffer_cstr(&l.out), "a a,2\nb b,4\na a,6\n");
    answer(&l, &out, 0);
    life_commit(&l);
    assert_int_equal(l.next, 4);
    life_done(&l);
}

/* Crashes between: what was held is asked again, nothing is lost or twice. */
static void a_remote_echo_survives_crashes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct outbox out = {0};
        struct life l;
        unsigned short dice[3] = {(unsigned short)seed, 7, 3};
        life_init(&l, FROM "    to: {topic: out, value: csv}\n", &echo_step, &out, 3);
        l.rig.plan.plan->subplan[0].nstores = 0;
        life_begin(&l);
        for (int64_t at = 0; at < 8 || out.n;) {
            switch (nrand48(dice) % 5) {
            case 0:
                life_commit(&l);
                break;
            case 1:
                life_end(&l);
                out.n = 0;
                at = l.next < 0 ? 0 : l.next;
                life_begin(&l);
                break;
            case 2:
            case 3:
                if (out.n) {
                    answer(&l, &out, (size_t)nrand48(dice) % out.n);
                }
                break;
            default:
                if (at < 8) {
                    push(&l, echoed, at, at + 1);
                    at++;
                }
            }
        }
        life_commit(&l);
        assert_string_equal(buffer_cstr(&l.out),
                            "a a,2\nb b,4\na a,6\nb b,8\na a,10\nb b,12\na a,14\nb b,16\n");
        assert_int_equal(l.next, 8);
        life_done(&l);
    }
}

/* The watermark waits for what is held back: a window behind counts every row. */
static void a_window_behind_an_echo_loses_nothing(void **state)
{
    (void)state;
    struct outbox out = {0};
    struct life l;
    life_init(&l,
              FROM "      - window: {tumbling: 10ms, aggregate: sum(v) as s}\n"
                   "      - select: window_start, s\n    to: {topic: out, value: csv}\n",
              &echo_step, &out, 2048);
    for (int s = 0; s < l.rig.plan.plan->subplan[0].nstores; s++) {
        if (strstr(l.rig.plan.plan->subplan[0].store[s].changelog, "dedupe")) {
            l.rig.plan.plan->subplan[0].store[s] =
                l.rig.plan.plan->subplan[0].store[--l.rig.plan.plan->subplan[0].nstores];
        }
    }
    life_begin(&l);
    push(&l, echoed, 0, 8);
    while (out.n) {
        answer(&l, &out, out.n - 1);
    }
    life_commit(&l);
    assert_string_equal(buffer_cstr(&l.out), "a 0,2\nb 0,4\na 10,16\nb 10,8\nb 20,12\n");
    assert_int_equal(task_counts(l.rig.task).late, 0);
    life_done(&l);
}

static void a_failed_answer_is_an_error(void **state)
{
    (void)state;
    struct outbox out = {0};
    struct life l;
    life_init(&l, FROM "    to: {topic: out, value: csv}\n", &echo_step, &out, 1);
    l.rig.plan.plan->subplan[0].nstores = 0;
    life_begin(&l);
    push(&l, echoed, 0, 1);
    struct message m = {.status = -ERR_RETRY};
    uint16_t vertex = plan_rig_vertex(&l.rig.plan, VERTEX_STEP, "a");
    assert_int_equal(task_deliver(l.rig.task, vertex, &m, &l.rig.err), -ERR_RETRY);
    err_clear(&l.rig.err);
    assert_int_equal(task_deliver(l.rig.task, 0, &m, &l.rig.err), -ERR_CONFIG);
    life_done(&l);
}

/* ---- a background trainer: rows predict with the model in place; a new one at a commit ----
 *
 * state: one entry, the model's version and the number of rows learned since; keyless.
 */
struct model {
    int64_t version, rows;
};

struct trainer {
    struct model model, arrived;
    bool has_arrived;
};

#define TRAIN_EVERY 3

static struct state_entry *model_entry(struct op *op)
{
    bool is_new;
    return state_insert(op->state, hash_bytes("model", 5, 0), "model", 5, sizeof(struct model),
                        &is_new);
}

static int trainer_open(struct op *op, struct err *e)
{
    (void)e;
    struct trainer *self = op->self = mem_zalloc(sizeof *self);
    memcpy(&self->model, state_value(model_entry(op)), sizeof self->model);
    return 0;
}

static int trainer_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    struct trainer *self = op->self;
    struct outbox *out = op->node->bound;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        if (++self->model.rows % TRAIN_EVERY == 0) {
            out->id[out->n++] = (uint64_t)self->model.version + 1;
        }
        int r = emit(op, b->col[0].s[row], self->model.version, b->time[row], b->seen[row]);
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int trainer_deliver(struct op *op, const struct message *m)
{
    struct trainer *self = op->self;
    if (m->status == 0 && m->n == sizeof self->arrived) { /* else the old one goes on */
        memcpy(&self->arrived, m->data, m->n);
        self->has_arrived = true;
    }
    return 0;
}

static int trainer_flush(struct op *op)
{
    struct trainer *self = op->self;
    if (self->has_arrived) {
        self->model.version = self->arrived.version;
        self->has_arrived = false;
    }
    struct state_entry *e = model_entry(op);
    memcpy(state_value(e), &self->model, sizeof self->model);
    state_touch(op->state, e);
    return 0;
}

static const struct step_def trainer_step = {.name = "trainer",
                                             .stateful = true,
                                             .keyless = true,
                                             .state_version = 1,
                                             .open = trainer_open,
                                             .push = trainer_push,
                                             .deliver = trainer_deliver,
                                             .flush = trainer_flush,
                                             .close = free_self};

static void deliver_model(struct life *l, struct outbox *out, int status)
{
    struct model made = {.version = (int64_t)out->id[--out->n]};
    struct message m = {.status = status, .data = &made, .n = sizeof made};
    uint16_t vertex = plan_rig_vertex(&l->rig.plan, VERTEX_STEP, "a");
    assert_int_equal(task_deliver(l->rig.task, vertex, &m, &l->rig.err), 0);
}

static void a_model_goes_in_at_a_commit(void **state)
{
    (void)state;
    struct outbox out = {0};
    struct life l;
    life_init(&l, FROM "    to: {topic: out, value: csv}\n", &trainer_step, &out, 2048);
    life_begin(&l);
    push(&l, echoed, 0, 3);
    assert_int_equal(out.n, 1);
    deliver_model(&l, &out, 0);
    assert_true(task_dirty(l.rig.task));
    push(&l, echoed, 3, 4); /* still the old one */
    life_commit(&l);
    push(&l, echoed, 4, 5);
    life_commit(&l);
    assert_string_equal(buffer_cstr(&l.out), "a a,0\nb b,0\na a,0\nb b,0\na a,1\n");
    /* a crash: the model and its count come back; what was not committed is done again */
    push(&l, echoed, 5, 6);
    life_end(&l);
    out.n = 0;
    life_begin(&l);
    push(&l, echoed, 5, 6);
    assert_int_equal(out.n, 1);
    assert_int_equal(out.id[0], 2);
    deliver_model(&l, &out, -ERR_RETRY); /* a failed training changes nothing */
    life_commit(&l);
    push(&l, echoed, 6, 7);
    life_commit(&l);
    assert_string_equal(buffer_cstr(&l.out) + strlen("a a,0\nb b,0\na a,0\nb b,0\na a,1\n"),
                        "b b,1\na a,1\n");
    life_done(&l);
}

/* ---- late labels: a row is answered at once and waits; a row with the label teaches it ----
 *
 * A row with v is features, one without v is the label of its key. state: per key the row that
 * waits, until watermark > its time + WITHIN.
 */
#define WITHIN 10

static int labels_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    struct keyed_rows k = key_rows(b);
    for (uint16_t i = 0; i < k.nsel; i++) {
        uint16_t row = k.sel[i];
        bool is_new;
        struct state_entry *e =
            state_find(op->state, k.hash[row], str_data(&k.key[row]), k.key[row].n);
        int64_t time = b->time[row], v = value_of(b, row);
        struct point *waits = e ? state_value(e) : NULL;
        bool is_in_time = waits && time - waits->time <= WITHIN;
        int r = 0;
        if (has_value(b, row)) {
            r = emit(op, b->col[0].s[row], v, time, b->seen[row]);
            e = e ? e
                  : state_insert(op->state, k.hash[row], str_data(&k.key[row]), k.key[row].n,
                                 sizeof(struct point), &is_new);
            memcpy(state_value(e), &(struct point){time, v}, sizeof(struct point));
            state_touch(op->state, e);
        } else if (is_in_time) {
            op->counter[COUNT_LABELS]++;
            r = emit(op, b->col[0].s[row], 1000 + waits->v, time, b->seen[row]);
            state_delete(op->state, e);
        } else {
            op->counter[COUNT_SKIPPED]++;
        }
        if (r < 0) {
            return r;
        }
    }
    return 0;
}

static int next_deadline(void *ctx, struct state_entry *e)
{
    int64_t *least = ctx, at = ((struct point *)state_value(e))->time + WITHIN + 1;
    *least = at < *least ? at : *least;
    return 0;
}

static int64_t labels_next_time(struct op *op)
{
    int64_t least = TIME_MAX;
    state_each(op->state, next_deadline, &least);
    return least;
}

struct expiry {
    struct op *op;
    int64_t watermark;
};

static int expire(void *ctx, struct state_entry *e)
{
    struct expiry *x = ctx;
    const struct point *p = state_value(e);
    if (x->watermark > p->time + WITHIN) {
        x->op->counter[COUNT_SKIPPED]++;
        state_delete(x->op->state, e);
    }
    return 0;
}

static int labels_watermark(struct op *op, int64_t time)
{
    struct expiry x = {op, time};
    return state_each(op->state, expire, &x);
}

static void count_labels(struct op *op)
{
    op_metric(op, "labels", (double)op->counter[COUNT_LABELS]);
}

static int labels_flush(struct op *op)
{
    count_labels(op);
    return 0;
}

static const struct step_def labels_step = {.name = "labels",
                                            .stateful = true,
                                            .state_version = 1,
                                            .push = labels_push,
                                            .watermark = labels_watermark,
                                            .next_time = labels_next_time,
                                            .flush = labels_flush};

static void find_labels(void *ctx, const struct node *n, const char *name, double value)
{
    assert_string_equal(n->def->name, "labels");
    if (strcmp(name, "skipped") != 0) {
        assert_string_equal(name, "labels");
        *(double *)ctx = value;
    }
}

static void late_labels_teach_what_waits(void **state)
{
    (void)state;
    static const struct row row[] = {{1, "a", 1},   {3, "b", 2},   {6, "a", -1},
                                     {7, "c", 3},   {15, "b", -1}, {16, "d", 4},
                                     {18, "c", -1}, {20, "d", -1}, {20, "d", -1}};
    static const uint16_t batch[] = {2048, 1, 3};
    for (int way = 0; way < 6; way++) {
        struct life l;
        double labels = 0;
        life_init(&l, FROM "    to: {topic: out, value: csv}\n", &labels_step, NULL,
                  batch[way % 3]);
        life_begin(&l);
        for (int64_t at = 0; at < 9; at += way < 3 ? 9 : 1) {
            push(&l, row, at, way < 3 ? 9 : at + 1);
            life_commit(&l);
            if (way >= 3 && at < 8) {
                life_end(&l);
                life_begin(&l);
            }
        }
        /* b's label comes 12 ms after, c's 11 ms after: too late for both */
        assert_string_equal(buffer_cstr(&l.out),
                            "a a,1\nb b,2\na a,1001\nc c,3\nd d,4\nd d,1004\n");
        task_metrics(l.rig.task, find_labels, &labels);
        assert_true(labels == (way < 3 ? 2 : 0));
        life_done(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_that_collects),
        cmocka_unit_test(a_remote_echo_holds_what_is_not_answered),
        cmocka_unit_test(a_remote_echo_survives_crashes),
        cmocka_unit_test(a_window_behind_an_echo_loses_nothing),
        cmocka_unit_test(a_failed_answer_is_an_error),
        cmocka_unit_test(a_model_goes_in_at_a_commit),
        cmocka_unit_test(late_labels_teach_what_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
