/* Expressions: SQL syntax and null logic, typed before anything runs, compiled to a flat program
 * over vectors.
 *
 *     text -> lexer -> parser (tree) -> binder (types, columns) -> program -> evaluator
 *
 * A compiled expression is immutable and shared by all lanes; evaluation takes its registers from
 * the batch's arena. Values of rows outside the selection are undefined.
 */
#ifndef KLAMM_ENGINE_EXPRESSION_EXPRESSION_H
#define KLAMM_ENGINE_EXPRESSION_EXPRESSION_H

#include "engine/batch.h"
#include "engine/config.h"
#include "engine/error.h"

struct expression;

/* A call that the expression language itself does not know (an aggregate, lag(), …), offered to the
 * step that hosts the expression. */
struct expression_call {
    const char *name; /* lower case */
    int nargs;
    const struct expression *const
        *arg; /* compiled against `inner`; a constant one has a literal */
    struct place at;
};
struct expression_host {
    void *ctx;
    /* Returns 1 with type and nullability when the call is the host's: it becomes the next extra
     * column behind the columns of `outer`; 0 when the name is unknown to the host (then
     * names() serves did-you-mean); -ERR_CONFIG with a message when the arguments are wrong. */
    int (*bind)(void *ctx, const struct expression_call *call, const struct type **type,
                bool *nullable, struct err *e);
    const char *const *names; /* NULL-terminated */
};

/* Compiles text against the columns of `in`. Problems go to d with their place. */
int expression_compile(const struct expression **out, struct arena *a,
                       const struct config_text *text, const struct schema *in, struct diags *d);
/* The same with a host: arguments of host calls are compiled against `inner`; the expression around
 * them against `outer`, followed by one column per host call in the order of bind(). */
int expression_compile_hosted(const struct expression **out, struct arena *a,
                              const struct config_text *text, const struct schema *outer,
                              const struct schema *inner, const struct expression_host *host,
                              struct diags *d);
const struct type *expression_type(const struct expression *x);
bool expression_nullable(const struct expression *x);
/* Sets needs[c] for every column of its schema that is read; of a hosted one needs has room for the
 * extra columns too. */
void expression_needs(const struct expression *x, bool *needs);
/* Column number when the expression is nothing but a column, else -1. */
int expression_column(const struct expression *x);
/* Value of a constant expression: true and v (string values point into the expression). */
struct nested_value;
bool expression_constant(const struct expression *x, struct nested_value *v);
/* What it computes, appended to b: for the layouts of saved state. Spaces and the names of results
 * do not show; column names do. */
void expression_layout(struct buffer *b, const struct expression *x);
/* "mul r2 r0 0.5" one line an instruction, for `check`. */
void expression_print(struct buffer *b, const struct expression *x);

/* Rows whose evaluation failed (division by zero, overflow, cast), in row order. Their results are
 * null. text lives in the batch's arena. */
struct row_errors {
    uint16_t n;
    struct row_error {
        uint16_t row;
        const char *text;
    } * item; /* in the batch's arena */
};

/* Evaluates over the selected rows into *out (freshly allocated from b->mem, or a column of b
 * shared). errors->n > 0 tells of failed rows; errors must be zeroed before. Only rows whose value
 * matters are errors: `case`, `coalesce`, `and`, `or` evaluate what SQL would. Returns 0. */
int expression_eval(const struct expression *x, const struct batch *b, struct vec *out,
                    struct row_errors *errors);
/* Rows of b's selection where a boolean expression is true; sel has room for b->nsel. */
int expression_filter(const struct expression *x, const struct batch *b, uint16_t *sel,
                      uint16_t *nsel, struct row_errors *errors);

/* Named expressions of a CONFIG_EXPRESSIONS value: "a, b * 2 as c" is split into items with names
 * (a bare column names itself); a map's items keep their names. */
struct named_expression {
    const char *name;
    struct config_text text;
    struct place at;
};
int expression_list(struct named_expression **out, int *n, struct arena *a,
                    const struct config_list *list, struct diags *d);

#endif
