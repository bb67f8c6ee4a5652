/* What the files of a lane share. Not for others.
 *
 *   lane.c          the loop, commits, the thread
 *   lane_tasks.c    routes, and tasks: built, closed
 *   lane_restore.c  their state: from the local checkpoint and the changelogs
 *   lane_time.c     inputs that have fallen silent
 *   lane_tables.c   global tables, and tables before streams
 *   lane_merge.c    rows of several topics by event time
 *   lane_slices.c   tasks with much to do at once
 */
#ifndef KLAMM_WORKER_LANE_IMPL_H
#define KLAMM_WORKER_LANE_IMPL_H

#include "worker/lane.h"

#include <pthread.h>
#include <stdatomic.h>

/* Records of a route that are not pushed yet, in offset order. */
struct waiting {
    struct record *record;
    int64_t *time;             /* event times */
    int64_t *deadline;         /* lane_now: waits no longer for what may still come */
    size_t head, kept, n, cap; /* before kept: copies, behind: the last poll's */
    size_t bytes;              /* of what was copied */
    int64_t newest;            /* event time of all that was pushed, TIME_MIN before the first */
    int64_t awaited_at;        /* since when others wait for its records to be fetched; 0: not */
    bool is_given_up;          /* they have waited long enough, until the next record comes */
    bool is_full;              /* paused until there is room */
};

/* A partition that we own: where its records go. */
struct route {
    const char *topic; /* the plan's */
    int32_t partition;
    int rank;          /* of its topic in the plan: of equal times the least is first */
    int64_t offset;    /* committed when it was assigned */
    int64_t stands_at; /* of the last commit; -1: it has no position */
    char *metadata;
    bool says_behind; /* what is committed says that more is to come of what was read */
    struct member *member;
    int64_t target;   /* of a table: where it ended when the task was built; -1: reached */
    int64_t asked_at; /* whether nothing is left before it */
    bool is_paused;   /* a stream's, which waits for the tables of its task */
    bool rests;       /* paused since its task is behind */
    struct waiting waiting;
    int64_t silent_at; /* when it was last asked whether a silent input has records after all */
    bool has_backlog;  /* it had */
    uint64_t skipped;  /* number of the poll whose records of it come again */
};

/* What is read of a task's changelogs, in slices. */
struct restoring {
    struct lane *lane;
    struct task *task; /* between two slices; nobody may use it yet. NULL: nothing is restored */
    int store;         /* whose changelog is being read */
    bool is_begun;     /* it has been */
    bool is_copy;      /* it goes on from a standby copy */
    bool is_studying;  /* the changelogs are read, and its steps read their histories */
    const char *what;  /* there was: a checkpoint, a standby copy; NULL: nothing */
    int64_t *from;     /* per store: where that ended */
    uint64_t changes, slice;
    int64_t begun_at, told_at, until;
    struct err *e;
};

struct member {        /* a task and its place */
    struct task *task; /* NULL: to be built, or restored only in part */
    struct restoring restoring;
    uint16_t subplan;
    int32_t partition;
    struct task_counts committed; /* as of the last commit: what came after may be read again */
    bool merges;                  /* it reads several topics, whose rows go by event time */
    bool awaits;                  /* records that are to be fetched: nothing can be pushed before */
    size_t nwaiting;
    int64_t merge_wait;
    bool is_changed;         /* a route came while the task was there */
    bool waits;              /* some of its tables are not read to their target */
    struct state_disk *disk; /* below the task's state, or NULL */
    int64_t *next;           /* scratch, per store: an offset of its changelog */
    int64_t marked_at;       /* when the end of its changelogs was asked for */
    bool is_unmarked;        /* it has committed since then */
};

/* A partition of a global table's topic. */
struct table_part {
    const char *topic;
    int32_t partition;
    int64_t next;
};

/* A global table: its task has all partitions. */
struct global {
    struct task *task;
    uint16_t subplan;
    int nparts;
    struct table_part *part;
};

struct last_metric {
    int32_t partition; /* -1: its sub-plan has one task only */
    const struct node *node;
    const char *name;
    double value;
};

