/* Sparse weights: those of features by the million of which few are ever seen, for linear learners.
 * Each feature that was touched has a place, and at its place a record of `width` doubles in each
 * block: the weight, the optimizer's slots, whatever else the learner keeps. One owner.
 *
 *     sparse_weights_find(&w, row);                            the places of a row's features
 *     z = sparse_weights_dot(&w, block, row);
 *     sparse_weights_descend(&w, block, &step, row);           makes places where weights move
 */
#ifndef KLAMM_ML_SPARSE_WEIGHTS_H
#define KLAMM_ML_SPARSE_WEIGHTS_H

#include "engine/learner.h"
#include "ml/optimizer.h"

#define SPARSE_NONE 0 /* place of all features that were never touched: its record stays 0 */

struct sparse_cell {
    uint32_t index, place; /* SPARSE_NONE: a free cell */
};

struct sparse_weights {
    uint32_t nsparse, width, blocks;
    uint32_t n, room;         /* touched features, and how many there is room for */
    uint32_t *index;          /* by place, from 1 on, in the order in which they were touched */
    double **block;           /* (1 + room) x width each */
    struct sparse_cell *cell; /* hash table by index; NULL: nothing was touched yet */
    uint32_t shift, multiplier;
    struct sparse_item *item; /* the row last looked up, */
    uint32_t *place;          /* the places of its features, */
    uint32_t items, known;    /* their number, and n then */
    uint32_t items_room;
};

/* nsparse: how many features there could be, 0 for none at all. seed: of the table alone. */
void sparse_weights_init(struct sparse_weights *w, uint32_t nsparse, uint32_t width, uint64_t seed);
void sparse_weights_done(struct sparse_weights *w);
/* So many blocks from now on; new ones are 0. */
void sparse_weights_grow(struct sparse_weights *w, uint32_t blocks);

/* Sets w->place for each item of the row. */
void sparse_weights_find(struct sparse_weights *w, const struct sparse_row *row);
/* The place of item k of the row last found, which is made when there is none. */
uint32_t sparse_weights_touch(struct sparse_weights *w, const struct sparse_row *row, uint32_t k);
static inline double *sparse_weights_at(const struct sparse_weights *w, uint32_t block,
                                        uint32_t place)
{
    return w->block[block] + (size_t)place * w->width;
}
/* Sum of weight times value over the row last found. */
double sparse_weights_dot(const struct sparse_weights *w, uint32_t block,
                          const struct sparse_row *row);

/* One step of an optimizer against g x + l2 w, of the features of the row last found; the others do
 * not move. Records begin with the weight and the optimizer's slots. */
struct sparse_step {
    const struct optimizer *optimizer;
    double rate, g, l2;
};
void sparse_weights_descend(struct sparse_weights *w, uint32_t block,
                            const struct sparse_step *step, const struct sparse_row *row);

/* The first blocks, which are there; the others are all 0. Bounded by what the snapshot holds. */
int sparse_weights_io(struct sparse_weights *w, uint32_t blocks, struct snapshot *s);
uint64_t sparse_weights_size(const struct sparse_weights *w);

#endif
