/* A tree as text: the same for every way of writing an expression, another for every other one.
 *
 *     sum( a*2 )   ->   (call sum (op * (column a) (long 2)))
 *
 * It stands in the layouts of saved state, so it may not change from one version to the next.
 */
#include "engine/expression/tree.h"

#include "engine/buffer.h"

#include <inttypes.h>

static const char *const words[] = {
    [NODE_NULL] = "null",     [NODE_BOOLEAN] = "boolean", [NODE_LONG] = "long",
    [NODE_DOUBLE] = "double", [NODE_STRING] = "string",   [NODE_COLUMN] = "column",
    [NODE_FIELD] = "field",   [NODE_INDEX] = "index",     [NODE_CALL] = "call",
    [NODE_OPERATOR] = "op",   [NODE_AND] = "and",         [NODE_OR] = "or",
    [NODE_NOT] = "not",       [NODE_BETWEEN] = "between", [NODE_IN] = "in",
    [NODE_LIKE] = "like",     [NODE_IS] = "is",           [NODE_CASE] = "case",
    [NODE_CAST] = "cast",
};

void tree_print(struct buffer *out, const struct node *x)
{
    if (x == NULL) {
        buffer_text(out, "()");
        return;
    }
    buffer_printf(out, "(%s%s", x->negated ? "!" : "", words[x->kind]);
    if (x->kind == NODE_LONG || x->kind == NODE_BOOLEAN) {
        buffer_printf(out, " %" PRId64, x->i);
    } else if (x->kind == NODE_DOUBLE) {
        buffer_printf(out, " %.17g", x->d);
    } else if (x->kind == NODE_STRING) { /* its length first: it may hold anything */
        buffer_printf(out, " %" PRIu32 ":", x->name_n);
        buffer_add(out, x->name, x->name_n);
    } else if (x->name != NULL && x->kind != NODE_NULL && x->kind != NODE_AND &&
               x->kind != NODE_OR && x->kind != NODE_NOT) {
        buffer_printf(out, " %s", x->name);
    }
    for (int i = 0; i < x->n; i++) {
        buffer_byte(out, ' ');
        tree_print(out, x->child[i]);
    }
    buffer_byte(out, ')');
}
