/* rename: {new: old} gives columns other names.
 *
 *   columns  the input's in their order; the key follows its columns
 *
 * All names change at once, so {a: b, b: a} swaps. A new name that another column keeps is an
 * error, as is renaming one column twice or a hidden one.
 */
#include "engine/shape.h"

#include <string.h>

struct rename_cfg {
    struct config_list names;
};

/* Number of the column to rename, or -1 after an error. */
static int find_old(struct node *n, const struct config_item *item)
{
    const char *old = item->value.text;
    int c = schema_find(n->in[0], old);
    if (c >= 0 && n->in[0]->col[c].hidden) {
        node_error(n, item->value.at, "`%.100s` cannot be renamed: use `add: %.100s as NAME`", old,
                   old);
        return -1;
    }
    if (c < 0 && schema_find(n->in[0], item->name) >= 0) {
        node_error(n, item->value.at, "there is no column `%.100s`: rename takes {new: old}", old);
        return -1;
    }
    return shape_find(n, old, item->value.at);
}

static int rename_bind(struct node *n)
{
    const struct rename_cfg *cfg = n->cfg;
    const struct schema *in = n->in[0];
    int before = n->diags->n;
    const char **name = arena_array(n->mem, in->n + 1U, sizeof *name);
    bool *is_renamed = arena_zalloc(n->mem, in->n + 1U);
    for (uint16_t c = 0; c < in->n; c++) {
        name[c] = in->col[c].name;
    }
    for (int i = 0; i < cfg->names.n; i++) {
        const struct config_item *item = &cfg->names.item[i];
        int c = find_old(n, item);
        if (c >= 0 && is_renamed[c]) {
            node_error(n, item->value.at, "column `%.100s` is renamed twice", in->col[c].name);
        } else if (c >= 0) {
            is_renamed[c] = true;
            name[c] = item->name;
        }
    }
    struct shape *s = shape_new(n, in, 0);
    for (uint16_t c = 0; c < in->n; c++) {
        if (schema_find(s->out, name[c]) >= 0) {
            node_error(n, n->at, "rename gives two columns the name `%.100s`", name[c]);
        }
        shape_take(s, c, name[c], in->col[c].hidden);
    }
    shape_carry_key(s);
    n->out[0] = s->out;
    n->out_rows = n->in_rows[0];
    n->bound = s;
    return n->diags->n > before ? -ERR_CONFIG : 0;
}

static const struct config_field rename_value = {
    "rename", CONFIG_MAP, offsetof(struct rename_cfg, names), .doc = "New names of columns."};

const struct step_def op_rename = {
    .name = "rename",
    .doc = "Gives columns other names: {new: old}.",
    .value = &rename_value,
    .config_size = sizeof(struct rename_cfg),
    .bind = rename_bind,
    .needs = shape_step_needs,
    .push = shape_step_push,
};
