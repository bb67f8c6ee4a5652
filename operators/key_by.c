/* key_by: LIST makes the listed columns the key.
 *
 *   columns  the input's; an expression that is no plain column is appended under its name, or
 *            takes the place of the column of that name (`key_by: lower(host) as host`)
 *   key      the listed columns in their order; `[]`: one group for all rows
 *   null     such a row passes; steps that work per key drop and count it
 *   error    a row that fails in any expression is bad
 *
 * The rows stay where they are: the plan repartitions before the next step that needs it.
 */
#include "engine/shape.h"

struct key_by_cfg {
    struct config_list list;
};

static bool can_be_key(const struct type *t)
{
    return t->kind != TYPE_ARRAY && t->kind != TYPE_MAP && t->kind != TYPE_RECORD;
}

/* Column number of the output that holds this item. */
static int key_column(struct shape *s, const struct computed *c)
{
    int from = expression_column(c->x);
    if (from >= 0 && c->name != NULL && schema_find(s->in, c->name) == from) {
        return schema_find(s->out, c->name);
    }
    return shape_set(s, c) < 0 ? -1 : schema_find(s->out, c->name);
}

/* Whether input column `from` is the i-th key column already. */
static bool is_key_already(const struct schema *in, int i, int from)
{
    return in->keyed && i < in->nkey && in->key[i] == from;
}

static int key_by_bind(struct node *n)
{
    const struct key_by_cfg *cfg = n->cfg;
    struct computed *c;
    int count;
    if (computed_bind(n, &cfg->list, n->in[0], &c, &count) < 0) {
        return -ERR_CONFIG;
    }
    int before = n->diags->n;
    struct shape *s = shape_new(n, n->in[0], count);
    shape_take_all(s);
    for (int i = 0; i < count; i++) {
        int at = key_column(s, &c[i]);
        if (at < 0) {
            continue;
        }
        if (!can_be_key(s->out->col[at].type)) {
            node_error(n, c[i].at, "`%.100s` is an array or a map: it cannot be a key", c[i].name);
            continue;
        }
        n->rekeys |= !is_key_already(n->in[0], i, s->col[at].from);
        s->out->key[s->out->nkey++] = (uint16_t)at;
    }
    n->rekeys |= !n->in[0]->keyed || n->in[0]->nkey != s->out->nkey;
    s->out->keyed = true;
    n->out[0] = s->out;
    n->out_rows = n->rekeys ? ROWS_EVENTS : n->in_rows[0];
    n->bound = s;
    return n->diags->n > before ? -ERR_CONFIG : 0;
}

static const struct config_field key_by_value = {
    "key_by", CONFIG_EXPRESSIONS, offsetof(struct key_by_cfg, list), .doc = "The key columns."};

const struct step_def op_key_by = {
    .name = "key_by",
    .doc = "Makes the listed columns the key.",
    .value = &key_by_value,
    .config_size = sizeof(struct key_by_cfg),
    .bind = key_by_bind,
    .needs = shape_step_needs,
    .push = shape_step_push,
};
