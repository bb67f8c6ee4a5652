/* Sends dead letters back to where they came from, each once.
 *
 * What was sent is noted in the offsets of a group of its own, in the transaction that sends it: a
 * second replay sends what has come since, or was left. One thread.
 */
#ifndef KLAMM_WORKER_DEAD_REPLAY_H
#define KLAMM_WORKER_DEAD_REPLAY_H

#include "worker/client.h"
#include "worker/dead_letter.h"

#define REPLAY_FILTERS 16
#define REPLAY_STAGES  12

struct dead_replay {
    const char *topic; /* of the dead letters */
    const char *to;    /* topic for all of them, or NULL: each to its own */
    int nfilters;
    struct dead_filter {
        const char *name; /* stage, topic, topology or by */
        const char *value;
    } filter[REPLAY_FILTERS];
    int64_t attempts;    /* a letter that was sent back so often is left */
    bool takes_internal; /* also to repartitions */
    bool is_dry;         /* counts, and sends nothing */
    const atomic_bool *stop;

    /* Counts of the run. */
    uint64_t sent, filtered, tired, internal, rows, gone, unknown, again;
    int nstages; /* the first kinds of stage that a letter had */
    char stage[REPLAY_STAGES][40];
    int ntargets;
    struct dead_target {
        char *topic; /* heap */
        int32_t partitions;
        uint64_t n;
    } * target;
};

/* 0: a filter of that name is known. */
int dead_filter_check(const char *name);
bool dead_filter_takes(const struct dead_replay *x, const struct dead_letter *d);
/* Up to what the topic holds now. Counts anew. */
int dead_replay_run(struct dead_replay *x, const struct client *c, struct err *e);
void dead_replay_done(struct dead_replay *x);

#endif
