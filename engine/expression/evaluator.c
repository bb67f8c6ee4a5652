/* Evaluator: runs a program over the selected rows of a batch.
 *
 *   value   column of the batch, as it is; constant, spread over all rows when first used; slot,
 *           taken from the batch's arena when first written
 *   level   a stack of selections; kernels get the top one
 *   null    for NULL_IF_ANY the flags of the arguments are joined here; kernels that may fail are
 *           then called without the null rows, harmless ones with all (null rows hold zeroes), and
 *           the null rows of the result are set to zero
 *   errors  a failed row is null from there on; the first error of a row counts
 */
#include "engine/expression/kernel.h"
#include "engine/expression/program.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif

struct level {
    uint16_t n;
    const uint16_t *sel; /* what counts */
    uint16_t *own;       /* memory of this level */
};

struct frame {
    const struct program *p;
    const struct batch *b;
    struct arena *mem;
    uint16_t rows;
    struct vec *v;
    struct slot {
        void *data;
        uint8_t *null;
    } * slot;
    struct level *level;
    uint32_t top;
    uint16_t *scratch; /* a selection without null rows */
    struct row_errors *errors;
    struct row_errors fresh; /* of the running kernel */
    uint8_t *failed;
};

/* ---- values ---- */

static void *slot_data(struct frame *f, uint32_t slot)
{
    struct slot *s = &f->slot[slot];
    if (s->data == NULL) {
        s->data = arena_alloc(f->mem, (size_t)f->rows * f->p->slot_width[slot]);
    }
    return s->data;
}

/* Null flags, not set. */
static uint8_t *null_memory(struct frame *f, uint32_t slot)
{
    struct slot *s = &f->slot[slot];
    if (s->null == NULL) {
        s->null = arena_alloc(f->mem, f->rows);
    }
    return s->null;
}

static void spread(struct frame *f, struct vec *v, const struct value *from)
{
    if (from->constant.is_null) {
        memset(v->data, 0, f->rows * vec_width(v->type));
        v->null = memset(null_memory(f, from->number), 1, f->rows);
        return;
    }
    if (type_is_str(v->type)) {
        struct str s = str_ref(from->constant.s.p, from->constant.s.n);
        for (size_t row = 0; row < f->rows; row++) {
            v->s[row] = s;
        }
    } else if (v->type->kind == TYPE_BOOLEAN) {
        memset(v->b, from->constant.i != 0, f->rows);
    } else {
        int64_t *data = v->i;
        int64_t i = from->constant.i; /* or the bits of a double: one union */
        for (size_t row = 0; row < f->rows; row++) {
            data[row] = i;
        }
    }
}

static struct vec *fetch(struct frame *f, uint32_t k)
{
    struct vec *v = &f->v[k];
    const struct value *from = &f->p->value[k];
    if (v->data == NULL && from->kind != VALUE_COLUMN) {
        v->data = slot_data(f, from->number); /* of a skipped value, which no row needs: garbage */
        if (from->kind == VALUE_CONSTANT) {
            spread(f, v, from);
        }
    }
    return v;
}

static struct vec *begin_result(struct frame *f, uint32_t k)
{
    struct vec *v = &f->v[k];
    v->data = slot_data(f, f->p->value[k].number);
    v->null = NULL;
    return v;
}

static void clear_value(struct vec *v, uint16_t row)
{
    size_t width = vec_width(v->type);
    memset((char *)v->data + row * width, 0, width);
}

/* ---- errors ---- */

static void collect_errors(struct frame *f)
{
    struct row_errors *all = f->errors;
    if (f->failed == NULL) {
        f->failed = arena_zalloc(f->mem, f->rows);
        all->item = arena_array(f->mem, f->rows, sizeof *all->item);
    }
    for (uint16_t k = 0; k < f->fresh.n; k++) {
        uint16_t row = f->fresh.item[k].row;
        if (!f->failed[row]) {
            f->failed[row] = 1;
            all->item[all->n++] = f->fresh.item[k];
        }
    }
    f->fresh.n = 0;
}

static int by_row(const void *a, const void *b)
{
    return ((const struct row_error *)a)->row - ((const struct row_error *)b)->row;
}

/* ---- calls ---- */

/* Joins the null flags of the arguments into out; true when a selected row is null. */
static bool join_nulls(struct frame *f, const struct kernel_call *c, uint32_t out)
{
    uint8_t *joined = NULL;
    for (int k = 0; k < c->nargs; k++) {
        const uint8_t *null = c->arg[k].null;
        if (null == NULL) {
            continue;
        }
        if (joined == NULL) {
            joined = null_memory(f, f->p->value[out].number);
            memcpy(joined, null, f->rows);
        } else {
            for (size_t row = 0; row < f->rows; row++) {
                joined[row] |= null[row];
            }
        }
    }
    if (joined == NULL) {
        return false;
    }
    bool any = false;
    if (kernel_is_dense(c)) {
        any = memchr(joined, 1, f->rows) != NULL;
    } else {
        for (uint16_t k = 0; k < c->nsel && !any; k++) {
            any = joined[c->sel[k]] == 1;
        }
    }
    c->out->null = any ? joined : NULL;
    return any;
}

