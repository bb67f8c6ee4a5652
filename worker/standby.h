/* Standby: copies of the state of tasks that run in other processes, so that a task which comes
 * here goes on from its copy and reads only the tail of its changelogs. One thread of its own,
 * which never ends the process; take and give_back are for the lanes' threads.
 *
 *   another process has it     copied here ──standby_take()──> a lane has it
 *                                   ^────────standby_give_back()────┘
 */
#ifndef KLAMM_WORKER_STANDBY_H
#define KLAMM_WORKER_STANDBY_H

#include "engine/task.h"
#include "worker/log.h"

#include <stdio.h>

struct standby;
struct memory_use;

struct standby_config {
    const struct plan *plan;
    const struct clock *clock;
    struct schema_store *schemas;
    const int32_t *tasks;      /* per sub-plan */
    int64_t copies;            /* STANDBY_ALL: of all tasks; else each has so many */
    const char *process;       /* group.instance.id of our lanes, up to the last dash */
    int64_t delay_ms;          /* before it begins: lanes may get their tasks first */
    struct memory_use *memory; /* as lane_config */
    struct log_config log;     /* of a handle that is no member */
    int (*open_log)(void *ctx, struct log **out, const struct log_config *cfg,
                    const struct log_events *ev, struct err *e);
    void *ctx;
    /* As lane_config; NULL: copies are kept in memory. */
    int (*open_disk)(void *ctx, const char *name, uint16_t nlazy, struct state_disk **out,
                     struct err *e);
    void (*close_disk)(void *ctx, struct state_disk *d);
    const uint64_t *identity;
};

struct standby_counts {
    uint64_t copies;  /* that are kept up to date now */
    uint64_t changes; /* read so far */
    int64_t behind;   /* the most that one of them lacked when it was asked for last */
};

/* cfg is copied, what it points to must outlive the standby. */
int standby_start(struct standby **out, const struct standby_config *cfg, struct err *e);
/* The task is the lane's from now on: its copy is let go. In RocksDB it lies there for the lane to
 * open; else it is returned, to be taken from (task_take_state) and freed, with the offset in each
 * changelog from which to go on. */
struct task *standby_take(struct standby *s, const void *lane, uint16_t subplan, int32_t partition,
                          int64_t *next);
/* The lane has closed the task, and has it no more. */
void standby_give_back(struct standby *s, const void *lane, uint16_t subplan, int32_t partition);
struct standby_counts standby_counts(struct standby *s);
/* Ends the thread and lets go of all copies; take returns nothing after that. */
void standby_stop(struct standby *s);
void standby_free(struct standby *s);

#endif
