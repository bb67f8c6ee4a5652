/* Bag: an open hash table over the items of one row, which is as large as the row needs and cleared
 * for it, so that a long row costs the short ones behind it nothing.
 *
 *   cell    index * multiplier, its upper bits; then the next free one. At most half are taken
 */
#include "ml/bag.h"

#include "engine/hash.h"
#include "engine/memory.h"
#include "ml/features.h"

#include <math.h>
#include <string.h>

#define BITS_LEAST 4

void bag_init(struct bag *b, uint64_t seed)
{
    *b = (struct bag){.multiplier = (uint32_t)(hash_mix(seed, 1) >> 32) | 1};
}

void bag_done(struct bag *b)
{
    mem_free(b->item);
    mem_free(b->cell);
    b->item = NULL;
    b->cell = NULL;
}

void bag_begin(struct bag *b, uint32_t most)
{
    uint32_t bits = BITS_LEAST;
    while ((1U << bits) < 2 * most) {
        bits++;
    }
    if (b->room < most || !b->item) {
        b->room = 1U << bits;
        b->item = mem_resize(b->item, b->room, sizeof(*b->item));
    }
    if (b->cell_room < 1U << bits) {
        b->cell_room = 1U << bits;
        b->cell = mem_resize(b->cell, b->cell_room, sizeof(*b->cell));
    }
    memset(b->cell, 0, sizeof(*b->cell) << bits);
    b->shift = 32 - bits;
    b->n = 0;
}

void bag_add(struct bag *b, uint32_t index, double value)
{
    uint32_t mask = (1U << (32 - b->shift)) - 1;
    uint32_t at = index * b->multiplier >> b->shift;
    for (; b->cell[at] > 0; at = (at + 1) & mask) {
        struct sparse_item *item = &b->item[b->cell[at] - 1];
        if ((uint32_t)item->index == index) {
            item->value += value;
            return;
        }
    }
    b->item[b->n++] = (struct sparse_item){index, value};
    b->cell[at] = b->n;
}

void bag_end(struct bag *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n; i++) {
        struct sparse_item item = b->item[i];
        item.value = fmin(fmax(item.value, -FEATURE_MOST), FEATURE_MOST);
        if (item.value < 0 || item.value > 0) {
            b->item[n++] = item;
        }
    }
    b->n = n;
}

bool bag_holds(const struct sparse_item *item, uint32_t n, uint32_t nsparse)
{
    for (uint32_t i = 0; i < n; i++) {
        double index = item[i].index;
        if (!(index >= 0 && index < nsparse && index == floor(index)) ||
            !(fabs(item[i].value) <= FEATURE_MOST)) {
            return false;
        }
    }
    return n <= BAG_ITEMS_MOST;
}
