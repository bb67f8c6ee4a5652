/* drop: […] leaves columns out.
 *
 *   columns  the input's without the named ones, in their order
 *   key      stays: a key column that is dropped goes on as a hidden column
 *
 * At least one column must be left. Hidden columns cannot be dropped: they are not written anyway.
 */
#include "engine/shape.h"

struct drop_cfg {
    struct config_list names;
};

static int drop_bind(struct node *n)
{
    const struct drop_cfg *cfg = n->cfg;
    const struct schema *in = n->in[0];
    int before = n->diags->n;
    bool *is_dropped = arena_zalloc(n->mem, in->n + 1U);
    for (int i = 0; i < cfg->names.n; i++) {
        int c = shape_find(n, cfg->names.item[i].name, cfg->names.item[i].value.at);
        if (c >= 0) {
            is_dropped[c] = true;
        }
    }
    struct shape *s = shape_new(n, in, 0);
    int visible = 0;
    for (uint16_t c = 0; c < in->n; c++) {
        if (!is_dropped[c]) {
            shape_take(s, c, in->col[c].name, in->col[c].hidden);
            visible += !in->col[c].hidden;
        }
    }
    shape_carry_key(s);
    if (visible == 0 && n->diags->n == before) {
        node_error(n, n->at, "drop leaves no column");
    }
    n->out[0] = s->out;
    n->out_rows = n->in_rows[0];
    n->bound = s;
    return n->diags->n > before ? -ERR_CONFIG : 0;
}

static const struct config_field drop_value = {
    "drop", CONFIG_NAMES, offsetof(struct drop_cfg, names), .doc = "The columns to leave out."};

const struct step_def op_drop = {
    .name = "drop",
    .doc = "Leaves columns out.",
    .value = &drop_value,
    .config_size = sizeof(struct drop_cfg),
    .bind = drop_bind,
    .needs = shape_step_needs,
    .push = shape_step_push,
};
