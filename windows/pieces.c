/* Pieces of windows on disk: see pieces.h.
 *
 *   a part     of each range as much as its share of the memory allows; then it ends at the least of
 *              the keys that these have come to, and what was read behind it comes again with the
 *              next. What is dirty comes from one walk over that list, for all ranges
 *   sorted     the ranges are gone through once for their keys, in slices; then a part is as many
 *              keys as there is room for the pieces of
 */
#include "windows/pieces.h"

#include "engine/big_endian.h"
#include "engine/error.h"
#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

#define PREFIX_BYTES (2 * WORD_BYTES)
#define ENTRY_BYTES  64 /* of the store, beside its key and value, about */

/* A range: all keys of a pos and `from`. */
struct reached {
    char prefix[PREFIX_BYTES];
    bool has_more;
    struct buffer last; /* its last key that was met, with the prefix */
};

void pieces_init(struct pieces *p, struct series_set *set)
{
    *p = (struct pieces){.set = set};
    agenda_init(&p->there);
    buffer_init(&p->upto);
}

void pieces_done(struct pieces *p)
{
    for (uint32_t i = 0; i < p->cap_ranges; i++) {
        buffer_done(&p->range[i].last);
    }
    agenda_done(&p->there);
    buffer_done(&p->upto);
    piece_keys_done(&p->keys);
    mem_free(p->range);
    mem_free(p->found);
    *p = (struct pieces){0};
}

uint64_t pieces_bytes(const struct pieces *p)
{
    return agenda_bytes(&p->there) + piece_keys_bytes(&p->keys) +
           p->cap_found * sizeof(struct state_entry *) + p->cap_ranges * sizeof(struct reached);
}

/* ---- which there are ---- */

void pieces_add(struct pieces *p, int64_t pos, int64_t from)
{
    struct date *d = agenda_at(&p->there, pos);
    void *item = (void *)(uintptr_t)from;
    for (uint32_t i = 0; i < d->n; i++) {
        if (d->item[i] == item) {
            return;
        }
    }
    agenda_add(&p->there, pos, item);
}

int64_t pieces_first(const struct pieces *p)
{
    const struct date *d = agenda_first(&p->there);
    return d ? d->time : SERIES_NEVER;
}

void pieces_drop_first(struct pieces *p)
{
    agenda_drop_first(&p->there);
}

static void add_series(void *ctx, struct series *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        const struct point *point = &series_points(s)[i];
        pieces_add(ctx, point->pos, point_from(point));
    }
}

/* Those on disk; nothing is dirty yet. */
static int load_pieces(struct pieces *p)
{
    char from[PREFIX_BYTES] = {0};
    struct buffer key;
    buffer_init(&key);
    int found;
    while ((found = state_stored_key(p->set->state, from, sizeof from, &key)) > 0) {
        int64_t pos = key.n < sizeof from ? -1 : (int64_t)big_endian_get(key.data);
        int64_t second = pos < 0 ? -1 : (int64_t)big_endian_get((char *)key.data + WORD_BYTES);
        if (second < 0 || second == INT64_MAX) {
            bool is_mark =
                key.n >= sizeof from && series_read_mark(p->set, key.data, (uint32_t)key.n);
            found = is_mark ? 0 : -ERR_DATA; /* the mark is the last of all */
            break;
        }
        pieces_add(p, pos, second);
        big_endian_put(from, (uint64_t)pos);
        big_endian_put(from + WORD_BYTES, (uint64_t)second + 1);
    }
    buffer_done(&key);
    return found;
}

int pieces_load(struct pieces *p)
{
    if (!state_is_complete(p->set->state)) {
        p->by_part = true;
        series_release(p->set);
        return load_pieces(p);
    }
    int status = series_load(p->set, NULL);
    if (status == 0) {
        series_each(p->set, add_series, p);
    }
    return status;
}

bool pieces_follow(struct pieces *p)
{
    if (p->by_part || p->is_held || state_is_complete(p->set->state)) {
        return false;
    }
    p->by_part = true;
    series_release(p->set);
    return true;
}

void pieces_hold(struct pieces *p)
{
    if (!p->is_held) {
        p->is_held = true;
        state_pin(p->set->state);
    }
}

