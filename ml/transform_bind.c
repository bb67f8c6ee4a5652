/* Columns of the preprocessing steps: which come in, which go out, and options that have no effect.
 *
 *   in       names or patterns, each column once and never the label
 *   out      without `as` a new column takes the place of its old one and the type may be another;
 *            with it the old ones stay and the new ones follow behind all columns. A key column
 *            cannot be replaced: the partitioning was made by it
 */
#include "engine/shape.h"
#include "ml/algorithm.h"
#include "ml/pattern.h"
#include "ml/transform.h"

#include <string.h>

/* ---- columns in ---- */

static bool takes(const struct transform_def *def, const struct type *type)
{
    unsigned kind = 0;
    switch (type->kind) {
    case TYPE_LONG:
    case TYPE_DOUBLE:
        kind = TAKE_NUMBERS;
        break;
    case TYPE_BOOLEAN:
        kind = TAKE_BOOLEANS;
        break;
    case TYPE_STRING:
        kind = TAKE_STRINGS;
        break;
    case TYPE_ARRAY:
        kind = type->of->kind == TYPE_STRING ? TAKE_TOKENS : 0;
        break;
    case TYPE_MAP:
        kind = type_is_numeric(type->of) ? TAKE_TOKENS : 0;
        break;
    case TYPE_TIMESTAMP:
    case TYPE_BYTES:
    case TYPE_RECORD:
        break;
    }
    return (def->takes & kind) != 0;
}

static bool is_taken(const struct transform *t, int c)
{
    for (uint32_t i = 0; i < t->n; i++) {
        if (t->column[i].in == c) {
            return true;
        }
    }
    return false;
}

static void take(struct node *n, struct transform *t, int c)
{
    const struct column *column = &n->in[0]->col[c];
    t->column[t->n++] = (struct transform_column){
        .name = column->name, .type = column->type, .from = -1, .in = (uint16_t)c};
}

static int take_name(struct node *n, struct transform *t, const struct config_text *text)
{
    int c = shape_find(n, text->text, text->at);
    if (c < 0) {
        return -ERR_CONFIG;
    }
    const struct type *type = n->in[0]->col[c].type;
    if (t->label && c == expression_column(t->label)) {
        return diags_add(n->diags, text->at, text->path,
                         "'%s' is the label: a feature must be known before it", text->text);
    }
    if (is_taken(t, c)) {
        return diags_add(n->diags, text->at, text->path, "'%s' is named twice", text->text);
    }
    if (!takes(t->def, type)) {
        struct buffer kind;
        buffer_init(&kind);
        type_print(&kind, type);
        int status = diags_add(n->diags, text->at, text->path, "'%s' is of type %s; %s takes %s",
                               text->text, buffer_cstr(&kind), n->def->name, t->def->what);
        buffer_done(&kind);
        return status;
    }
    take(n, t, c);
    return 0;
}

static int take_pattern(struct node *n, struct transform *t, const struct config_text *text,
                        const bool *is_label)
{
    const struct schema *in = n->in[0];
    uint32_t matching = 0;
    for (int c = 0; c < in->n; c++) {
        const struct column *column = &in->col[c];
        bool is_key = in->keyed && schema_key_number(in, (uint16_t)c) >= 0;
        if (column->hidden || is_key || is_label[c] || !takes(t->def, column->type) ||
            !pattern_matches(text->text, column->name)) {
            continue;
        }
        matching++;
        if (!is_taken(t, c)) {
            take(n, t, c);
        }
    }
    if (matching > 0) {
        return 0;
    }
    diags_add(n->diags, text->at, text->path, "no column of %s matches '%s'", t->def->what,
              text->text);
    if (in->partial) {
        diags_mark_echo(n->diags);
    }
    return -ERR_CONFIG;
}

int transform_columns(struct node *n, struct transform *t, const struct transform_def *def,
                      const struct transform_cfg *cfg, const struct expression *label)
{
    const struct schema *in = n->in[0];
    bool *is_label = arena_zalloc(n->mem, in->n + 1U);
    int status = 0;
    *t = (struct transform){.def = def,
                            .cfg = cfg,
                            .learns = def->object.make,
                            .tells_events = def->object.replay,
                            .label = label};
    t->column = arena_array(n->mem, in->n + 1U, sizeof(*t->column));
    if (label) {
        expression_needs(label, is_label);
    }
    for (int i = 0; i < cfg->columns.n; i++) {
        const struct config_text *text = &cfg->columns.item[i].value;
        int one =
            pattern_is(text->text) ? take_pattern(n, t, text, is_label) : take_name(n, t, text);
        status = one < 0 ? one : status;
    }
    if (t->n == 0 && status == 0) {
        status = algorithm_problem(n, "columns", "at least one column is needed");
    }
    if (cfg->as && *cfg->as == '\0') {
        status = algorithm_problem(n, "as", "a column needs a name");
    }
    return status;
}

/* ---- columns out ---- */

const char *transform_name(struct node *n, const struct transform *t, uint32_t column)
{
    const char *name = t->column[column].name, *as = t->cfg->as;
    const char *star = as ? strchr(as, '*') : NULL;
    if (!as || !star) {
        return as ? as : name;
    }
    return arena_printf(n->mem, "%.*s%s%s", (int)(star - as), as, name, star + 1);
}

