/* A store over a disk: the table of state_memory.c is then what is dirty, and a cache.
 *
 *             find, insert                        commit
 *   table  ──── miss ────> disk: get      dirty ───────────> disk, one batch per task
 *     ^                     │             clean and not asked for lately: evicted
 *     └──── clean entry ────┘
 *
 *   eager      everything is loaded when it is attached, nothing is evicted: for steps that keep
 *              pointers to entries, or that have to know all of them
 *   lazy       loaded up to three quarters of its share of memory, yet no more than LOAD_MOST, which
 *              takes half a second; while that is all, and until it outgrows its share, the store is
 *              *complete*: a miss asks nobody, and the disk is only written. After that entries
 *              come and go, and pointers to them are good until the next commit
 *   a log      all changes are replayed when it is attached, and it is only written after that
 *
 * A range of keys is the disk's with what is dirty laid over it: an entry is either clean, then the
 * disk has it as well, or it stands in the dirty list. What the disk cannot give (a read error, or
 * bytes that the codec refuses) marks it as failed; the caller gets an empty hand and goes on to
 * where somebody looks.
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/state_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOAD_MOST (64U << 20)

static uint64_t share(const struct state_cache *c)
{
    return c->disk->ops->share(c->disk);
}

int state_disk_fail(struct state_disk *d, const char *fmt, ...)
{
    if (!d->failed) {
        va_list args;
        va_start(args, fmt);
        vsnprintf(d->why, sizeof d->why, fmt, args);
        va_end(args);
        d->failed = -ERR_DATA;
    }
    return -ERR_DATA;
}

static int fail(struct state_cache *c)
{
    return state_disk_fail(c->disk, "an entry cannot be read back");
}

struct state_entry *state_cache_load(struct state *s, uint64_t hash, const void *key, uint32_t n)
{
    struct state_cache *c = state_cache_of(s);
    struct state_entry *e = NULL;
    if (c->is_complete || c->disk->failed) {
        return NULL;
    }
    buffer_clear(&c->value);
    int found = c->disk->ops->get(c->disk, c->number, key, n, &c->value);
    if (found < 0 ||
        (found > 0 && state_bring(s, hash, key, n, buffer_cstr(&c->value), c->value.n, &e) < 0)) {
        fail(c);
        return NULL;
    }
    return e;
}

/* ---- many ---- */

struct bringing {
    struct state *s;
    struct state_cache *c;
    uint64_t most_bytes;
    int (*each)(void *ctx, struct state_entry *e); /* of state_range() */
    void *ctx;
};

/* 1: not in memory before, or clean there; 0: its last word is in the dirty list. */
static int bring(const struct bringing *b, const void *key, size_t key_n, const void *value,
                 size_t value_n, struct state_entry **out)
{
    uint64_t hash = hash_bytes(key, key_n, 0);
    *out = state_peek(b->s, hash, key, (uint32_t)key_n);
    if (*out) {
        return !state_is_dirty(*out);
    }
    int status = state_bring(b->s, hash, key, (uint32_t)key_n, value, value_n, out);
    return status < 0 ? status : 1;
}

static int load_one(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n)
{
    const struct bringing *b = ctx;
    struct state_entry *e;
    if (state_live_bytes(b->s) > b->most_bytes) {
        return 1;
    }
    int status = bring(b, key, key_n, value, value_n, &e);
    return status < 0 ? status : 0;
}

static int load(struct state *s, uint64_t most_bytes)
{
    struct state_cache *c = state_cache_of(s);
    struct bringing b = {.s = s, .c = c, .most_bytes = most_bytes};
    int status = c->disk->ops->each(c->disk, c->number, "", 0, load_one, &b);
    c->is_complete = status == 0;
    return status < 0 ? fail(c) : 0;
}

int state_cache_load_all(struct state *s)
{
    return state_cache_of(s)->is_complete ? 0 : load(s, UINT64_MAX);
}

static int replay_one(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n)
{
    return state_restore(ctx, key, (uint32_t)key_n, value, value_n);
}

