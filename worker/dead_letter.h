/* Dead letter: what the headers of a record in a dead-letter topic say, and the record that it was.
 * Written by klamm's tasks or by Kafka Connect: both name the headers alike.
 *
 * Pure; texts are copied, so that the record may go. One owner.
 */
#ifndef KLAMM_WORKER_DEAD_LETTER_H
#define KLAMM_WORKER_DEAD_LETTER_H

#include "engine/arena.h"
#include "engine/record.h"

#include <stdbool.h>

struct dead_letter {
    const char *topic; /* where it stood; NULL: no dead letter */
    int32_t partition;
    int64_t offset;    /* -1: a row behind a window, which stood nowhere */
    const char *owner; /* topology or connector; these are "" where the header is missing */
    const char *stage; /* Connect's name */
    const char *by;    /* codec, step, client or class that refused */
    const char *message;
    const char *row;  /* of an internal record: what it held, as JSON; else NULL */
    const char *left; /* parts that did not fit and stand at the origin only, or NULL */
    int64_t replays;  /* how often it was sent back */
};

/* Reads the headers; of equal names the last counts. a owns the texts. */
void dead_letter_read(struct dead_letter *d, const struct record *r, struct arena *a);
/* Whether it stood in a topic that belongs to its topology: a repartition or a changelog. */
bool dead_letter_is_internal(const struct dead_letter *d);
/* The record as it was, but for one header that counts the replays; shares r's memory, a owns the
 * list of headers. topic and partition are the caller's to set. */
struct record dead_letter_restore(const struct dead_letter *d, const struct record *r,
                                  struct arena *a);

#endif
