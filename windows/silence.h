/* Silence: when a key was heard, and at which times it has been silent for so long that this is to
 * be said.
 *
 *   heard     x x  x                    x x
 *   said              |     |     |            |
 *                after  every every       after
 *
 * Each row is judged by its own watermark (`seen`): it says at `seen` that the key was heard at its
 * time, and changes nothing that fell due before. So what is said depends on the rows only, not on
 * how those of several source partitions are mixed.
 *
 * One owner: the task.
 */
#ifndef KLAMM_WINDOWS_SILENCE_H
#define KLAMM_WINDOWS_SILENCE_H

#include "engine/buffer.h"

#include <stddef.h>
#include <stdint.h>

/* Durations, ms. */
struct silence_rule {
    int64_t after;
    int64_t every;  /* 0: said once */
    int64_t forget; /* from the last row: nothing is said then, and the key is forgotten */
};

/* A stretch without a silence: rows that came in time for each other. */
struct stretch {
    int64_t from; /* `seen` of its first row: as if it were not there before */
    int64_t last; /* greatest time in it */
    int64_t due;  /* when its silence is said next */
    int32_t part; /* source partition of the last row: of equal times the greater one counts */
    uint32_t n, cap;
    char *row; /* bytes of the last row */
};

struct silence {
    struct stretch *stretch; /* ascending from and last */
    uint32_t n, cap;
};

void silence_done(struct silence *s);
/* Zeroed: the key was never heard. */
void silence_hear(struct silence *s, const struct silence_rule *rule, int64_t seen, int64_t time,
                  int32_t part, const struct buffer *row);
/* The least time at which anything may be said, INT64_MAX: never, the key can be forgotten. */
int64_t silence_next(const struct silence *s);
/* When something is to be said next, INT64_MAX: never. Drops what later rows have overtaken; so the
 * watermark must be behind silence_next(), and silence_said() comes after it. */
int64_t silence_due(struct silence *s);
/* That has been said. */
void silence_said(struct silence *s, const struct silence_rule *rule);

/* Bytes that it owns. */
uint64_t silence_size(const struct silence *s);

/* For the changelog. s must be zeroed before silence_load(): 0 or -ERR_DATA; what it made until
 * then is freed by silence_done(). */
void silence_save(const struct silence *s, struct buffer *out);
int silence_load(struct silence *s, const void *p, size_t n);

#endif
