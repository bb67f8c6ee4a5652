/* What the files of a runner share: runner.c (lanes, connectors), runner_topics.c (counting and
 * making topics), runner_end.c (--until-end). Not for others.
 */
#ifndef KLAMM_WORKER_RUNNER_IMPL_H
#define KLAMM_WORKER_RUNNER_IMPL_H

#include "worker/client.h"
#include "worker/disks.h"
#include "worker/feeder.h"
#include "worker/lane.h"
#include "worker/memory_shares.h"
#include "worker/memory_use.h"
#include "worker/runner.h"
#include "worker/slot.h"
#include "worker/standby.h"

#define ADMIN_MS 15000

struct lane_slot {
    struct lane *lane;
    int64_t started_at, retry_at, backoff;
    char member[400]; /* group.instance.id and transactional.id */
};

struct target { /* --until-end: an input partition and where it ends */
    const char *topic;
    int32_t partition;
    int64_t end;
    bool is_internal;
};

struct runner {
    struct arena mem;
    struct runner_options o;
    struct topology *topology;
    struct client client;
    struct plan *plan;
    int32_t *tasks;
    struct slot slot;
    struct disks *disks; /* NULL: nothing is kept on this machine */
    struct memory_use memory;
    struct standby *standby;      /* NULL: no copies of others' tasks */
    struct standby_counts copied; /* at the end */
    char process[300];            /* what the members of all lanes begin with */
    uint64_t *identity;           /* per sub-plan, of its changelogs */
    struct progress *progress;
    struct time_board *times;
    const char **topics, **with_headers;
    bool copartition, from_latest;
    int nlanes, nfeeders, ndrains, ntargets;
    struct lane_slot *lane;
    struct lane_counts gone; /* of lanes that have ended */
    struct feeder **feeder;
    struct drain **drain;
    struct plan_sink shown;
    struct target *target;
    int level;
    struct log *group_log; /* asks what the group has committed; NULL until needed */
    int64_t ask_at;
};

int32_t runner_partitions(struct runner *r, const char *topic, struct err *e);
int runner_prepare(struct runner *r, struct err *e);
/* With `auto.offset.reset: latest`: commits where a new group begins. */
int runner_begin_at_end(struct runner *r, struct err *e);
/* In memory: what steps are to learn first is there. -ERR_CONFIG: it is not. */
int runner_check_pasts(struct runner *r, struct err *e);
int runner_at_end(struct runner *r, struct err *e);
/* After the last commit, which the broker finishes a moment later: waits, for a while, until
 * whoever comes next can read all of the output. */
void runner_settle(struct runner *r);

#endif
