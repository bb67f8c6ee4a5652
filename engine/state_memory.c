/* State in memory: an open addressing table of pointers to entries, and a list of the dirty ones.
 *
 *   slot    | 16 bits of the hash | 48 bits of pointer |      linear probing, at most 3/4 full
 *              |
 *              v
 *   entry   | next, previous dirty | hash | sizes | flags | key, padded to 8 | value | owned |
 *
 * The hash bits in the slot settle nearly every miss without touching the entry's memory. Removal
 * shifts the slots behind it back, so there are no tombstones of the table. Entries come from slabs
 * in classes of 16 bytes and go back to a list of their class; those over CLASS_MOST are malloc'ed.
 *
 *   COMMITTED  the changelog has the key          DIRTY    it stands in the dirty list
 *   DELETED    gone for callers, kept until the deletion is committed; always COMMITTED and DIRTY
 *
 * An entry that was never committed is freed at once when deleted. Inserting a DELETED key revives
 * its entry, so the changelog gets the last value only. Entries restored are COMMITTED and clean.
 *
 * `owned`, 8 bytes, is there when values own memory: how much that was when it was counted last, at
 * a commit or restore, when the value is at hand anyway. The store keeps the sum.
 *
 * Over a disk (state_cache.c) a miss asks it, and what comes from there is COMMITTED and clean, as
 * what is restored: who restores it gives it to the disk, too. USED entries are spared once when
 * others are evicted.
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/state_internal.h"

#include <assert.h>
#include <string.h>

#define SLOTS_LEAST  64
#define LINE_SLOTS   8          /* of a cache line */
#define GOLDEN       2654435769 /* the golden ratio's share of 2^32 */
#define POINTER_BITS 48
#define POINTER_MASK ((UINT64_C(1) << POINTER_BITS) - 1)
#define CLASS_WIDTH  ((size_t)16)
#define CLASS_MOST   ((size_t)1024)
#define CLASSES      (CLASS_MOST / CLASS_WIDTH + 1)
#define SLAB_LEAST   ((size_t)4 << 10)
#define SLAB_MOST    ((size_t)256 << 10)

enum { COMMITTED = 1, DIRTY = 2, DELETED = 4, USED = 8 };

struct state_entry {
    struct state_entry *next, *prev; /* in the dirty list, or next free of its class */
    uint32_t hash;                   /* lower half */
    uint32_t key_n;
    uint32_t value_n;
    uint32_t flags;
    char bytes[];
};

struct slab {
    struct slab *next;
    uint64_t unused; /* keeps what follows 16-byte aligned */
};

struct state {
    const struct state_codec *codec;
    uint64_t *slot;
    uint64_t nslots; /* a power of two */
    uint64_t used;   /* slots in use, DELETED entries included */
    uint64_t deleted;
    struct state_entry *first_dirty, *last_dirty;
    uint64_t dirty_bytes;
    uint64_t bytes; /* slabs, big entries, slots */
    uint64_t owned; /* by values, as it was counted last */
    struct slab *slab;
    size_t slab_bytes; /* of the next slab */
    char *at, *end;    /* unused part of the newest slab */
    struct state_entry *free_entry[CLASSES];
    struct buffer scratch;
    uint64_t touches; /* so many entries became dirty, or came back from deletion */
    bool is_stale;
    struct state_cache *cache; /* NULL: there is no disk */
    uint64_t live;             /* bytes of entries in use */
    uint64_t hand;             /* steps of eviction: where it goes on */
};

/* ---- entries ---- */

static size_t padded(size_t n)
{
    return (n + 7) & ~(size_t)7;
}

/* Whether values own memory, so that entries end with how much. */
static bool has_owners(const struct state *s)
{
    return s->codec && s->codec->drop;
}

static size_t entry_bytes(const struct state *s, uint32_t key_n, uint32_t value_n)
{
    size_t n = sizeof(struct state_entry) + padded(key_n) + padded(value_n);
    n += has_owners(s) ? sizeof(uint64_t) : 0;
    return (n + CLASS_WIDTH - 1) & ~(CLASS_WIDTH - 1);
}

