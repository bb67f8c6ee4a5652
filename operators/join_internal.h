/* What join*.c share. Not for others. */
#ifndef KLAMM_OPERATORS_JOIN_INTERNAL_H
#define KLAMM_OPERATORS_JOIN_INTERNAL_H

#include "engine/heap.h"
#include "engine/row.h"
#include "engine/step.h"

enum { LEFT, RIGHT };

/* One input. */
struct join_side {
    const struct schema *in;
    bool is_kept;          /* a row without partner comes out alone */
    int64_t before, after; /* a row of time t: its partners are in [t - before, t + after] */
    int64_t life;          /* after + grace: it waits until the watermark is beyond t + life */
    struct row_layout row; /* columns that come out, but for the key */
    uint16_t *to;          /* where, in the output */
};

/* node->bound. */
struct join_plan {
    struct join_side side[2];
    const struct schema *out;
    struct join_source {
        int side; /* of a key column: -1 */
        uint16_t column;
    } * from;      /* per column of out */
    bool *is_used; /* per column of out: somebody reads it */
    int64_t lag;
    bool of_tables; /* join_tables.c; else join_match.c with join_rows.c */
};

/* ---- rows that wait ---- */

/* A row in state, in a block. Rows of a side have growing numbers, in the order of arrival. */
struct waiting {
    struct waiting *child[2];  /* in the tree of its key: earlier, later */
    struct state_entry *block; /* where it lies */
    int64_t time;
    uint64_t number;
    uint32_t hash; /* of its key, the lower half */
    uint32_t key_n, row_n;
    uint8_t side;
    uint8_t has_met; /* a partner; only kept sides note it */
    char bytes[];    /* key, row */
};

/* The value of an entry: rows of one side, at least one, one behind the other. The entry's key is
 * the number of the first, 8 bytes big-endian. */
struct join_block {
    int64_t last;       /* watermark at which one of its rows still waits */
    uint32_t used, cap; /* bytes */
    char bytes[];
};

struct join_key {
    const void *p;
    uint32_t n;
    uint64_t hash;
};

/* ---- join_blocks.c ---- */

struct join_blocks {
    struct state *state;
    struct state_entry *open[2]; /* per side: the block that takes the next row, or NULL */
    uint32_t cap[2];             /* of the next block */
    uint64_t next;               /* number of the next row */
};

/* How they are saved. */
extern const struct state_codec join_codec;

static inline struct join_block *block_of(const struct state_entry *e)
{
    return (struct join_block *)state_value(e);
}
static inline struct waiting *block_first(struct join_block *b)
{
    return (struct waiting *)(void *)b->bytes;
}
/* The row behind w; NULL: w is the last. */
struct waiting *block_next(struct join_block *b, struct waiting *w);
/* The bytes of row.h. */
const void *waiting_row(const struct waiting *w, size_t *n);

void join_blocks_init(struct join_blocks *b, struct state *state);
/* A new row, at the end of the side's open block or, where there is no room, of a new one, of which
 * it is the only row with is_alone. Its members are set but for time, has_met, child and the bytes
 * of its row. *closed: the block that was open until now, or NULL. */
struct waiting *join_blocks_add(struct join_blocks *b, int side, const struct join_key *key,
                                uint32_t row_n, bool is_alone, struct state_entry **closed);
/* Finishes what is in a restored entry. -ERR_DATA: its key is no number. */
int join_blocks_restored(struct join_blocks *b, struct state_entry *e);
/* The side's open block takes no more rows: it is returned, or NULL. */
struct state_entry *join_blocks_close(struct join_blocks *b, int side);

/* ---- join_rows.c ---- */

struct join_index {
    struct join_slot {
        struct waiting *root; /* of the tree of a key; NULL: empty */
        uint32_t hash;
    } * slot;             /* open addressing */
    uint64_t slots, used; /* slots: a power of two, or 0 */
    uint64_t rows;
};

struct join_rows {
    const struct join_plan *plan;
    struct join_index index[2]; /* per side */
    struct join_blocks blocks;
    struct heap timers;     /* (last, block), of all blocks but the open ones */
    struct waiting **stack; /* of the walk in hand */
    uint32_t depth, cap;
    int64_t until;
};

/* Indexes what the restored store holds. Free it with join_rows_done, also after a failure. */
int join_rows_open(struct join_rows *r, const struct join_plan *p, struct state *state,
                   struct err *e);
void join_rows_done(struct join_rows *r);

/* Before rows of a batch: blocks committed meanwhile take no more rows. */
void join_rows_begin(struct join_rows *r);
/* A row with a key of this hash comes: first its slots, then, sooner, the rows that they lead to.
 */
void join_rows_fetch_slots(const struct join_rows *r, uint64_t hash);
void join_rows_fetch_rows(const struct join_rows *r, uint64_t hash);
void join_rows_add(struct join_rows *r, int side, const struct join_key *key, int64_t time,
                   bool has_met, const struct buffer *row);
/* Begins a walk over the rows of a side with this key and times from `from` to `to`, by time, then
 * in the order of arrival. One walk at a time; rows are neither added nor removed meanwhile. */
void join_rows_walk(struct join_rows *r, int side, const struct join_key *key, int64_t from,
                    int64_t to);
struct waiting *join_rows_next(struct join_rows *r);
/* The block with the least `last` leaves the timers, if that is below `watermark`; NULL: none is.
 * Its rows stay in the index until it is removed. */
struct state_entry *join_rows_expired(struct join_rows *r, int64_t watermark);
void join_rows_remove(struct join_rows *r, struct state_entry *block);
/* The least `last` of a block, TIME_MAX: none does. */
int64_t join_rows_next_last(const struct join_rows *r);
/* Held outside of the store. */
uint64_t join_rows_bytes(const struct join_rows *r);
/* Last watermark at which a row of this side and time waits. */
int64_t join_last(const struct join_plan *p, int side, int64_t time);

/* ---- join_output.c: rows that come out ---- */

struct join_output {
    const struct join_plan *plan;
    struct op *op;
    struct batch *b; /* NULL: none begun */
    uint16_t n, cap;
    uint16_t next_cap; /* of the next batch */
    struct arena_mark mark;
};

/* A result: of each side a row of a batch, one that was kept, or none. */
struct join_result {
    const void *key; /* NULL: a row of a batch whose key holds a null; its key columns are taken */
    uint32_t key_n;
    int64_t time, seen, low; /* seen, low: by the watermarks of the input */
    const struct batch *batch[2];
    uint16_t row[2];
    struct join_kept {
        const void *p; /* bytes of row.h; NULL: none */
        size_t n;
    } kept[2];
    bool is_deleted; /* only its key comes out */
};

/* rows: a guess of how many results come. */
void join_output_begin(struct join_output *o, uint32_t rows);
int join_emit(struct join_output *o, const struct join_result *r);
int join_flush(struct join_output *o);

/* ---- join_match.c: what happens ---- */

int join_open(struct op *op, struct err *e);
int join_push(struct op *op, int input, struct batch *b);
int join_watermark(struct op *op, int64_t time);
void join_close(struct op *op);
void join_describe(struct op *op, struct open_state *out);
uint64_t join_index_bytes(const struct op *op);

/* ---- join_tables.c: what happens with tables ---- */

extern const struct state_codec join_tables_codec;
int join_tables_open(struct op *op, struct err *e);
int join_tables_push(struct op *op, int input, struct batch *b);
void join_tables_close(struct op *op);

#endif
