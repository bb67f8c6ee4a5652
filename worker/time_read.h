/* Time read: a time view of a topology from outside, from what its group has committed and from its
 * changelogs. Joins no group, writes nothing, creates nothing; workers go on meanwhile. */
#ifndef KLAMM_WORKER_TIME_READ_H
#define KLAMM_WORKER_TIME_READ_H

#include "worker/client.h"
#include "worker/time_view.h"

/* What is read at the moment: a partition of an input, or of a changelog that is restored. */
struct time_read_progress {
    const char *topic;
    int32_t partition, partitions;
    uint64_t changes; /* restored so far; 0: an input */
};

struct time_read_options {
    /* Called now and then; may be NULL. */
    void (*progress)(void *ctx, const struct time_read_progress *p);
    void *ctx;
};

/* Fills *v, which is initialised, with all tasks; one of them is in memory at a time. -ERR_CONFIG:
 * a topic is missing, or the state is one of other settings; -ERR_DATA: the group has committed
 * nothing, or a changelog is damaged. */
int time_read(struct time_view *v, const struct client *c, const struct time_read_options *o,
              struct err *e);

#endif
