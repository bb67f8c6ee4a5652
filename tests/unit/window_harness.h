/* The step `window` on its own: bound from YAML, fed rows, with stand-ins for what a task does.
 * Include it in one file of a program only.
 *
 * Columns of the input: host (string, the key), v (long), d (double), s (string); all may be null.
 * Results are collected as text, one line a row: "host=a window_start=0 window_end=10 n=1 @9".
 */
#ifndef KLAMM_TESTS_UNIT_WINDOW_HARNESS_H
#define KLAMM_TESTS_UNIT_WINDOW_HARNESS_H

#include "engine/buffer.h"
#include "engine/expression/expression.h"
#include "engine/memory.h"
#include "engine/registry.h"
#include "engine/step.h"
#include "tests/support/fake_disk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#define NONE INT64_MIN /* a null long */

struct row {
    const char *host; /* NULL: null */
    int64_t time;
    int64_t v;
    double d;
    const char *s;
    int64_t seen; /* set by harness_run() */
};

#define SLICE 3

struct harness {
    struct op op; /* first: op_emit() finds the harness by it */
    struct arena plan, mem;
    struct diags diags;
    struct node node;
    struct buffer out, bad;
    bool tolerates;
    const int32_t *part; /* source partitions of the rows of a push; NULL: one */
    bool judged_by_row;  /* results come out with rows: seen is not their own time */
    bool is_filled;      /* nor is it that of empty windows: it is that of the next that is none */
    int64_t passed;      /* greatest `seen` that came out */
    uint64_t emitted;    /* batches */
    struct state *log;   /* of harness_restart(): the changelog, compacted */
    int64_t slice, left; /* work of a slice, 0: SLICE; what is left of it */
    bool crashes;        /* a commit and a restart between two slices */
    uint64_t slices;
    struct fake_disk *disk; /* below the state, then every push and slice ends with a commit */
    int64_t max_time;
    int64_t out_of_order;
};

extern const struct step_def op_window;

/* ---- stand-ins for engine/task.c and engine/plan.c ---- */

int op_emit(struct op *op, int output, struct batch *b)
{
    struct harness *h = (struct harness *)op;
    assert_int_equal(output, 0);
    assert_true(b->nsel > 0);
    h->emitted++;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        bool is_deleted = b->row_op && b->row_op[row] == ROW_DELETE;
        for (uint16_t c = 0; c < (is_deleted ? 3 : b->schema->n); c++) { /* key and bounds */
            buffer_printf(&h->out, "%s=", b->schema->col[c].name);
            vec_print(&h->out, &b->col[c], row);
            buffer_byte(&h->out, ' ');
        }
        buffer_printf(&h->out, "%s@%lld\n", is_deleted ? "deleted " : "", (long long)b->time[row]);
        if (!h->judged_by_row && !h->is_filled) {
            assert_int_equal(b->seen[row], b->time[row]);
        } else if (h->is_filled) {
            assert_true(b->seen[row] >= b->time[row] && b->seen[row] >= h->passed);
            h->passed = b->seen[row];
        }
    }
    return 0;
}

bool op_spent(struct op *op, uint32_t work)
{
    struct harness *h = (struct harness *)op;
    h->left -= work;
    return h->left <= 0;
}

int op_bad_row(struct op *op, const struct batch *b, uint16_t row, const char *text)
{
    struct harness *h = (struct harness *)op;
    buffer_printf(&h->bad, "%lld: %s\n", (long long)b->time[row], text);
    return h->tolerates ? 0 : -ERR_DATA;
}

int op_bad_elsewhere(struct op *op, const char *place, const char *text)
{
    struct harness *h = (struct harness *)op;
    buffer_printf(&h->bad, "%s: %s\n", place, text);
    return h->tolerates ? 0 : -ERR_DATA;
}

