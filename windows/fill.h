/* Fill: rows for the empty windows between two windows of a key, `fill: zero | previous | null`.
 *
 *   windows of a key    [ 0 ]   .     .   [ 3 ]      1 and 2 come out when 3 closes, before it
 *
 * The store remembers the last window of each key, under
 *
 *   key      8 bytes FF … FE, zeros up to the length of the prefix, the row's key bytes
 *   value    of a window: with `previous` its aggregates; the note has its start
 *
 * A gap of more than FILL_MOST windows is not filled; then the key is forgotten. One owner: the
 * task.
 */
#ifndef KLAMM_WINDOWS_FILL_H
#define KLAMM_WINDOWS_FILL_H

#include "engine/window.h"
#include "windows/agenda.h"

#define FILL_MOST 10000

struct gap;

struct fill {
    int64_t size, step;
    uint32_t prefix_n;
    struct agenda last; /* by the start that was last once: memories; each once */
    struct gap *gap;    /* before the windows that close */
    uint32_t *active;   /* scratch: numbers of gaps */
    uint32_t n, cap;
    bool is_emitting;
    int64_t at;                   /* start of the empty windows that come out */
    uint32_t begun, nactive, nth; /* gaps that have begun, those in `active`, done of these */
    uint32_t looked;              /* memories of the first date that fill_expire() has looked at */
    struct buffer key;
};

/* prefix_n: bytes before the row's key in the keys of the store. */
void fill_init(struct fill *f, struct window_op *o, int64_t size, int64_t step, uint32_t prefix_n);
void fill_done(struct fill *f);
/* Keys that are remembered, each by an entry of the store. */
uint64_t fill_memories(const struct fill *f);
uint64_t fill_bytes(const struct fill *f);
/* Windows with one start close: each key that has one, in the order of their texts; then the empty
 * windows before come out. */
void fill_add(struct fill *f, struct window_op *o, const void *key, uint32_t key_n, int64_t start);
/* In slices: positive, more to do. */
int fill_emit(struct fill *f, struct window_op *o, int64_t start);
/* The window came out; value has its aggregates. */
void fill_remember(struct fill *f, struct window_op *o, const void *key, uint32_t key_n,
                   int64_t start, const void *value);
/* Forgets keys whose next window is too far away for this watermark; in slices as well. */
int fill_expire(struct fill *f, struct window_op *o, int64_t watermark);

/* Whether an entry of the store is such a memory, no window. */
static inline bool fill_is_memory(const struct state_entry *e)
{
    uint32_t n;
    const uint8_t *key = state_key(e, &n);
    return n >= 8 && key[0] == 0xff && key[7] == 0xfe;
}

#endif