/* Rows that are null (flag 1) become zero, the others (0) stay: without branches. */
static void clear_nulls(const struct kernel_call *c)
{
    const uint8_t *null = c->out->null;
    size_t width = vec_width(c->out->type);
    if (width == 1) {
        for (uint16_t k = 0; k < c->nsel; k++) {
            uint16_t row = c->sel[k];
            c->out->b[row] &= (uint8_t)(null[row] - 1);
        }
    } else if (width == 8) {
        for (uint16_t k = 0; k < c->nsel; k++) {
            uint16_t row = c->sel[k];
            int64_t v;
            memcpy(&v, &c->out->i[row], sizeof v);
            v &= (int64_t)null[row] - 1;
            memcpy(&c->out->i[row], &v, sizeof v);
        }
    } else {
        for (uint16_t k = 0; k < c->nsel; k++) {
            if (null[c->sel[k]] == 1) {
                clear_value(c->out, c->sel[k]);
            }
        }
    }
}

static void drop_null_rows(struct frame *f, struct kernel_call *c)
{
    if (f->scratch == NULL) {
        f->scratch = arena_array(f->mem, f->rows, sizeof *f->scratch);
    }
    uint16_t n = 0;
    for (uint16_t k = 0; k < c->nsel; k++) {
        uint16_t row = c->sel[k];
        f->scratch[n] = row;
        n = (uint16_t)(n + (c->out->null[row] == 0));
    }
    c->sel = f->scratch;
    c->nsel = n;
}

static void call(struct frame *f, const struct instruction *in)
{
    struct vec few[4];
    struct vec *arg = in->nargs <= 4 ? few : arena_array(f->mem, in->nargs, sizeof *arg);
    for (uint32_t k = 0; k < in->nargs; k++) {
        arg[k] = *fetch(f, in->arg[k]);
    }
    struct kernel_call c = {.rows = f->rows,
                            .nsel = f->level[f->top].n,
                            .sel = f->level[f->top].sel,
                            .now = f->b->now,
                            .nargs = (int)in->nargs,
                            .arg = arg,
                            .out = begin_result(f, in->out),
                            .mem = f->mem,
                            .errors = in->is_quiet ? NULL : &f->fresh,
                            .failed = f->failed,
                            .state = in->state};
    if (c.nsel == 0) {
        return;
    }
    const struct function_def *fn = in->fn;
    bool joins = fn->nulls == NULL_IF_ANY || fn->nulls == NULL_MORE;
    if (!joins || !join_nulls(f, &c, in->out)) {
        fn->kernel(&c);
    } else if (fn->is_harmless) {
        fn->kernel(&c);
        clear_nulls(&c);
    } else {
        clear_nulls(&c);
        drop_null_rows(f, &c);
        if (c.nsel > 0) {
            fn->kernel(&c);
        }
    }
    if (f->fresh.n > 0) {
        collect_errors(f);
    }
}

static void move(struct frame *f, const struct instruction *in)
{
    struct vec *out = &f->v[in->out];
    const struct vec *from = fetch(f, in->arg[0]);
    const struct level *l = &f->level[f->top];
    size_t width = vec_width(out->type);
    if (l->n == f->rows) {
        memcpy(out->data, from->data, f->rows * width);
    } else if (width == 1) {
        for (uint16_t k = 0; k < l->n; k++) {
            out->b[l->sel[k]] = from->b[l->sel[k]];
        }
    } else if (width == 8) {
        for (uint16_t k = 0; k < l->n; k++) {
            out->i[l->sel[k]] = from->i[l->sel[k]];
        }
    } else {
        for (uint16_t k = 0; k < l->n; k++) {
            out->s[l->sel[k]] = from->s[l->sel[k]];
        }
    }
    if (from->null == NULL && out->null == NULL) {
        return;
    }
    if (out->null == NULL) {
        out->null = memset(null_memory(f, f->p->value[in->out].number), 0, f->rows);
    }
    for (uint16_t k = 0; k < l->n; k++) {
        out->null[l->sel[k]] = from->null != NULL && from->null[l->sel[k]] == 1;
    }
}

/* ---- selections ---- */

static uint16_t *own_memory(struct frame *f, struct level *l)
{
    if (l->own == NULL) {
        l->own = arena_array(f->mem, f->rows, sizeof *l->own);
    }
    return l->own;
}

static void enter(struct frame *f)
{
    struct level *l = &f->level[f->top + 1];
    l->n = f->level[f->top].n;
    l->sel = f->level[f->top].sel; /* copied when it is narrowed */
    f->top++;
}

