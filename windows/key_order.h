/* The order in which results of one window come out: by the text of their keys.
 *
 * Thread-safe; what is sorted stays the caller's.
 */
#ifndef KLAMM_WINDOWS_KEY_ORDER_H
#define KLAMM_WINDOWS_KEY_ORDER_H

#include "engine/arena.h"
#include "engine/schema.h"

#include <stdbool.h>
#include <stdint.h>

/* Key bytes of an item, and how many. */
typedef const void *(*key_of_fn)(const void *ctx, const void *item, uint32_t *n);

/* Sorts n items by the text of their keys, then by their bytes; `schema` holds the key columns.
 * scratch is released by the caller. */
void key_order(void **item, uint32_t n, key_of_fn key_of, const void *ctx,
               const struct schema *schema, struct arena *scratch);

struct key_by {
    int (*first)(const void *a, const void *b); /* decides before the keys do; NULL: nothing does */
    key_of_fn key_of;
    const void *ctx;
    const struct schema *schema;
};

/* The text of a key is its bytes. */
bool key_is_text(const struct schema *schema);

/* Whether a comes before (negative), with, or behind b; keys only. */
int key_compare(const struct schema *schema, const void *a, uint32_t a_n, const void *b,
                uint32_t b_n);

/* Work of one call of key_sort_step(), in items. */
#ifdef KLAMM_SMALL
#define KEY_SORT_RUN 2U
#else
#define KEY_SORT_RUN 2048U
#endif

/* A long list, sorted in steps. Zeroed: nothing begun. */
struct key_sort {
    struct key_by by;
    void **item, **out;
    uint32_t n, sorted, nout, nruns;
    struct key_run *run;
    struct key_run **heap; /* runs with items left, least head first */
};

/* Items and what `by` points to stay where they are until it is done. */
void key_sort_begin(struct key_sort *s, void **item, uint32_t n, const struct key_by *by);
/* One step; scratch is released. True: the items are sorted, the list is forgotten. */
bool key_sort_step(struct key_sort *s, struct arena *scratch);
/* Gives it up, also when there is nothing to give up. */
void key_sort_done(struct key_sort *s);

#endif
