/* flatten: COL makes one row of each element of an array.
 *
 *   columns  the input's; in the place of the array stands its element: for records the columns
 *            `COL.field`, nested records as `COL.field.field`; for others a column COL of the
 *            element's type. All of them are nullable.
 *   rows     in the order of the input rows, then of the elements; time, key and source of the row
 *   null     a null or empty array gives no row; a null element gives a row of nulls
 *
 * Rows go out in batches of at most BATCH_ROWS, whatever the arrays hold; the memory of a batch is
 * given back before the next is made.
 */
#include "engine/nested.h"
#include "engine/shape.h"

#include <string.h>

#define FIELD_DEPTH_MAX 16

struct flatten_cfg {
    const char *column;
};

/* A column that comes out of an element: the way of fields down to it. */
struct leaf {
    uint16_t depth;
    uint16_t field[FIELD_DEPTH_MAX];
    uint16_t to;
};

struct flatten {
    uint16_t column; /* the array */
    uint16_t nleaves;
    struct leaf *leaf;
    int *from; /* of each output column, or -1: a leaf */
};

static int count_leaves(const struct type *t, int depth)
{
    if (t->kind != TYPE_RECORD || depth >= FIELD_DEPTH_MAX) {
        return 1;
    }
    int n = 0;
    for (uint16_t i = 0; i < t->nfields && n <= COLUMNS_MAX; i++) {
        n += count_leaves(t->field[i].type, depth + 1);
    }
    return n;
}

/* Adds the columns of an element of type t; way holds the fields down to it. */
static int add_leaves(struct node *n, struct flatten *f, struct schema *out, const struct type *t,
                      const char *name, struct leaf *way)
{
    if (t->kind == TYPE_RECORD) {
        if (way->depth == FIELD_DEPTH_MAX) {
            return node_error(n, n->at, "records nested more than %d deep", FIELD_DEPTH_MAX);
        }
        for (uint16_t i = 0; i < t->nfields; i++) {
            way->field[way->depth++] = i;
            const char *path = arena_printf(n->mem, "%s.%s", name, t->field[i].name);
            int rc = add_leaves(n, f, out, t->field[i].type, path, way);
            way->depth--;
            if (rc < 0) {
                return rc;
            }
        }
        return 0;
    }
    bool is_taken = schema_find(out, name) >= 0;
    int other = schema_find(n->in[0], name);
    if (is_taken || (other >= 0 && other != f->column)) {
        return node_error(n, n->at, "flatten makes a column `%.100s`, which is there already",
                          name);
    }
    f->leaf[f->nleaves] = *way;
    f->leaf[f->nleaves++].to = schema_add(out, name, t, true, false);
    return 0;
}

static int flatten_bind(struct node *n)
{
    const struct flatten_cfg *cfg = n->cfg;
    const struct schema *in = n->in[0];
    int column = shape_find(n, cfg->column, n->yaml != NULL ? n->yaml->at : n->at);
    if (column < 0) {
        return -ERR_CONFIG;
    }
    const struct type *t = in->col[column].type;
    if (t->kind != TYPE_ARRAY) {
        struct buffer b;
        buffer_init(&b);
        type_print(&b, t);
        int rc = node_error(n, n->at, "flatten needs an array, `%.100s` is a %s", cfg->column,
                            buffer_cstr(&b));
        buffer_done(&b);
        return rc;
    }
    int leaves = count_leaves(t->of, 0);
    if (in->n + leaves > COLUMNS_MAX) {
        return node_error(n, n->at, "flatten makes more than %d columns", COLUMNS_MAX);
    }
    uint16_t cap = (uint16_t)(in->n + leaves);
    struct schema *out = schema_new(n->mem, cap);
    struct flatten *f = arena_zalloc(n->mem, sizeof *f);
    f->column = (uint16_t)column;
    f->leaf = arena_array(n->mem, (size_t)leaves + 1, sizeof *f->leaf);
    f->from = arena_array(n->mem, cap + 1U, sizeof *f->from);
    for (uint16_t i = 0; i < cap; i++) {
        f->from[i] = -1;
    }
    uint16_t *moved = arena_zalloc(n->mem, in->n * sizeof *moved);
    for (uint16_t c = 0; c < in->n; c++) {
        struct leaf way = {0};
        if (c != column) {
            moved[c] = schema_add(out, in->col[c].name, in->col[c].type, in->col[c].nullable,
                                  in->col[c].hidden);
            f->from[moved[c]] = c;
        } else if (add_leaves(n, f, out, t->of, in->col[c].name, &way) < 0) {
            return -ERR_CONFIG;
        }
    }
    out->keyed = in->keyed;
    for (uint16_t i = 0; i < in->nkey; i++) {
        out->key[out->nkey++] = moved[in->key[i]];
    }
    n->out[0] = out;
    n->bound = f;
    return 0;
}

static void flatten_needs(const struct node *n, const bool *out, bool *in)
{
    const struct flatten *f = n->bound;
    in[f->column] = true;
    for (uint16_t c = 0; c < n->out[0]->n; c++) {
        if (out[c] && f->from[c] >= 0) {
            in[f->from[c]] = true;
        }
    }
}

/* The output batch that is being filled. */
struct filling {
    struct op *op;
    const struct batch *in;
    const struct flatten *f;
    const struct record **origin;
    struct arena_mark mark;
    struct batch *out;
    int64_t left; /* elements still to come, as far as their arrays say */
};