void transform_out(struct node *n, struct transform *t, const char *name, const struct type *type,
                   int from)
{
    if (t->nout == t->cap) {
        t->cap = t->cap ? t->cap * 2 : 16;
        struct transform_column *more = arena_array(n->mem, t->cap, sizeof(*more));
        if (t->nout > 0) {
            memcpy(more, t->out, t->nout * sizeof(*more));
        }
        t->out = more;
    }
    t->out[t->nout++] = (struct transform_column){.name = name, .type = type, .from = from};
}

void transform_out_each(struct node *n, struct transform *t, const struct type *type)
{
    for (uint32_t i = 0; i < t->n; i++) {
        transform_out(n, t, transform_name(n, t, i), type ? type : t->column[i].type,
                      t->cfg->as ? -1 : (int)i);
    }
}

static int add_column(struct node *n, const struct transform *t, struct schema *out,
                      const char *name, const struct type *type)
{
    if (schema_find(out, name) >= 0 || schema_find(n->in[0], name) >= 0) {
        bool needs_star = t->cfg->as && !strchr(t->cfg->as, '*') && t->n > 1;
        return algorithm_problem(n, t->cfg->as ? "as" : "columns",
                                 needs_star ? "'%s' would name several columns: `*` in it stands "
                                              "for the name of each, `'*_%s'`"
                                            : "there is a column '%s' already",
                                 name, name);
    }
    schema_add(out, name, type, true, false);
    return 0;
}

/* The new columns in the place of one taken, or (-1) at the end. */
static int add_columns(struct node *n, struct transform *t, struct schema *out, int from)
{
    int status = 0;
    const char *old = from >= 0 ? t->column[from].name : "";
    for (uint32_t i = 0; i < t->nout; i++) {
        struct transform_column *c = &t->out[i];
        if (c->from != from) {
            continue;
        }
        c->in = out->n;
        t->carried[out->n] = -1;
        if (from >= 0 && strcmp(c->name, old) == 0) {
            schema_add(out, c->name, c->type, true, false);
        } else if (add_column(n, t, out, c->name, c->type) < 0) {
            schema_add(out, c->name, c->type, true, false);
            status = -ERR_CONFIG;
        }
    }
    return status;
}

/* Which of the columns taken is replaced here, or -1. */
static int replaced_at(const struct transform *t, uint16_t c)
{
    for (uint32_t i = 0; !t->cfg->as && i < t->n; i++) {
        if (t->column[i].in == c) {
            return (int)i;
        }
    }
    return -1;
}

static int bind_output(struct node *n, struct transform *t)
{
    const struct schema *in = n->in[0];
    uint32_t most = in->n + t->nout - (t->cfg->as ? 0 : t->n); /* in place the old ones go */
    if (most > COLUMNS_MAX) {
        return node_error(
            n, n->at,
            "the rows would have %u columns (%u, and %u that %s makes of %u), more than "
            "the %d that there may be: make fewer, or `drop` columns before",
            (unsigned)most, (unsigned)in->n, (unsigned)t->nout, n->def->name, (unsigned)t->n,
            COLUMNS_MAX);
    }
    struct schema *out = schema_new(n->mem, (uint16_t)most);
    int status = 0;
    t->carried = arena_array(n->mem, most + 1, sizeof(*t->carried));
    out->keyed = in->keyed;
    out->partial = in->partial;
    for (uint16_t c = 0; c < in->n; c++) {
        const struct column *column = &in->col[c];
        int key = schema_key_number(in, c), replaced = replaced_at(t, c);
        if (replaced >= 0 && key >= 0) {
            status = algorithm_problem(n, "columns",
                                       "'%s' is a key column, which stays what it is: give the new "
                                       "column a name by `as`",
                                       column->name);
        }
        if (key >= 0) {
            out->key[key] = out->n;
            out->nkey = in->nkey;
        }
        if (replaced >= 0) {
            status = add_columns(n, t, out, replaced) < 0 ? -ERR_CONFIG : status;
        } else {
            t->carried[out->n] = c;
            schema_add(out, column->name, column->type, column->nullable, column->hidden);
        }
    }
    status = add_columns(n, t, out, -1) < 0 ? -ERR_CONFIG : status;
    n->out[0] = out;
    n->noutputs = 1;
    n->out_rows = n->in_rows[0];
    return status;
}

int transform_check_options(struct node *n, const struct method_option *list,
                            const char *const *names, int method)
{
    int status = 0;
    for (; list->name; list++) {
        if (!yaml_get(n->yaml, list->name) || (list->methods >> method & 1)) {
            continue;
        }
        const char *of = "";
        for (int i = 0; names[i]; i++) {
            if (list->methods >> i & 1) {
                of = arena_printf(n->mem, "%s%s%s", of, *of ? ", " : "", names[i]);
            }
        }
        status =
            algorithm_problem(n, list->name,
                              "it has no effect with `method: %s`: leave it out, or take a method "
                              "that knows it (%s)",
                              names[method], of);
    }
    return status;
}

int transform_bind(struct node *n, struct transform *t)
{
    int status = 0;
    n->bound = t;
    n->stateless = !t->learns;
    if (t->def->object.make) {
        enum per per = t->learns ? (enum per)t->cfg->per : PER_PARTITION;
        status = per_bind(&t->per, n, per, &t->def->object, t);
    }
    return bind_output(n, t) < 0 ? -ERR_CONFIG : status;
}
