/* Bag: the sparse features of one row while they are put together; equal ones are added up.
 *
 *     bag_begin(&b, most);
 *     bag_add(&b, index, value);  …
 *     bag_end(&b);                     b.item[0 .. b.n - 1], in the order in which they first came
 *
 * One owner, for row after row.
 */
#ifndef KLAMM_ML_BAG_H
#define KLAMM_ML_BAG_H

#include "engine/learner.h"

/* A row of more words, or other items of its bags, counts as one with a missing feature. */
#define BAG_ITEMS_MOST 100000

struct bag {
    struct sparse_item *item;
    uint32_t n, room;
    uint32_t *cell; /* hash table by index: number of the item + 1 */
    uint32_t shift, cell_room, multiplier;
};

/* seed: of the table alone, so that nobody can know which indexes meet in it. */
void bag_init(struct bag *b, uint64_t seed);
void bag_done(struct bag *b);
/* An empty one, for at most so many items. */
void bag_begin(struct bag *b, uint32_t most);
void bag_add(struct bag *b, uint32_t index, double value);
/* Items that came to 0 are gone; values are kept within +-FEATURE_MOST. */
void bag_end(struct bag *b);
/* Whether these are the items of some bag: from outside, or damaged. */
bool bag_holds(const struct sparse_item *item, uint32_t n, uint32_t nsparse);

#endif
