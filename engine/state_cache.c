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
 * disk has it as well, or it stands in the dirty list. It comes in parts of a quarter of the share;
 * the list is gone through for a part only if the part before has seen in it that it has to be.
 * What the disk cannot give (a read error, or bytes that the codec refuses) marks it as failed; the
 * caller gets an empty hand and goes on to where somebody looks.
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/state_internal.h"
#include "engine/str.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LOAD_MOST   (64U << 20)
#define PARTS       4  /* of a share, that a range brings in at once */
#define ENTRY_BYTES 64 /* beside its key and value, about */
#define SLACK       8  /* of a share: so much more may be read between two commits */

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

/* 1: not in memory before, or clean there; 0: its last word is in the dirty list. */
static int bring(struct state *s, const void *key, size_t key_n, const void *value, size_t value_n,
                 struct state_entry **out)
{
    uint64_t hash = hash_bytes(key, key_n, 0);
    *out = state_peek(s, hash, key, (uint32_t)key_n);
    if (*out) {
        return !state_is_dirty(*out);
    }
    int status = state_bring(s, hash, key, (uint32_t)key_n, value, value_n, out);
    return status < 0 ? status : 1;
}

struct loading {
    struct state *s;
    uint64_t most_bytes;
};

static int load_one(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n)
{
    const struct loading *l = ctx;
    struct state_entry *e;
    if (state_live_bytes(l->s) > l->most_bytes) {
        return 1;
    }
    int status = bring(l->s, key, key_n, value, value_n, &e);
    return status < 0 ? status : 0;
}

static int load(struct state *s, uint64_t most_bytes)
{
    struct state_cache *c = state_cache_of(s);
    struct loading l = {.s = s, .most_bytes = most_bytes};
    int status = c->disk->ops->each(c->disk, c->number, "", 0, 0, load_one, &l);
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
    int status = c->disk->ops->each(c->disk, c->number, "", 0, 0, replay_one, s);
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
    buffer_init(&c->part.last);
    buffer_init(&c->part.ahead);
    if (disk->ops->is_log) {
        return replay(s, c);
    }
    state_set_cache(s, c);
    uint64_t most = share(c) / 4 * 3;
    return load(s, !is_lazy ? UINT64_MAX : most < LOAD_MOST ? most : LOAD_MOST);
}

/* ---- ranges ---- */

struct range {
    struct state *s;
    const void *prefix;
    uint32_t n;
    const struct buffer *behind; /* NULL: from the first on */
    int (*each)(void *ctx, struct state_entry *e);
    void *ctx;
    uint64_t most_bytes; /* of a part */
    struct buffer *upto; /* its last key, once there is one */
};

/* Whether the key begins as the range does, and is not of a part before. */
static bool is_left(const struct range *r, const void *key, size_t n)
{
    return n >= r->n && (r->n == 0 || memcmp(key, r->prefix, r->n) == 0) &&
           (!r->behind || bytes_compare(key, n, r->behind->data, r->behind->n) > 0);
}

static int range_one(void *ctx, const void *key, size_t key_n, const void *value, size_t value_n)
{
    struct range *r = ctx;
    struct state_entry *e;
    if (!is_left(r, key, key_n)) {
        return 0; /* the last one of the part before */
    }
    int status = bring(r->s, key, key_n, value, value_n, &e);
    if (status != 0) {
        status = status < 0 ? fail(state_cache_of(r->s)) : r->each(r->ctx, e);
    }
    uint64_t bytes = key_n + value_n + ENTRY_BYTES;
    r->most_bytes -= bytes < r->most_bytes ? bytes : r->most_bytes;
    if (status == 0 && r->most_bytes == 0) {
        buffer_clear(r->upto);
        buffer_add(r->upto, key, key_n);
        return 1;
    }
    return status;
}

static int in_memory(void *ctx, struct state_entry *e)
{
    const struct range *r = ctx;
    uint32_t n;
    const void *key = state_key(e, &n);
    return is_left(r, key, n) ? r->each(r->ctx, e) : 0;
}

/* No dirty entry is in this part: the one before has seen that. */
static bool knows_no_dirty(const struct range *r, bool has_more)
{
    const struct state_part *p = &state_cache_of(r->s)->part;
    const struct buffer *upto = r->upto;
    return r->behind && p->touches == state_touches(r->s) && p->prefix_n == r->n &&
           bytes_compare(r->behind->data, r->behind->n, p->last.data, p->last.n) == 0 &&
           (!p->has_ahead ||
            (has_more && bytes_compare(upto->data, upto->n, p->ahead.data, p->ahead.n) < 0));
}

static void note_ahead(struct state_part *p, const void *key, uint32_t n)
{
    if (!p->has_ahead || bytes_compare(key, n, p->ahead.data, p->ahead.n) < 0) {
        p->has_ahead = true;
        buffer_clear(&p->ahead);
        buffer_add(&p->ahead, key, n);
    }
}

