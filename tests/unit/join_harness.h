/* The step `join` on its own: bound from YAML, fed rows of both sides, with stand-ins for what a
 * task does. Include it in one file of a program only.
 *
 * Columns: left k (the key), v (long), s (string); right k (the key), v (long), t (string); all may
 * be null. Results are text, one line a row: "k=a v=1 s=x right_v=2 t=y @20". Without `within` both
 * sides are tables; a result that deletes has its key alone: "k=a deleted @20".
 */
#ifndef KLAMM_TESTS_UNIT_JOIN_HARNESS_H
#define KLAMM_TESTS_UNIT_JOIN_HARNESS_H

#include "engine/buffer.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "engine/step.h"
#include "operators/join_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NONE    INT64_MIN       /* a null long */
#define DELETED (INT64_MIN + 1) /* no value at all: the row deletes */

struct join_row {
    int side;
    int64_t time;
    const char *key; /* NULL: null; as text for every type of key */
    int64_t v;
    const char *s;
    int64_t seen, low;
};

#define SLICE 2

struct harness {
    struct op op;        /* first: op_emit() finds the harness by it */
    int64_t slice, left; /* work of a slice, 0: SLICE; what is left of it */
    bool crashes;        /* a commit and a restart between two slices */
    struct arena plan, mem;
    struct diags diags;
    struct node node;
    struct buffer out;
    struct state *log; /* of harness_restart(): the changelog, compacted */
    uint64_t batches, late;
};

extern const struct step_def op_join;

/* ---- stand-ins for engine/task.c and engine/plan.c ---- */

static inline int64_t harness_passed(const struct harness *h)
{
    int64_t lag = op_join.lag(&h->node), w = h->op.watermark;
    return w < TIME_MIN + lag || w == TIME_MAX ? w : w - lag;
}

bool op_spent(struct op *op, uint32_t work)
{
    struct harness *h = (struct harness *)op;
    h->left -= work;
    return h->left <= 0;
}

int op_emit(struct op *op, int output, struct batch *b)
{
    struct harness *h = (struct harness *)op;
    assert_int_equal(output, 0);
    assert_true(b->nsel > 0);
    h->batches++;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        bool is_deleted = b->row_op && b->row_op[row] == ROW_DELETE;
        for (uint16_t c = 0; c < b->schema->n; c++) {
            bool is_null = vec_is_null(&b->col[c], row), is_key = false;
            for (uint16_t i = 0; i < b->schema->nkey; i++) {
                is_key |= b->schema->key[i] == c;
            }
            assert_true(is_deleted ? is_key != is_null || !b->col[c].data
                                   : b->schema->col[c].nullable || !is_null);
            if (b->col[c].data && !(is_deleted && is_null)) {
                buffer_printf(&h->out, "%s=", b->schema->col[c].name);
                vec_print(&h->out, &b->col[c], row);
                buffer_byte(&h->out, ' ');
            }
        }
        buffer_printf(&h->out, "%s@%lld\n", is_deleted ? "deleted " : "", (long long)b->time[row]);
        assert_true(b->low[row] <= b->seen[row]);
        assert_true(b->low[row] >= harness_passed(h)); /* time never goes back */
        h->late += b->time[row] < b->seen[row];
    }
    return 0;
}

int64_t op_now(const struct op *op)
{
    (void)op;
    return 0;
}

int node_error(struct node *n, struct place at, const char *fmt, ...)
{
    char text[500];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return diags_add(n->diags, at, n->path, "%s", text);
}

/* ---- binding ---- */

/* key: "string", "long", or "string,double": then the key is k and k2, `k2` half the length of k.
 */
