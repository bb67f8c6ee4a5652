/* State: the keyed store of one step of one task, with the list of what changed since the last
 * commit.
 *
 *   entry   | next dirty | hash | flags | key bytes | value bytes |
 *
 * Values are changed in place: find or insert, write, state_touch(). At a commit the lane sends
 * every dirty entry's last value to the changelog and then calls state_committed(); an aborted
 * transaction throws the whole store away and restores it. Entries do not move, except by
 * state_resize(). A value that owns memory outside the entry says so with a state_codec. A store
 * may stand over a disk (state_attach): it is then a cache with what changed, and a commit may send
 * entries away. One owner: the task.
 */
#ifndef KLAMM_ENGINE_STATE_H
#define KLAMM_ENGINE_STATE_H

#include "engine/buffer.h"
#include "engine/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct state;
struct state_disk;
struct state_entry;

/* How values are written to and read from bytes; NULL members: the bytes themselves. */
struct state_codec {
    void *ctx;
    void (*save)(void *ctx, const void *value, uint32_t n, struct buffer *out);
    /* Bytes of the value in memory for these saved bytes, or -ERR_DATA. */
    int64_t (*loaded_size)(void *ctx, const void *saved, size_t n);
    int (*load)(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n);
    void (*drop)(void *ctx, void *value, uint32_t n); /* releases what the value owns */
    /* Bytes that the value owns outside of its entry. NULL, with `drop`: about as many as its saved
     * form has. */
    uint64_t (*size)(void *ctx, const void *value, uint32_t n);
    /* Optional: what else than the layout gives saved bytes their meaning. A disk with those of
     * another form is not read. Values whose loaded_size is 0 are of such, and of no use:
     * state_is_stale(). */
    uint64_t (*form)(void *ctx);
};

/* The memory back end. codec may be NULL and must outlive the store. */
struct state *state_memory_new(const struct state_codec *codec);
void state_free(struct state *s);

/* `hash` is hash_bytes(key, n, 0) always: what restores and resizes recompute it. */
struct state_entry *state_find(const struct state *s, uint64_t hash, const void *key, uint32_t n);
/* Finds or makes (value zeroed, not yet dirty). An existing entry keeps its size. */
struct state_entry *state_insert(struct state *s, uint64_t hash, const void *key, uint32_t n,
                                 uint32_t value_n, bool *is_new);
void *state_value(const struct state_entry *e);
uint32_t state_value_size(const struct state_entry *e);
const void *state_key(const struct state_entry *e, uint32_t *n);
/* Another size for the value; returns the entry, which may have moved. New bytes are zero. */
struct state_entry *state_resize(struct state *s, struct state_entry *e, uint32_t value_n);
/* The value changed: it goes to the changelog at the next commit. */
void state_touch(struct state *s, struct state_entry *e);
/* Gone for find and each at once; the deletion goes to the changelog unless the entry never got
 * there. */
void state_delete(struct state *s, struct state_entry *e);
/* Calls each for every entry, in no particular order; each may delete the entry it is given. */
int state_each(struct state *s, int (*each)(void *ctx, struct state_entry *e), void *ctx);
uint64_t state_count(const struct state *s);
/* Held, for memory.limit and metrics; what values own is counted when they are saved, restored and
 * dropped, so it is as of the last commit. */
uint64_t state_bytes(const struct state *s);
uint64_t state_dirty_bytes(const struct state *s);
/* Counts what values own anew, going through all of them: where nothing commits. */
void state_recount(struct state *s);
/* The same of one that has grown though it was only read, or that is new and large. */
void state_recount_entry(struct state *s, struct state_entry *e);

/* At a commit: every change in the order of first touch; value NULL: deleted. The bytes live until
 * the callback returns. */
int state_changes(struct state *s,
                  int (*each)(void *ctx, const void *key, uint32_t key_n, const void *value,
                              size_t value_n),
                  void *ctx);
void state_committed(struct state *s);
/* While restoring from the changelog: absolute, repeatable; value NULL: deleted. Over a disk the
 * caller puts the same into its batch, and calls state_committed() once that is written. */
int state_restore(struct state *s, const void *key, uint32_t key_n, const void *value,
                  size_t value_n);

struct state_walk;
/* Goes on through the store: every entry that was there when the walk began, and is there when its
 * turn comes, is given at least once; what changed meanwhile may be missing, as it stands among the
 * changes of a commit. Stops behind so many bytes; true: that was all. The bytes live until the
 * callback returns. */
bool state_walk(struct state *s, struct state_walk *w, uint64_t bytes,
                void (*each)(void *ctx, const void *key, uint32_t key_n, const void *value,
                             size_t value_n),
                void *ctx);

/* Of stores over a disk (state_disk.h), which must outlive the store. */

/* The store is empty and gets what is on disk under this number. is_lazy: entries may stay there,
 * and go back there at commits; else all are loaded, and stay. -ERR_DATA: the disk cannot be
 * read. */
int state_attach(struct state *s, struct state_disk *disk, uint16_t number, bool is_lazy);
/* Whether all entries are in memory. Once it is false it stays so, and of state_each() and
 * state_range() the latter is the quick one. Always true without a disk. */
bool state_is_complete(const struct state *s);
/* Between two batches: what was only read goes away again, when there is too much of it. */
void state_trim(struct state *s);
/* Changes when a commit, or state_trim(), has sent entries away: no pointer from before is good any
 * more. */
uint64_t state_evictions(const struct state *s);
/* From pin to unpin nothing is sent away. */
void state_pin(struct state *s);
void state_unpin(struct state *s);
/* What was found cannot be used: as if the disk could not be read. False: there is none. */
bool state_fail(struct state *s);
/* When it is opened: there is no entry, neither in memory nor on disk. */
bool state_is_empty(struct state *s);
/* What is restored next to the store is of no use: the changelog is read from its beginning until a
 * commit has followed, so that who opens the store meets all such entries, in memory or on disk. */
void state_set_stale(struct state *s);
bool state_is_stale(const struct state *s);
/* Calls each for the entries whose keys begin with these bytes, in no particular order; each may
 * delete the entry it is given, and do nothing else to the store. What is on disk comes in parts:
 * positive when there is more. Then `behind`, empty for the first call, is the last key of this
 * part; all keys up to it have been met. NULL: all at once. */
int state_range(struct state *s, const void *prefix, uint32_t n, struct buffer *behind,
                int (*each)(void *ctx, struct state_entry *e), void *ctx);
/* Two halves of it, for several ranges that are read side by side, of a store that is not complete:
 * what the disk has of one, but for what is dirty, in a part that leaves room for so many `ranges`;
 * and all that is dirty. */
int state_range_stored(struct state *s, const void *prefix, uint32_t n, struct buffer *behind,
                       uint64_t ranges, int (*each)(void *ctx, struct state_entry *e), void *ctx);
/* Bytes of a part with one range. */
uint64_t state_part_bytes(const struct state *s);
int state_each_dirty(struct state *s, int (*each)(void *ctx, struct state_entry *e), void *ctx);
/* A whole range, part by part; between them what was read goes again: for stores over a disk that
 * have to be gone through. The calls may do no more than those of state_range(). 0, or what failed.
 */
int state_scan(struct state *s, const void *prefix, uint32_t n,
               int (*each)(void *ctx, struct state_entry *e), void *ctx);
/* The first key on disk that is not before these bytes, whether or not it was deleted since: 1, 0
 * when there is none, or -ERR_DATA. */
int state_stored_key(struct state *s, const void *from, uint32_t n, struct buffer *key);

#endif
