/* Panes over a state store: see panes.h.
 *
 *   row -> pane    a date of an agenda (agenda.h): the last is tried first, then a table
 *   row -> entry   a small direct-mapped cache by key hash in front of the store: a hit costs one
 *                  comparison of key bytes, a miss one more hash and a look-up in the store
 *
 * The cache remembers pane ids, which are never used twice: what a dropped pane leaves there cannot
 * match again. When the store has sent entries to the disk, the cache is cleared.
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

void panes_init(struct panes *p, struct state *state, uint32_t value_n)
{
    *p = (struct panes){.state = state, .value_n = value_n};
    agenda_init(&p->starts);
    buffer_init(&p->key);
    buffer_init(&p->gathered);
    p->cache = mem_zalloc(CACHE_SLOTS * sizeof *p->cache);
}

void panes_done(struct panes *p)
{
    agenda_done(&p->starts);
    buffer_done(&p->key);
    buffer_done(&p->gathered);
    mem_free(p->cache);
    *p = (struct panes){0};
}

static void forget_items(struct panes *p)
{
    agenda_forget_items(&p->starts);
    p->by_range = true;
}

void panes_follow(struct panes *p)
{
    if (p->evictions != state_evictions(p->state)) {
        p->evictions = state_evictions(p->state);
        memset(p->cache, 0, CACHE_SLOTS * sizeof *p->cache);
    }
    if (!p->by_range && !p->is_gathered && !state_is_complete(p->state)) {
        forget_items(p);
    }
}

static int gather_entry(void *ctx, struct state_entry *e)
{
    struct panes *p = ctx;
    agenda_add(&p->starts, agenda_first(&p->starts)->time, e);
    return 0;
}

int panes_gather(struct panes *p)
{
    if (p->is_gathered) {
        return 0;
    }
    panes_follow(p);
    p->is_gathered = true;
    state_pin(p->state);
    if (!p->by_range) {
        return 0;
    }
    if (!p->has_more) {
        buffer_clear(&p->gathered);
    }
    char start[PANE_START_BYTES];
    big_endian_put(start, (uint64_t)agenda_first(&p->starts)->time);
    int status = state_range(p->state, start, sizeof start, p->in_parts ? &p->gathered : NULL,
                             gather_entry, p);
    p->has_more = status > 0;
    return status < 0 ? status : 0;
}

void panes_drop_first(struct panes *p)
{
    if (p->is_gathered) {
        p->is_gathered = false;
        state_unpin(p->state);
    }
    if (p->has_more) {
        agenda_forget_items(&p->starts); /* no other pane has any */
    } else {
        agenda_drop_first(&p->starts);
    }
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
    return (int64_t)big_endian_get(state_key(e, &n));
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
    big_endian_put(bytes, (uint64_t)pane->time);
    memcpy(bytes + PANE_START_BYTES, str_data(key), key->n);
    uint64_t hash = hash_bytes(bytes, n, 0);
    struct state_entry *e = state_insert(p->state, hash, bytes, n, p->value_n, is_new);
    if (*is_new && !p->by_range) {
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
    agenda_add(&p->starts, (int64_t)big_endian_get(key), e);
    return 0;
}

/* The starts that there are on disk; nothing is dirty yet. */
static int load_starts(struct panes *p)
{
    char from[PANE_START_BYTES] = {0};
    struct buffer key;
    buffer_init(&key);
    int found;
    while ((found = state_stored_key(p->state, from, sizeof from, &key)) > 0) {
        if (key.n < PANE_START_BYTES) {
            found = -ERR_DATA;
            break;
        }
        int64_t start = (int64_t)big_endian_get(key.data);
        agenda_at(&p->starts, start);
        if (start == INT64_MAX) {
            break;
        }
        big_endian_put(from, (uint64_t)start + 1);
    }
    buffer_done(&key);
    return found < 0 ? found : 0;
}

int panes_load(struct panes *p)
{
    if (state_is_complete(p->state)) {
        return state_each(p->state, load_entry, p);
    }
    p->by_range = true;
    p->evictions = state_evictions(p->state);
    return load_starts(p);
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
