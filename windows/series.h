/* Series: the state of one key over time, as points in ascending order, for windows whose pieces
 * are shared or move (hopping, sliding, session, count). Over a state store, whose entries the
 * points are:
 *
 *   key of an entry    pos, 8 bytes big-endian [ from, 8 bytes ] the row's key bytes
 *   set                key ──> series { point, point, point }      a table by key
 *   agenda             time ──> series that have something to do then
 *
 * `pos` is what the kind makes of it (number of a slice, event time). `from` tells apart points of
 * one pos that not all windows see: rows that came too late for the older windows stand in a point
 * of their own, which only windows from `from` on count in; 0 is seen by all. So a row touches one
 * point, and what a window holds never depends on when it is computed.
 *
 * One owner: the task. Entries never move.
 */
#ifndef KLAMM_WINDOWS_SERIES_H
#define KLAMM_WINDOWS_SERIES_H

#include "engine/arena.h"
#include "engine/buffer.h"
#include "engine/schema.h"
#include "engine/state.h"
#include "engine/str.h"
#include "windows/turn.h"

#define SERIES_NEVER INT64_MAX

struct point {
    int64_t pos;
    struct state_entry *entry;
};

struct series {
    uint64_t hash;
    int64_t next; /* its date in the agenda, SERIES_NEVER: none */
    uint32_t n;
    uint32_t dates;      /* how often it stands in the agenda */
    struct point newest; /* the last, also while it stands in the array */
    struct point *point; /* NULL: there is one point at most, `newest` */
    uint32_t first, cap;
};

struct series_set {
    struct state *state;
    uint32_t value_n, prefix_n;
    uint64_t *slot; /* by key: pointer and 16 bits of the hash; a power of two */
    uint64_t nslots, count;
    struct agenda agenda;
    struct buffer key;
    /* How far windows have been closed, kept in the store as well: a restart must not close one
     * twice that shares points with windows still open. */
    int64_t fired;
    /* Between two slices: the first key for which the last of these windows is still open, as it is
     * for those behind it. Empty: for none. */
    struct buffer fired_key;
    struct buffer mark; /* key of the entry that says so; empty: there is none */
    bool is_part;       /* these series are not all: the caller knows how many points there are */
    uint64_t beyond;    /* then: something else than 0 as long as there are any */
    uint64_t nseries, room; /* series, also those that the agenda alone knows; places for points */
    struct turn turn;       /* of the first date of the agenda */
};

/* words: 2 with `from`, 1 without. */
void series_init(struct series_set *a, struct state *state, uint32_t value_n, int words);
void series_done(struct series_set *a);
/* After a restore: all series with their points, none of them in the agenda. -ERR_DATA: an entry is
 * damaged. */
int series_load(struct series_set *a, int64_t (*pos_of)(const struct state_entry *e));
/* A key of the mark was found in the store. False: it is none. */
bool series_read_mark(struct series_set *a, const void *key, uint32_t n);
/* For sets that are only a part of what the store holds. All series go, their entries stay; from
 * now on the set is a part. */
void series_release(struct series_set *a);
/* An entry of the store becomes a point of its series, which is returned. */
struct series *series_bring(struct series_set *a, struct state_entry *e);
/* An entry of the store without a series, made when new and marked dirty. */
struct state_entry *series_stored(struct series_set *a, const struct str *key, int64_t pos,
                                  int64_t from, bool *is_new);
/* Calls each for every series; each may change the agenda only. */
void series_each(struct series_set *a, void (*each)(void *ctx, struct series *s), void *ctx);
struct series *series_find(const struct series_set *a, uint64_t hash, const struct str *key);
/* The entry of a key at (pos, from), made when new (value zeroed) and marked dirty; a new one
 * stands among the points of *s. */
struct state_entry *series_entry(struct series_set *a, uint64_t hash, const struct str *key,
                                 int64_t pos, int64_t from, struct series **s, bool *is_new);
/* A new entry at pos of *s (NULL: a new series), for kinds whose points move: its key in the store
 * begins with `word`, or the next number that is free. One word only. */
struct state_entry *series_add(struct series_set *a, uint64_t hash, const struct str *key,
                               int64_t word, int64_t pos, struct series **s);
/* Points in ascending order; valid until one is added or removed. */
struct point *series_points(struct series *s);
/* First point with at least this pos; s->n when there is none. */
uint32_t series_lower(struct series *s, int64_t pos);
/* Point i has another pos now: moves it to where it belongs. */
void series_reorder(struct series *s, uint32_t i, int64_t pos);
/* Deletes points [i, i + n) with their entries. */
void series_remove(struct series_set *a, struct series *s, uint32_t i, uint32_t n);
/* An entry's key, without what stands before it. */
const void *series_entry_key(const struct series_set *a, const struct state_entry *e, uint32_t *n);
const void *series_key(const struct series_set *a, struct series *s, uint32_t *n);
/* The first word of an entry's key. */
int64_t entry_pos(const struct state_entry *e);
/* The second word of an entry's key. */
int64_t point_from(const struct point *p);
/* Does something at `time` at the latest: keeps its date when that is earlier. */
void series_schedule(struct series_set *a, struct series *s, int64_t time);
/* Which series of a date are dealt with, and in what order. */
struct series_order {
    const struct schema *schema;                 /* holds the key columns */
    bool (*is_due)(void *ctx, struct series *s); /* NULL: all; may give it another date */
    void *ctx;
    int (*first)(const void *a, const void *b); /* of series, decides before their keys do; or NULL
                                                 */
};
/* The first date's turn: a->turn.n series, for which this date counts, at the front of its items
 * and in order; they have no date from now on. Positive: not yet, the slice is used up. */
int series_due(struct series_set *a, struct date *d, const struct series_order *by, struct op *op);
/* The last window is closed for the series [0, turn.at) of the date: what a commit has to know. */
void series_pause(struct series_set *a);
/* The date is through, and gone. */
void series_drop_date(struct series_set *a);
/* After a restart: the last window that counts in `fired` is not closed for this key. */
bool series_is_behind(const struct series_set *a, struct series *s, const struct schema *schema);
/* Takes the series off one of its dates: true when that is the one that counts, and it has none
 * now; else the series may be gone. */
bool series_take_date(struct series_set *a, struct series *s, int64_t time);
/* The least date that counts, SERIES_NEVER: none. */
int64_t series_next(const struct series_set *a);
/* Points there are. */
uint64_t series_npoints(const struct series_set *a);
/* Held outside of the store. */
uint64_t series_bytes(const struct series_set *a);
/* Before a commit: `fired` and `fired_key` go into the store. */
void series_flush(struct series_set *a);

#endif