void pieces_let_go(struct pieces *p)
{
    if (p->is_held) {
        p->is_held = false;
        state_unpin(p->set->state);
    }
}

/* ---- a part ---- */

static void add_range(struct pieces *p, int64_t pos, int64_t from)
{
    if (p->nranges == p->cap_ranges) {
        uint32_t cap = p->cap_ranges ? p->cap_ranges * 2 : 8;
        p->range = mem_resize(p->range, cap, sizeof *p->range);
        for (; p->cap_ranges < cap; p->cap_ranges++) {
            buffer_init(&p->range[p->cap_ranges].last);
        }
    }
    struct reached *r = &p->range[p->nranges++];
    big_endian_put(r->prefix, (uint64_t)pos);
    big_endian_put(r->prefix + WORD_BYTES, (uint64_t)from);
    r->has_more = false;
}

static void find_ranges(struct pieces *p)
{
    p->nranges = 0;
    int64_t pos = p->low;
    do {
        const struct date *d = agenda_find(&p->there, pos);
        for (uint32_t i = 0; d && i < d->n; i++) {
            int64_t from = (int64_t)(uintptr_t)d->item[i];
            if (from <= p->window) {
                add_range(p, pos, from);
            }
        }
    } while (pos++ < p->high);
}

static int take_found(void *ctx, struct state_entry *e)
{
    struct pieces *p = ctx;
    if (p->nfound == p->cap_found) {
        p->cap_found = p->cap_found ? p->cap_found * 2 : 64;
        p->found = mem_resize(p->found, p->cap_found, sizeof *p->found);
    }
    p->found[p->nfound++] = e;
    return 0;
}

static const void *key_of(const struct state_entry *e, uint32_t *n)
{
    const char *key = state_key(e, n);
    *n -= PREFIX_BYTES;
    return key + PREFIX_BYTES;
}

static bool is_of_window(const struct pieces *p, struct state_entry *e)
{
    const struct point point = {.pos = entry_pos(e), .entry = e};
    return point.pos >= p->low && point.pos <= p->high && point_from(&point) <= p->window;
}

/* Of what the part before did not have. */
static int take_dirty(void *ctx, struct state_entry *e)
{
    const struct pieces *p = ctx;
    uint32_t n;
    const void *key = key_of(e, &n);
    bool is_before = p->has_upto && bytes_compare(key, n, p->upto.data, p->upto.n) <= 0;
    return is_before || !is_of_window(p, e) ? 0 : take_found(ctx, e);
}

/* The next part of each range. */
static int read_ranges(struct pieces *p)
{
    int status = 0;
    for (uint32_t i = 0; i < p->nranges && status >= 0; i++) {
        struct reached *r = &p->range[i];
        buffer_clear(&r->last);
        if (p->has_upto) {
            buffer_add(&r->last, r->prefix, sizeof r->prefix);
            buffer_add(&r->last, p->upto.data, p->upto.n);
        }
        status = state_range_stored(p->set->state, r->prefix, sizeof r->prefix, &r->last,
                                    p->nranges, take_found, p);
        r->has_more = status > 0;
    }
    return status < 0 ? status : state_each_dirty(p->set->state, take_dirty, p);
}

/* The least of the keys that ranges with more have come to. */
static void find_upto(struct pieces *p)
{
    const struct reached *least = NULL;
    for (uint32_t i = 0; i < p->nranges; i++) {
        const struct reached *r = &p->range[i];
        if (r->has_more &&
            (!least ||
             bytes_compare(r->last.data + PREFIX_BYTES, r->last.n - PREFIX_BYTES,
                           least->last.data + PREFIX_BYTES, least->last.n - PREFIX_BYTES) < 0)) {
            least = r;
        }
    }
    p->has_more = p->has_upto = least != NULL;
    if (least) {
        buffer_clear(&p->upto);
        buffer_add(&p->upto, least->last.data + PREFIX_BYTES, least->last.n - PREFIX_BYTES);
    }
}

/* A part in the order of the keys' bytes. */
static int gather_bytes(struct pieces *p)
{
    p->nfound = 0;
    pieces_hold(p);
    int status = read_ranges(p);
    if (status < 0) {
        return status;
    }
    find_upto(p);
    for (uint32_t i = 0; i < p->nfound; i++) {
        uint32_t n;
        const void *key = key_of(p->found[i], &n);
        if (!p->has_more || bytes_compare(key, n, p->upto.data, p->upto.n) <= 0) {
            series_schedule(p->set, series_bring(p->set, p->found[i]), p->window);
        }
    }
    return 0;
}

