/* Lane: one thread with one log handle (consumer and producer) and the tasks of its partitions.
 *
 *   STARTING ──> RUNNING ⇄ REBUILDING (aborted: tasks anew from the committed offsets) ──> STOPPED
 *
 * The lane's thread does everything to its tasks; others only ask it to stop and read its progress.
 */
#ifndef KLAMM_WORKER_LANE_H
#define KLAMM_WORKER_LANE_H

#include "engine/task.h"
#include "worker/log.h"
#include "worker/summary.h"
#include "worker/time_board.h"

struct lane;

/* Committed offsets, shared by the lanes of a topology: --until-end watches them. Thread-safe. */
struct progress;
struct progress *progress_new(void);
void progress_free(struct progress *p);
void progress_set(struct progress *p, const char *topic, int32_t partition, int64_t offset);
/* OFFSET_NONE: nothing committed since the start. */
int64_t progress_get(struct progress *p, const char *topic, int32_t partition);

/* How the metadata of an offset ends when its task is behind: there is more to come of what has
 * been read. */
#define POSITION_BEHIND ";+"
bool position_is_behind(const char *metadata);

struct memory_use;
struct standby;
struct lane_config {
    int number;
    const struct plan *plan;
    const struct clock *clock;
    struct schema_store *schemas;
    const int32_t *tasks; /* per sub-plan */
    uint16_t batch_rows;
    size_t most_bytes; /* of a record that is written, see task_env */
    uint32_t slice;    /* of task_env */
    bool until_end;    /* what is empty now stays so */
    struct progress *progress;
    struct time_board *times;
    struct memory_use *memory; /* what state may take; NULL: it is not looked at */
    uint64_t dirty_most;       /* bytes of changes that wait for a commit; 0: DIRTY_MOST */
    struct log_config log;
    /* Opens the lane's handle; called in the lane's thread. */
    int (*open_log)(void *ctx, struct log **out, const struct log_config *cfg,
                    const struct log_events *ev, struct err *e);
    void *ctx;
    /* The disk of a task, by its name; NULL: it has none; -ERR_RETRY: not now. Both are called in
     * the lane's thread. NULL: state is kept in memory only. */
    int (*open_disk)(void *ctx, const char *name, uint16_t nlazy, struct state_disk **out,
                     struct err *e);
    void (*close_disk)(void *ctx, struct state_disk *d);
    const uint64_t *identity; /* per sub-plan, of its changelogs; NULL: names suffice */
    struct trainer *trainer;  /* of task_env */
    struct standby *standby;  /* copies of tasks that run elsewhere; NULL: there are none */
};

/* What a lane has done so far; read at any time. */
struct lane_counts {
    uint64_t records, rows_out, bad, late, no_key, tombstones, commits;
};

/* Starts the thread. cfg is copied, what it points to must outlive the lane. */
int lane_start(struct lane **out, const struct lane_config *cfg, struct err *e);
/* Asks it to commit and end. leave: the member leaves the group for good. */
void lane_stop(struct lane *l, bool leave);
bool lane_is_done(const struct lane *l);
struct lane_counts lane_counts(const struct lane *l);
/* Once it is done: the last metrics of its tasks' steps. */
void lane_metrics(const struct lane *l,
                  void (*each)(void *ctx, int32_t partition, const struct node *n, const char *name,
                               double value),
                  void *ctx);
/* Once it is done: what the steps of its tasks kept. */
struct state_sum lane_state(const struct lane *l);
/* Waits for the end; the result is what ended it (0: was asked to). Frees the lane. */
int lane_join(struct lane *l, struct err *e);

/* The same without a thread of its own: lane_run() is all that the thread does, and returns at the
 * end; lane_free() is lane_join() then. */
struct lane *lane_new(const struct lane_config *cfg);
void lane_run(struct lane *l);
int lane_free(struct lane *l, struct err *e);

#endif
