/* Binder forms: what is more than a call of a kernel.
 *
 *   and or            narrow to the rows where the right side counts
 *   between           two comparisons of one value
 *   in                a constant list becomes a set; its values are no arguments any more
 *   case if coalesce  branches; all results are converted to their common type
 *   cast              a function named by its type; try_cast: its failed rows are null
 */
#include "engine/arena.h"
#include "engine/expression/binder.h"
#include "engine/habits.h"

#include <string.h>

/* Converts args [from, to) by `step` to their common type; false when there is none. */
static bool unify(struct binding *b, const struct node *at, struct bound **arg, int from, int to,
                  int step, const struct type **common, const char *what)
{
    bool ok = true;
    for (int k = from; k < to; k += step) {
        const struct type *t = type_common(*common, arg[k]->type, &ok);
        if (!ok) {
            source_error(b->source, at->pos, "%s must be of one type, found %s and %s", what,
                         type_text(b->a, *common), type_text(b->a, arg[k]->type));
            return false;
        }
        *common = t;
    }
    for (int k = from; k < to && *common != NULL; k += step) {
        arg[k] = binder_coerce(b, at, arg[k], *common);
    }
    return true;
}

struct bound *binder_logic(struct binding *b, const struct node *x)
{
    struct bound **arg = binder_children(b, x);
    if (arg == NULL) {
        return NULL;
    }
    bool is_and = x->kind == NODE_AND;
    const char *name = is_and ? "_ and _" : "_ or _";
    const struct type *common;
    const struct function_def *fn = signature_find(name, 2, arg, &common);
    if (fn == NULL) {
        source_error(b->source, x->pos, "`%s` takes two booleans, found %s", is_and ? "and" : "or",
                     binder_types(b, 2, arg));
        return NULL;
    }
    struct bound *y = binder_new(b, is_and ? BOUND_AND : BOUND_OR, &type_boolean, 2);
    y->fn = fn;
    y->arg[0] = binder_coerce(b, x, arg[0], &type_boolean);
    y->arg[1] = binder_coerce(b, x, arg[1], &type_boolean);
    if (y->arg[0]->kind == BOUND_CONSTANT && !y->arg[0]->value.is_null) {
        return (y->arg[0]->value.i != 0) == is_and ? y->arg[1] : y->arg[0];
    }
    y->nullable = y->arg[0]->nullable || y->arg[1]->nullable;
    y->is_harmless = y->arg[0]->is_harmless && y->arg[1]->is_harmless;
    return binder_fold(b, y);
}

struct bound *binder_between(struct binding *b, const struct node *x)
{
    struct bound **arg = binder_children(b, x);
    const struct type *common = NULL;
    if (arg == NULL || !unify(b, x, arg, 0, 3, 1, &common, "the values of `between`")) {
        return NULL;
    }
    if (common == NULL) {
        return binder_null(b, &type_boolean);
    }
    const struct type *ignored;
    struct bound *y = binder_new(b, BOUND_BETWEEN, &type_boolean, 3);
    memcpy(y->arg, arg, 3 * sizeof *arg);
    struct bound *both[2] = {binder_null(b, NULL), binder_null(b, NULL)};
    y->fn = signature_find(">=", 2, arg, &ignored);
    y->fn2 = signature_find("<=", 2, arg, &ignored);
    y->fn3 = signature_find("_ and _", 2, both, &ignored);
    if (y->fn == NULL || y->fn2 == NULL) {
        source_error(b->source, x->pos, "values of type %s have no order for `between`",
                     type_text(b->a, common));
        return NULL;
    }
    y->is_harmless = true;
    for (int k = 0; k < 3; k++) {
        y->nullable = y->nullable || arg[k]->nullable;
        y->is_harmless = y->is_harmless && arg[k]->is_harmless;
    }
    return binder_negate(b, x, binder_fold(b, y));
}

/* Constant lists become a set (the state), and their values are no longer arguments. */
struct bound *binder_in(struct binding *b, const struct node *x)
{
    struct bound **arg = binder_children(b, x);
    if (arg == NULL) {
        return NULL;
    }
    struct bound *y = binder_call(b, x, "_ in", "`in`", x->n, arg);
    if (y != NULL && y->kind == BOUND_CALL) {
        y->nullable = false;
        for (int k = 0; k < x->n; k++) {
            y->nullable = y->nullable || y->arg[k]->nullable;
        }
        y->n = y->state != NULL ? 1 : y->n;
    }
    return binder_negate(b, x, y);
}

struct bound *binder_is(struct binding *b, const struct node *x)
{
    struct bound *arg = binder_node(b, x->child[0]);
    if (arg == NULL) {
        return NULL;
    }
    const char *name = arena_printf(b->a, "_ is %s%s", x->negated ? "not " : "", x->name);
    return binder_call(b, x, name, arena_printf(b->a, "`is %s`", x->name), 1, &arg);
}

struct bound *binder_index(struct binding *b, const struct node *x)
{
    struct bound **arg = binder_children(b, x);
    if (arg == NULL) {
        return NULL;
    }
    return binder_call(b, x, "_[_]", "x[i]", 2, arg);
}