static bool holds(const struct vec *v, enum keep keep, uint16_t row)
{
    bool is_null = vec_is_null(v, row);
    switch (keep) {
    case KEEP_NULL:
        return is_null;
    case KEEP_NOT_FALSE:
        return is_null || v->b[row] != 0;
    case KEEP_NOT_TRUE:
        return is_null || v->b[row] == 0;
    }
    return false;
}

static bool keep_rows(struct frame *f, const struct instruction *in)
{
    const struct vec *v = fetch(f, in->arg[0]);
    struct level *l = &f->level[f->top];
    uint16_t *own = own_memory(f, l);
    uint16_t n = 0;
    for (uint16_t k = 0; k < l->n; k++) {
        uint16_t row = l->sel[k]; /* may be own itself: n <= k */
        own[n] = row;
        n = (uint16_t)(n + holds(v, in->keep, row));
    }
    l->sel = own;
    l->n = n;
    return n > 0;
}

static bool branch(struct frame *f, const struct instruction *in)
{
    const struct vec *v = fetch(f, in->arg[0]);
    struct level *rest = &f->level[f->top];
    struct level *taken = &f->level[f->top + 1];
    uint16_t *rest_own = own_memory(f, rest);
    uint16_t *taken_own = own_memory(f, taken);
    uint16_t nrest = 0, ntaken = 0;
    for (uint16_t k = 0; k < rest->n; k++) {
        uint16_t row = rest->sel[k];
        bool is_true = !vec_is_null(v, row) && v->b[row] != 0;
        rest_own[nrest] = row;
        taken_own[ntaken] = row;
        nrest = (uint16_t)(nrest + !is_true);
        ntaken = (uint16_t)(ntaken + is_true);
    }
    rest->sel = rest_own;
    rest->n = nrest;
    taken->sel = taken_own;
    taken->n = ntaken;
    f->top++;
    return ntaken > 0;
}

/* ---- the run ---- */

static void run(struct frame *f)
{
    const struct program *p = f->p;
    for (uint32_t pc = 0; pc < p->n; pc++) {
        const struct instruction *in = &p->code[pc];
        bool goes_on = true;
        switch (in->op) {
        case OP_CALL:
            call(f, in);
            break;
        case OP_NEW:
            begin_result(f, in->out);
            break;
        case OP_MOVE:
            move(f, in);
            break;
        case OP_ENTER:
            enter(f);
            break;
        case OP_KEEP:
            goes_on = keep_rows(f, in);
            break;
        case OP_BRANCH:
            goes_on = branch(f, in);
            break;
        case OP_LEAVE:
            f->top--;
            goes_on = in->skip == 0 || f->level[f->top].n > 0;
            break;
        }
        if (!goes_on) {
            pc = in->skip - 1;
        }
    }
}

#define FOUR(n)     n, n + 1, n + 2, n + 3
#define SIXTEEN(n)  FOUR(n), FOUR(n + 4), FOUR(n + 8), FOUR(n + 12)
#define HUNDREDS(n) SIXTEEN(n), SIXTEEN(n + 16), SIXTEEN(n + 32), SIXTEEN(n + 48)
#define LARGE(n)    HUNDREDS(n), HUNDREDS(n + 64), HUNDREDS(n + 128), HUNDREDS(n + 192)

/* The selection of all rows. */
static const uint16_t every_row[BATCH_ROWS] = {LARGE(0),    LARGE(256),  LARGE(512),  LARGE(768),
                                               LARGE(1024), LARGE(1280), LARGE(1536), LARGE(1792)};

void program_run(const struct program *p, const struct batch *b, struct vec *out,
                 struct row_errors *errors)
{
    assert(b->rows <= BATCH_ROWS);
    struct frame f = {.p = p, .b = b, .mem = b->mem, .rows = b->rows, .errors = errors};
    f.v = arena_zalloc(f.mem, p->nvalues * sizeof *f.v);
    for (uint32_t k = 0; k < p->nvalues; k++) {
        if (p->value[k].kind == VALUE_COLUMN) {
            f.v[k] = b->col[p->value[k].number];
        } else {
            f.v[k].type = p->value[k].type;
        }
    }
    f.slot = arena_zalloc(f.mem, p->nslots * sizeof *f.slot);
    if (p->n > 0) {
        f.level = arena_zalloc(f.mem, (p->depth + 1) * sizeof *f.level);
        f.level[0].n = b->nsel;
        f.level[0].sel = b->sel != NULL ? b->sel : every_row;
        run(&f);
    }
    *out = *fetch(&f, p->result);
    for (uint16_t k = 0; k < errors->n; k++) {
        clear_value(out, errors->item[k].row);
        vec_set_null(out, f.mem, f.rows, errors->item[k].row);
    }
    if (errors->n > 1) {
        qsort(errors->item, errors->n, sizeof *errors->item, by_row);
    }
}
