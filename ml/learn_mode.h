/* The key `learn`: online, never, or in batches. */
#ifndef KLAMM_ML_LEARN_MODE_H
#define KLAMM_ML_LEARN_MODE_H

#include "engine/step.h"
#include "ml/recent_rows.h"

enum learn_mode { LEARN_ONLINE, LEARN_NEVER, LEARN_BATCH };

/* Reads it; `value` may be NULL: online. -ERR_CONFIG with the problem in the node's diags. */
int learn_mode_parse(struct node *n, const struct yaml *value, enum learn_mode *mode,
                     struct batch_plan *batch);
/* What a learner of batches does that is not told otherwise. */
extern const struct batch_plan batch_plan_default;

#endif
