/* Held: an object of per.h in the state of its step. A small one is one entry with all of it; a
 * large one is an entry that says which others have its snapshot, in parts, and what it learned
 * since, in logs: so a commit costs what was learned, and no record is too large for a broker.
 *
 *   'o' key                      -> object, small: its snapshot; large: generation and counts
 *   'p' generation number key    -> part `number` of the snapshot, at most HELD_PART_BYTES
 *   'l' generation number key    -> log `number`: events of one commit
 *
 *   'w' …                        rows that wait for their labels (ml/waiting.h)
 *   'h'                          the history has been read (ml/train_from.c)
 *   't'                          totals over all objects (per.h)
 *
 * Internal to ml/per.c, ml/held.c, ml/waiting.c and ml/train_from.c.
 */
#ifndef KLAMM_ML_HELD_H
#define KLAMM_ML_HELD_H

#include "ml/per.h"

#define HELD_PART_BYTES  (512U << 10)
#define HELD_SMALL_BYTES (32U << 10) /* one entry has all up to this */

struct held {
    void *object;
    uint64_t seed;             /* with which it was made, and is made again before it is loaded */
    struct held *next;         /* touched since the last commit */
    struct state_entry *entry; /* then */
    bool is_touched;
    bool is_whole;        /* something changed that no event tells */
    bool is_partial;      /* large, and its parts and logs have not been read yet */
    struct buffer events; /* since the last commit */
    uint32_t generation;  /* of the parts; 0: small */
    uint32_t parts, logs;
    uint64_t part_bytes, log_bytes;
};

/* First byte of what is saved: an object, small or large, or a part or log. */
enum { SAVED_SMALL, SAVED_LARGE, SAVED_BYTES };

/* An entry's value in memory. Behind a part's kind stand its bytes. */
enum held_kind { HELD_OBJECT, HELD_BYTES };
struct held_value {
    uint64_t kind;
    struct held *held;
};

/* Entries of plain bytes: what is put there in place of what was, and read, appended to out; false:
 * it is not there. */
void held_put(struct state *s, const struct buffer *key, const char *bytes, size_t n);
bool held_get(struct state *s, const struct buffer *key, struct buffer *out);

struct held *held_new(const struct per_plan *p, uint64_t seed);
void held_free(struct held *h, const struct object_def *def);
/* Before a commit: what the object is saved as. */
void held_flush(struct per_task *t, struct held *h, struct state *s);
/* Of one that is partial: gathers the parts and repeats the logs. 0 or -ERR_DATA. */
int held_complete(const struct per_plan *p, struct held *h, const struct state_entry *entry,
                  struct state *s);
void held_save(const struct per_plan *p, const struct held *h, struct buffer *out);
/* The entry with an object: makes it, and loads it unless it is large. NULL: damaged. */
struct held *held_load(const struct per_plan *p, const void *saved, size_t n);

#endif
