/* The rows of a join that wait for partners: state, index, timers.
 *
 *   state     key: number of the row, 8 bytes big-endian, in the order of arrival
 *             value, saved: side + 2 * has_met, 1 byte | varint time | varint n, key bytes |
 *                           row (engine/row.h)                                    version 1
 *   index     per side a hash table with a slot per key: the root of a tree of its rows
 *   tree      by (time, number): a treap, whose priorities are hashes of the numbers; its links are
 *             in the entries, so a key with one row costs its slot only
 *   timers    a heap over the rows of both sides: the last watermark at which a row can be met
 *   layout    names and types of the columns kept, of both sides
 *   restart   index and timers are made again from the entries
 *
 *      slot ──> (20, #3) ──> (10, #1)         finding the partners of a row takes O(log n + found),
 *                       └──> (30, #7)         adding and removing O(log n), n the rows of one key
 */
#include "operators/join_internal.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

#define NUMBER_BYTES 8
#define SLOTS_LEAST  16
#define HEAD         ((uint32_t)offsetof(struct waiting, bytes))

/* ---- bytes ---- */

static void save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    (void)ctx;
    const struct waiting *w = value;
    buffer_byte(out, (uint8_t)(w->side | w->has_met << 1));
    buffer_varint(out, w->time);
    buffer_varint(out, w->key_n);
    buffer_add(out, w->bytes, n - HEAD);
}

/* Reads the head of saved bytes into *w; what stands behind it, or NULL. */
static const uint8_t *load_head(const void *saved, size_t n, struct waiting *w)
{
    const uint8_t *p = saved, *end = p + n;
    int64_t key_n;
    if (n < 1 || *p > 3) {
        return NULL;
    }
    w->side = *p & 1;
    w->has_met = *p >> 1;
    p = varint_read(p + 1, end, &w->time);
    p = p ? varint_read(p, end, &key_n) : NULL;
    if (p == NULL || key_n < 0 || key_n > end - p) {
        return NULL;
    }
    w->key_n = (uint32_t)key_n;
    return p;
}

static int64_t loaded_size(void *ctx, const void *saved, size_t n)
{
    (void)ctx;
    struct waiting head;
    const uint8_t *p = load_head(saved, n, &head);
    return p ? (int64_t)(HEAD + n) - (p - (const uint8_t *)saved) : -ERR_DATA;
}

static int load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    (void)ctx;
    struct waiting *w = value;
    memcpy(w->bytes, load_head(saved, saved_n, w), n - HEAD);
    w->hash = (uint32_t)hash_bytes(w->bytes, w->key_n, 0);
    return 0;
}

const struct state_codec join_codec = {.save = save, .loaded_size = loaded_size, .load = load};

uint64_t waiting_number(const struct state_entry *e)
{
    uint32_t n;
    const uint8_t *p = state_key(e, &n);
    uint64_t number = 0;
    for (int i = 0; i < NUMBER_BYTES; i++) {
        number = number << 8 | p[i];
    }
    return number;
}

const void *waiting_row(const struct state_entry *e, size_t *n)
{
    const struct waiting *w = waiting_of(e);
    *n = state_value_size(e) - HEAD - w->key_n;
    return w->bytes + w->key_n;
}

/* ---- trees ---- */

static uint64_t priority(const struct state_entry *e)
{
    return hash_mix(0, waiting_number(e));
}

static bool is_before(const struct state_entry *a, const struct state_entry *b)
{
    const struct waiting *x = waiting_of(a), *y = waiting_of(b);
    return x->time != y->time ? x->time < y->time : waiting_number(a) < waiting_number(b);
}

static struct state_entry **child(struct state_entry *e, bool is_later)
{
    return &waiting_of(e)->child[is_later];
}

static void tree_add(struct state_entry **link, struct state_entry *e)
{
    uint64_t mine = priority(e);
    while (*link && priority(*link) >= mine) {
        link = child(*link, is_before(*link, e));
    }
    struct state_entry *rest = *link; /* all of it goes below e */
    struct state_entry **earlier = child(e, false), **later = child(e, true);
    while (rest) {
        if (is_before(rest, e)) {
            *earlier = rest;
            earlier = child(rest, true);
            rest = *earlier;
        } else {
            *later = rest;
            later = child(rest, false);
            rest = *later;
        }
    }
    *earlier = *later = NULL;
    *link = e;
}

static void tree_remove(struct state_entry **link, struct state_entry *e)
{
    while (*link != e) {
        link = child(*link, is_before(*link, e));
    }
    struct state_entry *earlier = *child(e, false), *later = *child(e, true);
    while (earlier && later) {
        if (priority(earlier) >= priority(later)) {
            *link = earlier;
            link = child(earlier, true);
            earlier = *link;
        } else {
            *link = later;
            link = child(later, false);
            later = *link;
        }
    }
    *link = earlier ? earlier : later;
}

