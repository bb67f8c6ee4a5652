/* Algorithm: the keys `algorithm` and `options` that all learning steps share. For bind only. */
#ifndef KLAMM_ML_ALGORITHM_H
#define KLAMM_ML_ALGORITHM_H

#include "engine/drift.h"
#include "engine/forecaster.h"
#include "engine/learner.h"
#include "engine/step.h"

/* A problem with one key of the step's configuration; returns -ERR_CONFIG. */
__attribute__((format(printf, 3, 4))) int algorithm_problem(struct node *n, const char *key,
                                                            const char *fmt, ...);
/* A name that `as` gives a new column: 0, or -ERR_CONFIG when the input has it or all records do.
 */
int algorithm_column(struct node *n, const char *name);
/* The place of `name` among `names` (which end with NULL), or -ERR_CONFIG with a problem with this
 * key that names the nearest of its kind. */
int algorithm_named(struct node *n, const char *key, const char *kind, const char *name,
                    const char *const *names);
/* The learner for `task`, or NULL with a problem that suggests the nearest. */
const struct learner_def *algorithm_find(struct node *n, enum learner_task task, const char *name);
/* Whether rows are scaled before it: by its own preset where the node's configuration has no
 * `scale`. */
bool algorithm_is_scaled(const struct node *n, const struct learner_def *def, bool is_standard);
/* As algorithm_find(), the forecaster and the detector of drift. */
const struct forecaster_def *algorithm_forecaster(struct node *n, const char *name);
const struct drift_def *algorithm_drift(struct node *n, const char *name);
/* Its options parsed (in n->mem), given may be NULL; NULL with all problems in n->diags. *seed is
 * changed by an option `seed`, which every learner takes that has none of its own. */
const void *algorithm_options(struct node *n, const struct learner_def *def,
                              const struct yaml *given, uint64_t *seed);
const void *algorithm_forecaster_options(struct node *n, const struct forecaster_def *def,
                                         const struct yaml *given, uint64_t *seed);
const void *algorithm_drift_options(struct node *n, const struct drift_def *def,
                                    const struct yaml *given, uint64_t *seed);

#endif