struct lane {
    struct lane_config cfg;
    pthread_t thread;
    atomic_bool stopping, leaving, done;
    _Atomic uint64_t records, rows_out, bad, late, no_key, tombstones, commits;
    struct lane_counts closed; /* of tasks that are gone */
    struct log *log;
    int nglobals;
    struct global *global;
    int64_t follow_at;
    uint64_t polls;
    int nroutes, nmembers;
    struct route *route;
    struct member **member;
    struct route *last; /* of the last run */
    bool rebuild, in_transaction;
    int64_t last_commit, last_tick;
    struct log_position *commit_at; /* scratch of commits: nroutes */
    char *commit_text;
    int64_t quiet_at;                               /* since when polls bring nothing; 0: they do */
    int64_t polled_ns, longest_gap, longest_behind; /* the last poll's end, ns; to the next */
    bool was_behind;
    int last_sliced; /* member that had its turn */
    int last_marked;
    int result, nmetrics;
    struct last_metric *metric;
    uint64_t held;          /* of cfg.memory */
    struct state_sum state; /* at the end */
    struct err failure;
};

/* For all that a lane waits for or measures: the wall clock may be set. */
static inline int64_t lane_now(const struct lane *l)
{
    return clock_steady(l->cfg.clock);
}

#define BOUNDS_MS 10000

/* task_env.tasks of all tasks of a lane. */
int32_t lane_tasks(void *ctx, uint16_t subplan);
/* The group gives partitions (log_events), or has taken some: routes come, or go with the tasks
 * that have none left. */
void lane_assigned(void *ctx, struct log_position *p, size_t n);
void lane_drop_routes(struct lane *l, const struct log_position *p, size_t n);
/* Restores and opens what is not built yet, for a while. */
int lane_build_tasks(struct lane *l, struct err *e);
/* Some task is not restored to its end. */
bool lane_is_restoring(const struct lane *l);
/* After an abort: every task anew, every partition back to its committed offset. */
int lane_rebuild(struct lane *l, struct err *e);
void lane_close_member(struct lane *l, struct member *m);

/* A task without state, and what gives it its state, until a time (lane_now()); 1: it goes on from
 * there when it is called again, and until then the member has no task. */
int lane_new_task(struct lane *l, struct member *m, struct err *e);
int lane_restore(struct lane *l, struct member *m, int64_t until, struct err *e);
/* The task is closed and is not ours any more: it may be copied here. */
void lane_give_back(struct lane *l, const struct member *m);
/* lane.c: whether its state may take what it takes. */
int lane_hold_memory(struct lane *l, struct err *e);
/* Before the tasks flush: asks where changelogs end, for checkpoints that are due. Whether there is
 * a reason to commit. at_end: all are due. */
bool lane_mark(struct lane *l, bool at_end);
/* The transaction has committed: what the task changed goes to disk. */
int lane_write_checkpoint(struct member *m, struct err *e);
void lane_close_disk(struct lane *l, struct member *m);

void lane_add_counts(struct lane_counts *sum, const struct task_counts *c);

/* Idle inputs follow the others of their topic, wherever these are. */
void lane_follow_others(struct lane *l);

/* Global tables: made and read to their ends; followed, when it is time; gone. */
int lane_open_globals(struct lane *l, struct err *e);
int lane_follow_globals(struct lane *l, struct err *e);
void lane_close_globals(struct lane *l);
struct task *lane_table(void *ctx, uint16_t subplan);

/* A task was built, or got another route: whether there is something to merge. */
void lane_merge_begin(struct lane *l, struct member *m);
/* Records of one route, for a member that merges; nothing is pushed yet. */
void lane_merge_add(struct lane *l, struct route *r, const struct record *records, size_t n);
/* Pushes what need not wait. After the last call for a poll nothing refers to its records. */
int lane_merge(struct lane *l, struct err *e);
/* When the next record has waited long enough; INT64_MAX: none waits. */
int64_t lane_merge_due(const struct lane *l);
void lane_merge_drop(struct route *r);

/* Some task is behind. */
bool lane_is_behind(const struct lane *l);
/* The producer has much on its way. */
bool lane_is_clogged(struct lane *l);
/* Slices of the tasks that are behind, for a moment. */
int lane_go_on(struct lane *l, struct err *e);
/* Around everything but poll. */
void lane_gap_begin(struct lane *l);
void lane_gap_end(struct lane *l);

/* A task was built, or got another route: its streams wait for its tables. */
int lane_begin_tables(struct lane *l, struct member *m, struct err *e);
/* After each poll: streams whose tables are there go on. */
int lane_watch_tables(struct lane *l, struct err *e);
/* Whether records of a route may be used now; those that may not come again. */
int lane_takes(struct lane *l, struct route *r, const struct record *first, struct err *e);

#endif