/* ---- keys ---- */

static bool has_key(const struct state_entry *e, const struct join_key *key)
{
    const struct waiting *w = waiting_of(e);
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
        uint64_t home = x->slot[next].hash & mask;
        if (((next - home) & mask) >= ((next - at) & mask)) {
            x->slot[at] = x->slot[next];
            at = next;
        }
    }
    x->slot[at] = (struct join_slot){NULL, 0};
    x->used--;
}

/* ---- rows ---- */

int64_t join_last(const struct join_plan *p, int side, int64_t time)
{
    int64_t last;
    return __builtin_add_overflow(time, p->side[side].life, &last) ? INT64_MAX : last;
}

static void link_row(struct join_rows *r, struct state_entry *e)
{
    const struct waiting *w = waiting_of(e);
    struct join_index *x = &r->index[w->side];
    if ((x->used + 1) * 4 > x->slots * 3) {
        grow(x);
    }
    struct join_key key = {w->bytes, w->key_n, w->hash};
    struct join_slot *slot = find_slot(x, &key);
    x->used += slot->root == NULL;
    slot->hash = w->hash;
    tree_add(&slot->root, e);
    heap_push(&r->timers, join_last(r->plan, w->side, w->time), e);
}

void join_rows_add(struct join_rows *r, int side, const struct join_key *key, int64_t time,
                   bool has_met, const struct buffer *row)
{
    uint8_t number[NUMBER_BYTES];
    for (int i = 0; i < NUMBER_BYTES; i++) {
        number[i] = (uint8_t)(r->next >> (56 - 8 * i));
    }
    r->next++;
    bool is_new;
    struct state_entry *e = state_insert(r->state, hash_bytes(number, sizeof number, 0), number,
                                         sizeof number, HEAD + key->n + (uint32_t)row->n, &is_new);
    struct waiting *w = waiting_of(e);
    w->time = time;
    w->hash = (uint32_t)key->hash;
    w->key_n = key->n;
    w->side = (uint8_t)side;
    w->has_met = has_met;
    if (key->n > 0) {
        memcpy(w->bytes, key->p, key->n);
    }
    if (row->n > 0) {
        memcpy(w->bytes + key->n, row->data, row->n);
    }
    state_touch(r->state, e);
    link_row(r, e);
}

static void walk_down(struct join_rows *r, struct state_entry *e, int64_t from)
{
    while (e) {
        bool is_in = waiting_of(e)->time >= from;
        if (is_in) {
            if (r->depth == r->cap) {
                r->cap = r->cap ? r->cap * 2 : 64;
                r->stack = mem_resize(r->stack, r->cap, sizeof(struct state_entry *));
            }
            r->stack[r->depth++] = e;
        }
        e = *child(e, !is_in);
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

struct state_entry *join_rows_next(struct join_rows *r)
{
    if (r->depth == 0) {
        return NULL;
    }
    struct state_entry *e = r->stack[--r->depth];
    if (waiting_of(e)->time > r->until) {
        r->depth = 0;
        return NULL;
    }
    walk_down(r, *child(e, true), TIME_MIN);
    return e;
}

struct state_entry *join_rows_expired(struct join_rows *r, int64_t watermark)
{
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
    return first ? first->time : TIME_MAX;
}

uint64_t join_rows_bytes(const struct join_rows *r)
{
    uint64_t slots = r->index[LEFT].slots + r->index[RIGHT].slots;
    return slots * sizeof(struct join_slot) + r->timers.cap * sizeof(struct heap_entry);
}

void join_rows_remove(struct join_rows *r, struct state_entry *e)
{
    const struct waiting *w = waiting_of(e);
    struct join_index *x = &r->index[w->side];
    struct join_key key = {w->bytes, w->key_n, w->hash};
    struct join_slot *slot = find_slot(x, &key);
    tree_remove(&slot->root, e);
    if (slot->root == NULL) {
        clear_slot(x, (uint64_t)(slot - x->slot));
    }
    state_delete(r->state, e);
}

static int restore_row(void *ctx, struct state_entry *e)
{
    struct join_rows *r = ctx;
    uint32_t n;
    (void)state_key(e, &n);
    if (n != NUMBER_BYTES) {
        return -ERR_DATA;
    }
    uint64_t number = waiting_number(e);
    r->next = number >= r->next ? number + 1 : r->next;
    link_row(r, e);
    return 0;
}

int join_rows_open(struct join_rows *r, const struct join_plan *p, struct state *state,
                   struct err *e)
{
    *r = (struct join_rows){.plan = p, .state = state};
    heap_init(&r->timers);
    if (state_each(state, restore_row, r) < 0) {
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
