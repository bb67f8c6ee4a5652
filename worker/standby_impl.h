/* What standby.c, the thread, and standby_copy.c, one copy, share. Not for others. */
#ifndef KLAMM_WORKER_STANDBY_IMPL_H
#define KLAMM_WORKER_STANDBY_IMPL_H

#include "worker/standby.h"
#include "worker/standby_members.h"

#include <pthread.h>
#include <stdatomic.h>

enum copy_status {
    COPY_NONE,    /* not kept: a lane has the task, or it is not for us, or not yet */
    COPY_OPENING, /* the broker is asked whether what lies on disk is of use */
    COPY_LIVE,    /* follows its changelogs */
    COPY_REFUSED, /* given up, until a lane has had the task */
};

struct copy {
    uint16_t subplan;
    int32_t partition;
    const void *lane; /* that has the task; NULL: another process, or nobody */
    bool is_wanted;
    enum copy_status status;
    struct task *task; /* never opened: over disks what knows the mark, in memory the stores */
    struct state_disk *disk;
    int64_t *next;      /* per store: all before it is copied */
    int64_t *target;    /* per store: where its changelog ended at asked_at */
    bool *is_followed;  /* per store, by the log handle: the thread's own business */
    int64_t asked_at;   /* by the wall clock; 0: no answer is waited for */
    int64_t asked_next; /* when to ask again */
    int64_t caught_at;  /* by the wall clock, for marks: all that was there then is copied */
    int64_t retry_at;
    int64_t behind;
    uint64_t changes, unwritten; /* since it was opened; bytes */
    bool was_complete;
};

struct standby {
    struct standby_config cfg;
    pthread_t thread;
    pthread_mutex_t mutex; /* around the copies, all but is_followed */
    atomic_bool stopping;
    struct log *log;
    struct standby_members members;
    int64_t begin_at, members_at, write_at, said_at;
    uint64_t changes;
    size_t n;
    struct copy *copy;
    struct copy *last; /* of the last run of records */
};

static inline const struct subplan *copy_subplan(const struct standby *s, const struct copy *c)
{
    return &s->cfg.plan->subplan[c->subplan];
}

/* The thread, without the mutex: the copy begins, from what lies on disk or from nothing. */
int copy_open(struct standby *s, struct copy *c, struct err *e);
/* The thread, without the mutex: asks where the changelogs end. */
int copy_ask(struct standby *s, struct copy *c, struct err *e);

/* With the mutex. A record of one of its changelogs. -ERR_DATA: it is of another topic of that
 * name. */
int copy_add(struct copy *c, int store, const struct record *r, struct err *e);
/* Markers that went by count, and whether it has caught up. */
void copy_follow_positions(struct standby *s, struct copy *c);
/* What is not on disk yet goes there. */
int copy_write(struct copy *c, struct err *e);
/* Frees what it holds. */
void copy_let_go(struct standby *s, struct copy *c);

#endif
