/* Which records of a partition were sent back: all before `base`, and ranges behind it, where
 * others in between were left. It stands in the group's committed offset and its metadata, so that
 * what is sent and what is known to be sent are one commit.
 *
 * One owner; offsets come ascending.
 */
#ifndef KLAMM_WORKER_SENT_OFFSETS_H
#define KLAMM_WORKER_SENT_OFFSETS_H

#include "engine/buffer.h"

#include <stdbool.h>

#define SENT_RANGES 300 /* what fits into metadata of 4096 bytes, with room to spare */

struct sent_offsets {
    int64_t base;
    int n;
    struct sent_range {
        int64_t from, to; /* to: behind the last */
    } range[SENT_RANGES];
    bool has_left; /* since base: one that was not sent */
    bool is_run;   /* the last one noted was sent */
};

/* From a committed offset (negative: none) and its metadata (may be NULL; what cannot be read
 * counts as not sent). */
void sent_read(struct sent_offsets *s, int64_t offset, const char *metadata);
bool sent_has(const struct sent_offsets *s, int64_t offset);
/* Whether one more can be noted: asked before each. */
bool sent_has_room(const struct sent_offsets *s);
/* Notes the next record: sent, or left for later. */
void sent_add(struct sent_offsets *s, int64_t offset);
void sent_leave(struct sent_offsets *s, int64_t offset);
/* Metadata for base: what is noted here, and of `before` what lies behind `upto`. */
void sent_print(const struct sent_offsets *s, const struct sent_offsets *before, int64_t upto,
                struct buffer *out);

#endif
