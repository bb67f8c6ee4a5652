/* Binding of a window's results: which aggregates are called, what the columns are.
 *
 *   aggregate: sum(errors) * 100.0 / count() as share
 *              ^^^^^^^^^^^           ^^^^^^^   aggregate calls: arguments over the input's columns
 *              ~~~~~~~~~~~~~~~~~~~~~~~~~~~~   around them: key columns, window_start, window_end
 *
 * Equal calls (the same aggregate of the same column and numbers) share one state. `having` sees
 * the result's columns by their names and may call aggregates itself.
 */
#include "windows/window_internal.h"

#include "engine/memory.h"
#include "engine/nested.h"
#include "engine/registry.h"
#include "engine/reserved.h"

#include <string.h>

/* Calls found while one expression is compiled. */
struct finder {
    struct window_plan *plan;
    struct node *node;
    const char **names; /* of all aggregates */
    int *found;         /* numbers in window.call */
    const struct type **type;
    int n, cap;
};

static void *grown(struct arena *a, const void *old, int n, int cap, size_t size)
{
    void *more = arena_zalloc(a, (size_t)cap * size);
    if (n > 0) {
        memcpy(more, old, (size_t)n * size);
    }
    return more;
}

static const struct aggregate_def *find_aggregate(const char *name)
{
    for (int i = 0; registry_aggregates[i]; i++) {
        if (strcmp(registry_aggregates[i]->name, name) == 0) {
            return registry_aggregates[i];
        }
    }
    return NULL;
}

static const char **aggregate_names(struct arena *a)
{
    int n = 0;
    while (registry_aggregates[n]) {
        n++;
    }
    const char **names = arena_zalloc(a, ((size_t)n + 1) * sizeof *names);
    for (int i = 0; i < n; i++) {
        names[i] = registry_aggregates[i]->name;
    }
    return names;
}

/* Both are the same column, or constants of one value (0.5 and 0.50 are). */
static bool same_argument(const struct expression *a, const struct expression *b)
{
    struct nested_value x, y;
    int column = expression_column(a);
    if (column >= 0 || expression_column(b) >= 0) {
        return column == expression_column(b);
    }
    const struct type *type = expression_type(a);
    if (!type_is_numeric(type) || !type_equal(type, expression_type(b)) ||
        !expression_constant(a, &x) || !expression_constant(b, &y) || x.is_null || y.is_null) {
        return false;
    }
    return type->kind == TYPE_LONG ? x.i == y.i : x.d == y.d;
}

/* A call made before of the same aggregate over the same columns and numbers, or -1. */
static int same_call(const struct window *w, const struct aggregate_call *c)
{
    for (int i = 0; i < w->ncalls; i++) {
        const struct aggregate_call *old = &w->call[i];
        bool is_same = old->def == c->def && old->nargs == c->nargs;
        for (int k = 0; k < c->nargs && is_same; k++) {
            is_same = same_argument(c->arg[k], old->arg[k]);
        }
        if (is_same) {
            return i;
        }
    }
    return -1;
}

/* Appends the call to the window; returns its number. */
static int add_call(struct finder *f, const struct aggregate_call *c)
{
    struct window *w = &f->plan->window;
    int same = same_call(w, c);
    if (same >= 0) {
        return same;
    }
    if ((w->ncalls & (w->ncalls - 1)) == 0) {
        int cap = w->ncalls ? w->ncalls * 2 : 1;
        w->call = grown(f->node->mem, w->call, w->ncalls, cap, sizeof *w->call);
    }
    w->call[w->ncalls] = *c;
    w->call[w->ncalls].at = w->value_size - w->def->head_size;
    w->value_size += c->size;
    w->nrefusing += c->may_refuse;
    return w->ncalls++;
}

static int check_args(const struct aggregate_def *def, int nargs, struct err *e)
{
    if (nargs >= def->min_args && nargs <= def->max_args) {
        return 0;
    }
    if (def->min_args == def->max_args) {
        return err_set(e, ERR_CONFIG, "%s takes %d argument%s, not %d", def->name, def->min_args,
                       def->min_args == 1 ? "" : "s", nargs);
    }
    return err_set(e, ERR_CONFIG, "%s takes %d to %d arguments, not %d", def->name, def->min_args,
                   def->max_args, nargs);
}

static int bind_call(void *ctx, const struct expression_call *call, const struct type **type,
                     bool *nullable, struct err *e)
{
    struct finder *f = ctx;
    const struct aggregate_def *def = find_aggregate(call->name);
    if (def == NULL) {
        return 0;
    }
    int status = check_args(def, call->nargs, e);
    if (status < 0) {
        return status;
    }
    struct aggregate_call c = {.def = def,
                               .nargs = call->nargs,
                               .size = def->state_size,
                               .has_blob = def->has_blob,
                               .may_refuse = def->refuses != NULL};
    for (int i = 0; i < call->nargs; i++) {
        c.arg[i] = call->arg[i];
        c.arg_type[i] = expression_type(call->arg[i]);
    }
    status = def->bind(&c, f->node->mem, e);
    if (status < 0) {
        return status;
    }
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 4;
        f->found = grown(f->node->mem, f->found, f->n, f->cap, sizeof *f->found);
        f->type = grown(f->node->mem, f->type, f->n, f->cap, sizeof *f->type);
    }
    f->found[f->n] = add_call(f, &c);
    f->type[f->n++] = c.type;
    *type = c.type;
    *nullable = c.nullable;
    return 1;
}

