/* The topics of a plan, as the worker creates them, and what was written to one. */
#ifndef KLAMM_TESTS_RIG_TOPICS_H
#define KLAMM_TESTS_RIG_TOPICS_H

#include "engine/plan.h"
#include "worker/log.h"

struct rig_topics {
    int32_t *tasks;      /* per sub-plan */
    const char **inputs; /* what a lane subscribes to, NULL-terminated */
    bool copartition;
};

/* Creates all of them; outside and output topics have `partitions`. The lists live in the arena. */
void rig_topics_create(struct rig_topics *t, struct log *log, const struct plan *p,
                       int32_t partitions, struct arena *mem);
/* Committed records of a topic as "PARTITION KEY VALUE\n", by partition and key, in order each;
 * those without key, which may be anywhere, as "- VALUE\n" in the order of their values. */
void rig_topics_print(struct log *log, const char *topic, struct buffer *out);

#endif
