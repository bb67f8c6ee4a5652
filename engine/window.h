/* Window: the descriptor behind tumbling, hopping, …; one file each under windows/.
 *
 * The step `window` (windows/window.c) parses the configuration, evaluates the arguments of the
 * aggregates, writes result rows and keeps the bytes of state; a kind of window decides which state
 * a row belongs to, what is late, and when a window is closed:
 *
 *   push       rows with their keys -> window_add() (rows and the states they go to), window_late()
 *   watermark  closed windows -> window_emit(), ordered by (end, start, key text)
 *
 * A state value is the kind's own head (head_size plain bytes), then the states of the aggregates.
 * All of a value's memory belongs to the store. One thread per window_op; a struct window is
 * shared.
 */
#ifndef KLAMM_ENGINE_WINDOW_H
#define KLAMM_ENGINE_WINDOW_H

#include "engine/aggregate.h"
#include "engine/key.h"
#include "engine/state.h"
#include "engine/step.h"

struct window_op;

enum window_emit { EMIT_FINAL, EMIT_UPDATES, EMIT_EVERY };
enum window_fill { FILL_NONE, FILL_ZERO, FILL_PREVIOUS, FILL_NULL };

/* A window bound in the plan. */
struct window {
    const struct window_def *def;
    const void *cfg; /* the kind's: what its config tables parse into */
    const struct schema *in;
    int64_t grace;
    enum window_emit emit;
    int64_t every; /* EMIT_EVERY: ms between two emissions */
    enum window_fill fill;
    int ncalls, nrefusing; /* nrefusing: of these may fail a row */
    struct aggregate_call *call;
    uint32_t value_size; /* head, all aggregates, notes */
    uint32_t notes_at;   /* where the notes stand in a value; with EMIT_FINAL and without fill
                            there are none */
};

/* What stands downstream of one window: behind the aggregates, saved with them. */
struct window_note {
    uint8_t is_out;
    uint8_t is_pending; /* a result is on its way, `having` has not been asked yet */
    uint8_t unused[6];
    int64_t start, end; /* under which bounds */
};

/* Rows of one push: keys without nulls, arguments evaluated. */
struct window_rows {
    const struct batch *batch;
    struct keyed_rows keys;
    uint16_t n;
    const uint16_t *row; /* ascending */
};

struct window_def {
    const char *name, *doc; /* the name is also the key in `window: {…}` */
    /* As in step_def: a table for a map, `value` for a scalar. */
    const struct config_field *config;
    const struct config_field *value;
    size_t config_size;
    uint32_t head_size; /* multiple of 8 */
    uint32_t notes;     /* in a value, when windows come out more than once */
    /* For window_combine(): into += from, of two heads. NULL: heads stay as they are. */
    void (*combine_head)(void *into, const void *from);
    bool fills;        /* has rows for empty windows */
    bool includes_end; /* the end belongs to the window: event time of a result is its end, not one
                          ms before */
    /* Checks cfg beyond its tables; problems through node_error(). NULL: nothing to check. */
    int (*bind)(const struct window *w, struct node *n);
    /* How long after the watermark it may still emit rows before the watermark. */
    int64_t (*lag)(const struct window *w);
    /* As step_def.lazy. NULL: not so. */
    bool (*lazy)(const struct window *w);
    /* Makes o->self and reads what is in o->op->state after a restore. */
    int (*open)(struct window_op *o, struct err *e);
    int (*push)(struct window_op *o, const struct window_rows *r);
    /* In slices, as step_def.watermark. */
    int (*watermark)(struct window_op *o, int64_t time);
    int64_t (*next_time)(const struct window_op *o);
    /* Optional: what is open, preset as in step_def. */
    void (*describe)(const struct window_op *o, struct open_state *out);
    /* Optional: bytes held outside of the store. */
    uint64_t (*index_bytes)(const struct window_op *o);
    /* Wall clock went on, for `emit: {every}`; NULL: this kind has not that. */
    int (*tick)(struct window_op *o, int64_t now);
    /* Before a commit: what is not in the store yet. NULL: all is. */
    void (*flush)(struct window_op *o);
    void (*close)(struct window_op *o); /* also after a failed open */
};