#ifdef KLAMM_ARENA_MALLOC
static bool is_big(size_t size)
{
    return size > 0; /* one malloc each: the sanitizers see every overrun */
}
#else
static bool is_big(size_t size)
{
    return size > CLASS_MOST;
}
#endif

static struct state_entry *take_from_slab(struct state *s, size_t size)
{
    if ((size_t)(s->end - s->at) < size || s->at == NULL) {
        struct slab *slab = mem_alloc(s->slab_bytes);
        slab->next = s->slab;
        s->slab = slab;
        s->at = (char *)(slab + 1);
        s->end = (char *)slab + s->slab_bytes;
        s->bytes += s->slab_bytes;
        s->slab_bytes = s->slab_bytes < SLAB_MOST ? s->slab_bytes * 2 : SLAB_MOST;
    }
    void *p = s->at;
    s->at += size;
    return p;
}

static struct state_entry *entry_alloc(struct state *s, size_t size)
{
    s->live += size;
    if (is_big(size)) {
        s->bytes += size;
        return mem_alloc(size);
    }
    struct state_entry **list = &s->free_entry[size / CLASS_WIDTH];
    if (*list == NULL) {
        return take_from_slab(s, size);
    }
    struct state_entry *e = *list;
    *list = e->next;
    return e;
}

static void entry_free(struct state *s, struct state_entry *e)
{
    size_t size = entry_bytes(s, e->key_n, e->value_n);
    s->live -= size;
    if (is_big(size)) {
        s->bytes -= size;
        mem_free(e);
        return;
    }
    e->next = s->free_entry[size / CLASS_WIDTH];
    s->free_entry[size / CLASS_WIDTH] = e;
}

void *state_value(const struct state_entry *e)
{
    return (void *)(uintptr_t)(e->bytes + padded(e->key_n));
}

uint32_t state_value_size(const struct state_entry *e)
{
    return e->value_n;
}

const void *state_key(const struct state_entry *e, uint32_t *n)
{
    *n = e->key_n;
    return e->bytes;
}

/* ---- what values own ---- */

static uint64_t owned(const struct state *s, const struct state_entry *e)
{
    uint64_t n = 0;
    if (has_owners(s)) {
        memcpy(&n, e->bytes + padded(e->key_n) + padded(e->value_n), sizeof n);
    }
    return n;
}

/* The value owns so much now. */
static void set_owned(struct state *s, struct state_entry *e, uint64_t n)
{
    uint64_t before = owned(s, e);
    s->owned += n - before;
    s->dirty_bytes += e->flags & DIRTY ? n - before : 0;
    memcpy(e->bytes + padded(e->key_n) + padded(e->value_n), &n, sizeof n);
}

/* saved_n: bytes of its saved form. */
static void count_owned(struct state *s, struct state_entry *e, size_t saved_n)
{
    if (has_owners(s)) {
        bool can_tell = s->codec->size != NULL;
        set_owned(s, e,
                  can_tell ? s->codec->size(s->codec->ctx, state_value(e), e->value_n) : saved_n);
    }
}

static void drop_value(struct state *s, struct state_entry *e)
{
    if (has_owners(s)) {
        s->codec->drop(s->codec->ctx, state_value(e), e->value_n);
        set_owned(s, e, 0);
    }
}

/* ---- table ---- */

static struct state_entry *slot_entry(uint64_t slot)
{
    return (struct state_entry *)(uintptr_t)(slot & POINTER_MASK);
}

static uint64_t slot_of(const struct state_entry *e, uint64_t tag)
{
    return (uint64_t)(uintptr_t)e | tag << POINTER_BITS;
}

static uint64_t tag_of(uint64_t hash)
{
    return hash >> POINTER_BITS;
}

