/* `on`: which columns of a step's two inputs must be equal for rows to meet. */
#ifndef KLAMM_ENGINE_ON_COLUMNS_H
#define KLAMM_ENGINE_ON_COLUMNS_H

#include "engine/step.h"

/* Reads a column, a list of columns or a map {left: right} into out->on, or adds a problem of the
 * node: -ERR_CONFIG. */
int on_columns_read(const struct node *n, const struct yaml *on, struct second_input *out);

#endif
