/* Columns taken and computed: see shape.h.
 *
 *   errors   every expression is evaluated over all rows; a row that failed in any of them is
 *            reported once, with the error of the first expression, and rows are reported in their
 *            order: so the dead letters do not show the size of batches
 *   taken    the vec is shared, nothing is copied; a column that was not read stays unread
 *   key      a key column whose place is taken by another value lives on as a hidden column
 *            `_key_NAME`, since the partitioning was made by it
 */
#include "engine/shape.h"

#include <string.h>

static int compile(struct node *n, const struct config_text *text, const struct schema *in,
                   struct computed *c)
{
    c->at = text->at;
    c->name = c->name != NULL ? c->name : "";
    return expression_compile(&c->x, n->mem, text, in, n->diags);
}

int computed_bind(struct node *n, const struct config_list *list, const struct schema *in,
                  struct computed **out, int *count)
{
    struct named_expression *item;
    int rc = expression_list(&item, count, n->mem, list, n->diags);
    if (rc < 0) {
        return rc;
    }
    *out = arena_zalloc(n->mem, ((size_t)*count + 1) * sizeof **out);
    for (int i = 0; i < *count; i++) {
        (*out)[i].name = item[i].name;
        if (compile(n, &item[i].text, in, &(*out)[i]) < 0) {
            rc = -ERR_CONFIG;
        }
    }
    return rc;
}

int computed_bind_unnamed(struct node *n, const struct config_list *list, const struct schema *in,
                          struct computed **out, int *count)
{
    int rc = 0;
    *count = list->n;
    *out = arena_zalloc(n->mem, ((size_t)list->n + 1) * sizeof **out);
    for (int i = 0; i < list->n; i++) {
        if (compile(n, &list->item[i].value, in, &(*out)[i]) < 0) {
            rc = -ERR_CONFIG;
        }
    }
    return rc;
}

int shape_find(struct node *n, const char *name, struct place at)
{
    const struct schema *in = n->in[0];
    int c = schema_find(in, name);
    if (c >= 0 && !in->col[c].hidden) {
        return c;
    }
    const char **names = arena_zalloc(n->mem, (in->n + 1U) * sizeof *names);
    int count = 0;
    for (uint16_t k = 0; k < in->n; k++) {
        if (!in->col[k].hidden) {
            names[count++] = in->col[k].name;
        }
    }
    const char *near = nearest_name(name, names);
    node_error(n, at, "there is no column `%.100s`%s%s%s", name,
               near != NULL ? ": did you mean `" : "", near != NULL ? near : "",
               near != NULL ? "`?" : "");
    if (in->partial) {
        diags_mark_echo(n->diags);
    }
    return -1;
}

struct shape *shape_new(struct node *n, const struct schema *in, int computed)
{
    struct shape *s = arena_zalloc(n->mem, sizeof *s);
    size_t cap = (size_t)in->n + (size_t)in->nkey + (size_t)computed + 1;
    s->n = n;
    s->in = in;
    s->out = schema_new(n->mem, (uint16_t)(cap < COLUMNS_MAX ? cap : COLUMNS_MAX));
    s->col = arena_zalloc(n->mem, cap * sizeof *s->col);
    s->out->keyed = in->keyed;
    return s;
}

static uint16_t add_column(struct shape *s, struct shape_column col, const struct column *like)
{
    if (s->out->n == COLUMNS_MAX) {
        node_error(s->n, s->n->at, "more than %d columns", COLUMNS_MAX);
        return 0;
    }
    uint16_t c = schema_add(s->out, like->name, like->type, like->nullable, like->hidden);
    s->col[c] = col;
    return c;
}

void shape_take(struct shape *s, uint16_t from, const char *name, bool hidden)
{
    struct column like = s->in->col[from];
    like.name = name;
    like.hidden = hidden;
    add_column(s, (struct shape_column){.from = from}, &like);
}

void shape_take_all(struct shape *s)
{
    for (uint16_t c = 0; c < s->in->n; c++) {
        shape_take(s, c, s->in->col[c].name, s->in->col[c].hidden);
    }
}

static struct column computed_column(const struct shape *s, const char *name,
                                     const struct expression *x, struct shape_column *col)
{
    int from = expression_column(x);
    if (from >= s->in->n) {
        from = -1;
    }
    *col = (struct shape_column){.from = from, .x = from < 0 ? x : NULL};
    return (struct column){name, expression_type(x), expression_nullable(x), false};
}

/* `_time` and the like are what they are. */
static bool is_reserved(const struct shape *s, const struct computed *c, int from)
{
    int at = schema_find(s->in, c->name);
    return at >= 0 && at != from && s->in->col[at].hidden && *c->name == '_';
}

static int refuse_reserved(const struct shape *s, const struct computed *c)
{
    return node_error(s->n, c->at, "`%.100s` cannot be set: choose another name", c->name);
}

