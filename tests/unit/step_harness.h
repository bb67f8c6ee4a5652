/* A step without an engine around it: rows in as text, rows out as text, state that survives.
 *
 *     stand_expect(&(struct stand_case){&op_filter, "host: string, v: long?", "host",
 *                                       "v > 1", "[1000, a, 1]\n[2000, b, 2]\n",
 *                                       "2000 host=b v=2\n"});
 *
 * runs the rows through the step in batches of 1, 3 and 2048, plain and wrapped in a selection
 * between rows that are not selected, with unneeded columns unread, and with a restart from the
 * changelog after every third of the rows, and compares each time. Rows are YAML lists: event time,
 * then a value per column. Include it in one .c file only: it defines what engine/task.c defines
 * otherwise.
 *
 * Out: a line per row, `OUTPUT>` before it when it is not output 0: time, then `name=value` for
 * each visible column, hidden ones in brackets; bad rows as `bad TIME: TEXT`, apart, below the
 * others.
 */
#ifndef KLAMM_TESTS_STEP_HARNESS_H
#define KLAMM_TESTS_STEP_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/buffer.h"
#include "engine/memory.h"
#include "engine/nested.h"
#include "engine/shape.h"

#include <stdio.h>
#include <string.h>

struct stand_case {
    const struct step_def *def;
    const char *columns; /* "a: long, b: string?", names that begin with _ are hidden */
    const char *key;     /* names, "" for one group of all, NULL for no key */
    const char *yaml;    /* the step's value */
    const char *rows;
    const char *expected; /* rows, then bad rows; of a failed bind: its messages */
};

struct task {
    const struct stand_case *c;
    struct arena plan, batch;
    struct diags diags;
    struct node node;
    struct op op;
    struct buffer out[STEP_OUTPUTS_MAX], bad;
    struct yaml *rows;
    int64_t watermark;
    bool *needs; /* NULL: all columns are read */
    bool wrapped;
    bool is_pushing;    /* else the watermark rises */
    int64_t left;       /* work of the slice */
    struct buffer *log; /* the changelog, where slices end with a restart */
};

static inline void stand_restart(struct task *t, struct buffer *log);

int op_emit(struct op *op, int output, struct batch *b)
{
    struct task *t = op->task;
    struct buffer *out = &t->out[output];
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        if (output > 0) {
            buffer_printf(out, "%d>", output);
        }
        buffer_printf(out, "%lld", (long long)b->time[row]);
        if (t->is_pushing) { /* as stand_push() has set it */
            assert_int_equal(batch_low(b, row), b->seen[row] / 2);
        }
        for (uint16_t c = 0; c < b->schema->n; c++) {
            const struct column *col = &b->schema->col[c];
            assert_true(b->col[c].data != NULL);
            assert_true(type_equal(col->type, b->col[c].type));
            assert_true(col->nullable || !vec_is_null(&b->col[c], row));
            buffer_printf(out, col->hidden ? " (%s=" : " %s=", col->name);
            vec_print(out, &b->col[c], row);
            buffer_text(out, col->hidden ? ")" : "");
        }
        buffer_byte(out, '\n');
    }
    return 0;
}

bool op_spent(struct op *op, uint32_t work)
{
    op->task->left -= work;
    return op->task->left <= 0;
}

int op_room(const struct op *op)
{
    (void)op;
    return 0;
}

int op_bad_row(struct op *op, const struct batch *b, uint16_t row, const char *text)
{
    op->counter[COUNT_BAD]++;
    buffer_printf(&op->task->bad, "bad %lld: %s\n", (long long)b->time[row], text);
    return 0;
}

int op_bad_elsewhere(struct op *op, const char *place, const char *text)
{
    op->counter[COUNT_BAD]++;
    buffer_printf(&op->task->bad, "bad %s: %s\n", place, text);
    return 0;
}

int op_bad_rows(struct op *op, struct batch *b, const struct row_errors *errors)
{
    for (uint16_t i = 0; i < errors->n; i++) {
        assert_true(i == 0 || errors->item[i - 1].row < errors->item[i].row);
        op_bad_row(op, b, errors->item[i].row, errors->item[i].text);
    }
    *b = rows_without(b, errors);
    return 0;
}

