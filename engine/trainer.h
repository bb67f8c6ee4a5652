/* Trainer: where a step has work done that takes long, beside the stream. A job is handed over, rows
 * go on, and the result goes in when the step flushes, so with a commit.
 *
 *     start ──> waiting ──> at work ──> done ──> collect: its result, the data are the step's again
 *                  └───────────┴──────────┴────> drop: it is asked to stop, nobody hears of it again
 *
 *   owns      start() takes the data over; collect() gives them back, drop() frees them, at once or
 *             when the job has stopped. What the data refer to beside themselves belongs to the plan,
 *             which outlives the trainer's last job
 *   closed    a task that is closed, revoked or aborted drops its jobs. What its state says of a
 *             training that was due and has not ended is the step's affair (ml/beside.h)
 *   threads   a training is touched by the step's thread only; run() may be in another, at the same
 *             time as anything else of the process: it may use nothing but its data
 *
 * The engine knows no threads; worker/trainer_thread.h has one. Where a task has no trainer (replay,
 * test), steps run the same function themselves, within the row that makes it due.
 */
#ifndef KLAMM_ENGINE_TRAINER_H
#define KLAMM_ENGINE_TRAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Asked by a job between pieces of its work, of some ms each; NULL: never. */
struct cancel {
    bool (*is_set)(const struct cancel *c);
};

static inline bool cancel_is_set(const struct cancel *c)
{
    return c && c->is_set(c);
}

struct trainer_job {
    /* 0, or minus an err_kind: -ERR_ABORT when it was asked to stop. The same data give the same
     * result, in whatever thread. */
    int (*run)(void *data, const struct cancel *c);
    void (*free)(void *data);
    void *data;
};

struct training; /* a job that was handed over */

struct trainer {
    struct training *(*start)(struct trainer *t, const struct trainer_job *job);
    bool (*has_begun)(const struct training *x);
    bool (*is_done)(const struct training *x);
    /* What run() returned; *data are the caller's again. Only when it is done. */
    int (*collect)(struct training *x, void **data);
    void (*drop)(struct training *x);
    /* Jobs that were neither collected nor dropped. Any thread. NULL: nobody asks. */
    uint32_t (*under_way)(const struct trainer *t);
};

#endif
