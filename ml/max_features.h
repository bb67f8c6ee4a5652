/* The option max_features of forests: how many columns a leaf or a split draws at random. Pure
 * functions.
 */
#ifndef KLAMM_ML_MAX_FEATURES_H
#define KLAMM_ML_MAX_FEATURES_H

#include "engine/error.h"

#include <stdbool.h>
#include <stdint.h>

/* "sqrt", "log2", "all", a number of columns, or a share of them with a point ("0.5"). */
int max_features_check(const char *text, struct err *e);
/* Of n columns: 1 to n (0 of none). is_rounded: River rounds the root, scikit-learn cuts it. */
uint32_t max_features(const char *text, uint32_t n, bool is_rounded);

#endif
