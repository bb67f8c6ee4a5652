/* Tree walk: the meaning of an expression said a second time, one row at a time over the parse
 * tree, as plainly as possible. The oracle for the evaluator. It shares lexer and parser with it,
 * nothing else.
 *
 * Knows the operators, all special forms and the functions abs sign floor least greatest coalesce
 * nullif if length substr upper trim concat contains starts_with split_part is_nan.
 */
#ifndef KLAMM_TESTS_SUPPORT_TREE_WALK_H
#define KLAMM_TESTS_SUPPORT_TREE_WALK_H

#include "engine/batch.h"
#include "engine/expression/tree.h"

struct walk_value {
    enum type_kind kind;
    bool is_null;
    bool failed; /* a row error */
    int64_t i;   /* boolean, long, timestamp */
    double d;
    const char *p; /* string */
    uint32_t n;
};

struct walk {
    struct arena *a; /* for strings */
    const struct batch *b;
    uint16_t row;
};

struct walk_value walk_eval(const struct walk *w, const struct node *x);
/* The type that the expression has, by the rules of SQL. */
enum type_kind walk_kind(const struct schema *s, const struct node *x);
/* Same kind, nullness and value; all NaN are alike. */
bool walk_same(const struct walk_value *x, const struct walk_value *y);
/* The value of a vector's row. */
struct walk_value walk_value_of(const struct vec *v, uint16_t row);

#endif
