/* The rows of a join that wait, as they lie in state: in blocks, so that the changelog has few
 * records, and few deletions, for many rows.
 *
 *   block     rows of one side in the order of arrival; it goes when all of them have expired
 *   key       number of its first row, 8 bytes big-endian; both sides count together
 *   saved     side, 1 byte | row ...                                                  version 2
 *   row       has_met, 1 byte | varint number - that of the row before (the key's) | varint time |
 *             varint n, key bytes | varint n, row (engine/row.h)
 *
 *   alone     a row of a kept side has a block of its own: that it has met a partner, and that it
 *             came out, must reach the changelog for this row only
 *   times     rows whose times are far apart do not share a block, as all of them stay until the last
 *             one expires (join_rows_add)
 *   commits   a block that was committed takes no more rows: they would send it whole once more
 *             (join_rows_begin)
 *   size      each block has room for twice the bytes that the one before it came to, so
 *             that a slow stream does not hold empty blocks; up to BLOCK_MOST
 *   restart   restored blocks take no more rows. Rows in them that have expired meet nobody, as
 *             partners are looked for among those that still wait (join_match.c)
 */
#include "operators/join_internal.h"

#include "engine/big_endian.h"
#include "engine/hash.h"
#include "engine/memory.h"

#include <string.h>

#ifdef KLAMM_SMALL
#define BLOCK_MOST 256
#else
#define BLOCK_MOST 4096
#endif
#define BLOCK_LEAST 128
#define ROW_HEAD    ((uint32_t)offsetof(struct waiting, bytes))
#define BLOCK_HEAD  ((uint32_t)offsetof(struct join_block, bytes))

/* ---- layout ---- */

static uint32_t row_bytes(uint32_t key_n, uint32_t row_n)
{
    return (ROW_HEAD + key_n + row_n + 7) & ~7U;
}

struct waiting *block_next(struct join_block *b, struct waiting *w)
{
    char *next = (char *)w + row_bytes(w->key_n, w->row_n);
    return next < b->bytes + b->used ? (struct waiting *)(void *)next : NULL;
}

const void *waiting_row(const struct waiting *w, size_t *n)
{
    *n = w->row_n;
    return w->bytes + w->key_n;
}

/* ---- bytes ---- */

static void save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    (void)ctx;
    (void)n;
    struct join_block *b = (struct join_block *)(uintptr_t)value;
    struct waiting *w = block_first(b);
    uint64_t before = w->number;
    buffer_byte(out, w->side);
    for (; w; w = block_next(b, w)) {
        buffer_byte(out, w->has_met);
        buffer_varint(out, (int64_t)(w->number - before));
        buffer_varint(out, w->time);
        buffer_varint(out, w->key_n);
        buffer_add(out, w->bytes, w->key_n);
        buffer_varint(out, w->row_n);
        buffer_add(out, w->bytes + w->key_n, w->row_n);
        before = w->number;
    }
}

struct saved_row {
    int64_t number, time, key_n, row_n;
    const uint8_t *key, *row;
    uint8_t has_met;
};

static const uint8_t *read_bytes(const uint8_t *p, const uint8_t *end, const uint8_t **bytes,
                                 int64_t *n)
{
    p = varint_read(p, end, n);
    if (p == NULL || *n < 0 || *n > end - p) {
        return NULL;
    }
    *bytes = p;
    return p + *n;
}

/* What stands behind the row, or NULL: damaged. */
static const uint8_t *read_row(const uint8_t *p, const uint8_t *end, struct saved_row *r)
{
    r->has_met = *p++;
    p = r->has_met <= 1 ? varint_read(p, end, &r->number) : NULL;
    p = p ? varint_read(p, end, &r->time) : NULL;
    p = p ? read_bytes(p, end, &r->key, &r->key_n) : NULL;
    return p ? read_bytes(p, end, &r->row, &r->row_n) : NULL;
}

static int64_t loaded_size(void *ctx, const void *saved, size_t n)
{
    (void)ctx;
    const uint8_t *p = saved, *end = p + n;
    struct saved_row r;
    int64_t size = BLOCK_HEAD;
    if (n < 2 || n > UINT32_MAX / 2 || *p > 1) {
        return -ERR_DATA;
    }
    for (p++; p < end; size += row_bytes((uint32_t)r.key_n, (uint32_t)r.row_n)) {
        p = read_row(p, end, &r);
        if (p == NULL) {
            return -ERR_DATA;
        }
    }
    return size;
}

