/* Expressions in tests: results over the rows of expression_rows.h as one line of text. */
#ifndef KLAMM_TESTS_SUPPORT_EXPRESSIONS_H
#define KLAMM_TESTS_SUPPORT_EXPRESSIONS_H

#include "engine/expression/expression.h"
#include "tests/support/expression_rows.h"

/* "1 | null | error: division by zero: 1 / 0 | 4" over all rows, "type? " not shown; or, when it
 * does not compile, "COLUMN: message" of all problems, joined by " ;; ". */
const char *fixture_eval(struct fixture *f, const char *text);
/* The same over some rows only. */
const char *fixture_eval_rows(struct fixture *f, const char *text, const uint16_t *sel,
                              uint16_t nsel);
/* "long?" with ? for nullable, or the problems. */
const char *fixture_type(struct fixture *f, const char *text);

/* Cases {expression, what fixture_eval() gives}; the last is {NULL, NULL}. Says which fails. */
struct eval_case {
    const char *text, *expected;
};
void fixture_check(const struct eval_case *cases);
void fixture_check_types(const struct eval_case *cases);

#endif
