/* Every: which windows have changed since they came out last, for `emit: {every: DURATION}`.
 *
 * By the wall clock where there is one (ticks), else by event time: when the watermark passes a
 * multiple of the duration. After a restart all open windows count as changed. One owner: the task.
 */
#ifndef KLAMM_WINDOWS_EVERY_H
#define KLAMM_WINDOWS_EVERY_H

#include "engine/window.h"
#include "windows/series.h"

struct every {
    struct changed *list; /* of an emission: results found so far */
    uint32_t nlist, cap_list;
    void **order; /* the list as it comes out, from `nth` on; NULL: nothing comes out */
    uint32_t nth;
    struct state_entry **slot; /* changed ones, by address; a power of two */
    uint64_t nslots, n;
    int64_t due;       /* watermark of the next emission */
    int64_t last_tick; /* wall clock of the last; TIME_MIN: no tick has come */
};

/* A window that is to come out. */
struct every_result {
    int64_t start, end;
    const void *key, *states;
    uint32_t key_n;
    struct state_entry *entry; /* that it has its note in */
    struct window_note *note;
    void *series; /* the kind's own */
};

/* What a kind of window does: `result` where an entry is a window, else the other two. */
struct every_kind {
    struct every_result (*result)(const struct window_op *o, struct state_entry *e);
    /* Adds the windows that an entry belongs to, with every_add(). */
    void (*find)(struct window_op *o, struct every *x, struct state_entry *e);
    int (*emit)(struct window_op *o, const struct every_result *r);
};

void every_init(struct every *x);
void every_done(struct every *x);
uint64_t every_bytes(const struct every *x);
/* All points of the set have changed: after a restart. */
void every_changed_all(struct every *x, struct series_set *set);
void every_changed(struct every *x, struct state_entry *e);
bool every_has(const struct every *x, const struct state_entry *e);
void every_add(struct every *x, const struct every_result *r);
/* The window closes: whether it has changed. Forgets it. */
bool every_take(struct every *x, struct state_entry *e);
/* The window that an entry is comes out as it is now; also with `updates`. */
int every_emit(struct window_op *o, const struct every_kind *kind, struct state_entry *e);

/* These do nothing with another `emit`.
 * The window that an entry is closes and goes: it comes out if it has changed. */
int every_close(struct window_op *o, struct every *x, const struct every_kind *kind,
                struct state_entry *e);
/* Emits what has changed when it is time. */
int every_watermark(struct window_op *o, struct every *x, int64_t time,
                    const struct every_kind *kind);
int every_tick(struct window_op *o, struct every *x, int64_t now, const struct every_kind *kind);
/* Least watermark that emits, at most `close`. */
int64_t every_next_time(const struct window_op *o, const struct every *x, int64_t close);

#endif
