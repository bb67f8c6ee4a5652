/* Bound tree: an expression with its types and columns known, between binder and program. Lives in
 * the plan's arena.
 */
#ifndef KLAMM_ENGINE_EXPRESSION_BOUND_H
#define KLAMM_ENGINE_EXPRESSION_BOUND_H

#include "engine/expression/functions.h"
#include "engine/expression/tree.h"
#include "engine/nested.h"

enum bound_kind {
    BOUND_CONSTANT,
    BOUND_COLUMN,
    BOUND_CALL,
    BOUND_TRY, /* a call whose failed rows are null */
    BOUND_AND, /* fn: the kernel that joins both sides */
    BOUND_OR,
    BOUND_CASE, /* arg[0]: operand or NULL; (when, then) pairs; else (never NULL) */
    BOUND_COALESCE,
    BOUND_BETWEEN, /* arg[0] between arg[1] and arg[2]; fn: >=, fn2: <=, fn3: and */
};

struct bound {
    enum bound_kind kind;
    const struct type *type; /* NULL: a null whose type is not known (a constant) */
    bool nullable;
    bool is_harmless; /* it and all below: see function_def */
    int column;
    struct nested_value value;
    const struct function_def *fn, *fn2, *fn3;
    const void *state;
    int n;
    struct bound **arg;
};

/* Binds a tree against columns; NULL after problems. With a host (may be NULL) arguments of its
 * calls are bound against `inner`. */
struct binding {
    struct arena *a;
    const struct source *source;
    const struct schema *schema, *inner;
    const struct expression_host *host;
    int host_calls; /* made so far */
};
const struct expression *binder_bind(struct binding *b, const struct node *x);

/* ---- signatures (signature.c) ---- */

/* The first signature of that name that the arguments fit, with their common type where it says
 * `*`; NULL when there is none. */
const struct function_def *signature_find(const char *name, int n, struct bound *const *arg,
                                          const struct type **common);
/* Whether a function of that name exists. */
bool signature_knows(const char *name);
/* Names of all functions (operators left out), NULL-terminated; host's names too (may be NULL). */
const char *const *signature_names(struct arena *a, const char *const *more);
/* Its arguments: "(long) or (double)", for messages. */
const char *signature_describe(struct arena *a, const char *name);
/* Letter of argument i, 0 when there is no such argument. */
char signature_letter(const struct function_def *f, int i);
const struct type *signature_type(char letter);
/* What both can be converted to, or NULL with *ok false; a NULL type fits all. */
const struct type *type_common(const struct type *a, const struct type *b, bool *ok);
const char *type_text(struct arena *a, const struct type *t);

#endif
