/* Fold: the points that a window sees, combined into one value, at a cost of O(log points).
 *
 *   pos     0 . . . . . . . 8 . . . . . . . 16 . . . . . . 24 . . . . . . 32
 *   window              [===|===============|==============|=====]
 *                       points of a      blocks of 8        points of
 *                       part of 8        and of 32, 128, …  part of 8
 *
 * Positions are cut into aligned blocks of 8, 32, 128, … A window is made of the largest blocks
 * that lie in it and of single points at its ends. The value of a block with many points is kept,
 * so that the next window, which holds it too, takes it as it is. What is combined with what
 * depends on positions only, not on what is kept: the same bits after a restart and for any batch
 * size.
 *
 * One owner: the task. Nothing of it is in the store.
 */
#ifndef KLAMM_WINDOWS_FOLD_H
#define KLAMM_WINDOWS_FOLD_H

#include "engine/window.h"
#include "windows/series.h"

struct fold {
    const struct window *w;
    struct fold_node **slot; /* kept blocks by series, level and position; a power of two */
    uint64_t nslots, count;
    uint64_t combines; /* made so far */
};

void fold_init(struct fold *f, const struct window *w);
void fold_done(struct fold *f);
/* All kept blocks are forgotten. */
void fold_clear(struct fold *f);
/* Adds the points with pos in [low, high] that window `window` sees (point_from() <= window;
 * has_from: points have that) to `into`, a value with its head; returns how many points there are.
 */
uint32_t fold_range(struct fold *f, struct series *s, int64_t low, int64_t high, int64_t window,
                    bool has_from, void *into);
uint64_t fold_bytes(const struct fold *f);
/* Before points up to pos are removed, and when one is added at pos below what was folded already:
 * kept blocks with them are forgotten. */
void fold_forget(struct fold *f, const struct series *s, int64_t pos);

#endif
