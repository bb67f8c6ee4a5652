/* filter: EXPR keeps the rows where the expression is true.
 *
 *   columns  as they are; rows are only deselected, nothing is copied
 *   null     is not true: the row goes
 *   table    of the changes of a table, a row that goes takes that of its key away: it becomes a
 *            deletion, whether the key had one behind the filter or not. Deletions pass
 *   error    the row is bad (SPEC section 7)
 */
#include "engine/shape.h"

#include <string.h>

struct filter_cfg {
    struct config_text where;
};

static int filter_bind(struct node *n)
{
    const struct filter_cfg *cfg = n->cfg;
    const struct expression *x;
    if (expression_compile(&x, n->mem, &cfg->where, n->in[0], n->diags) < 0) {
        return -ERR_CONFIG;
    }
    if (expression_type(x)->kind != TYPE_BOOLEAN) {
        struct buffer b;
        buffer_init(&b);
        type_print(&b, expression_type(x));
        int rc =
            node_error(n, cfg->where.at, "filter needs a condition, this is a %s", buffer_cstr(&b));
        buffer_done(&b);
        return rc;
    }
    n->out[0] = n->in[0];
    n->out_rows = n->in_rows[0] == ROWS_TABLE ? ROWS_TABLE : ROWS_EVENTS;
    n->bound = arena_alloc(n->mem, sizeof(const struct expression *));
    *(const struct expression **)n->bound = x;
    return 0;
}

static void filter_needs(const struct node *n, const bool *out, bool *in)
{
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        in[c] = in[c] || out[c];
    }
    expression_needs(*(const struct expression *const *)n->bound, in);
}

/* Column c, null in deleted rows; other readers of the batch keep theirs. */
static struct vec without_deleted(const struct batch *b, uint16_t c)
{
    struct vec v = b->col[c], all = vec_new(b->mem, v.type, b->rows);
    memcpy(all.data, v.data, vec_width(v.type) * b->rows);
    if (v.null) {
        memcpy(vec_nulls(&all, b->mem, b->rows), v.null, b->rows);
    }
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        if (b->row_op[row] == ROW_DELETE) {
            vec_clear_row(&all, b->mem, b->rows, row);
        }
    }
    return all;
}

/* Rows of b, where those that are not in sel delete. */
static struct batch deleting(const struct batch *b, const uint16_t *sel, uint16_t nsel)
{
    struct batch out = *b;
    out.row_op = arena_array(b->mem, b->rows, sizeof *out.row_op);
    memset(out.row_op, ROW_DELETE, b->rows);
    for (uint16_t k = 0; k < nsel; k++) {
        out.row_op[sel[k]] = b->row_op ? b->row_op[sel[k]] : ROW_UPSERT;
    }
    struct vec *col = arena_array(b->mem, b->schema->n, sizeof *col);
    for (uint16_t c = 0; c < b->schema->n; c++) {
        bool is_of_value =
            b->col[c].data && !b->schema->col[c].hidden && schema_key_number(b->schema, c) < 0;
        col[c] = is_of_value ? without_deleted(&out, c) : b->col[c];
    }
    out.col = col;
    return out;
}

static int filter_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    const struct expression *x = *(const struct expression *const *)op->node->bound;
    uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel), nsel = 0;
    struct row_errors errors = {0};
    struct batch all = *b;
    int rc = expression_filter(x, b, sel, &nsel, &errors);
    if (rc == 0 && errors.n > 0) {
        rc = op_bad_rows(op, &all, &errors);
    }
    if (rc == 0 && op->node->in_rows[0] == ROWS_TABLE && all.nsel > 0) {
        struct batch rest = deleting(&all, sel, nsel);
        return op_emit(op, 0, &rest);
    }
    if (rc < 0 || nsel == 0) {
        return rc;
    }
    struct batch kept = batch_select(b, sel, nsel);
    return op_emit(op, 0, &kept);
}

static const struct config_field filter_value = {
    "filter", CONFIG_EXPRESSION, offsetof(struct filter_cfg, where), .doc = "The condition."};

const struct step_def op_filter = {
    .name = "filter",
    .doc = "Keeps the rows for which the expression is true.",
    .value = &filter_value,
    .config_size = sizeof(struct filter_cfg),
    .bind = filter_bind,
    .needs = filter_needs,
    .push = filter_push,
};