/* The slot of the key, or the empty one where it belongs. */
static uint64_t probe(const struct state *s, uint64_t hash, const void *key, uint32_t n)
{
    uint64_t mask = s->nslots - 1;
    uint64_t at = (uint32_t)hash & mask;
    for (; s->slot[at] != 0; at = (at + 1) & mask) {
        if (s->slot[at] >> POINTER_BITS != tag_of(hash)) {
            continue;
        }
        const struct state_entry *e = slot_entry(s->slot[at]);
        if (e->hash == (uint32_t)hash && e->key_n == n && memcmp(e->bytes, key, n) == 0) {
            break;
        }
    }
    return at;
}

/* The slot that holds this very entry. */
static uint64_t slot_number(const struct state *s, const struct state_entry *e)
{
    uint64_t mask = s->nslots - 1;
    uint64_t at = e->hash & mask;
    while (slot_entry(s->slot[at]) != e) {
        assert(s->slot[at] != 0);
        at = (at + 1) & mask;
    }
    return at;
}

static void grow(struct state *s)
{
    uint64_t *old = s->slot;
    uint64_t n = s->nslots;
    s->nslots = n ? n * 2 : SLOTS_LEAST;
    s->slot = mem_zalloc(s->nslots * sizeof *s->slot);
    s->bytes += (s->nslots - n) * sizeof *s->slot;
    for (uint64_t i = 0; i < n; i++) {
        if (old[i] == 0) {
            continue;
        }
        uint64_t at = slot_entry(old[i])->hash & (s->nslots - 1);
        while (s->slot[at] != 0) {
            at = (at + 1) & (s->nslots - 1);
        }
        s->slot[at] = old[i];
    }
    mem_free(old);
}

/* Empties a slot and moves back those behind it that may not stand after a gap. */
static void clear_slot(struct state *s, uint64_t gap)
{
    uint64_t mask = s->nslots - 1;
    for (uint64_t at = (gap + 1) & mask; s->slot[at] != 0; at = (at + 1) & mask) {
        uint64_t home = slot_entry(s->slot[at])->hash & mask;
        if (((at - home) & mask) >= ((at - gap) & mask)) {
            s->slot[gap] = s->slot[at];
            gap = at;
        }
    }
    s->slot[gap] = 0;
    s->used--;
}

/* ---- dirty list ---- */

static uint64_t change_bytes(const struct state *s, const struct state_entry *e)
{
    return (uint64_t)e->key_n + e->value_n + owned(s, e);
}

void state_touch(struct state *s, struct state_entry *e)
{
    if (e->flags & DIRTY) {
        return;
    }
    e->flags |= DIRTY;
    e->next = NULL;
    e->prev = s->last_dirty;
    *(s->last_dirty ? &s->last_dirty->next : &s->first_dirty) = e;
    s->last_dirty = e;
    s->dirty_bytes += change_bytes(s, e);
    s->touches++;
}

static void unlink_dirty(struct state *s, struct state_entry *e)
{
    *(e->prev ? &e->prev->next : &s->first_dirty) = e->next;
    *(e->next ? &e->next->prev : &s->last_dirty) = e->prev;
    e->flags &= ~(uint32_t)DIRTY;
    s->dirty_bytes -= change_bytes(s, e);
}

/* ---- the interface ---- */

struct state *state_memory_new(const struct state_codec *codec)
{
    struct state *s = mem_zalloc(sizeof *s);
    s->codec = codec;
    s->slab_bytes = SLAB_LEAST;
    grow(s);
    return s;
}

void state_free(struct state *s)
{
    if (s == NULL) {
        return;
    }
    for (uint64_t i = 0; i < s->nslots; i++) {
        if (s->slot[i] != 0) {
            struct state_entry *e = slot_entry(s->slot[i]);
            if (!(e->flags & DELETED)) {
                drop_value(s, e);
            }
            entry_free(s, e);
        }
    }
    while (s->slab) {
        struct slab *slab = s->slab;
        s->slab = slab->next;
        mem_free(slab);
    }
    buffer_done(&s->scratch);
    state_cache_free(s->cache);
    mem_free(s->slot);
    mem_free(s);
}

