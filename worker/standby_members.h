/* Which tasks a process keeps copies of, when each is to have n (`standby: n`). Every process finds
 * out for itself, from the same list of members: there is no leader. One thread.
 */
#ifndef KLAMM_WORKER_STANDBY_MEMBERS_H
#define KLAMM_WORKER_STANDBY_MEMBERS_H

#include "engine/plan.h"
#include "worker/log.h"

struct standby_members {
    size_t n, nowned;
    char **process;
    struct owned_partition {
        char *topic;
        int32_t partition;
        size_t process;
    } * owned;
};

/* Zeroed: nobody. */
void standby_members_done(struct standby_members *m);
/* As log_ops.members: members whose names differ in what follows the last dash are lanes of one
 * process. */
void standby_members_add(void *ctx, const struct log_member *member);
/* Whether process `me` is one of the n that are to have a copy of this task. */
bool standby_members_want(const struct standby_members *m, const char *me, const struct plan *plan,
                          uint16_t subplan, int32_t partition, int64_t n);

#endif
