/* filter: EXPR keeps the rows where the expression is true.
 *
 *   columns  as they are; rows are only deselected, nothing is copied
 *   null     is not true: the row goes
 *   error    the row is bad (SPEC section 7)
 */
#include "engine/shape.h"

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

static int filter_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    const struct expression *x = *(const struct expression *const *)op->node->bound;
    uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel), nsel = 0;
    struct row_errors errors = {0};
    int rc = expression_filter(x, b, sel, &nsel, &errors);
    if (rc == 0 && errors.n > 0) {
        struct batch all = *b;
        rc = op_bad_rows(op, &all, &errors);
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
