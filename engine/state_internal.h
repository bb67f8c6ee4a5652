/* What state_memory.c, the table, and state_cache.c, the disk below it, want of each other. Not for
 * others.
 */
#ifndef KLAMM_ENGINE_STATE_INTERNAL_H
#define KLAMM_ENGINE_STATE_INTERNAL_H

#include "engine/state.h"
#include "engine/state_disk.h"

struct state_cache {
    struct state_disk *disk;
    uint16_t number; /* of the store */
    bool is_lazy;
    bool is_complete; /* every entry is in memory: a miss need not ask the disk */
    uint64_t evictions;
    uint32_t pins;
    uint64_t trim_at;    /* live bytes at which it is worth while to send some away; 0: the share */
    struct buffer value; /* scratch */
    struct state_part {
        struct buffer last;  /* key of the part of a range that was met last */
        struct buffer ahead; /* first dirty key behind it */
        bool has_ahead;
        uint32_t prefix_n; /* of the range */
        uint64_t touches;  /* of the store, then */
    } part;
};

/* ---- of the table ---- */

void state_set_cache(struct state *s, struct state_cache *c);
struct state_cache *state_cache_of(const struct state *s);
/* In memory, deleted or not; NULL: nothing is known of the key. */
struct state_entry *state_peek(const struct state *s, uint64_t hash, const void *key, uint32_t n);
/* Adds an entry that is on disk and not in memory. -ERR_DATA: its bytes are damaged. */
int state_bring(struct state *s, uint64_t hash, const void *key, uint32_t n, const void *saved,
                size_t saved_n, struct state_entry **out);
bool state_is_deleted(const struct state_entry *e);
bool state_is_dirty(const struct state_entry *e);
/* The dirty entries, deleted ones among them, in the order of first touch; after NULL the first. */
struct state_entry *state_next_dirty(const struct state *s, const struct state_entry *e);
/* Changes when an entry becomes dirty other than by its deletion. */
uint64_t state_touches(const struct state *s);
/* Bytes of entries in use. */
uint64_t state_live_bytes(const struct state *s);
/* Sends away clean entries that nobody asked for lately, until at most so many bytes are live.
 * Returns how many went. */
uint64_t state_evict(struct state *s, uint64_t most_bytes);

/* The table, slot by slot: the entry there, deleted or not, or NULL. */
uint64_t state_slots(const struct state *s);
struct state_entry *state_slot(const struct state *s, uint64_t at);
/* The value as it is saved; valid until the next call. */
const void *state_saved(struct state *s, const struct state_entry *e, size_t *n);

/* ---- of the disk ---- */

/* A key that is not in memory; NULL: it is not on disk either, or the disk has failed. */
struct state_entry *state_cache_load(struct state *s, uint64_t hash, const void *key, uint32_t n);
/* Brings in everything. */
int state_cache_load_all(struct state *s);
/* After a commit: keeps to the share. */
void state_cache_trim(struct state *s);
void state_cache_free(struct state_cache *c);

#endif