struct window_output;

/* One task's instance. */
struct window_op {
    const struct window *w;
    struct op *op;
    void *self;                     /* the kind's */
    const struct window_rows *rows; /* during push */
    const struct vec *arg;          /* of all calls, in order; during push */
    /* `seen` of the results that come: TIME_MAX, their own time (what comes out in the order of
     * its ends); else what the kind says, that no earlier row follows. */
    int64_t seen;
    int64_t low; /* likewise; TIME_MAX: as `seen` */
    struct window_output *out;
    uint16_t *late, nlate; /* rows that no window took; NULL: they are dropped */
};

/* ---- what the step does for its kinds ---- */

/* Watermark by which a row is judged: its own, and never less than what has been fired already. */
static inline int64_t window_seen(const struct window_op *o, uint16_t row)
{
    int64_t seen = o->rows->batch->seen[row];
    return seen > o->op->watermark ? seen : o->op->watermark;
}

/* a + b without overflow, for b >= 0. */
static inline int64_t time_after(int64_t a, int64_t b)
{
    return a > TIME_MAX - b ? TIME_MAX : a + b;
}

/* Adds rows (ascending) to the aggregates that stand at state[i]: the value of an entry, behind the
 * head. The pointers are changed. */
int window_add(struct window_op *o, uint16_t n, const uint16_t *row, void **state);
/* A new value: heads and states are zero bytes before. Calls every aggregate's init. */
void window_init(const struct window *w, void *value);
/* into += from, of two values with their heads, which are left as they are; `from` is later or
 * equal in event time. */
void window_combine(const struct window *w, void *into, const void *from);
/* Releases what a value owns that does not stand in the store; all of it is zero bytes then. */
void window_clear(const struct window *w, void *value);
/* No window took the row. */
int window_late(struct window_op *o, uint16_t row);
/* How many rows are likely to follow: sizes the next batch. */
void window_expect(struct window_op *o, uint64_t rows);
/* One result row: states of the aggregates (behind the head), copied before it returns. */
int window_emit(struct window_op *o, const void *key, uint32_t key_n, int64_t start, int64_t end,
                const void *states);
/* A row for an empty window: its aggregates are null, or zero with FILL_ZERO. */
int window_emit_empty(struct window_op *o, const void *key, uint32_t key_n, int64_t start,
                      int64_t end);
/* As window_emit(), for a window that comes out more than once: what came out under other bounds is
 * deleted first; a result that does not pass `having` deletes what came out. note is one of
 * entry's, which must not go before window_settle(). */
int window_emit_so_far(struct window_op *o, const void *key, uint32_t key_n, int64_t start,
                       int64_t end, const void *states, struct state_entry *entry,
                       struct window_note *note);
/* Deletes what came out for a window, if anything did. */
int window_withdraw(struct window_op *o, const void *key, uint32_t key_n, struct state_entry *entry,
                    struct window_note *note);
/* Before an entry goes that results were made of. */
int window_settle(struct window_op *o);
static inline struct window_note *window_notes(const struct window *w, void *value)
{
    return (struct window_note *)((char *)value + w->notes_at);
}
/* EMIT_UPDATES: the results that come now come out with this row. What is taken from op->mem after
 * the first of them is gone with the next. */
void window_update(struct window_op *o, uint16_t row);
/* After the last window_emit() of a push or watermark. Releases what was taken from op->mem since
 * the first of them; so may any window_emit(), when a batch is full. */
int window_flush(struct window_op *o);
/* The same in watermark() for a status of 0 or more, which it returns, or what failed. */
int window_pause(struct window_op *o, int status);

#endif
