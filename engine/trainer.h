/* Trainer: where a step has work done that takes long, beside the stream. A job is handed over,
 * rows go on, and the result goes in when the step flushes, so with a commit.
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
 * The engine knows no threads; worker/trainer_thread.h has one. Where a task has no trainer
 * (replay, test), steps run the same function themselves, within the row that makes it due.
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

/* What an object, a model or a forecaster, says of the trainings that it owes: each from all that
 * it holds, beside the learning of rows. Whoever has the object asks after each row. */
struct trainable {
    int64_t (*owes)(
        const void *object); /* number (1, 2, …) of the one due that has not ended; 0: none */
    uint64_t (*bytes)(const void *object);          /* about as many does the next copy */
    void *(*make)(const void *object);              /* that one: copies of all that it needs */
    int (*run)(void *data, const struct cancel *c); /* as a job's */
    void (*free)(void *data);
    void (*take)(void *object, void *data); /* what came of it, before free; the object may have
                                               learned more since */
    void (*ended)(void *object, int64_t number); /* well or badly: it is not owed any more */
};

/* For those without a trainer: does at once what the object owes, if anything. def NULL: it never
 * does. */
static inline bool trainable_now(const struct trainable *def, void *object)
{
    int64_t number = def ? def->owes(object) : 0;
    if (number == 0) {
        return false;
    }
    void *data = def->make(object);
    def->run(data, NULL);
    def->ended(object, number);
    def->take(object, data);
    def->free(data);
    return true;
}

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
