/* Saved rows: see saved_rows.h.
 */
#include "windows/saved_rows.h"

#include <string.h>

#ifdef KLAMM_SMALL
#define OUTPUT_ROWS 3
#else
#define OUTPUT_ROWS BATCH_ROWS
#endif

static bool is_key(const struct schema *s, uint16_t column)
{
    for (uint16_t i = 0; i < s->nkey; i++) {
        if (s->key[i] == column) {
            return true;
        }
    }
    return false;
}

int saved_schema_bind(struct saved_schema *s, struct node *n, const char *name,
                      const struct type *type)
{
    const struct schema *in = n->in[0];
    if (schema_find(in, name) >= 0) {
        return node_error(n, n->at,
                          "there is a column \"%s\" already, which %s adds: rename it before", name,
                          n->def->name);
    }
    struct schema *out = schema_new(n->mem, (uint16_t)(in->n + 1));
    uint16_t *to = arena_array(n->mem, in->n + 1U, sizeof *to);
    s->layout = row_layout_new(n->mem, in);
    s->to = arena_array(n->mem, in->n + 1U, sizeof *s->to);
    for (uint16_t c = 0; c < in->n; c++) {
        const struct column *col = &in->col[c];
        if (!col->hidden || is_key(in, c)) {
            to[c] = schema_add(out, col->name, col->type, col->nullable, col->hidden);
            s->to[s->layout.n] = to[c];
            row_layout_add(&s->layout, c);
        }
    }
    s->added = schema_add(out, name, type, false, false);
    out->keyed = in->keyed;
    for (uint16_t i = 0; i < in->nkey; i++) {
        out->key[out->nkey++] = to[in->key[i]];
    }
    s->out = out;
    return 0;
}

int saved_rows_add(struct saved_rows *r, const void *bytes, size_t n, int64_t time, int64_t added)
{
    struct arena *mem = r->op->mem;
    if (r->b == NULL) {
        r->mark = arena_mark(mem);
        r->cap = r->left < OUTPUT_ROWS ? (uint16_t)r->left : OUTPUT_ROWS;
        r->cap = r->cap > 0 ? r->cap : 1;
        r->b = batch_new(mem, r->schema->out, r->cap, NULL);
        r->b->now = op_now(r->op);
        r->b->rows = 0;
    }
    struct batch *b = r->b;
    uint16_t row = b->rows++;
    b->time[row] = b->seen[row] = time;
    b->col[r->schema->added].i[row] = added;
    r->left -= r->left > 0;
    int status = row_load(&r->schema->layout, bytes, n, b->col, r->schema->to, row, r->cap, mem);
    return status == 0 && b->rows == r->cap ? saved_rows_flush(r) : status;
}

int saved_rows_flush(struct saved_rows *r)
{
    struct batch *b = r->b;
    if (b == NULL) {
        return 0;
    }
    r->b = NULL;
    b->nsel = b->rows;
    int status = op_emit(r->op, 0, b);
    arena_release(r->op->mem, r->mark);
    return status;
}
