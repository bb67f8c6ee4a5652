/* lookup: {table, on, take, type, versioned} adds columns of a table's row to each row.
 *
 *   columns  the input's, then those of `take` (all visible ones but the table's key)
 *   found    by `on` of the row = key of the table; without `on`, by the row's own key. As of the
 *            row's arrival, or with `versioned` as of its event time, in the table's history
 *   null     a row with a null in `on` finds nothing
 *   left     finds nothing: the columns are null;  inner: the row is dropped
 *   state    none of its own: it reads that of the step `table` (engine/table.h)
 *
 * The watermark is that of the input alone: a table holds nothing back.
 */
#include "engine/clock.h"
#include "engine/key.h"
#include "engine/step.h"
#include "engine/table.h"

#include <string.h>

enum { LEFT, INNER };

struct lookup_cfg {
    const char *table;
    struct config_list on;
    const struct yaml *take;
    int type;
    bool versioned;
};

struct lookup {
    struct schema probe; /* the input's columns, keyed by `on` */
    uint16_t *to;        /* per column of the table's layout: of the output, or ROW_SKIP */
    uint16_t ntake;
    bool is_inner, is_versioned;
};

static struct place place_of(const struct node *n, const char *key)
{
    const struct yaml *y = yaml_get(n->yaml, key);
    return y ? y->at : n->at;
}

static int lookup_second(const struct node *n, struct second_input *out)
{
    const struct lookup_cfg *cfg = n->cfg;
    struct config_text *on = arena_array(n->mem, (size_t)cfg->on.n + 1, sizeof *on);
    for (int i = 0; i < cfg->on.n; i++) {
        on[i] = cfg->on.item[i].value;
    }
    *out = (struct second_input){.stream = {.text = cfg->table,
                                            .at = place_of(n, "table"),
                                            .path = arena_printf(n->mem, "%s.table", n->path)},
                                 .non = cfg->on.n,
                                 .on = {on, NULL},
                                 .is_table = true,
                                 .is_versioned = cfg->versioned};
    return 0;
}

/* `take` as {new: old}; absent: *list stays NULL. */
static int parse_take(struct node *n, struct config_list *list)
{
    static const struct config_field names = {"take", CONFIG_NAMES, 0, .doc = ""},
                                     map = {"take", CONFIG_MAP, 0, .doc = ""};
    const struct lookup_cfg *cfg = n->cfg;
    if (!cfg->take) {
        return 0;
    }
    return config_parse_value(cfg->take->kind == YAML_MAP ? &map : &names, list, cfg->take,
                              arena_printf(n->mem, "%s.take", n->path), n->mem, n->diags);
}

static int unknown_column(struct node *n, const struct config_text *text)
{
    const struct schema *s = n->in[1];
    const char **names = arena_zalloc(n->mem, (s->n + 1U) * sizeof *names);
    int count = 0;
    for (uint16_t c = 0; c < s->n; c++) {
        if (!s->col[c].hidden) {
            names[count++] = s->col[c].name;
        }
    }
    const char *near = nearest_name(text->text, names);
    node_error(n, text->at, "table \"%s\" has no column \"%.100s\"%s%s%s", n->second, text->text,
               near ? ": did you mean \"" : "", near ? near : "", near ? "\"?" : "");
    if (s->partial) {
        diags_mark_echo(n->diags);
    }
    return -ERR_CONFIG;
}

/* Appends column c of the table under a name. */
static int take_column(struct node *n, struct schema *out, uint16_t c, const char *name,
                       struct place at)
{
    struct lookup *l = n->bound;
    const struct schema *table = n->in[1];
    if (schema_find(out, name) >= 0) {
        return node_error(n, at,
                          "there is a column \"%s\" already: take the table's under another name, "
                          "`take: {%s_%s: %s}`",
                          name, n->second, name, table->col[c].name);
    }
    if (out->n == COLUMNS_MAX) {
        return node_error(n, at, "more than %d columns", COLUMNS_MAX);
    }
    uint16_t i = 0; /* its number in the layout: that of visible columns */
    for (uint16_t k = 0; k < c; k++) {
        i = (uint16_t)(i + !table->col[k].hidden);
    }
    if (l->to[i] != ROW_SKIP) {
        return node_error(n, at, "column \"%s\" of the table is taken twice", table->col[c].name);
    }
    l->to[i] =
        schema_add(out, name, table->col[c].type, table->col[c].nullable || !l->is_inner, false);
    l->ntake++;
    return 0;
}

static int take_listed(struct node *n, struct schema *out, const struct config_list *list)
{
    int r = 0;
    for (int i = 0; i < list->n; i++) {
        const struct config_item *item = &list->item[i];
        int c = schema_find(n->in[1], item->value.text);
        if (c < 0 || n->in[1]->col[c].hidden) {
            r = unknown_column(n, &item->value);
        } else if (take_column(n, out, (uint16_t)c, item->name, item->value.at) < 0) {
            r = -ERR_CONFIG;
        }
    }
    return r;
}

static int take_all(struct node *n, struct schema *out)
{
    int r = 0;
    for (uint16_t c = 0; c < n->in[1]->n; c++) {
        const struct column *col = &n->in[1]->col[c];
        if (!col->hidden && schema_key_number(n->in[1], c) < 0 &&
            take_column(n, out, c, col->name, n->at) < 0) {
            r = -ERR_CONFIG;
        }
    }
    return r;
}

