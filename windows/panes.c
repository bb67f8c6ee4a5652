/* Panes over a state store: see panes.h.
 *
 *   row -> pane    consecutive rows mostly share one: the last is tried first, then the table
 *   row -> entry   a small direct-mapped cache by key hash in front of the store: a hit costs one
 *                  comparison of key bytes, a miss one more hash and a look-up in the store
 *
 * The cache remembers pane ids, which are never used twice: what a dropped pane leaves there cannot
 * match again. Starts are kept twice: in a heap, for the least, and in an open addressing table.
 */
#include "windows/panes.h"

#include "engine/error.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "windows/key_order.h"

#include <stdlib.h>
#include <string.h>

#define CACHE_SLOTS 2048
#define SLOTS_LEAST 16

struct pane_hit {
    uint64_t hash, pane_id;
    struct state_entry *entry;
};

static void put_start(char out[PANE_START_BYTES], int64_t start)
{
    uint64_t u = (uint64_t)start;
    for (int i = PANE_START_BYTES - 1; i >= 0; i--) {
        out[i] = (char)(uint8_t)u;
        u >>= 8;
    }
}

static int64_t get_start(const void *key)
{
    const uint8_t *p = key;
    uint64_t u = 0;
    for (int i = 0; i < PANE_START_BYTES; i++) {
        u = u << 8 | p[i];
    }
    return (int64_t)u;
}

void panes_init(struct panes *p, struct state *state, uint32_t value_n)
{
    *p = (struct panes){.state = state, .value_n = value_n, .nslots = SLOTS_LEAST, .next_id = 1};
    heap_init(&p->starts);
    buffer_init(&p->key);
    p->slot = mem_zalloc(p->nslots * sizeof(struct pane *));
    p->cache = mem_zalloc(CACHE_SLOTS * sizeof *p->cache);
}

static void pane_free(struct pane *pane)
{
    mem_free(pane->entry);
    mem_free(pane);
}

void panes_done(struct panes *p)
{
    struct heap_entry least;
    while (heap_pop(&p->starts, &least)) {
        pane_free(least.item);
    }
    heap_done(&p->starts);
    buffer_done(&p->key);
    mem_free(p->slot);
    mem_free(p->cache);
    *p = (struct panes){0};
}

/* ---- panes by their start ---- */

static uint32_t slot_of(const struct panes *p, int64_t start)
{
    uint64_t h = hash_mix(0, (uint64_t)start);
    uint32_t at = (uint32_t)(h >> 32) & (p->nslots - 1);
    while (p->slot[at] && p->slot[at]->start != start) {
        at = (at + 1) & (p->nslots - 1);
    }
    return at;
}

static void rebuild_slots(struct panes *p, uint32_t nslots)
{
    mem_free(p->slot);
    p->nslots = nslots;
    p->slot = mem_zalloc(nslots * sizeof(struct pane *));
    for (uint32_t i = 0; i < p->starts.n; i++) {
        struct pane *pane = p->starts.entry[i].item;
        p->slot[slot_of(p, pane->start)] = pane;
    }
}

static void clear_slot(struct panes *p, int64_t start)
{
    uint32_t mask = p->nslots - 1;
    uint32_t at = slot_of(p, start);
    p->slot[at] = NULL;
    for (at = (at + 1) & mask; p->slot[at]; at = (at + 1) & mask) {
        struct pane *moved = p->slot[at];
        p->slot[at] = NULL;
        p->slot[slot_of(p, moved->start)] = moved;
    }
}

struct pane *panes_at(struct panes *p, int64_t start)
{
    if (p->last && p->last->start == start) {
        return p->last;
    }
    uint32_t at = slot_of(p, start);
    if (!p->slot[at]) {
        struct pane *pane = mem_zalloc(sizeof *pane);
        pane->start = start;
        pane->id = p->next_id++;
        heap_push(&p->starts, start, pane);
        p->slot[at] = pane;
        p->npanes++;
        p->last = pane;
        if (p->npanes * 2 > p->nslots) {
            rebuild_slots(p, p->nslots * 2);
        }
        return pane;
    }
    p->last = p->slot[at];
    return p->last;
}

