/* Binder: what its files share. Every function returns NULL after a problem, which is then in
 * the diagnostics of the binding's source.
 */
#ifndef KLAMM_ENGINE_EXPRESSION_BINDER_H
#define KLAMM_ENGINE_EXPRESSION_BINDER_H

#include "engine/expression/bound.h"

/* Any node. */
struct bound *binder_node(struct binding *b, const struct node *x);
/* All children of a node (absent ones stay NULL), or NULL when one failed. */
struct bound **binder_children(struct binding *b, const struct node *x);

struct bound *binder_new(struct binding *b, enum bound_kind kind, const struct type *type, int n);
struct bound *binder_null(struct binding *b, const struct type *type);
struct bound *binder_fail(struct binding *b, const struct node *x, const char *text);
/* x as a value of type `to`, which it fits: a null gets the type, a long becomes a double. */
struct bound *binder_coerce(struct binding *b, const struct node *at, struct bound *x,
                            const struct type *to);
/* A constant when all arguments are constants and nothing fails, else x. */
struct bound *binder_fold(struct binding *b, struct bound *x);
/* A call by name, called `shown` in messages. */
struct bound *binder_call(struct binding *b, const struct node *at, const char *name,
                          const char *shown, int n, struct bound **arg);
/* A call of a signature that fits. */
struct bound *binder_call_of(struct binding *b, const struct node *at,
                             const struct function_def *fn, int n, struct bound **arg,
                             const struct type *common);
/* not x, when the node says so. x may be NULL. */
struct bound *binder_negate(struct binding *b, const struct node *at, struct bound *x);
/* "(long, string)" */
const char *binder_types(struct binding *b, int n, struct bound *const *arg);

/* ---- special forms (binder_forms.c) ---- */

struct bound *binder_logic(struct binding *b, const struct node *x);
struct bound *binder_between(struct binding *b, const struct node *x);
struct bound *binder_in(struct binding *b, const struct node *x);
struct bound *binder_is(struct binding *b, const struct node *x);
struct bound *binder_index(struct binding *b, const struct node *x);
struct bound *binder_case(struct binding *b, const struct node *x);
struct bound *binder_if(struct binding *b, const struct node *x);
struct bound *binder_coalesce(struct binding *b, const struct node *x);
struct bound *binder_cast(struct binding *b, const struct node *x);

/* ---- what does not fit, and what may have been meant (binder_hints.c): always NULL ---- */

struct bound *binder_unknown_column(struct binding *b, const struct node *x);
struct bound *binder_unknown_function(struct binding *b, const struct node *x);
/* A function or operator whose arguments have the wrong types. */
struct bound *binder_misfit(struct binding *b, const struct node *at, const char *name,
                            const char *shown, int n, struct bound *const *arg);

#endif