static void begin_batch(struct filling *w)
{
    const struct batch *in = w->in;
    const struct schema *s = w->op->node->out[0];
    w->mark = arena_mark(in->mem);
    int64_t rows = w->left < BATCH_ROWS ? w->left : BATCH_ROWS;
    bool *needs = arena_array(in->mem, s->n + 1U, sizeof *needs);
    for (uint16_t c = 0; c < s->n; c++) {
        needs[c] = w->f->from[c] < 0 || in->col[w->f->from[c]].data != NULL;
    }
    w->out = batch_new(in->mem, s, (uint16_t)rows, needs);
    w->origin = NULL;
    if (in->origin != NULL) {
        w->origin = arena_zalloc(in->mem, (size_t)rows * sizeof *w->origin);
        w->out->origin = w->origin;
    }
    if (in->low != NULL) {
        w->out->low = arena_zalloc(in->mem, (size_t)rows * sizeof *w->out->low);
    }
    if (in->part != NULL) {
        w->out->part = arena_array(in->mem, (size_t)rows, sizeof *in->part);
    }
    if (in->row_op != NULL) {
        w->out->row_op = arena_zalloc(in->mem, (size_t)rows);
    }
    w->out->rows = 0;
}

static int end_batch(struct filling *w)
{
    int rc = 0;
    if (w->out->rows > 0) {
        w->out->nsel = w->out->rows;
        rc = op_emit(w->op, 0, w->out);
    }
    arena_release(w->in->mem, w->mark);
    w->out = NULL;
    return rc;
}

static void put_value(struct vec *v, uint16_t row, const struct nested_value *x, struct arena *a)
{
    if (x->is_null) {
        vec_set_null(v, a, BATCH_ROWS, row);
    } else if (type_is_str(v->type)) {
        v->s[row] = str_ref(x->s.p, x->s.n);
    } else if (v->type->kind == TYPE_DOUBLE) {
        v->d[row] = x->d;
    } else if (v->type->kind == TYPE_BOOLEAN) {
        v->b[row] = x->i != 0;
    } else {
        v->i[row] = x->i;
    }
}

static struct nested_value find_leaf(const struct leaf *leaf, const struct type *t,
                                     struct nested_value x)
{
    for (uint16_t i = 0; i < leaf->depth && !x.is_null; i++) {
        struct nested_value field = {.is_null = true};
        if (!nested_field(t, x.s.p, x.s.n, leaf->field[i], &field)) {
            field.is_null = true;
        }
        t = t->field[leaf->field[i]].type;
        x = field;
    }
    return x;
}

static void put_row(struct filling *w, uint16_t from, const struct nested_value *element)
{
    const struct batch *in = w->in;
    const struct flatten *f = w->f;
    uint16_t to = w->out->rows++;
    w->out->time[to] = in->time[from];
    w->out->seen[to] = in->seen[from];
    if (in->low != NULL) {
        w->out->low[to] = in->low[from];
    }
    if (w->origin != NULL) {
        w->origin[to] = in->origin[from];
    }
    if (in->part != NULL) {
        w->out->part[to] = in->part[from];
    }
    if (in->row_op != NULL) {
        w->out->row_op[to] = in->row_op[from];
    }
    for (uint16_t c = 0; c < w->out->schema->n; c++) {
        struct vec *v = &w->out->col[c];
        if (f->from[c] < 0 || v->data == NULL) {
            continue;
        }
        const struct vec *src = &in->col[f->from[c]];
        size_t width = vec_width(v->type);
        memcpy((char *)v->data + to * width, (const char *)src->data + from * width, width);
        if (vec_is_null(src, from)) {
            vec_set_null(v, in->mem, BATCH_ROWS, to);
        }
    }
    const struct type *t = in->schema->col[f->column].type->of;
    for (uint16_t i = 0; i < f->nleaves; i++) {
        struct nested_value x = find_leaf(&f->leaf[i], t, *element);
        put_value(&w->out->col[f->leaf[i].to], to, &x, in->mem);
    }
}

static int flatten_row(struct filling *w, uint16_t row)
{
    const struct vec *v = &w->in->col[w->f->column];
    struct nested_cursor cursor = nested_open(v->type, str_data(&v->s[row]), v->s[row].n);
    struct nested_value x;
    while (nested_next(&cursor, NULL, NULL, &x)) {
        if (w->out == NULL) {
            begin_batch(w);
        }
        put_row(w, row, &x);
        w->left--;
        bool is_full = w->out->rows == BATCH_ROWS || w->left == 0;
        int rc = is_full ? end_batch(w) : 0;
        if (rc < 0) {
            return rc;
        }
    }
    return 0;
}

/* Elements of an array, never more than its bytes can hold. */
static int64_t elements(const struct vec *v, uint16_t row)
{
    int64_t n = vec_is_null(v, row) ? 0 : nested_count(str_data(&v->s[row]), v->s[row].n);
    return n < 0 ? 0 : n > v->s[row].n ? v->s[row].n : n;
}

static int flatten_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    struct filling w = {.op = op, .in = b, .f = op->node->bound};
    const struct vec *v = &b->col[w.f->column];
    for (uint16_t k = 0; k < b->nsel; k++) {
        w.left += elements(v, batch_row(b, k));
    }
    int rc = 0;
    for (uint16_t k = 0; k < b->nsel && rc == 0; k++) {
        uint16_t row = batch_row(b, k);
        if (!vec_is_null(v, row)) {
            rc = flatten_row(&w, row);
        }
    }
    return rc == 0 && w.out != NULL ? end_batch(&w) : rc;
}

static const struct config_field flatten_value = {
    "flatten", CONFIG_TEXT, offsetof(struct flatten_cfg, column), .doc = "The array column."};

const struct step_def op_flatten = {
    .name = "flatten",
    .doc = "Makes one row of each element of an array.",
    .value = &flatten_value,
    .config_size = sizeof(struct flatten_cfg),
    .bind = flatten_bind,
    .needs = flatten_needs,
    .push = flatten_push,
};