static inline struct schema *harness_schema(struct arena *a, int side, const char *key)
{
    struct schema *s = schema_new(a, 8);
    bool is_long = strcmp(key, "long") == 0;
    schema_add(s, "v", &type_long, true, false);
    s->key[s->nkey++] = schema_add(s, "k", is_long ? &type_long : &type_string, true, false);
    schema_add(s, side == LEFT ? "s" : "t", &type_string, true, false);
    if (strchr(key, ',')) {
        s->key[s->nkey++] = schema_add(s, "k2", &type_double, true, false);
    }
    s->keyed = true;
    schema_add(s, "_time", &type_timestamp, false, true);
    return s;
}

/* Binds `join: TEXT`; 0 or -ERR_CONFIG with h->diags. */
static inline int harness_bind(struct harness *h, const char *text, const char *key)
{
    struct yaml *yaml;
    struct second_input second;
    *h = (struct harness){0};
    arena_init(&h->plan);
    arena_init(&h->mem);
    diags_init(&h->diags);
    buffer_init(&h->out);
    struct node *n = &h->node;
    n->def = &op_join;
    n->path = "join";
    n->stream = "left";
    n->second = "right";
    n->ninputs = 2;
    for (int side = 0; side < 2; side++) {
        n->in[side] = harness_schema(&h->plan, side, key);
        n->in_rows[side] = strstr(text, "within") ? ROWS_EVENTS : ROWS_TABLE;
    }
    n->mem = &h->plan;
    n->diags = &h->diags;
    n->at = (struct place){"t.yaml", 1, 1};
    if (yaml_parse(&yaml, &h->plan, "t.yaml", text, strlen(text), &h->diags) < 0) {
        return -ERR_CONFIG;
    }
    void *cfg = arena_zalloc(&h->plan, op_join.config_size);
    n->cfg = cfg;
    n->yaml = yaml;
    if (config_parse(op_join.config, cfg, yaml, n->path, &h->plan, &h->diags) < 0 ||
        op_join.second(n, &second) < 0) {
        return -ERR_CONFIG;
    }
    return op_join.bind(n);
}

static inline void harness_open(struct harness *h)
{
    h->op.node = &h->node;
    h->op.mem = &h->mem;
    h->op.watermark = TIME_MIN;
    if (!h->op.state) {
        h->op.state = state_memory_new(op_join.state_codec(&h->node));
    }
    struct err e = {0};
    int status = op_join.open(&h->op, &e);
    if (status < 0) {
        print_message("%s\n", e.text);
    }
    assert_int_equal(status, 0);
}

static inline void harness_init(struct harness *h, const char *text, const char *key)
{
    int status = harness_bind(h, text, key);
    for (int i = 0; i < h->diags.n; i++) {
        print_message("%s\n", h->diags.item[i].text);
    }
    assert_int_equal(status, 0);
    harness_open(h);
}

static inline void harness_done(struct harness *h)
{
    if (h->op.state) {
        op_join.close(&h->op);
        state_free(h->op.state);
    }
    state_free(h->log);
    buffer_done(&h->out);
    diags_done(&h->diags);
    arena_done(&h->mem);
    arena_done(&h->plan);
}

/* ---- running ---- */

static inline void harness_text(struct vec *v, struct arena *a, uint16_t rows, uint16_t row,
                                const char *text)
{
    if (text) {
        v->s[row] = str_copy(a, text, (uint32_t)strlen(text));
    } else {
        vec_set_null(v, a, rows, row);
    }
}

