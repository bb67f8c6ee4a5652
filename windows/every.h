/* Every: which windows have changed since they came out last, for `emit: {every: DURATION}`.
 *
 * By the wall clock where there is one (ticks), else by event time: when the watermark passes a
 * multiple of the duration. After a restart all open windows count as changed. One owner: the task.
 */
#ifndef KLAMM_WINDOWS_EVERY_H
#define KLAMM_WINDOWS_EVERY_H

#include "engine/window.h"

struct every {
    struct state_entry **slot; /* changed ones, by address; a power of two */
    uint64_t nslots, n;
    int64_t due;       /* watermark of the next emission */
    int64_t last_tick; /* wall clock of the last; TIME_MIN: no tick has come */
};

/* What a result needs to know of an entry. */
struct every_result {
    int64_t start, end;
    const void *key, *states;
    uint32_t key_n;
};
typedef struct every_result (*every_result_fn)(const struct window_op *o,
                                               const struct state_entry *e);

void every_init(struct every *x);
void every_done(struct every *x);
void every_changed(struct every *x, struct state_entry *e);
/* The window closes: whether it has changed. Forgets it. */
bool every_take(struct every *x, struct state_entry *e);
/* Emits what has changed when it is time. */
int every_watermark(struct window_op *o, struct every *x, int64_t time, every_result_fn result);
int every_tick(struct window_op *o, struct every *x, int64_t now, every_result_fn result);
/* Least watermark that emits. */
int64_t every_next_time(const struct every *x);

#endif
