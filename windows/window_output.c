/* Results of windows: states become rows, rows become batches.
 *
 *   window_emit      key columns, window_start, window_end, and the result of every aggregate call
 *   window_flush     per item: its expression over those columns; then having; then op_emit()
 *
 * A row's event time is window_end - 1 (window_end where the end belongs to the window), and so is
 * its `seen`: windows come out in the order of their ends, so that no earlier row can follow, and
 * unlike the watermark of the moment this does not depend on the size of batches. A result whose
 * expression fails, or of which an aggregate could not hold all, is a bad row without a source
 * record. With `emit: updates` results come out with rows instead: `seen` is what no later result
 * falls below, and a deletion has nulls for its calls. What stands downstream of a window is noted
 * in its state, so that only that is deleted: by a session that merges, or when `having` fails.
 */
#include "windows/window_internal.h"

#include "engine/memory.h"

#include <string.h>

#ifdef KLAMM_SMALL
#define OUTPUT_ROWS 3
#else
#define OUTPUT_ROWS BATCH_ROWS
#endif

/* Of a result that comes out more than once. */
struct mark {
    struct state_entry *entry;
    struct window_note *note; /* NULL: there is none */
};

struct window_output {
    const struct window_plan *p;
    struct batch *b; /* NULL: none begun */
    struct vec *call;
    uint16_t n, cap;
    uint16_t *empty, nempty;  /* rows of empty windows; NULL: none */
    struct mark *row_mark;    /* per row; NULL: nobody has one */
    struct row_errors failed; /* rows of which an aggregate has no result */
    uint64_t expected;
    struct arena_mark mark; /* before the batch */
};

struct window_output *window_output_new(const struct window_plan *p)
{
    struct window_output *out = mem_zalloc(sizeof *out);
    out->p = p;
    return out;
}

void window_output_free(struct window_output *out)
{
    mem_free(out);
}

void window_expect(struct window_op *o, uint64_t rows)
{
    o->out->expected = rows;
}

static void begin(struct window_op *o)
{
    struct window_output *out = o->out;
    const struct window_plan *p = out->p;
    struct arena *mem = o->op->mem;
    uint64_t rows = out->expected > 0 ? out->expected : 1;
    out->cap = rows < OUTPUT_ROWS ? (uint16_t)rows : OUTPUT_ROWS;
    out->n = 0;
    out->failed = (struct row_errors){0};
    out->row_mark = NULL;
    out->empty = NULL;
    out->nempty = 0;
    out->mark = arena_mark(mem);
    bool *needs = arena_zalloc(mem, p->out->n);
    for (uint16_t c = 0; c < p->outer->n; c++) {
        needs[c] = true;
    }
    out->b = batch_new(mem, p->out, out->cap, needs);
    out->b->now = op_now(o->op);
    out->b->low = arena_array(mem, out->cap, sizeof *out->b->low);
    out->call = arena_array(mem, (size_t)p->window.ncalls + 1, sizeof *out->call);
    for (int i = 0; i < p->window.ncalls; i++) {
        out->call[i] = vec_new(mem, p->window.call[i].type, out->cap);
    }
}

/* Rows come ascending; the first reason counts. */
static void mark_failed(struct window_output *out, uint16_t row, const char *text)
{
    struct row_errors *f = &out->failed;
    if (f->item == NULL) {
        f->item = arena_array(out->b->mem, out->cap, sizeof *f->item);
    }
    if (f->n == 0 || f->item[f->n - 1].row != row) {
        f->item[f->n++] = (struct row_error){row, text};
    }
}

/* A row with its key, bounds and times; *at is its number. */
static int begin_row(struct window_op *o, const void *key, uint32_t key_n, int64_t start,
                     int64_t end, uint16_t *at)
{
    struct window_output *out = o->out;
    if (out->b && out->n == out->cap) {
        int status = window_flush(o);
        if (status < 0) {
            return status;
        }
    }
    if (out->b == NULL) {
        begin(o);
    }
    struct batch *b = out->b;
    uint16_t row = out->n++, nkey = out->p->outer->nkey;
    *at = row;
    int status = key_restore(out->p->outer, key, key_n, b->col, row, out->cap, b->mem);
    if (status < 0) {
        return status;
    }
    if (!out->p->is_unbounded) {
        b->col[nkey].i[row] = start;
        b->col[nkey + 1].i[row] = end;
    }
    b->time[row] = o->w->def->includes_end ? end : end - 1;
    b->seen[row] = o->seen == TIME_MAX ? b->time[row] : o->seen;
    b->low[row] = o->low < b->seen[row] ? o->low : b->seen[row];
    if (out->expected > 0) {
        out->expected--;
    }
    return 0;
}