/* const: what the cache brings in was an entry before. */
struct state_entry *state_find(const struct state *s, uint64_t hash, const void *key, uint32_t n)
{
    struct state_entry *e = slot_entry(s->slot[probe(s, hash, key, n)]);
    if (s->cache) {
        if (!e) {
            return state_cache_load((struct state *)(uintptr_t)s, hash, key, n);
        }
        e->flags |= USED;
    }
    return e && !(e->flags & DELETED) ? e : NULL;
}

/* at: its slot, as probe() says. The value is zeroed. */
static struct state_entry *add_entry(struct state *s, uint64_t at, uint64_t hash, const void *key,
                                     uint32_t n, uint32_t value_n)
{
    if ((s->used + 1) * 4 > s->nslots * 3) {
        grow(s);
        at = probe(s, hash, key, n);
    }
    struct state_entry *e = entry_alloc(s, entry_bytes(s, n, value_n));
    *e = (struct state_entry){.hash = (uint32_t)hash, .key_n = n, .value_n = value_n};
    if (n > 0) {
        memcpy(e->bytes, key, n);
    }
    memset(e->bytes + n, 0, padded(n) - n + padded(value_n) + (has_owners(s) ? 8 : 0));
    s->slot[at] = slot_of(e, tag_of(hash));
    s->used++;
    return e;
}

static struct state_entry *revive(struct state *s, struct state_entry *e, uint32_t value_n)
{
    e->flags &= ~(uint32_t)DELETED;
    s->deleted--;
    s->touches++;
    memset(state_value(e), 0, e->value_n);
    return state_resize(s, e, value_n);
}

struct state_entry *state_insert(struct state *s, uint64_t hash, const void *key, uint32_t n,
                                 uint32_t value_n, bool *is_new)
{
    uint64_t at = probe(s, hash, key, n);
    struct state_entry *found = slot_entry(s->slot[at]);
    if (s->cache) {
        found = found ? found : state_cache_load(s, hash, key, n);
        if (found) {
            found->flags |= USED;
        }
    }
    if (found) {
        *is_new = (found->flags & DELETED) != 0;
        return *is_new ? revive(s, found, value_n) : found;
    }
    *is_new = true;
    return add_entry(s, at, hash, key, n, value_n);
}

struct state_entry *state_resize(struct state *s, struct state_entry *e, uint32_t value_n)
{
    uint32_t old_n = e->value_n;
    if (old_n == value_n) {
        return e;
    }
    if (e->flags & DIRTY) {
        s->dirty_bytes += (uint64_t)value_n - old_n;
    }
    uint32_t kept = old_n < value_n ? old_n : value_n;
    uint64_t owns = owned(s, e);
    size_t size = entry_bytes(s, e->key_n, value_n);
    if (size != entry_bytes(s, e->key_n, old_n)) {
        struct state_entry *moved = entry_alloc(s, size);
        memcpy(moved, e, sizeof *e + padded(e->key_n) + kept);
        uint64_t at = slot_number(s, e);
        s->slot[at] = slot_of(moved, s->slot[at] >> POINTER_BITS);
        if (e->flags & DIRTY) {
            *(e->prev ? &e->prev->next : &s->first_dirty) = moved;
            *(e->next ? &e->next->prev : &s->last_dirty) = moved;
        }
        entry_free(s, e);
        e = moved;
    }
    e->value_n = value_n;
    memset((char *)state_value(e) + kept, 0, padded(value_n) - kept);
    if (has_owners(s)) {
        memcpy(e->bytes + padded(e->key_n) + padded(value_n), &owns, sizeof owns);
    }
    return e;
}

void state_delete(struct state *s, struct state_entry *e)
{
    drop_value(s, e);
    if (e->flags & COMMITTED) {
        uint64_t touches = s->touches;
        state_touch(s, e);
        s->touches = touches;
        e->flags |= DELETED;
        s->deleted++;
        return;
    }
    if (e->flags & DIRTY) {
        unlink_dirty(s, e);
    }
    clear_slot(s, slot_number(s, e));
    entry_free(s, e);
}

