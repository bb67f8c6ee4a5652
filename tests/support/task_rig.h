/* For tests of tasks: one task at a time of a planned topology, and what it produces. */
#ifndef KLAMM_TESTS_TASK_RIG_H
#define KLAMM_TESTS_TASK_RIG_H

#include "engine/task.h"
#include "tests/support/plan_rig.h"

struct produced {
    char *topic, *key, *value, *headers; /* headers: "NAME=VALUE," each */
    size_t key_n, value_n;
    int32_t partition;
    int64_t timestamp;
};

struct task_rig {
    struct plan_rig plan;
    struct clock clock;
    struct schema_store *schemas;
    struct task *task;
    struct err err;
    uint16_t batch_rows;
    int32_t ntasks, partition;
    bool limit_ahead, pauses;
    size_t most_bytes;
    uint32_t slice; /* as in task_env */
    struct trainer *trainer;
    const struct task_past *past; /* as in task_env; its ctx is the rig */
    int refuse;                   /* what produce returns from now on; 0: takes all */
    size_t n;
    struct produced *item; /* since the last clear */
    struct buffer out;
};

/* Plans the topology; fails the test when it cannot. batch_rows 0: BATCH_ROWS. */
void task_rig_init(struct task_rig *r, const char *topology, uint16_t batch_rows);
/* A new task of the sub-plan, not open: between, restore. */
void task_rig_new(struct task_rig *r, uint16_t subplan);
int task_rig_open(struct task_rig *r);
/* new and open. */
void task_rig_start(struct task_rig *r, uint16_t subplan);
void task_rig_stop(struct task_rig *r);
/* Records of topic `topic` with offsets from `offset` and timestamps equal to them; key or value
 * NULL: null. Returns the result of task_push. */
int task_rig_push(struct task_rig *r, const char *topic, int64_t offset, const char *const *key,
                  const char *const *value, size_t n);
int task_rig_push_one(struct task_rig *r, const char *topic, int64_t offset, const char *key,
                      const char *value);
/* What is not internal, as "TOPIC KEY VALUE\n", and forgets it. */
const char *task_rig_out(struct task_rig *r);
/* First record to a topic since the last clear, or NULL. */
const struct produced *task_rig_find(const struct task_rig *r, const char *topic);
void task_rig_clear(struct task_rig *r);
/* A changelog as it stands in item, given to store `store` of the task. */
int task_rig_restore(struct task_rig *r, int store, const struct produced *item, size_t n);
void task_rig_done(struct task_rig *r);

#endif
