/* Numbering: a cluster has the number that most of its weight had before, and each number goes to
 * one cluster.
 *
 *   alike     every cluster's members had one number at most, every number one cluster: they keep them
 *   else      claims are added up by cluster and number, and the heaviest is granted first, if neither is
 *             taken: of two that come together the heavier one's number stays, of two that part the
 *             heavier one keeps it
 *   new       clusters without a number get the least that is free, in the order of the claims
 *
 *   cost      O(n), with sorting O(n log n)
 */
#include "ml/numbering.h"

#include "engine/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

void numbering_done(struct numbering *s)
{
    mem_free(s->owner);
    *s = (struct numbering){0};
}

/* Room for all numbers claimed, and for those that may be given. */
static void reserve(struct numbering *s, const struct claim *claim, uint32_t n)
{
    uint32_t most = n;
    for (uint32_t i = 0; i < n; i++) {
        if (claim[i].number != NUMBER_NONE && claim[i].number >= most) {
            most = claim[i].number + 1;
        }
    }
    if (most > s->room) {
        s->owner = mem_resize(s->owner, most, sizeof(uint32_t));
        s->room = most;
    }
}

static void clear(struct numbering *s, uint32_t *number_of, uint32_t roots)
{
    for (uint32_t i = 0; i < roots; i++) {
        number_of[i] = NUMBER_NONE;
    }
    for (uint32_t i = 0; i < s->room; i++) {
        s->owner[i] = NUMBER_NONE;
    }
}

static void grant(struct numbering *s, uint32_t *number_of, uint32_t root, uint32_t number)
{
    number_of[root] = number;
    s->owner[number] = root;
}

/* False: not alike. */
static bool inherit(struct numbering *s, const struct claim *claim, uint32_t n, uint32_t *number_of)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t root = claim[i].root, number = claim[i].number;
        if (number == NUMBER_NONE) {
            continue;
        }
        if ((number_of[root] != NUMBER_NONE && number_of[root] != number) ||
            (s->owner[number] != NUMBER_NONE && s->owner[number] != root)) {
            return false;
        }
        grant(s, number_of, root, number);
    }
    return true;
}

static int by_root(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    if (x->root != y->root) {
        return x->root < y->root ? -1 : 1;
    }
    return (x->number > y->number) - (x->number < y->number);
}

static int by_weight(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    if (x->weight != y->weight) {
        return x->weight > y->weight ? -1 : 1;
    }
    return by_root(a, b);
}

/* Returns how many claims are left when those of one cluster on one number are one. */
static uint32_t add_up(struct claim *claim, uint32_t n)
{
    uint32_t sums = 0;
    qsort(claim, n, sizeof(*claim), by_root);
    for (uint32_t i = 0; i < n; i++) {
        if (sums > 0 && by_root(&claim[sums - 1], &claim[i]) == 0) {
            claim[sums - 1].weight += claim[i].weight;
        } else {
            claim[sums++] = claim[i];
        }
    }
    return sums;
}

static void elect(struct numbering *s, struct claim *claim, uint32_t n, uint32_t *number_of)
{
    qsort(claim, n, sizeof(*claim), by_weight);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t root = claim[i].root, number = claim[i].number;
        if (number != NUMBER_NONE && number_of[root] == NUMBER_NONE &&
            s->owner[number] == NUMBER_NONE) {
            grant(s, number_of, root, number);
        }
    }
    qsort(claim, n, sizeof(*claim), by_root);
}

void numbering_assign(struct numbering *s, struct claim *claim, uint32_t n, uint32_t *number_of,
                      uint32_t roots)
{
    reserve(s, claim, n);
    clear(s, number_of, roots);
    if (!inherit(s, claim, n, number_of)) {
        clear(s, number_of, roots);
        n = add_up(claim, n);
        elect(s, claim, n, number_of);
    }
    uint32_t unused = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (number_of[claim[i].root] != NUMBER_NONE) {
            continue;
        }
        while (s->owner[unused] != NUMBER_NONE) {
            unused++;
        }
        grant(s, number_of, claim[i].root, unused);
    }
}