static int lookup_bind(struct node *n)
{
    const struct lookup_cfg *cfg = n->cfg;
    const struct schema *in = n->in[0], *table = n->in[1];
    struct lookup *l = arena_zalloc(n->mem, sizeof *l);
    size_t cap = (size_t)in->n + table->n + 1;
    struct schema *out = schema_new(n->mem, (uint16_t)(cap < COLUMNS_MAX ? cap : COLUMNS_MAX));
    struct config_list take = {0};
    n->bound = l;
    l->is_inner = cfg->type == INNER;
    l->is_versioned = cfg->versioned;
    l->probe = *in;
    l->probe.keyed = true;
    l->probe.nkey = n->on ? table->nkey : 0;
    l->probe.key = arena_array(n->mem, table->nkey + 1U, sizeof *l->probe.key);
    for (uint16_t i = 0; i < l->probe.nkey; i++) {
        l->probe.key[i] = n->on[i];
    }
    l->to = arena_array(n->mem, table->n + 1U, sizeof *l->to);
    for (uint16_t c = 0; c < table->n; c++) {
        l->to[c] = ROW_SKIP;
    }
    for (uint16_t c = 0; c < in->n; c++) {
        schema_add(out, in->col[c].name, in->col[c].type, in->col[c].nullable, in->col[c].hidden);
    }
    out->keyed = in->keyed;
    out->nkey = in->nkey;
    memcpy(out->key, in->key, in->nkey * sizeof *in->key);
    out->partial = in->partial || table->partial;
    n->out[0] = out;
    n->out_rows =
        l->is_inner ? ROWS_EVENTS : n->in_rows[0]; /* it drops rows, and does not say so */
    int r = parse_take(n, &take);
    return r < 0 ? r : take.item ? take_listed(n, out, &take) : take_all(n, out);
}

static void lookup_needs(const struct node *n, const bool *out, bool *in)
{
    const struct lookup *l = n->bound;
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        in[c] = in[c] || out[c];
    }
    for (uint16_t i = 0; i < l->probe.nkey; i++) {
        in[l->probe.key[i]] = true;
    }
}

static void set_nulls(const struct lookup *l, const struct row_layout *layout, struct batch *out,
                      uint16_t row)
{
    for (uint16_t i = 0; i < layout->n; i++) {
        if (l->to[i] != ROW_SKIP) {
            vec_set_null(&out->col[l->to[i]], out->mem, out->rows, row);
        }
    }
}

/* The input's rows with room for the columns that are taken. */
static struct batch widen(const struct op *op, const struct batch *b)
{
    struct batch out = batch_reshape(b, op->node->out[0]);
    uint16_t n = op->node->in[0]->n;
    memcpy(out.col, b->col, n * sizeof *out.col);
    for (uint16_t c = n; c < out.schema->n; c++) {
        out.col[c] = vec_new(b->mem, out.schema->col[c].type, b->rows);
    }
    return out;
}

static int lookup_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    const struct lookup *l = op->node->bound;
    const struct op *table = op_table_of(op);
    const struct row_layout *layout = &((const struct table_plan *)table->node->bound)->layout;
    struct batch probe = *b, out = widen(op, b);
    probe.schema = &l->probe;
    struct keyed_rows keys = key_rows(&probe);
    uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel), nsel = 0;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        uint32_t n = 0;
        const void *found = NULL;
        if (!key_is_null(&probe, row)) {
            found = table_get(table->self, &keys.key[row], keys.hash[row],
                              l->is_versioned ? b->time[row] : TIME_MAX, &n);
        } else {
            op->counter[COUNT_NULL_KEY] += l->is_inner;
        }
        if (!found && l->is_inner) {
            continue;
        }
        if (!found) {
            set_nulls(l, layout, &out, row);
        } else if (row_load(layout, found, n, out.col, l->to, row, b->rows, b->mem) < 0) {
            return table_damaged(table->self) ? -ERR_DATA : -ERR_FATAL;
        }
        sel[nsel++] = row;
    }
    out.sel = sel;
    out.nsel = nsel;
    return nsel ? op_emit(op, 0, &out) : 0;
}

static const char *const types[] = {"left", "inner", NULL};
#define LOOKUP(member) offsetof(struct lookup_cfg, member)
static const struct config_field lookup_fields[] = {
    {"table", CONFIG_TEXT, LOOKUP(table), .required = true, .doc = "One of `tables`."},
    {"on", CONFIG_NAMES, LOOKUP(on),
     .doc = "Column that equals the table's key, `_key` for the record key; else the rows' key."},
    {"take", CONFIG_YAML, LOOKUP(take),
     .doc = "Columns of the table, as names or {new: old}; else all but its key."},
    {"type", CONFIG_ENUM, LOOKUP(type), .def = "left", .values = types,
     .doc = "Rows that find nothing: `left` keeps them, with nulls, `inner` drops them."},
    {"versioned", CONFIG_BOOLEAN, LOOKUP(versioned), .def = "false",
     .doc = "As of the row's event time, within the table's `history`; else as of its arrival."},
    {0},
};

const struct step_def op_lookup = {
    .name = "lookup",
    .doc = "Adds the columns of a table's row to each row.",
    .config = lookup_fields,
    .config_size = sizeof(struct lookup_cfg),
    .second = lookup_second,
    .bind = lookup_bind,
    .needs = lookup_needs,
    .push = lookup_push,
};
