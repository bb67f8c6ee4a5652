/* Shape: how the columns of a step's output come from its input: taken as they are, or computed.
 *
 *     struct shape *s = shape_new(n, in);                bind: columns in order
 *     shape_take(s, c, "host", false);
 *     shape_compute(s, "x", expression);
 *     shape_carry_hidden(s);
 *     shape_carry_key(s);
 *     n->out[0] = shape_schema(s);
 *     n->bound = s;                                      push: shape_step_push()
 *
 * What select, add, drop, rename, key_by and running have in common. Every expression sees the row
 * as it entered the step. Read-only once bound.
 */
#ifndef KLAMM_ENGINE_SHAPE_H
#define KLAMM_ENGINE_SHAPE_H

#include "engine/expression/expression.h"
#include "engine/step.h"

struct shape {
    const struct schema *in;
    struct schema *out;
    struct shape_column {
        int from;                   /* column of in, or -1 */
        const struct expression *x; /* where from is -1 */
    } * col;
    struct node *n;
};

/* An expression with its name, compiled. */
struct computed {
    const char *name;
    const struct expression *x;
    struct place at;
};

/* Compiles the named expressions of a CONFIG_EXPRESSIONS value against `in`. */
int computed_bind(struct node *n, const struct config_list *list, const struct schema *in,
                  struct computed **out, int *count);
/* The same for expressions that need no name, one an item (`by`). */
int computed_bind_unnamed(struct node *n, const struct config_list *list, const struct schema *in,
                          struct computed **out, int *count);
/* Number of a visible column of the input, or -1 after an error with the nearest name. */
int shape_find(struct node *n, const char *name, struct place at);

/* `in` has room for as many columns again in the output. */
struct shape *shape_new(struct node *n, const struct schema *in, int computed);
void shape_take(struct shape *s, uint16_t from, const char *name, bool hidden);
/* Every column of the input, as it is. */
void shape_take_all(struct shape *s);
/* Appends a computed column; a plain one is taken instead. The name of a hidden column that can
 * always be read (`_time`) is refused for anything else. */
int shape_compute(struct shape *s, const struct computed *c);
/* The same, in the place of the column of that name if there is one. */
int shape_set(struct shape *s, const struct computed *c);
/* Appends the hidden columns of the input that are not in the output yet. */
void shape_carry_hidden(struct shape *s);
/* The key stays what it was: key columns that are missing are appended as hidden ones, under
 * another name where theirs is taken. */
void shape_carry_key(struct shape *s);

/* Columns of the input that these columns of the output need; what is computed is needed in any
 * case, since its errors show. */
void shape_needs(const struct shape *s, const bool *out, bool *in);
/* Computes over b (whose columns begin with those of s->in) all rows of *out; the errors of failed
 * ones are merged into *errors. */
int shape_compute_batch(const struct batch *b, const struct shape *s, struct batch *out,
                        struct row_errors *errors);
/* Reports failed rows of b and takes them out of the selection of out, a batch of b's rows. */
int shape_drop_errors(struct op *op, const struct batch *b, const struct row_errors *errors,
                      struct batch *out);
/* `needs` and `push` of a step that is all shape, which node.bound is: failed rows are reported,
 * the others emitted. */
void shape_step_needs(const struct node *n, const bool *out, bool *in);
int shape_step_push(struct op *op, int input, struct batch *b);

/* b without these rows. */
struct batch rows_without(const struct batch *b, const struct row_errors *errors);
/* Adds the errors of `more` to `all`, by row; where both have a row, all's stays. */
void row_errors_merge(struct row_errors *all, const struct row_errors *more, struct arena *a);

#endif
