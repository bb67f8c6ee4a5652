/* Program: a bound tree as a flat list of instructions over values. Immutable, in the plan's arena.
 *
 * A value is a column of the batch, a constant, or lives in a slot: memory that several values
 * share one after the other. Instructions work on the rows of the current selection; ENTER, KEEP,
 * BRANCH and LEAVE narrow it and come back, so that operands are evaluated only where SQL would.
 */
#ifndef KLAMM_ENGINE_EXPRESSION_PROGRAM_H
#define KLAMM_ENGINE_EXPRESSION_PROGRAM_H

#include "engine/expression/bound.h"

enum op {
    OP_CALL,   /* out = fn(arg…) */
    OP_NEW,    /* out = a fresh vector, for MOVE */
    OP_MOVE,   /* out = arg[0], rows of the selection only */
    OP_ENTER,  /* push a copy of the selection */
    OP_KEEP,   /* narrow it to rows where arg[0] is `keep`; none left: go to skip */
    OP_BRANCH, /* take the rows where arg[0] is true out of it and push them; none: go to skip */
    OP_LEAVE,  /* pop; when the selection below is empty: go to skip */
};

enum keep { KEEP_NOT_FALSE, KEEP_NOT_TRUE, KEEP_NULL };

struct instruction {
    enum op op;
    enum keep keep;
    bool is_quiet; /* try_cast */
    uint32_t out, nargs, skip;
    const uint32_t *arg;
    const struct function_def *fn;
    const void *state;
};

struct value {
    enum { VALUE_COLUMN, VALUE_CONSTANT, VALUE_SLOT } kind;
    const struct type *type;
    uint32_t number; /* of the column or slot; a constant has a slot to be spread in */
    struct nested_value constant;
};

struct program {
    const struct instruction *code;
    const struct value *value;
    uint32_t n, nvalues, nslots;
    const uint8_t *slot_width;
    uint32_t depth; /* of nested selections, the outermost not counted */
    uint32_t result;
};

struct expression {
    const struct type *type;
    bool nullable;
    bool is_constant;
    int column;
    struct nested_value value; /* when constant */
    const struct program *program;
    bool *needs;
    uint16_t ncolumns;
    const char *text; /* the tree, as tree_print() writes it */
};

const struct program *program_build(struct arena *a, const struct bound *x);
/* Runs it over b's selection; see expression_eval(). */
void program_run(const struct program *p, const struct batch *b, struct vec *out,
                 struct row_errors *errors);

#endif
