/* Waiting: rows that were predicted and wait for their labels, in the state of a learning step.
 *
 *     waiting_add(&w, state, key, &row)                       a row came
 *     waiting_take(&w, state, key, from, to, each, ctx)       a label came: rows with these times
 *     waiting_expire(&w, state, watermark, each, ctx)         rows that no label can reach any more
 */
#ifndef KLAMM_ML_WAITING_H
#define KLAMM_ML_WAITING_H

#include "engine/buffer.h"
#include "engine/heap.h"
#include "engine/state.h"
#include "engine/str.h"

#include <stdint.h>

struct waiting {
    int64_t within;      /* ms that a row waits */
    int64_t width;       /* ms of a bucket */
    struct heap due;     /* buckets by the watermark that ends them; item: struct waiting_bucket */
    struct state *pages; /* bucket and key -> how many pages there are, uint32_t */
    uint64_t rows;
    struct buffer key, page, kept; /* scratch */
};

/* within: over 0. */
void waiting_init(struct waiting *w, int64_t within);
void waiting_done(struct waiting *w);
/* Takes note of what is in a restored store. */
int waiting_restore(struct waiting *w, struct state *s);
uint64_t waiting_index_bytes(const struct waiting *w);

/* `row`: the caller's bytes, given back as they are. */
void waiting_add(struct waiting *w, struct state *s, const struct str *key, int64_t time,
                 const struct buffer *row);

/* One row, which stays when it returns 0, is gone when it returns 1, or stops all when negative.
 * The bytes die with the return. */
typedef int (*waiting_each)(void *ctx, const struct str *key, int64_t time, const char *row,
                            size_t n);
/* The rows of a key with from <= time <= to, by bucket, then in order of arrival. */
int waiting_take(struct waiting *w, struct state *s, const struct str *key, int64_t from,
                 int64_t to, waiting_each each, void *ctx);
/* All rows that have waited longer than `within` as of this watermark, by bucket and key; each must
 * not return 0. */
int waiting_expire(struct waiting *w, struct state *s, int64_t watermark, waiting_each each,
                   void *ctx);
/* Least watermark that expires anything; INT64_MAX: none. */
int64_t waiting_next(const struct waiting *w);

#endif