int state_each(struct state *s, int (*each)(void *ctx, struct state_entry *e), void *ctx)
{
    int loaded = s->cache ? state_cache_load_all(s) : 0;
    if (loaded < 0) {
        return loaded;
    }
    /* From an empty slot on, so that slots moved back by a deletion are not met twice. */
    uint64_t mask = s->nslots - 1;
    uint64_t start = 0;
    while (s->slot[start] != 0) {
        start++;
    }
    for (uint64_t i = 1; i < s->nslots;) {
        uint64_t at = (start + i) & mask;
        uint64_t slot = s->slot[at];
        struct state_entry *e = slot_entry(slot);
        if (e && !(e->flags & DELETED)) {
            int status = each(ctx, e);
            if (status < 0) {
                return status;
            }
        }
        i += s->slot[at] == slot || s->slot[at] == 0;
    }
    return 0;
}

uint64_t state_count(const struct state *s)
{
    return s->used - s->deleted;
}

uint64_t state_bytes(const struct state *s)
{
    return s->bytes + s->owned;
}

/* The value as it is saved, in s->scratch. */
static void save_value(struct state *s, const struct state_entry *e)
{
    buffer_clear(&s->scratch);
    s->codec->save(s->codec->ctx, state_value(e), e->value_n, &s->scratch);
}

void state_recount(struct state *s)
{
    for (uint64_t i = 0; has_owners(s) && i < s->nslots; i++) {
        struct state_entry *e = slot_entry(s->slot[i]);
        if (!e || e->flags & DELETED) {
            continue;
        }
        if (!s->codec->size && s->codec->save) {
            save_value(s, e);
        }
        count_owned(s, e, s->scratch.n);
    }
}

void state_recount_entry(struct state *s, struct state_entry *e)
{
    if (has_owners(s) && s->codec->size) {
        count_owned(s, e, 0);
    }
}

uint64_t state_dirty_bytes(const struct state *s)
{
    return s->dirty_bytes;
}

const void *state_saved(struct state *s, const struct state_entry *e, size_t *n)
{
    *n = e->value_n;
    if (!s->codec || !s->codec->save) {
        return state_value(e);
    }
    save_value(s, e);
    *n = s->scratch.n;
    return buffer_cstr(&s->scratch);
}

int state_changes(struct state *s,
                  int (*each)(void *ctx, const void *key, uint32_t key_n, const void *value,
                              size_t value_n),
                  void *ctx)
{
    for (struct state_entry *e = s->first_dirty; e; e = e->next) {
        const void *value = NULL;
        size_t value_n = 0;
        if (!(e->flags & DELETED)) {
            value = state_saved(s, e, &value_n);
            if (s->codec && s->codec->save) {
                count_owned(s, e, value_n);
            }
        }
        int status = each(ctx, e->bytes, e->key_n, value, value_n);
        if (status < 0) {
            return status;
        }
    }
    return 0;
}

void state_committed(struct state *s)
{
    struct state_entry *e = s->first_dirty;
    while (e) {
        struct state_entry *next = e->next;
        if (e->flags & DELETED) {
            clear_slot(s, slot_number(s, e));
            entry_free(s, e);
            s->deleted--;
        } else {
            e->flags = COMMITTED | (e->flags & USED);
        }
        e = next;
    }
    s->first_dirty = s->last_dirty = NULL;
    s->dirty_bytes = 0;
    if (s->cache) {
        state_cache_trim(s);
    }
}

/* Takes an entry out without a trace. */
static void forget(struct state *s, struct state_entry *e)
{
    if (e->flags & DELETED) {
        s->deleted--;
    } else {
        drop_value(s, e);
    }
    if (e->flags & DIRTY) {
        unlink_dirty(s, e);
    }
    clear_slot(s, slot_number(s, e));
    entry_free(s, e);
}

