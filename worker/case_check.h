/* Checks of a test case against the plan of its topology, before it runs: names that nothing in the
 * topology has, with the nearest. Pure functions.
 */
#ifndef KLAMM_WORKER_CASE_CHECK_H
#define KLAMM_WORKER_CASE_CHECK_H

#include "engine/plan.h"
#include "engine/yaml.h"

/* Whether the topology writes the topic, dead letters included. -ERR_CONFIG. */
int case_check_topic(const struct plan *p, const char *topic, struct err *e);
/* Whether all fields of a row's value (a map; anything else is fine) are columns of its source.
 * -ERR_CONFIG, with *at the field that is none. */
int case_check_value(const struct plan_source *s, const struct yaml *value, struct place *at,
                     struct err *e);

#endif
