/* The rows of a join that wait: index and timers over the blocks of join_blocks.c.
 *
 *   index     per side a hash table with a slot per key: the root of a tree of its rows
 *   tree      by (time, number): a treap, whose priorities are hashes of the numbers; its links are
 *             in the rows, so a key with one row costs its slot only
 *   timers    a heap over the blocks of both sides: the last watermark at which one of its rows can
 *             be met. Open blocks, which still grow, are beside it
 *   layout    names and types of the columns kept, of both sides, and which sides are kept
 *   restart   index and timers are made again from the entries
 *
 *      slot ──> (20, #3) ──> (10, #1)         finding the partners of a row takes O(log n + found),
 *                       └──> (30, #7)         adding and removing O(log n), n the rows of one key
 */
#include "operators/join_internal.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

#define SLOTS_LEAST 16
#define APART_MOST  10000 /* ms, beside the time that a row waits anyway */

/* ---- trees ---- */

static uint64_t priority(const struct waiting *w)
{
    return hash_mix(0, w->number);
}

static bool is_before(const struct waiting *a, const struct waiting *b)
{
    return a->time != b->time ? a->time < b->time : a->number < b->number;
}

static void tree_add(struct waiting **link, struct waiting *w)
{
    uint64_t mine = priority(w);
    while (*link && priority(*link) >= mine) {
        link = &(*link)->child[is_before(*link, w)];
    }
    struct waiting *rest = *link; /* all of it goes below w */
    struct waiting **earlier = &w->child[0], **later = &w->child[1];
    while (rest) {
        if (is_before(rest, w)) {
            *earlier = rest;
            earlier = &rest->child[1];
            rest = *earlier;
        } else {
            *later = rest;
            later = &rest->child[0];
            rest = *later;
        }
    }
    *earlier = *later = NULL;
    *link = w;
}

static void tree_remove(struct waiting **link, struct waiting *w)
{
    while (*link != w) {
        link = &(*link)->child[is_before(*link, w)];
    }
    struct waiting *earlier = w->child[0], *later = w->child[1];
    while (earlier && later) {
        if (priority(earlier) >= priority(later)) {
            *link = earlier;
            link = &earlier->child[1];
            earlier = *link;
        } else {
            *link = later;
            link = &later->child[0];
            later = *link;
        }
    }
    *link = earlier ? earlier : later;
}

/* ---- keys ---- */

static bool has_key(const struct waiting *w, const struct join_key *key)
{
    return w->key_n == key->n && (key->n == 0 || memcmp(w->bytes, key->p, key->n) == 0);
}

/* The slot of a key, or the empty one where it belongs. */
static struct join_slot *find_slot(const struct join_index *x, const struct join_key *key)
{
    uint64_t at = (uint32_t)key->hash & (x->slots - 1);
    while (x->slot[at].root &&
           (x->slot[at].hash != (uint32_t)key->hash || !has_key(x->slot[at].root, key))) {
        at = (at + 1) & (x->slots - 1);
    }
    return &x->slot[at];
}

static void grow(struct join_index *x)
{
    struct join_index old = *x;
    x->slots = old.slots ? old.slots * 2 : SLOTS_LEAST;
    x->slot = mem_array(x->slots, sizeof(struct join_slot));
    memset(x->slot, 0, x->slots * sizeof(struct join_slot));
    for (uint64_t i = 0; i < old.slots; i++) {
        if (old.slot[i].root) {
            uint64_t at = old.slot[i].hash & (x->slots - 1);
            while (x->slot[at].root) {
                at = (at + 1) & (x->slots - 1);
            }
            x->slot[at] = old.slot[i];
        }
    }
    mem_free(old.slot);
}

/* Empties a slot; those behind it that its key had pushed on move back. */
static void clear_slot(struct join_index *x, uint64_t at)
{
    uint64_t mask = x->slots - 1;
    for (uint64_t next = (at + 1) & mask; x->slot[next].root; next = (next + 1) & mask) {
        uint64_t first = x->slot[next].hash & mask;
        if (((next - first) & mask) >= ((next - at) & mask)) {
            x->slot[at] = x->slot[next];
            at = next;
        }
    }
    x->slot[at] = (struct join_slot){NULL, 0};
    x->used--;
}