int window_emit(struct window_op *o, const void *key, uint32_t key_n, int64_t start, int64_t end,
                const void *states)
{
    struct window_output *out = o->out;
    const struct window *w = o->w;
    uint16_t row;
    int status = begin_row(o, key, key_n, start, end, &row);
    for (int i = 0; i < w->ncalls && status == 0; i++) {
        const struct aggregate_call *c = &w->call[i];
        const void *state = (const char *)states + c->at;
        const char *text = c->def->failed ? c->def->failed(c, state) : NULL;
        c->def->result(c, state, &out->call[i], row, out->cap, out->b->mem);
        if (text) {
            mark_failed(out, row, text);
        }
    }
    return status;
}

int window_emit_empty(struct window_op *o, const void *key, uint32_t key_n, int64_t start,
                      int64_t end)
{
    struct window_output *out = o->out;
    uint16_t row;
    int status = begin_row(o, key, key_n, start, end, &row);
    if (status < 0) {
        return status;
    }
    if (out->empty == NULL) {
        out->empty = arena_array(out->b->mem, out->cap, sizeof *out->empty);
    }
    out->empty[out->nempty++] = row;
    for (int i = 0; i < o->w->ncalls; i++) {
        vec_set_null(&out->call[i], out->b->mem, out->cap, row);
    }
    return 0;
}

static int retract(struct window_op *o, const void *key, uint32_t key_n, int64_t start, int64_t end)
{
    struct window_output *out = o->out;
    uint16_t row;
    int status = begin_row(o, key, key_n, start, end, &row);
    if (status < 0) {
        return status;
    }
    struct batch *b = out->b;
    if (b->row_op == NULL) {
        b->row_op = arena_zalloc(b->mem, out->cap);
    }
    b->row_op[row] = ROW_DELETE;
    for (int i = 0; i < o->w->ncalls; i++) {
        vec_set_null(&out->call[i], b->mem, out->cap, row);
    }
    return 0;
}

int window_settle(struct window_op *o)
{
    return o->out->b && o->out->row_mark ? window_flush(o) : 0;
}

int window_withdraw(struct window_op *o, const void *key, uint32_t key_n, struct state_entry *entry,
                    struct window_note *note)
{
    int status = note->is_pending ? window_settle(o) : 0;
    if (status < 0 || !note->is_out) {
        return status;
    }
    note->is_out = false;
    state_touch(o->op->state, entry);
    return retract(o, key, key_n, note->start, note->end);
}

int window_emit_so_far(struct window_op *o, const void *key, uint32_t key_n, int64_t start,
                       int64_t end, const void *states, struct state_entry *entry,
                       struct window_note *note)
{
    struct window_output *out = o->out;
    int status = note->is_pending ? window_settle(o) : 0;
    if (status == 0 && (note->start != start || note->end != end)) {
        status = window_withdraw(o, key, key_n, entry, note);
    }
    status = status < 0 ? status : window_emit(o, key, key_n, start, end, states);
    if (status < 0) {
        return status;
    }
    note->start = start;
    note->end = end;
    if (!out->p->has_having) {
        note->is_out = true;
        state_touch(o->op->state, entry);
        return 0;
    }
    if (out->row_mark == NULL) {
        out->row_mark = arena_zalloc(out->b->mem, out->cap * sizeof *out->row_mark);
    }
    note->is_pending = true;
    out->row_mark[out->n - 1] = (struct mark){entry, note};
    return 0;
}

/* The batch as an item's expression sees it: its columns, and behind them the calls it makes. */
static struct batch item_view(const struct window_output *out, const struct window_item *item,
                              const struct batch *b)
{
    struct batch view = batch_reshape(b, item->schema);
    uint16_t front = (uint16_t)(item->schema->n - item->ncalls);
    for (uint16_t c = 0; c < front; c++) {
        view.col[c] = b->col[c];
    }
    for (int i = 0; i < item->ncalls; i++) {
        view.col[front + i] = out->call[item->call[i]];
    }
    return view;
}

