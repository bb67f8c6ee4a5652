/* A table of keys, then a list in order: see piece_keys.h. A key costs its bytes and some 50 more. */
#include "windows/piece_keys.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

#define SLOTS_LEAST 64

/* The slot of the key, or the empty one where it belongs. */
static uint64_t probe(const struct piece_keys *k, const void *key, uint32_t n)
{
    uint64_t mask = k->nslots - 1, at = hash_bytes(key, n, 0) & mask;
    for (; k->slot[at]; at = (at + 1) & mask) {
        if (k->slot[at]->n == n && memcmp(k->slot[at]->bytes, key, n) == 0) {
            break;
        }
    }
    return at;
}

static void grow(struct piece_keys *k)
{
    k->nslots = k->nslots ? k->nslots * 2 : SLOTS_LEAST;
    mem_free(k->slot);
    k->slot = mem_zalloc(k->nslots * sizeof *k->slot);
    for (uint32_t i = 0; i < k->n; i++) {
        struct piece_key *key = k->key[i];
        k->slot[probe(k, key->bytes, key->n)] = key;
    }
}

void piece_keys_add(struct piece_keys *k, const void *key, uint32_t n)
{
    if (k->nslots == 0) {
        arena_init(&k->mem);
    }
    if (((uint64_t)k->n + 1) * 4 > k->nslots * 3) {
        grow(k);
    }
    uint64_t at = probe(k, key, n);
    if (k->slot[at]) {
        return;
    }
    struct piece_key *copy = arena_alloc(&k->mem, sizeof *copy + n);
    copy->n = n;
    memcpy(copy->bytes, key, n);
    k->slot[at] = copy;
    if (k->n == k->cap) {
        k->cap = k->cap ? k->cap * 2 : 64;
        k->key = mem_resize(k->key, k->cap, sizeof *k->key);
    }
    k->key[k->n++] = copy;
}

static const void *key_of(const void *ctx, const void *item, uint32_t *n)
{
    const struct piece_key *key = item;
    (void)ctx;
    *n = key->n;
    return key->bytes;
}

int piece_keys_sort(struct piece_keys *k, const struct schema *schema, struct op *op)
{
    if (k->slot) {
        struct key_by by = {.key_of = key_of, .schema = schema};
        mem_free(k->slot);
        k->slot = NULL;
        k->is_sorting = true;
        key_sort_begin(&k->sort, k->key, k->n, &by);
    }
    while (k->is_sorting) {
        uint32_t work = k->n < KEY_SORT_RUN ? k->n : KEY_SORT_RUN;
        k->is_sorting = !key_sort_step(&k->sort, op->mem);
        if (op_spent(op, work / 2) && k->is_sorting) {
            return 1;
        }
    }
    return 0;
}

void piece_keys_done(struct piece_keys *k)
{
    if (k->nslots > 0) {
        arena_done(&k->mem);
    }
    key_sort_done(&k->sort);
    mem_free(k->slot);
    mem_free(k->key);
    *k = (struct piece_keys){0};
}

uint64_t piece_keys_bytes(const struct piece_keys *k)
{
    uint64_t slots = k->slot ? k->nslots * sizeof *k->slot : 0;
    uint64_t sorting = k->is_sorting ? k->n * sizeof *k->key : 0;
    return (k->nslots > 0 ? k->mem.bytes : 0) + slots + sorting + k->cap * sizeof *k->key;
}