int op_bad_rows(struct op *op, struct batch *b, const struct row_errors *errors)
{
    uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel);
    uint16_t n = 0, k = 0;
    for (uint16_t i = 0; i < b->nsel && errors->n > 0; i++) {
        uint16_t row = batch_row(b, i);
        if (k < errors->n && errors->item[k].row == row) {
            if (op_bad_row(op, b, row, errors->item[k++].text) < 0) {
                return -ERR_DATA;
            }
        } else {
            sel[n++] = row;
        }
    }
    if (errors->n > 0) {
        assert_int_equal(k, errors->n); /* ascending, all of them selected */
        b->sel = sel;
        b->nsel = n;
    }
    return 0;
}

int64_t op_now(const struct op *op)
{
    (void)op;
    return 0;
}

int32_t op_partition(const struct op *op)
{
    (void)op;
    return 0;
}

void op_metric(struct op *op, const char *name, double value)
{
    (void)op;
    (void)name;
    (void)value;
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

static inline const struct schema *harness_schema(struct arena *a)
{
    struct schema *s = schema_new(a, 4);
    s->key[s->nkey++] = schema_add(s, "host", &type_string, true, false);
    s->keyed = true;
    schema_add(s, "v", &type_long, true, false);
    schema_add(s, "d", &type_double, true, false);
    schema_add(s, "s", &type_string, true, false);
    return s;
}

/* Binds `window: TEXT` over `in`; 0 or -ERR_CONFIG with h->diags. */
static inline int harness_bind(struct harness *h, const char *text, const struct schema *in)
{
    struct yaml *yaml;
    *h = (struct harness){.max_time = TIME_MIN};
    arena_init(&h->plan);
    arena_init(&h->mem);
    diags_init(&h->diags);
    buffer_init(&h->out);
    buffer_init(&h->bad);
    struct node *n = &h->node;
    n->def = &op_window;
    n->path = "streams.x.steps[0].window";
    n->stream = "x";
    n->ninputs = 1;
    n->in[0] = in ? in : harness_schema(&h->plan);
    n->mem = &h->plan;
    n->diags = &h->diags;
    n->at = (struct place){"t.yaml", 1, 1};
    if (yaml_parse(&yaml, &h->plan, "t.yaml", text, strlen(text), &h->diags) < 0) {
        return -ERR_CONFIG;
    }
    void *cfg = arena_zalloc(&h->plan, op_window.config_size);
    n->cfg = cfg;
    n->yaml = yaml;
    if (config_parse(op_window.config, cfg, yaml, n->path, &h->plan, &h->diags) < 0) {
        return -ERR_CONFIG;
    }
    return op_window.bind(n);
}

static inline void harness_print_diags(const struct harness *h)
{
    for (int i = 0; i < h->diags.n; i++) {
        char line[600];
        diags_format(&h->diags, i, line, sizeof line);
        print_message("%s\n", line);
    }
}

static inline void harness_open(struct harness *h)
{
    h->op.node = &h->node;
    h->op.mem = &h->mem;
    h->op.watermark = TIME_MIN;
    if (!h->op.state) {
        h->op.state = state_memory_new(op_window.state_codec(&h->node));
    }
    if (h->disk) {
        assert_int_equal(state_attach(h->op.state, &h->disk->disk, 0, op_window.lazy(&h->node)), 0);
    }
    struct err e = {0};
    int status = op_window.open(&h->op, &e);
    if (status < 0) {
        print_message("%s\n", e.text);
    }
    assert_int_equal(status, 0);
}

static inline void harness_init(struct harness *h, const char *text)
{
    int status = harness_bind(h, text, NULL);
    harness_print_diags(h);
    assert_int_equal(status, 0);
    harness_open(h);
}

/* Over a disk, which must outlive the harness. */
static inline void harness_init_on(struct harness *h, const char *text, struct fake_disk *disk)
{
    int status = harness_bind(h, text, NULL);
    harness_print_diags(h);
    assert_int_equal(status, 0);
    h->disk = disk;
    harness_open(h);
}

static inline void harness_commit(struct harness *h)
{
    if (h->disk) {
        assert_int_equal(op_window.flush(&h->op), 0);
        fake_disk_commit(h->disk, h->op.state, 0);
    }
}

static inline void harness_done(struct harness *h)
{
    if (h->op.state) {
        op_window.close(&h->op);
        state_free(h->op.state);
    }
    state_free(h->log);
    buffer_done(&h->out);
    buffer_done(&h->bad);
    diags_done(&h->diags);
    arena_done(&h->mem);
    arena_done(&h->plan);
}

/* ---- running ---- */

static inline struct batch *harness_batch(struct harness *h, const struct row *r, uint16_t n)
{
    struct batch *b = batch_new(&h->mem, h->node.in[0], n, NULL);
    b->nsel = n;
    b->part = h->part ? arena_array(&h->mem, n, sizeof *b->part) : NULL;
    for (uint16_t i = 0; i < n; i++) {
        b->time[i] = r[i].time;
        b->seen[i] = r[i].seen;
        if (b->part) {
            b->part[i] = h->part[i];
        }
        const char *const text[] = {r[i].host, r[i].s};
        for (int k = 0; k < 2; k++) {
            struct vec *v = &b->col[k * 3];
            if (text[k]) {
                v->s[i] = str_copy(&h->mem, text[k], (uint32_t)strlen(text[k]));
            } else {
                vec_set_null(v, &h->mem, n, i);
            }
        }
        if (r[i].v == NONE) {
            vec_set_null(&b->col[1], &h->mem, n, i);
        } else {
            b->col[1].i[i] = r[i].v;
        }
        b->col[2].d[i] = r[i].d;
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
        h->slices++;
        status = op_window.watermark(&h->op, watermark);
        arena_reset(&h->mem);
        if (status > 0 && h->crashes) {
            harness_restart(h);
        }
        harness_commit(h);
    }
    h->op.watermark = watermark > h->op.watermark ? watermark : h->op.watermark;
    return status;
}

static inline int harness_push(struct harness *h, const struct row *r, uint16_t n)
{
    int status = op_window.push(&h->op, 0, harness_batch(h, r, n));
    arena_reset(&h->mem);
    harness_commit(h);
    return status;
}

/* As a task does: batches of at most `size` rows, cut at the row that reaches next_time(); the
 * watermark follows the largest time by out_of_order. */
static inline int harness_run(struct harness *h, struct row *r, size_t n, uint16_t size)
{
    for (size_t at = 0; at < n;) {
        int64_t next = op_window.next_time(&h->op);
        uint16_t k = 0;
        while (k < size && at + k < n) {
            struct row *x = &r[at + k++];
            h->max_time = x->time > h->max_time ? x->time : h->max_time;
            x->seen = h->max_time - h->out_of_order;
            if (x->seen >= next) {
                break;
            }
        }
        int status = harness_push(h, &r[at], k);
        at += k;
        status = status < 0 ? status : harness_advance(h, h->max_time - h->out_of_order);
        if (status < 0) {
            return status;
        }
    }
    return 0;
}

static inline const char *harness_out(struct harness *h)
{
    return buffer_cstr(&h->out);
}

static inline int harness_restore(void *ctx, const void *key, uint32_t key_n, const void *value,
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

/* A commit and a restart: all state goes through the bytes of the changelog into a new instance. */
static inline void harness_restart(struct harness *h)
{
    int64_t watermark = h->op.watermark;
    if (h->disk) {
        harness_commit(h);
        op_window.close(&h->op);
        state_free(h->op.state);
        h->op.state = NULL;
        harness_open(h);
        h->op.watermark = watermark;
        return;
    }
    h->log = h->log ? h->log : state_memory_new(NULL);
    assert_int_equal(op_window.flush(&h->op), 0);
    assert_int_equal(state_changes(h->op.state, harness_restore, h->log), 0);
    assert_int_equal(state_count(h->log), state_count(h->op.state));
    op_window.close(&h->op);
    state_free(h->op.state);
    h->op.state = state_memory_new(op_window.state_codec(&h->node));
    assert_int_equal(state_each(h->log, harness_replay, h->op.state), 0);
    harness_open(h);
    h->op.watermark = watermark;
}

#endif
