/* Piece keys: the keys of a window whose pieces are on disk, where their order as text is not that
 * of their bytes: each once, in order, so that the pieces of some keys can be fetched at a time.
 *
 *   add, add … -> sort, until it is 0 -> key[at ..]; `at` is moved by whoever deals with them
 *
 * Zeroed: nothing begun. One owner: the task.
 */
#ifndef KLAMM_WINDOWS_PIECE_KEYS_H
#define KLAMM_WINDOWS_PIECE_KEYS_H

#include "engine/step.h"
#include "windows/key_order.h"

struct piece_key {
    uint32_t n;
    char bytes[];
};

struct piece_keys {
    struct arena mem;
    struct piece_key **slot; /* by their hash; a power of two; gone once they are sorted */
    void **key;
    uint64_t nslots;
    uint32_t n, cap, at;
    bool is_sorting;
    struct key_sort sort;
};

/* Copied, unless it is there already. */
void piece_keys_add(struct piece_keys *k, const void *key, uint32_t n);
/* By the text of the key columns of the schema. Positive: not yet. */
int piece_keys_sort(struct piece_keys *k, const struct schema *schema, struct op *op);
/* Forgets all of them. */
void piece_keys_done(struct piece_keys *k);
uint64_t piece_keys_bytes(const struct piece_keys *k);

#endif
