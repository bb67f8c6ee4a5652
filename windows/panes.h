/* Panes: the pieces of event time that tumbling (and overlapping) windows are made of, over a state
 * store. Key of an entry: 8 bytes big-endian start, then the row's key bytes.
 *
 *   starts     least ──> |  0 | 10 | 20 | 30 |        heap, and a table by start
 *   pane               entries of its keys            so that closing one touches nothing else
 *
 * One owner: the task. Entries belong to the store; they never move while a pane knows them.
 */
#ifndef KLAMM_WINDOWS_PANES_H
#define KLAMM_WINDOWS_PANES_H

#include "engine/arena.h"
#include "engine/heap.h"
#include "engine/schema.h"
#include "engine/state.h"
#include "engine/str.h"

#define PANE_START_BYTES 8

struct pane {
    int64_t start;
    uint64_t id; /* never used twice */
    struct state_entry **entry;
    uint32_t n, cap;
};

struct panes {
    struct state *state;
    uint32_t value_n;
    struct heap starts; /* of struct pane */
    struct pane **slot; /* by start; a power of two */
    uint32_t nslots, npanes;
    uint64_t next_id;
    struct pane *last; /* that panes_at() gave */
    struct pane_hit *cache;
    struct buffer key;
};

/* Entries have values of value_n bytes. */
void panes_init(struct panes *p, struct state *state, uint32_t value_n);
void panes_done(struct panes *p);
/* Finds the panes of all entries in the store, after a restore. -ERR_DATA: an entry is damaged. */
int panes_load(struct panes *p);
/* The pane that begins at start, made when new. Valid until it is dropped. */
struct pane *panes_at(struct panes *p, int64_t start);
/* The entry of a key in a pane, made when new (value zeroed); dirty from now on. */
struct state_entry *panes_entry(struct panes *p, struct pane *pane, uint64_t key_hash,
                                const struct str *key, bool *is_new);
/* The pane with the least start, or NULL. */
struct pane *panes_first(const struct panes *p);
/* Key bytes of an entry, without the start. */
const void *pane_key(const struct state_entry *e, uint32_t *n);
/* Start of the pane that an entry stands in. */
int64_t pane_start(const struct state_entry *e);
/* Sorts the pane's entries by the text of their keys; `schema` holds the key columns. */
void pane_sort(struct pane *pane, const struct schema *schema, struct arena *scratch);
/* Deletes the first pane with its entries. */
void panes_drop_first(struct panes *p);

#endif