static const struct join_slot *home(const struct join_index *x, uint64_t hash)
{
    return x->slots > 0 ? &x->slot[(uint32_t)hash & (x->slots - 1)] : NULL;
}

void join_rows_fetch_slots(const struct join_rows *r, uint64_t hash)
{
    __builtin_prefetch(home(&r->index[LEFT], hash));
    __builtin_prefetch(home(&r->index[RIGHT], hash));
}

void join_rows_fetch_rows(const struct join_rows *r, uint64_t hash)
{
    for (int side = 0; side < 2; side++) {
        const struct join_slot *slot = home(&r->index[side], hash);
        if (slot && slot->root && slot->hash == (uint32_t)hash) {
            __builtin_prefetch(&slot->root->time);
            __builtin_prefetch(slot->root->bytes);
        }
    }
}

/* ---- rows ---- */

int64_t join_last(const struct join_plan *p, int side, int64_t time)
{
    int64_t last;
    return __builtin_add_overflow(time, p->side[side].life, &last) ? INT64_MAX : last;
}

static void link_row(struct join_rows *r, struct waiting *w)
{
    struct join_index *x = &r->index[w->side];
    if ((x->used + 1) * 4 > x->slots * 3) {
        grow(x);
    }
    struct join_key key = {w->bytes, w->key_n, w->hash};
    struct join_slot *slot = find_slot(x, &key);
    int64_t last = join_last(r->plan, w->side, w->time);
    struct join_block *b = block_of(w->block);
    x->rows++;
    x->used += slot->root == NULL;
    slot->hash = w->hash;
    tree_add(&slot->root, w);
    b->last = last > b->last ? last : b->last;
}

static void unlink_row(struct join_rows *r, struct waiting *w)
{
    struct join_index *x = &r->index[w->side];
    struct join_key key = {w->bytes, w->key_n, w->hash};
    struct join_slot *slot = find_slot(x, &key);
    x->rows--;
    tree_remove(&slot->root, w);
    if (slot->root == NULL) {
        clear_slot(x, (uint64_t)(slot - x->slot));
    }
}

/* From now on the timers have the block. NULL: nothing to do. */
static void set_timer(struct join_rows *r, struct state_entry *block)
{
    if (block) {
        heap_push(&r->timers, block_of(block)->last, block);
    }
}

void join_rows_begin(struct join_rows *r)
{
    if (state_dirty_bytes(r->blocks.state) == 0) { /* what is open is not among the changes */
        set_timer(r, join_blocks_close(&r->blocks, LEFT));
        set_timer(r, join_blocks_close(&r->blocks, RIGHT));
    }
}

/* Rows wait with the last one of their block: a row whose time is far off gets another one. */
static bool is_apart(const struct join_rows *r, int side, int64_t last)
{
    const struct state_entry *open = r->blocks.open[side];
    if (open == NULL) {
        return false;
    }
    int64_t theirs = block_of(open)->last;
    uint64_t apart =
        last > theirs ? (uint64_t)last - (uint64_t)theirs : (uint64_t)theirs - (uint64_t)last;
    return apart > (uint64_t)r->plan->side[side].life + APART_MOST;
}

void join_rows_add(struct join_rows *r, int side, const struct join_key *key, int64_t time,
                   bool has_met, const struct buffer *row)
{
    bool is_alone = r->plan->side[side].is_kept;
    struct state_entry *closed;
    if (is_apart(r, side, join_last(r->plan, side, time))) {
        set_timer(r, join_blocks_close(&r->blocks, side));
    }
    struct waiting *w = join_blocks_add(&r->blocks, side, key, (uint32_t)row->n, is_alone, &closed);
    set_timer(r, closed);
    w->time = time;
    w->has_met = has_met;
    if (row->n > 0) {
        memcpy(w->bytes + key->n, row->data, row->n);
    }
    link_row(r, w);
    if (is_alone) {
        set_timer(r, join_blocks_close(&r->blocks, side));
    }
}