int shape_compute(struct shape *s, const struct computed *c)
{
    struct shape_column col;
    struct column like = computed_column(s, c->name, c->x, &col);
    if (is_reserved(s, c, col.from)) {
        return refuse_reserved(s, c);
    }
    add_column(s, col, &like);
    return 0;
}

int shape_set(struct shape *s, const struct computed *c)
{
    struct shape_column col;
    struct column like = computed_column(s, c->name, c->x, &col);
    int at = schema_find(s->out, c->name);
    if (at < 0) {
        add_column(s, col, &like);
        return 0;
    }
    if (is_reserved(s, c, -1)) {
        return refuse_reserved(s, c);
    }
    s->out->col[at] = like;
    s->col[at] = col;
    return 0;
}

static int find_taken(const struct shape *s, uint16_t from)
{
    int hidden = -1;
    for (uint16_t c = 0; c < s->out->n; c++) {
        if (s->col[c].from == from) {
            if (!s->out->col[c].hidden) {
                return c;
            }
            hidden = c;
        }
    }
    return hidden;
}

/* Appends a hidden column; where its name is taken, with `_key_` before it. */
static void carry(struct shape *s, uint16_t from)
{
    const char *name = s->in->col[from].name;
    while (schema_find(s->out, name) >= 0) {
        name = arena_printf(s->n->mem, "_key_%s", name);
    }
    shape_take(s, from, name, true);
}

void shape_carry_hidden(struct shape *s)
{
    for (uint16_t c = 0; c < s->in->n; c++) {
        bool is_taken = find_taken(s, c) >= 0;
        if (s->in->col[c].hidden && !is_taken && schema_find(s->out, s->in->col[c].name) < 0) {
            shape_take(s, c, s->in->col[c].name, true);
        }
    }
}

void shape_carry_key(struct shape *s)
{
    for (uint16_t i = 0; i < s->in->nkey; i++) {
        uint16_t from = s->in->key[i];
        if (find_taken(s, from) < 0) {
            carry(s, from);
        }
        int at = find_taken(s, from);
        if (at >= 0) {
            s->out->key[s->out->nkey++] = (uint16_t)at;
        }
    }
}

void shape_needs(const struct shape *s, const bool *out, bool *in)
{
    for (uint16_t c = 0; c < s->out->n; c++) {
        if (s->col[c].x != NULL) {
            expression_needs(s->col[c].x, in);
        } else if (out[c]) {
            in[s->col[c].from] = true;
        }
    }
}

void row_errors_merge(struct row_errors *all, const struct row_errors *more, struct arena *a)
{
    if (more->n == 0) {
        return;
    }
    if (all->n == 0) {
        *all = *more;
        return;
    }
    struct row_error *item = arena_array(a, (size_t)all->n + more->n, sizeof *item);
    uint16_t i = 0, k = 0, n = 0;
    while (i < all->n || k < more->n) {
        bool is_both = i < all->n && k < more->n && all->item[i].row == more->item[k].row;
        bool is_first = k == more->n || (i < all->n && all->item[i].row <= more->item[k].row);
        item[n++] = is_first ? all->item[i++] : more->item[k++];
        k = (uint16_t)(k + (is_both ? 1 : 0));
    }
    all->item = item;
    all->n = n;
}

struct batch rows_without(const struct batch *b, const struct row_errors *errors)
{
    if (errors->n == 0) {
        return *b;
    }
    uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel), n = 0, e = 0;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        while (e < errors->n && errors->item[e].row < row) {
            e++;
        }
        if (e == errors->n || errors->item[e].row != row) {
            sel[n++] = row;
        }
    }
    return batch_select(b, sel, n);
}

int shape_compute_batch(const struct batch *b, const struct shape *s, struct batch *out,
                        struct row_errors *errors)
{
    *out = batch_reshape(b, s->out);
    for (uint16_t c = 0; c < s->out->n; c++) {
        if (s->col[c].x == NULL) {
            out->col[c] = b->col[s->col[c].from];
            continue;
        }
        struct row_errors some = {0};
        int rc = expression_eval(s->col[c].x, b, &out->col[c], &some);
        if (rc < 0) {
            return rc;
        }
        row_errors_merge(errors, &some, b->mem);
    }
    return 0;
}

int shape_drop_errors(struct op *op, const struct batch *b, const struct row_errors *errors,
                      struct batch *out)
{
    if (errors->n == 0) {
        return 0;
    }
    struct batch good = *b;
    int rc = op_bad_rows(op, &good, errors);
    struct batch kept = rows_without(out, errors);
    out->sel = kept.sel;
    out->nsel = kept.nsel;
    return rc;
}

void shape_step_needs(const struct node *n, const bool *out, bool *in)
{
    shape_needs(n->bound, out, in);
}

int shape_step_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    struct batch out;
    struct row_errors errors = {0};
    int rc = shape_compute_batch(b, op->node->bound, &out, &errors);
    if (rc == 0) {
        rc = shape_drop_errors(op, b, &errors, &out);
    }
    return rc == 0 && out.nsel > 0 ? op_emit(op, 0, &out) : rc;
}
