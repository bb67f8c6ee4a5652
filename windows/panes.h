/* Panes: the pieces of event time that tumbling (and overlapping) windows are made of, over a state
 * store. Key of an entry: 8 bytes big-endian start, then the row's key bytes.
 *
 *   starts     least ──> |  0 | 10 | 20 | 30 |        an agenda, each start a date
 *   pane               entries of its keys            its items: closing one touches nothing else
 *
 * Where the store leaves entries on disk, panes do not know their items until they close: then the
 * range of keys with that start is brought in: part by part where the order of keys is that of
 * their bytes, or does not matter (in_parts); else all of it.
 *
 * One owner: the task. Entries belong to the store; they never move while a pane knows them.
 */
#ifndef KLAMM_WINDOWS_PANES_H
#define KLAMM_WINDOWS_PANES_H

#include "engine/arena.h"
#include "engine/big_endian.h"
#include "engine/schema.h"
#include "engine/state.h"
#include "engine/str.h"
#include "windows/agenda.h"
#include "windows/key_order.h"

#define PANE_START_BYTES WORD_BYTES

struct panes {
    struct state *state;
    uint32_t value_n;
    struct agenda starts; /* panes: agenda_at(), agenda_first() */
    bool by_range;        /* items are found when a pane closes */
    bool in_parts;        /* the caller's: a pane may close in parts, each with greater keys */
    bool is_gathered;     /* those of the first pane, or a part of them */
    bool has_more;        /* behind that part */
    uint64_t evictions;   /* of the store, as the cache knows them */
    struct pane_hit *cache;
    struct buffer key, gathered; /* scratch; the last key of the parts before, or empty */
};

/* Entries have values of value_n bytes. */
void panes_init(struct panes *p, struct state *state, uint32_t value_n);
void panes_done(struct panes *p);
/* Finds the panes of all entries in the store, after a restore. -ERR_DATA: an entry is damaged. */
int panes_load(struct panes *p);
/* Before the rows of a push: pointers that are not good any more are forgotten. */
void panes_follow(struct panes *p);
/* The first pane, which there must be, knows its items, or some that are before the others, until
 * panes_drop_first(). -ERR_DATA: the disk has failed. */
int panes_gather(struct panes *p);
/* The entry of a key in a pane, made when new (value zeroed); dirty from now on. */
struct state_entry *panes_entry(struct panes *p, const struct date *pane, uint64_t key_hash,
                                const struct str *key, bool *is_new);
/* Key bytes of an entry, without the start. */
const void *pane_key(const struct state_entry *e, uint32_t *n);
/* Start of the pane that an entry stands in. */
int64_t pane_start(const struct state_entry *e);
/* The order of a pane's entries: by the text of their keys; `schema` holds the key columns. */
struct key_by panes_order(const struct schema *schema);
/* Deletes entries [from, to) of a pane, which goes with panes_drop_first(). */
void panes_delete(struct panes *p, const struct date *pane, uint32_t from, uint32_t to);
/* The entries that were gathered are deleted. The first pane goes, unless there are more of it. */
void panes_drop_first(struct panes *p);
/* Held outside of the store. */
uint64_t panes_bytes(const struct panes *p);

#endif