/* An entry of these saved bytes, COMMITTED and clean. at: its slot, as probe() says. */
static int load_entry(struct state *s, uint64_t at, uint64_t hash, const void *key, uint32_t n,
                      const void *saved, size_t saved_n, struct state_entry **out)
{
    int64_t size = (int64_t)saved_n;
    if (s->codec && s->codec->loaded_size) {
        size = s->codec->loaded_size(s->codec->ctx, saved, saved_n);
    }
    if (size < 0 || size > UINT32_MAX / 2) {
        return -ERR_DATA;
    }
    s->is_stale |= size == 0 && s->codec && s->codec->form;
    struct state_entry *e = *out = add_entry(s, at, hash, key, n, (uint32_t)size);
    e->flags |= COMMITTED;
    if (s->codec && s->codec->load) {
        int status = s->codec->load(s->codec->ctx, state_value(e), e->value_n, saved, saved_n);
        if (status == 0) {
            count_owned(s, e, saved_n);
        }
        return status;
    }
    if (saved_n > 0) {
        memcpy(state_value(e), saved, saved_n);
    }
    return 0;
}

int state_restore(struct state *s, const void *key, uint32_t key_n, const void *value,
                  size_t value_n)
{
    uint64_t hash = hash_bytes(key, key_n, 0), at = probe(s, hash, key, key_n);
    struct state_entry *e = slot_entry(s->slot[at]);
    if (e) {
        forget(s, e);
        at = probe(s, hash, key, key_n);
    }
    return value ? load_entry(s, at, hash, key, key_n, value, value_n, &e) : 0;
}

/* ---- over a disk ---- */

void state_set_cache(struct state *s, struct state_cache *c)
{
    s->cache = c;
}

struct state_cache *state_cache_of(const struct state *s)
{
    return s->cache;
}

struct state_entry *state_peek(const struct state *s, uint64_t hash, const void *key, uint32_t n)
{
    return slot_entry(s->slot[probe(s, hash, key, n)]);
}

int state_bring(struct state *s, uint64_t hash, const void *key, uint32_t n, const void *saved,
                size_t saved_n, struct state_entry **out)
{
    *out = NULL;
    int status = load_entry(s, probe(s, hash, key, n), hash, key, n, saved, saved_n, out);
    if (status < 0 && *out) {
        forget(s, *out);
        *out = NULL;
    }
    return status;
}

uint64_t state_slots(const struct state *s)
{
    return s->nslots;
}

struct state_entry *state_slot(const struct state *s, uint64_t at)
{
    return slot_entry(s->slot[at]);
}

bool state_is_deleted(const struct state_entry *e)
{
    return (e->flags & DELETED) != 0;
}

bool state_is_dirty(const struct state_entry *e)
{
    return (e->flags & DIRTY) != 0;
}

struct state_entry *state_next_dirty(const struct state *s, const struct state_entry *e)
{
    return e ? e->next : s->first_dirty;
}

uint64_t state_touches(const struct state *s)
{
    return s->touches;
}

void state_set_stale(struct state *s)
{
    s->is_stale = true;
}

bool state_is_stale(const struct state *s)
{
    return s->is_stale;
}

uint64_t state_live_bytes(const struct state *s)
{
    return s->live + s->owned;
}

/* Where the hand stands: it goes through the lines of slots in golden steps, so that eviction thins
 * the table out evenly. Slot by slot, it would leave what it has passed empty and what lies ahead
 * of it twice as full as the table is on average: one long run.
 */
static uint64_t hand_slot(const struct state *s)
{
    uint64_t lines = s->nslots / LINE_SLOTS;
    uint64_t step = (lines * GOLDEN) >> 32 | 1; /* odd: it meets every line */
    uint64_t line = s->hand / LINE_SLOTS * step & (lines - 1);
    return line * LINE_SLOTS + s->hand % LINE_SLOTS;
}

uint64_t state_evict(struct state *s, uint64_t most_bytes)
{
    uint64_t n = 0;
    for (uint64_t steps = 0; state_live_bytes(s) > most_bytes && steps < 2 * s->nslots; steps++) {
        uint64_t at = hand_slot(s);
        struct state_entry *e = slot_entry(s->slot[at]);
        if (!e || e->flags != COMMITTED) {
            if (e) {
                e->flags &= ~(uint32_t)USED;
            }
            s->hand++;
            continue;
        }
        drop_value(s, e);
        clear_slot(s, at); /* what moves here is looked at next */
        entry_free(s, e);
        n++;
    }
    return n;
}