static void walk_down(struct join_rows *r, struct waiting *w, int64_t from)
{
    while (w) {
        bool is_in = w->time >= from;
        if (is_in) {
            if (r->depth == r->cap) {
                r->cap = r->cap ? r->cap * 2 : 64;
                r->stack = mem_resize(r->stack, r->cap, sizeof(struct waiting *));
            }
            r->stack[r->depth++] = w;
        }
        w = w->child[!is_in];
    }
}

void join_rows_walk(struct join_rows *r, int side, const struct join_key *key, int64_t from,
                    int64_t to)
{
    const struct join_index *x = &r->index[side];
    r->depth = 0;
    r->until = to;
    if (x->used > 0) {
        walk_down(r, find_slot(x, key)->root, from);
    }
}

struct waiting *join_rows_next(struct join_rows *r)
{
    if (r->depth == 0) {
        return NULL;
    }
    struct waiting *w = r->stack[--r->depth];
    if (w->time > r->until) {
        r->depth = 0;
        return NULL;
    }
    walk_down(r, w->child[1], TIME_MIN);
    return w;
}

struct state_entry *join_rows_expired(struct join_rows *r, int64_t watermark)
{
    for (int side = 0; side < 2; side++) {
        const struct state_entry *open = r->blocks.open[side];
        if (open && block_of(open)->last < watermark) {
            set_timer(r, join_blocks_close(&r->blocks, side));
        }
    }
    const struct heap_entry *first = heap_peek(&r->timers);
    struct heap_entry taken;
    if (first == NULL || first->time >= watermark) {
        return NULL;
    }
    heap_pop(&r->timers, &taken);
    return taken.item;
}

int64_t join_rows_next_last(const struct join_rows *r)
{
    const struct heap_entry *first = heap_peek(&r->timers);
    int64_t least = first ? first->time : TIME_MAX;
    for (int side = 0; side < 2; side++) {
        const struct state_entry *open = r->blocks.open[side];
        least = open && block_of(open)->last < least ? block_of(open)->last : least;
    }
    return least;
}

uint64_t join_rows_bytes(const struct join_rows *r)
{
    uint64_t slots = r->index[LEFT].slots + r->index[RIGHT].slots;
    return slots * sizeof(struct join_slot) + r->timers.cap * sizeof(struct heap_entry);
}

void join_rows_remove(struct join_rows *r, struct state_entry *block)
{
    struct join_block *b = block_of(block);
    for (struct waiting *w = block_first(b); w; w = block_next(b, w)) {
        __builtin_prefetch(home(&r->index[w->side], w->hash));
    }
    for (struct waiting *w = block_first(b); w; w = block_next(b, w)) {
        unlink_row(r, w);
    }
    state_delete(r->blocks.state, block);
}

static int restore_block(void *ctx, struct state_entry *e)
{
    struct join_rows *r = ctx;
    struct join_block *b = block_of(e);
    int status = join_blocks_restored(&r->blocks, e);
    if (status < 0) {
        return status;
    }
    b->last = INT64_MIN;
    for (struct waiting *w = block_first(b); w; w = block_next(b, w)) {
        link_row(r, w);
    }
    set_timer(r, e);
    return 0;
}

int join_rows_open(struct join_rows *r, const struct join_plan *p, struct state *state,
                   struct err *e)
{
    *r = (struct join_rows){.plan = p};
    join_blocks_init(&r->blocks, state);
    heap_init(&r->timers);
    if (state_each(state, restore_block, r) < 0) {
        return err_set(e, ERR_DATA, "the restored state of the join is damaged");
    }
    return 0;
}

void join_rows_done(struct join_rows *r)
{
    heap_done(&r->timers);
    mem_free(r->index[LEFT].slot);
    mem_free(r->index[RIGHT].slot);
    mem_free(r->stack);
    *r = (struct join_rows){0};
}