int node_error(struct node *n, struct place at, const char *fmt, ...)
{
    char text[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return diags_add(n->diags, at, n->path, "%s", text);
}

int64_t op_now(const struct op *op)
{
    return op->task->watermark;
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

static const struct schema *stand_schema(struct task *t)
{
    struct schema *s = schema_new(&t->plan, 64);
    const char *p = t->c->columns;
    while (*p != 0) {
        const char *colon = strchr(p, ':'), *end = colon + 1;
        for (int depth = 0; *end != 0 && (*end != ',' || depth > 0); end++) {
            depth += (*end == '<') - (*end == '>');
        }
        char *type = arena_strndup(&t->plan, colon + 2, (size_t)(end - colon - 2));
        bool is_nullable = type[strlen(type) - 1] == '?';
        type[strlen(type) - (is_nullable ? 1 : 0)] = 0;
        const struct type *parsed = type_parse(&t->plan, type);
        assert_non_null(parsed);
        schema_add(s, arena_strndup(&t->plan, p, (size_t)(colon - p)), parsed, is_nullable,
                   *p == '_');
        p = *end == 0 ? end : end + 2;
    }
    s->keyed = t->c->key != NULL;
    for (p = t->c->key; p != NULL && *p != 0;) {
        size_t n = strcspn(p, ",");
        int c = schema_find_n(s, p, n);
        assert_true(c >= 0);
        s->key[s->nkey++] = (uint16_t)c;
        p += p[n] == ',' ? n + 1 : n;
    }
    return s;
}

/* Returns false when the step could not be bound; its messages are in out[0] then. */
static inline bool stand_bind(struct task *t, const struct stand_case *c)
{
    *t = (struct task){.c = c, .watermark = TIME_MIN};
    arena_init(&t->plan);
    arena_init(&t->batch);
    diags_init(&t->diags);
    buffer_init(&t->bad);
    for (int i = 0; i < STEP_OUTPUTS_MAX; i++) {
        buffer_init(&t->out[i]);
    }
    struct node *n = &t->node;
    struct yaml *y;
    assert_int_equal(yaml_parse(&y, &t->plan, "t", c->yaml, strlen(c->yaml), &t->diags), 0);
    *n = (struct node){
        .def = c->def, .yaml = y, .at = y->at, .path = "p", .stream = "s", .number = 1};
    n->ninputs = n->noutputs = 1;
    n->in[0] = stand_schema(t);
    n->mem = &t->plan;
    n->diags = &t->diags;
    void *cfg = arena_zalloc(&t->plan, c->def->config_size + 1);
    n->cfg = cfg;
    bool to_table = c->def->config != NULL && (y->kind == YAML_MAP || c->def->value == NULL);
    int rc = to_table ? config_parse(c->def->config, cfg, y, "p", &t->plan, &t->diags)
                      : config_parse_value(c->def->value, cfg, y, "p", &t->plan, &t->diags);
    rc = rc == 0 ? c->def->bind(n) : rc;
    assert_int_equal(rc<0, t->diags.n> 0);
    for (int i = 0; i < t->diags.n; i++) {
        buffer_printf(&t->out[0], "%d:%d %s\n", t->diags.item[i].at.line,
                      t->diags.item[i].at.column, t->diags.item[i].text);
    }
    return rc == 0;
}

static inline void stand_open(struct task *t)
{
    struct err e = {0};
    t->op = (struct op){.node = &t->node, .task = t, .mem = &t->batch, .watermark = t->watermark};
    if (t->c->def->stateful) {
        const struct step_def *def = t->c->def;
        t->op.state =
            state_memory_new(def->state_codec != NULL ? def->state_codec(&t->node) : NULL);
    }
    if (t->c->def->open != NULL) {
        assert_int_equal(t->c->def->open(&t->op, &e), 0);
    }
}

static inline void stand_close(struct task *t)
{
    if (t->c->def->close != NULL) {
        t->c->def->close(&t->op);
    }
    if (t->op.state != NULL) {
        state_free(t->op.state);
    }
}

static inline void stand_done(struct task *t)
{
    for (int i = 0; i < STEP_OUTPUTS_MAX; i++) {
        buffer_done(&t->out[i]);
    }
    buffer_done(&t->bad);
    diags_done(&t->diags);
    arena_done(&t->batch);
    arena_done(&t->plan);
}

static void stand_nested(struct buffer *b, const struct type *t, const struct yaml *y)
{
    struct nested_value v = {.is_null = y->kind == YAML_NULL};
    struct buffer inner;
    buffer_init(&inner);
    if (v.is_null) {
        /* only the presence byte */
    } else if (t->kind == TYPE_ARRAY || t->kind == TYPE_MAP) {
        buffer_varint(&inner, y->n);
        for (int i = 0; i < y->n; i++) {
            if (t->kind == TYPE_MAP) {
                buffer_varint(&inner, (int64_t)strlen(y->key[i]));
                buffer_text(&inner, y->key[i]);
            }
            stand_nested(&inner, t->of, y->item[i]);
        }
    } else if (t->kind == TYPE_RECORD) {
        for (uint16_t i = 0; i < t->nfields; i++) {
            stand_nested(&inner, t->field[i].type, yaml_get(y, t->field[i].name));
        }
    } else if (type_is_str(t)) {
        buffer_add(&inner, y->text, y->text_n);
    } else if (t->kind == TYPE_DOUBLE) {
        v.d = y->real;
    } else {
        v.i = t->kind == TYPE_BOOLEAN ? y->boolean : y->number;
    }
    if (type_is_str(t) && !v.is_null) {
        v.s.p = buffer_cstr(&inner);
        v.s.n = (uint32_t)inner.n;
    }
    nested_put(b, t, &v);
    buffer_done(&inner);
}

static void stand_value(struct batch *b, uint16_t c, uint16_t row, const struct yaml *y)
{
    struct vec *v = &b->col[c];
    if (v->data == NULL) {
        return;
    }
    if (y->kind == YAML_NULL) {
        vec_set_null(v, b->mem, b->rows, row);
    } else if (v->type->kind == TYPE_STRING || v->type->kind == TYPE_BYTES) {
        v->s[row] = str_copy(b->mem, y->text, (uint32_t)y->text_n);
    } else if (type_is_str(v->type)) {
        struct buffer bytes;
        buffer_init(&bytes);
        stand_nested(&bytes, v->type, y);
        /* an item of nested.h: presence, length, the bytes themselves */
        const uint8_t *p = (const uint8_t *)bytes.data + 1,
                      *end = (const uint8_t *)bytes.data + bytes.n;
        struct nested_value x = {0};
        assert_non_null(nested_read_value(v->type, p, end, &x));
        v->s[row] = str_copy(b->mem, x.s.p, x.s.n);
        buffer_done(&bytes);
    } else if (v->type->kind == TYPE_DOUBLE) {
        v->d[row] = y->real;
    } else if (v->type->kind == TYPE_BOOLEAN) {
        v->b[row] = y->boolean;
    } else {
        v->i[row] = y->number;
    }
}

/* In slices, as a task does; with t->log a commit and a restart between two. Those grow: what a
 * slice has only put in order is gone with the restart. */
static inline void stand_advance(struct task *t, int64_t time)
{
    int status = 1;
    for (int64_t slice = 2; status > 0; slice += t->log != NULL) {
        t->left = slice;
        status = t->c->def->watermark(&t->op, time);
        arena_reset(&t->batch);
        if (status > 0 && t->log) {
            stand_restart(t, t->log);
        }
    }
    assert_int_equal(status, 0);
}

/* Pushes rows [from, to) of the case as one batch, then the watermark they reach. */
static inline void stand_push(struct task *t, int from, int to)
{
    uint16_t n = (uint16_t)(to - from), rows = (uint16_t)(t->wrapped ? 2 * n + 1 : n);
    struct batch *b = batch_new(&t->batch, t->node.in[0], rows, t->needs);
    uint16_t *sel = arena_array(&t->batch, n, sizeof *sel);
    b->low = arena_array(&t->batch, rows, sizeof *b->low);
    for (uint16_t i = 0; i < n; i++) {
        uint16_t row = (uint16_t)(t->wrapped ? 2 * i + 1 : i);
        const struct yaml *y = t->rows->item[from + i];
        sel[i] = row;
        b->time[row] = y->item[0]->number;
        t->watermark = b->time[row] > t->watermark ? b->time[row] : t->watermark;
        b->seen[row] = t->watermark;
        b->low[row] = t->watermark / 2;
        assert_int_equal(y->n, b->schema->n + 1);
        for (uint16_t c = 0; c < b->schema->n; c++) {
            stand_value(b, c, row, y->item[c + 1]);
        }
    }
    b->nsel = n;
    b->sel = t->wrapped ? sel : NULL;
    t->is_pushing = true;
    assert_int_equal(t->c->def->push(&t->op, 0, b), 0);
    t->is_pushing = false;
    t->op.watermark = t->watermark;
    if (t->c->def->watermark != NULL) {
        stand_advance(t, t->watermark);
    }
    arena_reset(&t->batch);
}

/* Records of a changelog: key and value as nested bytes one behind the other. */
static int stand_log(void *ctx, const void *key, uint32_t key_n, const void *value, size_t value_n)
{
    struct buffer *log = ctx;
    buffer_varint(log, key_n);
    buffer_add(log, key, key_n);
    buffer_varint(log, value != NULL ? (int64_t)value_n : -1);
    if (value_n > 0) {
        buffer_add(log, value, value_n);
    }
    return 0;
}

static inline void stand_replay(struct state *state, const struct buffer *log)
{
    const uint8_t *p = (const uint8_t *)log->data, *end = p + log->n;
    while (p < end) {
        int64_t key_n, value_n;
        p = varint_read(p, end, &key_n);
        const uint8_t *key = p;
        p = varint_read(p + key_n, end, &value_n);
        const uint8_t *value = value_n < 0 ? NULL : p;
        p += value_n < 0 ? 0 : value_n;
        assert_int_equal(
            state_restore(state, key, (uint32_t)key_n, value, value_n < 0 ? 0 : (size_t)value_n),
            0);
    }
}

/* Commits, and goes on as a worker that takes over: with a new store made from the changelog. */
static inline void stand_restart(struct task *t, struct buffer *log)
{
    struct err e = {0};
    const struct step_def *def = t->c->def;
    if (def->flush != NULL) {
        assert_int_equal(def->flush(&t->op), 0);
    }
    assert_int_equal(state_changes(t->op.state, stand_log, log), 0);
    state_committed(t->op.state);
    stand_close(t);
    t->op.self = NULL;
    t->op.state = state_memory_new(def->state_codec != NULL ? def->state_codec(&t->node) : NULL);
    stand_replay(t->op.state, log);
    if (def->open != NULL) {
        assert_int_equal(def->open(&t->op, &e), 0);
    }
}

struct stand_run {
    int rows;     /* in a batch */
    bool wrapped; /* in a selection, between rows that are not in it */
    bool unread;  /* columns that the step says it does not need are not there */
    int restart;  /* after so many batches, 0: never */
};

static inline void stand_run(const struct stand_case *c, struct stand_run how)
{
    struct task t;
    struct buffer log;
    buffer_init(&log);
    if (stand_bind(&t, c)) {
        assert_int_equal(yaml_parse(&t.rows, &t.plan, "rows", c->rows, strlen(c->rows), &t.diags),
                         0);
        bool out[COLUMNS_MAX], in[COLUMNS_MAX] = {false};
        memset(out, true, sizeof out);
        if (how.unread && c->def->needs != NULL) {
            c->def->needs(&t.node, out, in);
            t.needs = in;
        }
        t.wrapped = how.wrapped;
        t.log = how.restart > 0 ? &log : NULL;
        stand_open(&t);
        for (int from = 0, batches = 0; from < t.rows->n; from += how.rows) {
            stand_push(&t, from, from + how.rows < t.rows->n ? from + how.rows : t.rows->n);
            if (how.restart > 0 && ++batches % how.restart == 0) {
                stand_restart(&t, &log);
            }
        }
        stand_close(&t);
    }
    struct buffer *all = &t.out[0];
    for (int i = 1; i < STEP_OUTPUTS_MAX; i++) {
        buffer_add(all, t.out[i].n > 0 ? t.out[i].data : "", t.out[i].n);
    }
    buffer_add(all, t.bad.n > 0 ? t.bad.data : "", t.bad.n);
    assert_string_equal(buffer_cstr(all), c->expected);
    buffer_done(&log);
    stand_done(&t);
}

static inline void stand_expect(const struct stand_case *c)
{
    static const int sizes[] = {1, 3, BATCH_ROWS};
    for (int i = 0; i < 3; i++) {
        stand_run(c, (struct stand_run){sizes[i], false, false, 0});
        stand_run(c, (struct stand_run){sizes[i] < BATCH_ROWS ? sizes[i] : 100, true, false, 0});
        stand_run(c, (struct stand_run){sizes[i], false, true, 0});
    }
    if (c->def->stateful) {
        stand_run(c, (struct stand_run){1, false, false, 1});
        stand_run(c, (struct stand_run){2, false, true, 1});
        stand_run(c, (struct stand_run){1, true, false, 3});
    }
}

#endif
