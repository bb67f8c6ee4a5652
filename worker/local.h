/* Local: a plan at work without Kafka, without threads and without a clock of its own: what
 * `replay` and `test` drive. Records go in one by one; internal topics are queues that are emptied
 * before the next one; so every run of the same input is the same.
 */
#ifndef KLAMM_WORKER_LOCAL_H
#define KLAMM_WORKER_LOCAL_H

#include "engine/task.h"
#include "worker/summary.h"

struct local;

struct local_config {
    const struct plan *plan;
    const struct clock *clock;
    struct schema_store *schemas;
    int32_t partitions; /* of outside topics */
    uint16_t batch_rows;
    uint64_t most_state; /* as in task_env */
    bool limit_ahead;
    bool ordered; /* the order over all sinks is shown: where it matters, rows go one at a time */
    /* A record for a sink or dead-letter topic; partition is set. */
    int (*output)(void *ctx, const struct record *r, struct err *e);
    const struct task_past *past; /* of topics; NULL: they have none */
    void *ctx;
};

int local_new(struct local **out, const struct local_config *cfg, struct err *e);
/* Records of one topic and partition, in order. */
int local_push(struct local *l, const struct record *r, size_t n, struct err *e);
/* A record of which no value could be made: what `errors` says of it happens. */
int local_refuse(struct local *l, const struct record *r, const char *text, struct err *e);
/* The wall clock went on. */
int local_tick(struct local *l, int64_t now, struct err *e);
/* Event time goes to its end: all windows close. */
int local_finish(struct local *l, struct err *e);
/* A commit and a restart: every task is closed and restored from its changelog. */
int local_restart(struct local *l, struct err *e);
struct task_counts local_counts(const struct local *l);
/* What all tasks keep in memory; what values own, as it was counted last. */
uint64_t local_kept_bytes(const struct local *l);
/* Counts what values own anew: takes as long as to look at all of them. */
void local_recount(const struct local *l);
/* What the steps of all tasks keep, counted anew. */
struct state_sum local_state(const struct local *l);
void local_metrics(const struct local *l,
                   void (*each)(void *ctx, int32_t partition, const struct node *n,
                                const char *name, double value),
                   void *ctx);
void local_free(struct local *l);

#endif
