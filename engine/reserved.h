/* Reserved names: those of the columns that every record has, `_key` and the like, which can be
 * read and not be given to others. Any thread. */
#ifndef KLAMM_ENGINE_RESERVED_H
#define KLAMM_ENGINE_RESERVED_H

#include "engine/step.h"

bool name_is_reserved(const char *name);
/* Says that it is, of a column of the step; returns -ERR_CONFIG. */
int reserved_problem(struct node *n, struct place at, const char *path, const char *name);
/* Refuses the step's own columns with such a name; what comes of an input or a table may go on.
 * Returns 0, or -ERR_CONFIG with a problem for each. */
int reserved_check(struct node *n);

#endif
