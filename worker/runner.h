/* Runner: one topology at work in this process: its plan, topics, lanes, connectors.
 *
 *   runner_new   plan ─ topics ─ slot
 *   runner_run   lanes and connectors, until told to stop, until the end of the input, or until
 *                something fails for good
 *
 * Retriable failures start the lane again after 1 s, doubling to 5 min, and anew once it has
 * committed; bad records and configuration end the run.
 */
#ifndef KLAMM_WORKER_RUNNER_H
#define KLAMM_WORKER_RUNNER_H

#include "engine/plan.h"
#include "worker/log.h"
#include "worker/memory_log.h"

#include <stdatomic.h>

struct runner;

struct runner_options {
    struct memory_broker *memory; /* NULL: Kafka */
    bool until_end;
    const char *show; /* topic whose records are printed as they come, or NULL */
    uint16_t batch_rows;
    struct trainer *trainer; /* does the trainings of all tasks; NULL: they run in their rows */
    const atomic_bool *stop;
    const atomic_bool *stays; /* as of the stop: the lanes keep their places in the group, for the
                                 process that comes next; NULL: they leave */
};

/* Reads and plans the topology; problems of the file go to d, others to e. */
int runner_new(struct runner **out, const char *file, const struct setting *set, int nset,
               const struct runner_options *o, struct diags *d, struct err *e);
/* Puts the rows of a file into the topic of a stream, or into one that a step trains from; before
 * runner_run. -ERR_CONFIG without a
 * message: no such stream. */
int runner_feed(struct runner *r, const char *stream, const char *path, struct err *e);
/* Sets e: the stream reads no topic of this topology, and which do. -ERR_CONFIG. */
int runner_no_stream(const struct runner *r, const char *stream, struct err *e);
/* An internal topic that both would use, or NULL. */
const char *runner_shared_topic(const struct runner *a, const struct runner *b);
const char *runner_name(const struct runner *r);
/* Blocks. 0: stopped or at the end. */
int runner_run(struct runner *r, struct err *e);
void runner_free(struct runner *r);

#endif
