/* Whether a copy of state that lies on disk may be gone on with. Any thread; the log is the
 * caller's. */
#ifndef KLAMM_WORKER_CHECKPOINT_FIT_H
#define KLAMM_WORKER_CHECKPOINT_FIT_H

#include "engine/task.h"
#include "worker/disks.h"
#include "worker/log.h"

/* found: what task_take_disk() has said of a task of this sub-plan and partition; mark, disk: its
 * own. *why: why it cannot be used, NULL when it can, or when there is nothing. Asks the broker
 * where the changelogs begin and end; negative: no answer. */
int checkpoint_fit(struct log *log, const struct subplan *s, int32_t partition, int found,
                   const struct task_mark *mark, const struct state_disk *disk, int64_t now,
                   const char **why, struct err *e);

#endif