/* Dirty entries that are not behind the part's last key. */
static int range_dirty(const struct range *r, bool has_more)
{
    struct state_part *p = &state_cache_of(r->s)->part;
    int status = 0;
    p->has_ahead = false;
    buffer_clear(&p->last); /* what stands here is of this range from now on */
    for (struct state_entry *e = state_next_dirty(r->s, NULL), *next; e && status == 0; e = next) {
        uint32_t n;
        const void *key = state_key(e, &n);
        next = state_next_dirty(r->s, e);
        if (state_is_deleted(e) || !is_left(r, key, n)) {
            continue;
        }
        if (!has_more || bytes_compare(key, n, r->upto->data, r->upto->n) <= 0) {
            status = r->each(r->ctx, e);
        } else {
            note_ahead(p, key, n);
        }
    }
    p->prefix_n = r->n;
    p->touches = state_touches(r->s);
    return status;
}

/* The range's next part from the disk: positive when there is more, then r->upto is its last key.
 */
static int range_stored(struct range *r, const struct buffer *behind, uint64_t most_bytes)
{
    struct state_cache *c = state_cache_of(r->s);
    r->behind = behind && behind->n > 0 ? behind : NULL;
    r->upto = &c->value; /* what the disk finds does not use it */
    r->most_bytes = most_bytes;
    const void *from = r->behind ? behind->data : r->prefix;
    size_t from_n = r->behind ? behind->n : r->n;
    return c->disk->ops->each(c->disk, c->number, from, from_n, r->n, range_one, r);
}

int state_range(struct state *s, const void *prefix, uint32_t n, struct buffer *behind,
                int (*each)(void *ctx, struct state_entry *e), void *ctx)
{
    struct state_cache *c = state_cache_of(s);
    struct range r = {.s = s, .prefix = prefix, .n = n, .each = each, .ctx = ctx};
    if (!c || c->is_complete) {
        r.behind = behind && behind->n > 0 ? behind : NULL;
        return state_each(s, in_memory, &r);
    }
    int status = range_stored(&r, behind, behind ? share(c) / PARTS + 1 : UINT64_MAX);
    bool has_more = status > 0;
    status = status < 0 ? status : knows_no_dirty(&r, has_more) ? 0 : range_dirty(&r, has_more);
    if (status == 0 && has_more) {
        buffer_clear(behind);
        buffer_add(behind, r.upto->data, r.upto->n);
        buffer_clear(&c->part.last);
        buffer_add(&c->part.last, r.upto->data, r.upto->n);
    }
    return status < 0 ? status : has_more;
}

uint64_t state_part_bytes(const struct state *s)
{
    return share(state_cache_of(s)) / PARTS;
}

int state_range_stored(struct state *s, const void *prefix, uint32_t n, struct buffer *behind,
                       uint64_t ranges, int (*each)(void *ctx, struct state_entry *e), void *ctx)
{
    struct range r = {.s = s, .prefix = prefix, .n = n, .each = each, .ctx = ctx};
    int status = range_stored(&r, behind, state_part_bytes(s) / ranges + 1);
    if (status > 0) {
        buffer_clear(behind);
        buffer_add(behind, r.upto->data, r.upto->n);
    }
    return status;
}

int state_each_dirty(struct state *s, int (*each)(void *ctx, struct state_entry *e), void *ctx)
{
    int status = 0;
    for (struct state_entry *e = state_next_dirty(s, NULL), *next; e && status == 0; e = next) {
        next = state_next_dirty(s, e);
        status = state_is_deleted(e) ? 0 : each(ctx, e);
    }
    return status;
}

int state_scan(struct state *s, const void *prefix, uint32_t n,
               int (*each)(void *ctx, struct state_entry *e), void *ctx)
{
    struct buffer behind;
    buffer_init(&behind);
    int status = 1;
    while (status > 0) {
        status = state_range(s, prefix, n, &behind, each, ctx);
        state_trim(s);
    }
    buffer_done(&behind);
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

static void evict(struct state *s, struct state_cache *c, uint64_t most)
{
    if (state_evict(s, most / 4 * 3) > 0) {
        c->evictions++;
        c->is_complete = false;
    }
}

void state_cache_trim(struct state *s)
{
    struct state_cache *c = state_cache_of(s);
    uint64_t most = share(c);
    c->trim_at = 0;
    if (c->is_lazy && c->pins == 0 && state_live_bytes(s) > most) {
        evict(s, c, most);
    }
}

/* What is dirty cannot go: nothing is tried again before there is that much more. */
void state_trim(struct state *s)
{
    struct state_cache *c = state_cache_of(s);
    if (!c || !c->is_lazy || c->pins > 0) {
        return;
    }
    uint64_t most = share(c), slack = most / SLACK;
    if (state_live_bytes(s) > most + slack && state_live_bytes(s) >= c->trim_at) {
        evict(s, c, most);
        c->trim_at = state_live_bytes(s) + slack;
    }
}

bool state_fail(struct state *s)
{
    struct state_cache *c = state_cache_of(s);
    if (c) {
        fail(c);
    }
    return c != NULL;
}

bool state_is_empty(struct state *s)
{
    struct state_cache *c = state_cache_of(s);
    if (!c || c->is_complete) {
        return state_count(s) == 0;
    }
    return state_count(s) == 0 && state_stored_key(s, "", 0, &c->value) <= 0;
}

void state_cache_free(struct state_cache *c)
{
    if (c) {
        buffer_done(&c->value);
        buffer_done(&c->part.last);
        buffer_done(&c->part.ahead);
        mem_free(c);
    }
}