/* ---- sorted parts ---- */

static int note_key(void *ctx, struct state_entry *e)
{
    struct pieces *p = ctx;
    uint32_t n;
    const void *key = key_of(e, &n);
    piece_keys_add(&p->keys, key, n);
    p->nfound++;
    return 0;
}

static int note_dirty(void *ctx, struct state_entry *e)
{
    return is_of_window(ctx, e) ? note_key(ctx, e) : 0;
}

/* Keys of all ranges; what is dirty comes first, since it may be committed between two slices. */
static int read_keys(struct pieces *p, struct op *op)
{
    struct state *s = p->set->state;
    int status = 0;
    if (!p->has_more) {
        p->has_more = true;
        p->nread = 0;
        status = state_each_dirty(s, note_dirty, p);
        for (uint32_t i = 0; i < p->nranges; i++) {
            buffer_clear(&p->range[i].last);
        }
    }
    while (status == 0 && p->nread < p->nranges) {
        struct reached *r = &p->range[p->nread];
        p->nfound = 0;
        status = state_range_stored(s, r->prefix, sizeof r->prefix, &r->last, 1, note_key, p);
        p->nread += status == 0;
        state_trim(s);
        status = status < 0 ? status : op_spent(op, p->nfound / 8 + 1);
    }
    return status;
}

/* The pieces of a key, which stay; returns how many bytes they take, about, or what failed. */
static int64_t fetch(struct pieces *p, const struct piece_key *key)
{
    struct buffer *bytes = &p->upto; /* not in use otherwise */
    int64_t room = 0;
    for (uint32_t i = 0; i < p->nranges; i++) {
        const struct reached *r = &p->range[i];
        buffer_clear(bytes);
        buffer_add(bytes, r->prefix, sizeof r->prefix);
        buffer_add(bytes, key->bytes, key->n);
        uint32_t n = (uint32_t)bytes->n;
        struct state_entry *e =
            state_find(p->set->state, hash_bytes(bytes->data, n, 0), bytes->data, n);
        if (e) {
            series_schedule(p->set, series_bring(p->set, e), p->window);
            room += (int64_t)n + state_value_size(e) + ENTRY_BYTES;
        }
    }
    return room;
}

/* Positive: not yet. */
static int gather_sorted(struct pieces *p, const struct schema *schema, struct op *op)
{
    int status = p->is_sorted ? 0 : read_keys(p, op);
    status = status == 0 && !p->is_sorted ? piece_keys_sort(&p->keys, schema, op) : status;
    if (status != 0) {
        return status;
    }
    p->is_sorted = true;
    pieces_hold(p);
    int64_t room = (int64_t)state_part_bytes(p->set->state);
    while (room >= 0 && p->keys.at < p->keys.n) {
        room -= fetch(p, p->keys.key[p->keys.at++]);
    }
    p->has_more = p->keys.at < p->keys.n;
    return 0;
}

int pieces_gather(struct pieces *p, int64_t low, int64_t high, int64_t window,
                  const struct schema *schema, struct op *op)
{
    if (!p->has_more) {
        p->low = low;
        p->high = high;
        p->window = window;
        find_ranges(p);
    }
    return schema ? gather_sorted(p, schema, op) : gather_bytes(p);
}

bool pieces_leave(struct pieces *p)
{
    series_release(p->set);
    pieces_let_go(p);
    state_trim(p->set->state); /* else there may be a part in hand at every commit */
    if (!p->has_more) {
        piece_keys_done(&p->keys);
        p->is_sorted = false;
    }
    return p->has_more;
}

void pieces_behind(const struct pieces *p, struct buffer *key)
{
    buffer_clear(key);
    if (p->is_sorted) {
        const struct piece_key *next = p->keys.key[p->keys.at];
        buffer_add(key, next->bytes, next->n);
    } else {
        buffer_add(key, p->upto.data, p->upto.n);
        buffer_byte(key, 0); /* no key is between */
    }
}