/* arg: operand or NULL, pairs, else or NULL. */
static struct bound *case_new(struct binding *b, const struct node *x, int n, struct bound **arg)
{
    const struct type *common = NULL;
    const struct type *compared = arg[0] != NULL ? arg[0]->type : &type_boolean;
    arg[n - 1] = arg[n - 1] != NULL ? arg[n - 1] : binder_null(b, NULL);
    bool ok = unify(b, x, arg, 1, n - 1, 2, &compared,
                    arg[0] != NULL ? "the values that `case` compares" : "conditions");
    ok = ok && unify(b, x, arg, 2, n - 1, 2, &common, "the results of `case`");
    bool fits = ok;
    if (ok) {
        common = type_common(common, arg[n - 1]->type, &fits);
    }
    if (ok && !fits) {
        return binder_fail(b, x,
                           "the results of `case` must be of one type, and that after `else` too");
    }
    if (!ok) {
        return NULL;
    }
    if (common == NULL) {
        return binder_null(b, NULL);
    }
    struct bound *y = binder_new(b, BOUND_CASE, common, n);
    memcpy(y->arg, arg, (size_t)n * sizeof *arg);
    for (int k = 2; k < n; k++) {
        if (k % 2 == 0 || k == n - 1) {
            y->arg[k] = binder_coerce(b, x, arg[k], common);
            y->nullable = y->nullable || y->arg[k]->nullable;
        }
    }
    if (arg[0] != NULL) {
        if (compared == NULL) {
            return y->arg[n - 1];
        }
        y->arg[0] = binder_coerce(b, x, arg[0], compared);
        struct bound *pair[2] = {y->arg[0], y->arg[1]};
        y->fn = signature_find("=", 2, pair, &common);
        if (y->fn == NULL) {
            return binder_fail(b, x, "values of that type cannot be compared in `case`");
        }
    }
    return binder_fold(b, y);
}

struct bound *binder_case(struct binding *b, const struct node *x)
{
    struct bound **arg = binder_children(b, x);
    return arg != NULL ? case_new(b, x, x->n, arg) : NULL;
}

struct bound *binder_if(struct binding *b, const struct node *x)
{
    struct bound **arg = binder_children(b, x);
    if (arg == NULL) {
        return NULL;
    }
    if (x->n < 2 || x->n > 3) {
        return binder_fail(b, x,
                           "if() takes (boolean, any, any?): condition, value, value otherwise");
    }
    if (arg[0]->type != NULL && arg[0]->type->kind != TYPE_BOOLEAN) {
        source_error(b->source, x->pos, "the condition of if() must be a boolean, found %s",
                     type_text(b->a, arg[0]->type));
        return NULL;
    }
    struct bound *all[4] = {NULL, arg[0], arg[1], x->n == 3 ? arg[2] : NULL};
    return case_new(b, x, 4, all);
}

struct bound *binder_coalesce(struct binding *b, const struct node *x)
{
    struct bound **arg = binder_children(b, x);
    const struct type *common = NULL;
    if (arg == NULL || !unify(b, x, arg, 0, x->n, 1, &common, "the arguments of coalesce()")) {
        return NULL;
    }
    if (x->n == 0) {
        return binder_fail(b, x, "coalesce() takes one argument or more");
    }
    if (common == NULL) {
        return binder_null(b, NULL);
    }
    int n = 0;
    while (n < x->n && arg[n++]->nullable) {
        /* what stands behind one that is never null does not count */
    }
    if (n == 1 && !arg[0]->nullable) {
        return arg[0];
    }
    struct bound *y = binder_new(b, BOUND_COALESCE, common, n);
    memcpy(y->arg, arg, (size_t)n * sizeof *arg);
    y->nullable = arg[n - 1]->nullable;
    return binder_fold(b, y);
}

struct bound *binder_cast(struct binding *b, const struct node *x)
{
    struct bound *arg = binder_node(b, x->child[0]);
    const struct type *to = type_parse(b->a, x->name);
    if (to == NULL) {
        static const char *const names[] = {"boolean",   "long",  "double", "string",
                                            "timestamp", "bytes", NULL};
        const char *nearest = habit_or_nearest(HABIT_TYPE, x->name, names);
        source_error(b->source, x->pos, "there is no type '%s'%s%s%s", x->name,
                     nearest != NULL ? "; did you mean '" : "", nearest != NULL ? nearest : "",
                     nearest != NULL ? "'?" : " (boolean, long, double, string, timestamp, bytes)");
        return NULL;
    }
    if (arg == NULL) {
        return NULL;
    }
    if (arg->type == NULL || type_equal(arg->type, to)) {
        return binder_coerce(b, x, arg, to);
    }
    const char *name = arena_printf(b->a, "cast %s", type_text(b->a, to));
    const struct type *common;
    const struct function_def *fn = signature_find(name, 1, &arg, &common);
    if (fn == NULL) {
        source_error(b->source, x->pos, "a %s cannot be cast to %s", type_text(b->a, arg->type),
                     type_text(b->a, to));
        return NULL;
    }
    struct bound *y = binder_call_of(b, x, fn, 1, &arg, common);
    if (y != NULL && x->negated && y->kind == BOUND_CALL && !y->fn->is_harmless) {
        y->kind = BOUND_TRY;
        y->nullable = true;
        return binder_fold(b, y);
    }
    return y;
}
