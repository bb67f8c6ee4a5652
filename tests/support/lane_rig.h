/* For tests of lanes: real lanes over the log in memory, with a clock that runs as fast as they
 * ask, and, where wanted, a log that fails at random calls.
 *
 *     lane_rig_init(&r, topology, 3);  lane_rig_send(&r, …);  lane_rig_run(&r, 2);
 *     lane_rig_output(&r, "out", &text);
 */
#ifndef KLAMM_TESTS_LANE_RIG_H
#define KLAMM_TESTS_LANE_RIG_H

#include "engine/random.h"
#include "tests/support/plan_rig.h"
#include "tests/support/rig_disks.h"
#include "tests/support/rig_topics.h"
#include "worker/lane.h"
#include "worker/memory_log.h"
#include "worker/standby.h"

#include <stdatomic.h>

#define RIG_LANES 4

struct rig_clock {
    struct clock clock; /* first */
    atomic_llong ms;
};

struct lane_rig {
    struct plan_rig plan;
    struct memory_broker *broker;
    struct log *log; /* for producing and questions */
    struct schema_store *schemas;
    struct progress *progress;
    struct time_board *times;
    struct rig_clock clock;
    struct rig_disks *disks;  /* NULL: state is in memory only; whose they are is the caller's */
    struct rig_disks *copies; /* the same for standby copies */
    struct rig_topics topics;
    uint16_t batch_rows;
    uint32_t slice; /* as in task_env */
    bool at_least_once, until_end;
    struct trainer *trainer;
    char member[RIG_LANES][20];
    struct lane *lane[RIG_LANES];
    struct standby *standby[RIG_LANES]; /* of the process of each, the caller's; NULL: none */
    struct err err[RIG_LANES];          /* of lanes that ended */
    uint64_t seed;                      /* 0: no faults */
    atomic_int faults;                  /* still to come */
    atomic_int opened;
};

/* Plans, and creates all topics; outside and output topics have `partitions`. */
void lane_rig_init(struct lane_rig *r, const char *topology, int32_t partitions);
/* Another topology over the same topics, while no lane runs. */
void lane_rig_change(struct lane_rig *r, const char *topology, int32_t partitions);
/* value NULL: a tombstone. */
void lane_rig_send(struct lane_rig *r, const char *topic, int32_t partition, const char *key,
                   const char *value, int64_t timestamp);
void lane_rig_start(struct lane_rig *r, int lane);
/* Copies of all tasks (STANDBY_ALL) or n of each, for a process whose lanes are called so. */
struct standby *lane_rig_standby(struct lane_rig *r, int64_t copies, const char *process);
/* Result of the lane. */
int lane_rig_stop(struct lane_rig *r, int lane);
/* Waits until all that the topics hold is committed; lanes that end by ERR_RETRY or ERR_FATAL are
 * started again. 0, or what a lane ended with for good, or -100 after a minute. */
int lane_rig_settle(struct lane_rig *r);
/* Starts n lanes, settles, stops them. */
int lane_rig_run(struct lane_rig *r, int n);
/* Committed records of a topic as "PARTITION KEY VALUE\n", by partition and key, in order each;
 * those without key, which may be anywhere, as "- VALUE\n" in the order of their values. */
void lane_rig_output(struct lane_rig *r, const char *topic, struct buffer *out);
void lane_rig_done(struct lane_rig *r);

#endif