/* What an aggregate is in empty windows. */
static void fill_column(const struct window_output *out, const struct batch *b, struct vec *v)
{
    bool is_zero = out->p->window.fill == FILL_ZERO && type_is_numeric(v->type);
    for (uint16_t i = 0; i < out->nempty; i++) {
        uint16_t row = out->empty[i];
        if (!is_zero) {
            vec_set_null(v, b->mem, out->cap, row);
            continue;
        }
        v->i[row] = 0; /* 0.0 too */
        if (v->null) {
            v->null[row] = 0;
        }
    }
}

static int eval_items(struct window_op *o, struct batch *b)
{
    const struct window_output *out = o->out;
    struct row_errors errors = out->failed;
    for (int i = 0; i < out->p->nitems; i++) {
        struct row_errors mine = {0};
        struct batch view = item_view(out, &out->p->item[i], b);
        int status =
            expression_eval(out->p->item[i].x, &view, &b->col[out->p->outer->n + i], &mine);
        if (status < 0) {
            return status;
        }
        window_merge_errors(&errors, &mine, b->mem);
        if (out->p->item[i].ncalls > 0) {
            fill_column(out, b, &b->col[out->p->outer->n + i]);
        }
    }
    for (int i = 0; i < out->p->window.ncalls; i++) {
        fill_column(out, b, &out->call[i]); /* as `having` sees them */
    }
    return op_bad_rows(o->op, b, &errors);
}

/* What becomes of a row that is no error, now that `having` has been asked: whether it comes out.
 */
static bool decide(struct window_op *o, struct batch *b, uint16_t row, bool has_passed)
{
    const struct window_output *out = o->out;
    if (b->row_op && b->row_op[row] == ROW_DELETE) {
        return true;
    }
    if (out->row_mark == NULL || out->row_mark[row].note == NULL) {
        return has_passed;
    }
    struct window_note *note = out->row_mark[row].note;
    bool was_out = note->is_out;
    note->is_out = has_passed;
    if (was_out != has_passed) {
        state_touch(o->op->state, out->row_mark[row].entry);
    }
    if (!has_passed && was_out) {
        b->row_op = b->row_op ? b->row_op : arena_zalloc(b->mem, out->cap);
        b->row_op[row] = ROW_DELETE;
    }
    return has_passed || was_out;
}

/* The rows of b that come out: of those that passed (ascending, in sel), and deletions. */
static uint16_t decide_all(struct window_op *o, struct batch *b, uint16_t *sel, uint16_t nsel,
                           const struct row_errors *errors)
{
    uint16_t *passed = arena_array(b->mem, nsel + 1U, sizeof *passed), n = 0, i = 0, e = 0;
    memcpy(passed, sel, nsel * sizeof *passed);
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        bool has_passed = i < nsel && passed[i] == row;
        bool has_failed = e < errors->n && errors->item[e].row == row;
        i = (uint16_t)(i + has_passed);
        e = (uint16_t)(e + has_failed);
        if (!has_failed && decide(o, b, row, has_passed)) {
            sel[n++] = row;
        }
    }
    return n;
}

/* No result is on its way any longer. */
static void clear_marks(struct window_output *out)
{
    for (uint16_t row = 0; out->row_mark && row < out->n; row++) {
        if (out->row_mark[row].note) {
            out->row_mark[row].note->is_pending = false;
        }
    }
}

static int apply_having(struct window_op *o, struct batch *b)
{
    const struct window_output *out = o->out;
    struct row_errors errors = {0};
    uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel);
    uint16_t nsel = 0;
    struct batch view = item_view(out, &out->p->having, b);
    int status = expression_filter(out->p->having.x, &view, sel, &nsel, &errors);
    if (status < 0) {
        return status;
    }
    nsel = decide_all(o, b, sel, nsel, &errors);
    status = status < 0 ? status : op_bad_rows(o->op, b, &errors);
    b->sel = sel; /* failed rows are not among them: their result is null */
    b->nsel = nsel;
    return status;
}

int window_flush(struct window_op *o)
{
    struct window_output *out = o->out;
    struct batch *b = out->b;
    if (b == NULL) {
        return 0;
    }
    out->b = NULL;
    b->rows = b->nsel = out->n;
    clear_marks(out);
    int status = eval_items(o, b);
    if (status == 0 && out->p->has_having && b->nsel > 0) {
        status = apply_having(o, b);
    }
    if (status == 0 && b->nsel > 0) {
        status = op_emit(o->op, 0, b);
    }
    arena_release(b->mem, out->mark);
    return status;
}

int window_pause(struct window_op *o, int status)
{
    int flushed = status < 0 ? 0 : window_flush(o);
    return flushed < 0 ? flushed : status;
}
