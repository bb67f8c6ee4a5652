/* The key `threshold` of a detector. */
#ifndef KLAMM_ML_THRESHOLD_H
#define KLAMM_ML_THRESHOLD_H

#include "engine/step.h"
#include "ml/detector.h"

/* Reads it into out; `value` may be NULL: false_alarms: 0.001. -ERR_CONFIG with the problem in the
 * node's diags. */
int threshold_parse(struct node *n, const struct yaml *value, struct detector_config *out);

#endif