struct pane *panes_first(const struct panes *p)
{
    const struct heap_entry *least = heap_peek(&p->starts);
    return least ? least->item : NULL;
}

void panes_drop_first(struct panes *p)
{
    struct heap_entry least;
    if (!heap_pop(&p->starts, &least)) {
        return;
    }
    struct pane *pane = least.item;
    for (uint32_t i = 0; i < pane->n; i++) {
        state_delete(p->state, pane->entry[i]);
    }
    clear_slot(p, pane->start);
    p->npanes--;
    p->last = p->last == pane ? NULL : p->last;
    pane_free(pane);
    if (p->nslots > SLOTS_LEAST && p->npanes * 8 < p->nslots) {
        rebuild_slots(p, p->nslots / 2);
    }
}

/* ---- entries ---- */

static void pane_append(struct pane *pane, struct state_entry *e)
{
    if (pane->n == pane->cap) {
        pane->cap = pane->cap ? pane->cap * 2 : 8;
        pane->entry = mem_resize(pane->entry, pane->cap, sizeof(struct state_entry *));
    }
    pane->entry[pane->n++] = e;
}

const void *pane_key(const struct state_entry *e, uint32_t *n)
{
    const char *key = state_key(e, n);
    *n -= PANE_START_BYTES;
    return key + PANE_START_BYTES;
}

int64_t pane_start(const struct state_entry *e)
{
    uint32_t n;
    return get_start(state_key(e, &n));
}

static bool has_key(const struct state_entry *e, const struct str *key)
{
    uint32_t n;
    const void *bytes = pane_key(e, &n);
    return n == key->n && memcmp(bytes, str_data(key), n) == 0;
}

struct state_entry *panes_entry(struct panes *p, struct pane *pane, uint64_t key_hash,
                                const struct str *key, bool *is_new)
{
    struct pane_hit *hit = &p->cache[(key_hash ^ pane->id) & (CACHE_SLOTS - 1)];
    *is_new = false;
    if (hit->hash == key_hash && hit->pane_id == pane->id && has_key(hit->entry, key)) {
        state_touch(p->state, hit->entry);
        return hit->entry;
    }
    uint32_t n = key->n + PANE_START_BYTES;
    buffer_clear(&p->key);
    char *bytes = buffer_reserve(&p->key, n);
    put_start(bytes, pane->start);
    memcpy(bytes + PANE_START_BYTES, str_data(key), key->n);
    uint64_t hash = hash_bytes(bytes, n, 0);
    struct state_entry *e = state_insert(p->state, hash, bytes, n, p->value_n, is_new);
    if (*is_new) {
        pane_append(pane, e);
    }
    state_touch(p->state, e);
    *hit = (struct pane_hit){key_hash, pane->id, e};
    return e;
}

static int load_entry(void *ctx, struct state_entry *e)
{
    struct panes *p = ctx;
    uint32_t n;
    const void *key = state_key(e, &n);
    if (n < PANE_START_BYTES || state_value_size(e) != p->value_n) {
        return -ERR_DATA;
    }
    pane_append(panes_at(p, get_start(key)), e);
    return 0;
}

int panes_load(struct panes *p)
{
    return state_each(p->state, load_entry, p);
}

/* ---- order ---- */

static const void *item_key(const void *ctx, const void *item, uint32_t *n)
{
    (void)ctx;
    return pane_key(item, n);
}

void pane_sort(struct pane *pane, const struct schema *schema, struct arena *scratch)
{
    void **item = arena_array(scratch, pane->n + 1U, sizeof *item);
    for (uint32_t i = 0; i < pane->n; i++) {
        item[i] = pane->entry[i];
    }
    key_order(item, pane->n, item_key, NULL, schema, scratch);
    for (uint32_t i = 0; i < pane->n; i++) {
        pane->entry[i] = item[i];
    }
}
