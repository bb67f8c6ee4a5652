/* Binder hints: the messages about names that are not there and about types that do not fit, each
 * with what was probably meant.
 *
 *   column     the nearest name; "text" in double quotes, which SQL takes for a name
 *   function   a word of another system (habits.c), the nearest name, an aggregate out of its place
 *   types      what is taken and what was found; two sides that cannot be compared are named as such
 */
#include "engine/aggregate.h"
#include "engine/expression/binder.h"
#include "engine/habits.h"
#include "engine/nested.h"
#include "engine/registry.h"

#include <string.h>

/* ---- columns ---- */

static const char *columns_text(struct binding *b, const struct schema *s)
{
    struct buffer t;
    buffer_init(&t);
    for (uint16_t c = 0; c < s->n; c++) {
        if (s->col[c].hidden) {
            continue;
        }
        if (t.n > 200) {
            buffer_text(&t, ", …");
            break;
        }
        buffer_text(&t, t.n > 0 ? ", " : "");
        buffer_text(&t, s->col[c].name);
    }
    const char *text = t.n > 0 ? arena_strndup(b->a, t.data, t.n) : "none";
    buffer_done(&t);
    return text;
}

/* The call that shows how a column is used where only calls are possible: one that any type fits. */
static const char *call_shown(const struct expression_host *host)
{
    for (int k = 0; host->names[k] != NULL; k++) {
        if (strcmp(host->names[k], "max") == 0) {
            return "max";
        }
    }
    return host->names[0] != NULL ? host->names[0] : "sum";
}

struct bound *binder_unknown_column(struct binding *b, const struct node *x)
{
    const struct schema *s = b->schema;
    if (b->host != NULL && b->inner != NULL && schema_find(b->inner, x->name) >= 0) {
        source_error(b->source, x->pos,
                     "the column '%s' can only be used inside a call such as %s(%s) here; outside "
                     "of calls there are: %s",
                     x->name, call_shown(b->host), x->name, columns_text(b, s));
        return NULL;
    }
    const char **names = arena_array(b->a, (size_t)s->n + 1, sizeof *names);
    for (uint16_t c = 0; c < s->n; c++) {
        names[c] = s->col[c].name;
    }
    names[s->n] = NULL;
    const char *nearest = nearest_name(x->name, names);
    bool is_quoted = b->source->text->text[x->pos] == '"';
    const char *quoted =
        is_quoted ? arena_printf(b->a, "; text stands in single quotes: '%s'", x->name) : "";
    if (nearest != NULL) {
        source_error(b->source, x->pos,
                     "there is no column '%s'; did you mean '%s'?%s (columns: %s)", x->name,
                     nearest, is_quoted ? " Text stands in single quotes" : "", columns_text(b, s));
    } else {
        source_error(b->source, x->pos, "there is no column '%s'%s (columns: %s)", x->name, quoted,
                     columns_text(b, s));
    }
    if (s->partial || (b->inner != NULL && b->inner->partial)) {
        diags_mark_echo(b->source->diags);
    }
    return NULL;
}

/* ---- functions ---- */

static bool is_aggregate(const char *name)
{
    for (int k = 0; registry_aggregates[k] != NULL; k++) {
        if (strcmp(registry_aggregates[k]->name, name) == 0) {
            return true;
        }
    }
    return false;
}

struct bound *binder_unknown_function(struct binding *b, const struct node *x)
{
    if (b->host == NULL && is_aggregate(x->name)) {
        source_error(b->source, x->pos,
                     "there is no function '%s' here (aggregates belong into `aggregate`, "
                     "`running` or `having`, and not into each other)",
                     x->name);
        return NULL;
    }
    const char *here = habit_of(HABIT_FUNCTION, x->name);
    if (here != NULL) {
        source_error(b->source, x->pos, "there is no function '%s'; write %s", x->name, here);
        return NULL;
    }
    const char *const *names = signature_names(b->a, b->host != NULL ? b->host->names : NULL);
    const char *nearest = nearest_name(x->name, names);
    source_error(b->source, x->pos, "there is no function '%s'%s%s%s", x->name,
                 nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                 nearest != NULL ? "'?" : "");
    return NULL;
}

/* ---- types ---- */

/* What a user may have meant whose operands do not fit. */
static const char *hint_for(const char *name, int n, struct bound *const *arg)
{
    bool has_time = false, has_string = false, has_long = false, has_boolean = false;
    for (int k = 0; k < n; k++) {
        const struct type *t = arg[k]->type;
        has_time = has_time || (t != NULL && t->kind == TYPE_TIMESTAMP);
        has_string = has_string || (t != NULL && t->kind == TYPE_STRING);
        has_boolean = has_boolean || (t != NULL && t->kind == TYPE_BOOLEAN);
        has_long = has_long || (t != NULL && t->kind == TYPE_LONG);
    }
    if (strcmp(name, "||") == 0) {
        return has_boolean && !has_string ? "; of two conditions: write `or`"
                                          : "; write cast(x as string)";
    }
    if (has_time && has_string) {
        return "; text becomes a timestamp by to_timestamp('2026-01-31T12:00:00Z')";
    }
    if (has_time && has_long) {
        return "; a long of ms becomes a timestamp by cast(x as timestamp)";
    }
    if (strcmp(name, "+") == 0 && has_string) {
        return "; text is joined by ||";
    }
    return has_string && strchr("+-*/%=<>", name[0]) != NULL
               ? "; text becomes a number by cast(x as double)"
               : "";
}

/* Two operands of which each has an order, but not with the other. */
static bool is_comparison(const char *name, int n, struct bound *const *arg)
{
    static const char *const symbols[] = {"=", "<>", "<", "<=", ">", ">=", NULL};
    for (int k = 0; n == 2 && symbols[k] != NULL; k++) {
        if (strcmp(symbols[k], name) == 0) {
            return arg[0]->type != NULL && arg[1]->type != NULL &&
                   !type_equal(arg[0]->type, arg[1]->type);
        }
    }
    return false;
}

/* Text beside a number: which of the two is to change depends on which is a constant. */
static const char *compare_hint(const char *name, struct bound *const *arg)
{
    for (int k = 0; k < 2; k++) {
        if (type_is_numeric(arg[k]->type) && arg[1 - k]->type->kind == TYPE_STRING) {
            return arg[1 - k]->kind == BOUND_CONSTANT ? "; a number stands without quotes"
                   : arg[k]->kind == BOUND_CONSTANT
                       ? "; put the number into single quotes, or write cast(x as double)"
                       : "; text becomes a number by cast(x as double)";
        }
    }
    return hint_for(name, 2, arg);
}

struct bound *binder_misfit(struct binding *b, const struct node *at, const char *name,
                            const char *shown, int n, struct bound *const *arg)
{
    if (is_comparison(name, n, arg)) {
        source_error(b->source, at->pos, "%s cannot compare %s with %s%s", shown,
                     type_text(b->a, arg[0]->type), type_text(b->a, arg[1]->type),
                     compare_hint(name, arg));
        return NULL;
    }
    source_error(b->source, at->pos, "%s takes %s, found %s%s", shown,
                 signature_describe(b->a, name), binder_types(b, n, arg), hint_for(name, n, arg));
    return NULL;
}
