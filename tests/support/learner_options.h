/* Options of a learner from YAML, as a test writes them. cmocka assertions inside. */
#ifndef KLAMM_TESTS_SUPPORT_LEARNER_OPTIONS_H
#define KLAMM_TESTS_SUPPORT_LEARNER_OPTIONS_H

#include "engine/arena.h"
#include "engine/learner.h"

/* "{grace_period: 50}" parsed by the learner's table and checked; lives in the arena. */
const void *learner_options(const struct learner_def *def, struct arena *a, const char *text);

#endif
