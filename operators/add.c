/* add: LIST appends columns; one of a name that is there takes the place of that column.
 *
 *   columns  the input's, then the new ones in their order
 *   key      stays: a key column that is replaced by another value lives on as a hidden column
 *   error    a row that fails in any expression is bad
 *
 * All expressions see the row as it entered: `add: a + 1 as a, a as b` gives b the old a.
 */
#include "engine/shape.h"

struct add_cfg {
    struct config_list list;
};

static int add_bind(struct node *n)
{
    const struct add_cfg *cfg = n->cfg;
    struct computed *c;
    int count;
    if (computed_bind(n, &cfg->list, n->in[0], &c, &count) < 0) {
        return -ERR_CONFIG;
    }
    int before = n->diags->n;
    struct shape *s = shape_new(n, n->in[0], count);
    shape_take_all(s);
    for (int i = 0; i < count; i++) {
        (void)shape_set(s, &c[i]);
    }
    shape_carry_key(s);
    n->out[0] = s->out;
    n->out_rows = n->in_rows[0];
    n->bound = s;
    return n->diags->n > before ? -ERR_CONFIG : 0;
}

static const struct config_field add_value = {
    "add", CONFIG_EXPRESSIONS, offsetof(struct add_cfg, list), .doc = "The new columns."};

const struct step_def op_add = {
    .name = "add",
    .doc = "Appends computed columns, or replaces those of the same name.",
    .value = &add_value,
    .config_size = sizeof(struct add_cfg),
    .bind = add_bind,
    .needs = shape_step_needs,
    .push = shape_step_push,
};
