/* Tree: what the parser makes of an expression's text, before names and types are known. Nodes live
 * in the arena and are not changed after parsing.
 */
#ifndef KLAMM_ENGINE_EXPRESSION_TREE_H
#define KLAMM_ENGINE_EXPRESSION_TREE_H

#include "engine/arena.h"
#include "engine/config.h"
#include "engine/error.h"

#include <stdbool.h>
#include <stdint.h>

#define PARSER_NESTING_MAX 200  /* of brackets, calls, case, not, minus */
#define TREE_HEIGHT_MAX    1000 /* a + b + c … is a tree that leans to the left */

enum node_kind {
    NODE_NULL,
    NODE_BOOLEAN,  /* i */
    NODE_LONG,     /* i */
    NODE_DOUBLE,   /* d */
    NODE_STRING,   /* name, name_n */
    NODE_COLUMN,   /* name, `a.b` joined */
    NODE_FIELD,    /* child[0].name, where child[0] is an element of an array or map */
    NODE_INDEX,    /* child[0][child[1]] */
    NODE_CALL,     /* name in lower case, arguments */
    NODE_OPERATOR, /* name is the symbol, one or two children; "neg" is the unary minus */
    NODE_AND,
    NODE_OR,
    NODE_NOT,
    NODE_BETWEEN, /* child[0] [not] between child[1] and child[2] */
    NODE_IN,      /* child[0] [not] in (child[1], …) */
    NODE_LIKE,    /* child[0] [not] like child[1] */
    NODE_IS,      /* child[0] is [not] name: null, true, false */
    NODE_CASE,    /* child[0]: operand or NULL; then when, then pairs; the last: else or NULL */
    NODE_CAST,    /* name is the type as written; negated: try_cast */
};

struct node {
    enum node_kind kind;
    int pos; /* of the operator, name or bracket in the text, in bytes */
    int n;
    struct node **child;
    const char *name;
    uint32_t name_n;
    int64_t i;
    double d;
    bool negated;
    uint16_t height;
};

/* Where problems of one text go. */
struct source {
    const struct config_text *text;
    struct diags *diags;
};
/* Adds a problem at byte `pos` of the text; returns -ERR_CONFIG. */
__attribute__((format(printf, 3, 4))) int source_error(const struct source *s, int pos,
                                                       const char *fmt, ...);

/* The tree as text: equal for equal trees, whatever the spaces were; appended to out. x may be
 * NULL.
 */
struct buffer;
void tree_print(struct buffer *out, const struct node *x);

/* Parses the whole text; NULL after a problem (in s->diags). */
struct node *parser_read(struct arena *a, const struct source *s);

#endif
