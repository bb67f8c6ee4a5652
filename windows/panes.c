/* Panes over a state store: see panes.h.
 *
 *   row -> pane    a date of an agenda (agenda.h): the last is tried first, then a table
 *   row -> entry   a small direct-mapped cache by key hash in front of the store: a hit costs one
 *                  comparison of key bytes, a miss one more hash and a look-up in the store
 *
 * The cache remembers pane ids, which are never used twice: what a dropped pane leaves there cannot
 * match again.
 */
#include "windows/panes.h"

#include "engine/error.h"
#include "engine/hash.h"
#include "engine/memory.h"
#include "windows/fill.h"

#include <string.h>

#define CACHE_SLOTS 2048

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
    *p = (struct panes){.state = state, .value_n = value_n};
    agenda_init(&p->starts);
    buffer_init(&p->key);
    p->cache = mem_zalloc(CACHE_SLOTS * sizeof *p->cache);
}

void panes_done(struct panes *p)
{
    agenda_done(&p->starts);
    buffer_done(&p->key);
    mem_free(p->cache);
    *p = (struct panes){0};
}

void panes_delete(struct panes *p, const struct date *pane, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        state_delete(p->state, pane->item[i]);
    }
}

uint64_t panes_bytes(const struct panes *p)
{
    return CACHE_SLOTS * sizeof *p->cache + agenda_bytes(&p->starts);
}

/* ---- entries ---- */

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

struct state_entry *panes_entry(struct panes *p, const struct date *pane, uint64_t key_hash,
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
    put_start(bytes, pane->time);
    memcpy(bytes + PANE_START_BYTES, str_data(key), key->n);
    uint64_t hash = hash_bytes(bytes, n, 0);
    struct state_entry *e = state_insert(p->state, hash, bytes, n, p->value_n, is_new);
    if (*is_new) {
        agenda_add(&p->starts, pane->time, e);
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
    if (fill_is_memory(e)) {
        return 0;
    }
    if (n < PANE_START_BYTES || state_value_size(e) != p->value_n) {
        return -ERR_DATA;
    }
    agenda_add(&p->starts, get_start(key), e);
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

struct key_by panes_order(const struct schema *schema)
{
    return (struct key_by){.key_of = item_key, .schema = schema};
}