static inline struct batch *harness_batch(struct harness *h, const struct join_row *r, uint16_t n)
{
    struct batch *b = batch_new(&h->mem, h->node.in[r->side], n, NULL);
    b->nsel = n;
    b->low = arena_array(&h->mem, n, sizeof *b->low);
    for (uint16_t i = 0; i < n; i++) {
        b->time[i] = r[i].time;
        b->seen[i] = r[i].seen;
        b->low[i] = r[i].low;
        if (r[i].v == DELETED && b->row_op == NULL) {
            b->row_op = arena_zalloc(&h->mem, n);
        }
        if (r[i].v == DELETED) {
            b->row_op[i] = ROW_DELETE;
        }
        if (r[i].v == NONE || r[i].v == DELETED) {
            vec_set_null(&b->col[0], &h->mem, n, i);
        } else {
            b->col[0].i[i] = r[i].v;
        }
        if (b->schema->col[1].type->kind == TYPE_STRING || !r[i].key) {
            harness_text(&b->col[1], &h->mem, n, i, r[i].key);
        } else {
            b->col[1].i[i] = (int64_t)strlen(r[i].key);
        }
        harness_text(&b->col[2], &h->mem, n, i, r[i].s);
        if (b->schema->nkey == 2) {
            b->col[3].d[i] = r[i].key ? (double)strlen(r[i].key) / 2 : 0;
        }
    }
#ifdef KLAMM_SMALL
    uint16_t *sel = arena_array(&h->mem, n, sizeof *sel);
    for (uint16_t i = 0; i < n; i++) {
        sel[i] = i;
    }
    b->sel = sel;
#endif
    return b;
}

static inline void harness_restart(struct harness *h);

/* In slices, as a task does. With restarts between they grow: what a slice has only put in order is
 * gone then. */
static inline int harness_advance(struct harness *h, int64_t watermark)
{
    int status = watermark > h->op.watermark;
    for (int64_t slice = h->slice ? h->slice : SLICE; status > 0; slice += h->crashes) {
        h->left = slice;
        status = op_join.watermark(&h->op, watermark);
        arena_reset(&h->mem);
        if (status > 0 && h->crashes) {
            harness_restart(h);
        }
    }
    h->op.watermark = watermark > h->op.watermark ? watermark : h->op.watermark;
    return status;
}

/* Rows of one side, whose seen and low are set, as one batch; then the watermark of the last. */
static inline int harness_push(struct harness *h, const struct join_row *r, uint16_t n)
{
    int status = op_join.push(&h->op, r->side, harness_batch(h, r, n));
    arena_reset(&h->mem);
    return status < 0 ? status : harness_advance(h, r[n - 1].low);
}

static inline const char *harness_out(struct harness *h)
{
    return buffer_cstr(&h->out);
}

static inline int harness_log(void *ctx, const void *key, uint32_t key_n, const void *value,
                              size_t value_n)
{
    return state_restore(ctx, key, key_n, value, value_n);
}

static inline int harness_replay(void *ctx, struct state_entry *e)
{
    uint32_t n;
    const void *key = state_key(e, &n);
    return state_restore(ctx, key, n, state_value(e), state_value_size(e));
}

static inline void harness_commit(struct harness *h)
{
    h->log = h->log ? h->log : state_memory_new(NULL);
    assert_int_equal(state_changes(h->op.state, harness_log, h->log), 0);
    state_committed(h->op.state);
    assert_int_equal(state_count(h->log), state_count(h->op.state));
}

/* A commit and a restart: all state goes through the bytes of the changelog into a new instance. */
static inline void harness_restart(struct harness *h)
{
    int64_t watermark = h->op.watermark;
    harness_commit(h);
    op_join.close(&h->op);
    state_free(h->op.state);
    h->op.state = state_memory_new(op_join.state_codec(&h->node));
    assert_int_equal(state_each(h->log, harness_replay, h->op.state), 0);
    harness_open(h);
    h->op.watermark = watermark;
}

/* All rows, in batches of at most `most`, with a commit between some and, unless `restarts` is 0, a
 * restart after one of `restarts` batches. */
static inline void harness_run(struct harness *h, const struct join_row *r, int rows, uint16_t most,
                               uint32_t restarts, struct random *rnd)
{
    for (int at = 0; at < rows;) {
        uint16_t n = 1;
        while (n < most && at + n < rows && r[at + n].side == r[at].side) {
            n++;
        }
        assert_int_equal(harness_push(h, &r[at], n), 0);
        at += n;
        if (restarts && random_below(rnd, restarts) == 0) {
            harness_restart(h);
        } else if (random_below(rnd, 10) == 0) {
            harness_commit(h);
        }
    }
}

#endif