static int compile_item(struct window_plan *p, struct node *n, const struct config_text *text,
                        const struct schema *outer, struct window_item *item)
{
    struct finder f = {.plan = p, .node = n, .names = aggregate_names(n->mem)};
    struct expression_host host = {&f, bind_call, f.names};
    int status =
        expression_compile_hosted(&item->x, n->mem, text, outer, p->window.in, &host, n->diags);
    if (status < 0) {
        return status;
    }
    struct schema *s = schema_copy(n->mem, outer, (uint16_t)f.n);
    for (int i = 0; i < f.n; i++) {
        schema_add(s, "", f.type[i], true, true);
    }
    item->schema = s;
    item->ncalls = f.n;
    item->call = f.found;
    return 0;
}

static const struct schema *outer_schema(const struct window_plan *p, struct node *n)
{
    const struct schema *in = n->in[0];
    struct schema *s = schema_new(n->mem, (uint16_t)(in->nkey + 2));
    s->keyed = true;
    for (uint16_t i = 0; i < in->nkey; i++) {
        const struct column *key = &in->col[in->key[i]];
        s->key[s->nkey++] = schema_add(s, key->name, key->type, false, key->hidden);
        bool is_bound =
            strcmp(key->name, "window_start") == 0 || strcmp(key->name, "window_end") == 0;
        if (is_bound && !p->is_unbounded) {
            node_error(n, n->at,
                       "the key column %s has the name of a column that every window adds: give it "
                       "another name before",
                       key->name);
            return NULL;
        }
    }
    if (!p->is_unbounded) {
        schema_add(s, "window_start", &type_timestamp, false, false);
        schema_add(s, "window_end", &type_timestamp, false, false);
    }
    return s;
}

/* Results that replace each other are known by their window too. */
static void add_window_to_key(struct window_plan *p, struct schema *out)
{
    if (p->window.emit != EMIT_FINAL && !p->is_unbounded) {
        out->key[out->nkey++] = (uint16_t)schema_find(out, "window_start");
        out->key[out->nkey++] = (uint16_t)schema_find(out, "window_end");
    }
}

/* What `fill` gives no value for. */
static bool is_null_when_empty(const struct window_plan *p, const struct window_item *item)
{
    bool is_number = type_is_numeric(expression_type(item->x));
    enum window_fill fill = p->window.fill;
    return item->ncalls > 0 && (fill == FILL_NULL || (fill == FILL_ZERO && !is_number));
}

int window_bind_output(struct window_plan *p, struct node *n, const struct window_cfg *cfg)
{
    struct named_expression *named;
    int status = expression_list(&named, &p->nitems, n->mem, &cfg->aggregate, n->diags);
    p->outer = outer_schema(p, n);
    if (status < 0 || p->outer == NULL) {
        return -ERR_CONFIG;
    }
    if (p->nitems + p->outer->n > COLUMNS_MAX) {
        return node_error(n, n->at, "more than %d columns", COLUMNS_MAX);
    }
    struct schema *out = schema_copy(n->mem, p->outer, (uint16_t)p->nitems);
    p->item = arena_zalloc(n->mem, ((size_t)p->nitems + 1) * sizeof *p->item);
    for (int i = 0; i < p->nitems; i++) {
        if (schema_find(out, named[i].name) >= 0) {
            status = node_error(n, named[i].at, "the result has two columns named \"%s\"",
                                named[i].name);
            continue;
        }
        if (name_is_reserved(named[i].name)) {
            status = reserved_problem(n, named[i].at, n->path, named[i].name);
            continue;
        }
        if (compile_item(p, n, &named[i].text, p->outer, &p->item[i]) < 0) {
            status = -ERR_CONFIG;
            continue;
        }
        const struct type *type = expression_type(p->item[i].x);
        schema_add(out, named[i].name, type,
                   expression_nullable(p->item[i].x) || is_null_when_empty(p, &p->item[i]), false);
    }
    p->out = out;
    if (status < 0 || cfg->having.text == NULL) {
        add_window_to_key(p, out);
        return status;
    }
    p->has_having = true;
    status = compile_item(p, n, &cfg->having, out, &p->having);
    add_window_to_key(p, out);
    if (status == 0 && expression_type(p->having.x)->kind != TYPE_BOOLEAN) {
        return node_error(n, cfg->having.at, "having must be true or false");
    }
    return status;
}
