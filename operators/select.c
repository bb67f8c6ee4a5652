/* select: LIST makes rows of exactly the listed columns.
 *
 *   columns  those of the list, in its order; hidden ones (`_time`, …) go on unseen
 *   key      stays: a key column under its new name where the list takes it as it is, else as a
 *            hidden column, so that the partitioning is kept
 *   error    a row that fails in any expression is bad
 */
#include "engine/shape.h"

struct select_cfg {
    struct config_list list;
};

static int select_bind(struct node *n)
{
    const struct select_cfg *cfg = n->cfg;
    struct computed *c;
    int count;
    if (computed_bind(n, &cfg->list, n->in[0], &c, &count) < 0) {
        return -ERR_CONFIG;
    }
    if (count == 0) {
        return node_error(n, n->at, "select needs at least one column");
    }
    int before = n->diags->n;
    struct shape *s = shape_new(n, n->in[0], count);
    for (int i = 0; i < count; i++) {
        (void)shape_compute(s, &c[i]);
    }
    shape_carry_hidden(s);
    shape_carry_key(s);
    n->out[0] = s->out;
    n->out_rows = n->in_rows[0];
    n->bound = s;
    return n->diags->n > before ? -ERR_CONFIG : 0;
}

static const struct config_field select_value = {
    "select", CONFIG_EXPRESSIONS, offsetof(struct select_cfg, list), .doc = "The columns."};

const struct step_def op_select = {
    .name = "select",
    .doc = "Makes rows of exactly the listed columns.",
    .value = &select_value,
    .config_size = sizeof(struct select_cfg),
    .bind = select_bind,
    .needs = shape_step_needs,
    .push = shape_step_push,
};
