/* Pieces: points of a series set that may lie on disk, and which of them are in memory.
 *
 *   store      | pos from key | ...               in the order of these bytes
 *   pieces     pos ──> from, from                 which there are; found by seeks at the start
 *   set        all series, as long as the store has all of its entries in memory (complete); after
 *              that those of a part, while a window closes
 *
 *   a window   pos 4:  a b c | d e f | g          a part: the same keys of all its pieces, read side by
 *              pos 5:    b c | d     | g h        side; where results come out in another order than
 *              pos 6:  a   c |   e f |            that of the keys' bytes, all keys are read and sorted
 *                                                 before (piece_keys.h), and pieces fetched one by one
 *
 * One owner: the task. While a part, or a date of a complete set, is in hand, the store sends
 * nothing away.
 */
#ifndef KLAMM_WINDOWS_PIECES_H
#define KLAMM_WINDOWS_PIECES_H

#include "windows/piece_keys.h"
#include "windows/series.h"

struct pieces {
    struct series_set *set;
    struct agenda there; /* by pos; the items of a date are its `from` */
    bool by_part;        /* the set is a part of the store */
    bool is_held;        /* the store sends nothing away */
    bool has_more;       /* keys behind the part */
    bool has_upto;       /* there was a part before, which ended at `upto` */
    struct buffer upto;
    struct piece_keys keys; /* of the window, where it is sorted */
    uint32_t nread;         /* ranges whose keys are known */
    bool is_sorted;         /* all are, and in order */
    struct reached *range;  /* of the part: how far each has come */
    uint32_t nranges, cap_ranges;
    struct state_entry **found; /* entries met, some behind the part */
    uint32_t nfound, cap_found;
    int64_t low, high, window; /* of the part: positions, and greatest `from` */
};

/* The set is new. */
void pieces_init(struct pieces *p, struct series_set *set);
void pieces_done(struct pieces *p);
/* After a restore: the set has all series, or none. -ERR_DATA: an entry is damaged, or the disk has
 * failed. */
int pieces_load(struct pieces *p);
/* Whether the store has sent entries away since: the set was released then, and is a part from now
 * on. Before rows and before windows close; does nothing while anything is in hand. */
bool pieces_follow(struct pieces *p);
/* There are points of this pos and `from`. */
void pieces_add(struct pieces *p, int64_t pos, int64_t from);
/* The least position; SERIES_NEVER: none. */
int64_t pieces_first(const struct pieces *p);
/* Those of the least position are gone. */
void pieces_drop_first(struct pieces *p);
/* The store sends nothing away until pieces_let_go(). */
void pieces_hold(struct pieces *p);
void pieces_let_go(struct pieces *p);
/* The next part of the pieces in [low, high] with a `from` of at most `window`: its points become
 * series of the set, which is empty; each is scheduled at `window`. schema: the parts come in the
 * order of the text of its key columns; NULL: in that of their bytes. Held until pieces_leave().
 * Positive: not yet, to be called again. */
int pieces_gather(struct pieces *p, int64_t low, int64_t high, int64_t window,
                  const struct schema *schema, struct op *op);
/* The part is done with: its series go. True: there is another. */
bool pieces_leave(struct pieces *p);
/* Then: what no key of the part is behind, and no other before. */
void pieces_behind(const struct pieces *p, struct buffer *key);
uint64_t pieces_bytes(const struct pieces *p);

#endif