/* The store has no cache yet: what it restores is clean. */
static int replay(struct state *s, struct state_cache *c)
{
    int status = c->disk->ops->each(c->disk, c->number, "", 0, replay_one, s);
    c->is_lazy = false;
    c->is_complete = true;
    state_set_cache(s, c);
    return status < 0 ? fail(c) : 0;
}

int state_attach(struct state *s, struct state_disk *disk, uint16_t number, bool is_lazy)
{
    struct state_cache *c = mem_zalloc(sizeof *c);
    c->disk = disk;
    c->number = number;
    c->is_lazy = is_lazy;
    buffer_init(&c->value);
    if (disk->ops->is_log) {
        return replay(s, c);
    }
    state_set_cache(s, c);
    uint64_t most = share(c) / 4 * 3;
    return load(s, !is_lazy ? UINT64_MAX : most < LOAD_MOST ? most : LOAD_MOST);
}

static int range_one(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n)
{
    const struct bringing *b = ctx;
    struct state_entry *e;
    int status = bring(b, key, key_n, value, value_n, &e);
    return status < 0 ? fail(b->c) : status > 0 ? b->each(b->ctx, e) : 0;
}

static bool begins_with(const struct state_entry *e, const void *prefix, uint32_t n)
{
    uint32_t key_n;
    const void *key = state_key(e, &key_n);
    return key_n >= n && (n == 0 || memcmp(key, prefix, n) == 0);
}

struct filter {
    const void *prefix;
    uint32_t n;
    int (*each)(void *ctx, struct state_entry *e);
    void *ctx;
};

static int filter_one(void *ctx, struct state_entry *e)
{
    const struct filter *f = ctx;
    return begins_with(e, f->prefix, f->n) ? f->each(f->ctx, e) : 0;
}

int state_range(struct state *s, const void *prefix, uint32_t n,
                int (*each)(void *ctx, struct state_entry *e), void *ctx)
{
    struct state_cache *c = state_cache_of(s);
    if (!c || c->is_complete) {
        return state_each(s, filter_one, &(struct filter){prefix, n, each, ctx});
    }
    for (struct state_entry *e = state_next_dirty(s, NULL), *next; e; e = next) {
        next = state_next_dirty(s, e);
        int status = state_is_deleted(e) || !begins_with(e, prefix, n) ? 0 : each(ctx, e);
        if (status < 0) {
            return status;
        }
    }
    struct bringing b = {.s = s, .c = c, .each = each, .ctx = ctx};
    int status = c->disk->ops->each(c->disk, c->number, prefix, n, range_one, &b);
    return status;
}

int state_stored_key(struct state *s, const void *from, uint32_t n, struct buffer *key)
{
    struct state_cache *c = state_cache_of(s);
    if (!c) {
        return 0;
    }
    int found = c->disk->ops->seek(c->disk, c->number, from, n, key);
    return found < 0 ? fail(c) : found;
}

/* ---- little of it ---- */

bool state_is_complete(const struct state *s)
{
    const struct state_cache *c = state_cache_of(s);
    return !c || c->is_complete;
}

uint64_t state_evictions(const struct state *s)
{
    const struct state_cache *c = state_cache_of(s);
    return c ? c->evictions : 0;
}

void state_pin(struct state *s)
{
    struct state_cache *c = state_cache_of(s);
    if (c) {
        c->pins++;
    }
}

void state_unpin(struct state *s)
{
    struct state_cache *c = state_cache_of(s);
    if (c) {
        c->pins--;
    }
}

void state_cache_trim(struct state *s)
{
    struct state_cache *c = state_cache_of(s);
    uint64_t most = share(c);
    if (!c->is_lazy || c->pins > 0 || state_live_bytes(s) <= most) {
        return;
    }
    if (state_evict(s, most / 4 * 3) > 0) {
        c->evictions++;
        c->is_complete = false;
    }
}

void state_cache_free(struct state_cache *c)
{
    if (c) {
        buffer_done(&c->value);
        mem_free(c);
    }
}