static int load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    (void)ctx;
    const uint8_t *p = saved, *end = p + saved_n;
    struct join_block *b = value;
    uint8_t side = *p++;
    int64_t number = 0;
    *b = (struct join_block){.used = n - BLOCK_HEAD, .cap = n - BLOCK_HEAD};
    for (char *at = b->bytes; p < end;) {
        struct waiting *w = (struct waiting *)(void *)at;
        struct saved_row r;
        p = read_row(p, end, &r);
        number = (int64_t)((uint64_t)number + (uint64_t)r.number);
        *w = (struct waiting){.time = r.time,
                              .number = (uint64_t)number, /* but for that of the block */
                              .hash = (uint32_t)hash_bytes(r.key, (size_t)r.key_n, 0),
                              .key_n = (uint32_t)r.key_n,
                              .row_n = (uint32_t)r.row_n,
                              .side = side,
                              .has_met = r.has_met};
        memcpy(w->bytes, r.key, w->key_n);
        memcpy(w->bytes + w->key_n, r.row, w->row_n);
        at += row_bytes(w->key_n, w->row_n);
    }
    return 0;
}

const struct state_codec join_codec = {.save = save, .loaded_size = loaded_size, .load = load};

int join_blocks_restored(struct join_blocks *b, struct state_entry *e)
{
    uint32_t n;
    const uint8_t *key = state_key(e, &n);
    if (n != WORD_BYTES) {
        return -ERR_DATA;
    }
    uint64_t first = big_endian_get(key);
    for (struct waiting *w = block_first(block_of(e)); w; w = block_next(block_of(e), w)) {
        w->block = e;
        w->number += first;
        b->next = w->number >= b->next ? w->number + 1 : b->next;
    }
    return 0;
}

/* ---- growing ---- */

void join_blocks_init(struct join_blocks *b, struct state *state)
{
    *b = (struct join_blocks){.state = state, .cap = {BLOCK_LEAST, BLOCK_LEAST}};
}

struct state_entry *join_blocks_close(struct join_blocks *b, int side)
{
    struct state_entry *e = b->open[side];
    if (e) {
        uint32_t next = block_of(e)->used * 2;
        b->cap[side] = next < BLOCK_LEAST ? BLOCK_LEAST : next < BLOCK_MOST ? next : BLOCK_MOST;
        b->open[side] = NULL;
    }
    return e;
}

static struct state_entry *block_new(struct join_blocks *b, uint32_t cap)
{
    uint8_t number[WORD_BYTES];
    big_endian_put(number, b->next);
    bool is_new;
    struct state_entry *e = state_insert(b->state, hash_bytes(number, sizeof number, 0), number,
                                         sizeof number, BLOCK_HEAD + cap, &is_new);
    *block_of(e) = (struct join_block){.cap = cap, .last = INT64_MIN};
    return e;
}

struct waiting *join_blocks_add(struct join_blocks *b, int side, const struct join_key *key,
                                uint32_t row_n, bool is_alone, struct state_entry **closed)
{
    uint32_t size = row_bytes(key->n, row_n);
    struct state_entry *e = b->open[side];
    *closed = NULL;
    if (e && block_of(e)->cap - block_of(e)->used < size) {
        *closed = join_blocks_close(b, side);
        e = NULL;
    }
    if (e == NULL) {
        e = block_new(b, is_alone || size > b->cap[side] ? size : b->cap[side]);
        b->open[side] = e;
    }
    struct join_block *block = block_of(e);
    struct waiting *w = (struct waiting *)(void *)(block->bytes + block->used);
    *w = (struct waiting){.block = e,
                          .number = b->next++,
                          .hash = (uint32_t)key->hash,
                          .key_n = key->n,
                          .row_n = row_n,
                          .side = (uint8_t)side};
    if (key->n > 0) {
        memcpy(w->bytes, key->p, key->n);
    }
    block->used += size;
    state_touch(b->state, e);
    return w;
}
