/* Table: the latest row of each key, or with versions every row of the last while by event time:
 * what the step `table` fills and `lookup` reads. One owner: the task.
 *
 *     struct table_store *s;
 *     table_open(&s, plan, op->state, …);   the rows are in the state, restored or read anew
 *     table_put(s, key, owner, b, row);
 *     row = table_get(s, key, as_of, &n);   bytes of the plan's layout, until the next change
 */
#ifndef KLAMM_ENGINE_TABLE_H
#define KLAMM_ENGINE_TABLE_H

#include "engine/config.h"
#include "engine/row.h"
#include "engine/state.h"

/* What the planner tells the step `table`. */
struct table_cfg {
    int by;                    /* column by which rows are found; -1: their key */
    bool is_versioned;         /* some lookup asks for the past; set while lookups are planned */
    bool has_topic;            /* reads a topic, from which it can be made again */
    struct config_text reader; /* a stream's `from` or `with` that reads its changes; text NULL:
                                  nobody does */
    int64_t history;
};

/* Of one table; read-only once planned. */
struct table_plan {
    const struct table_cfg *cfg;
    const struct schema *schema; /* its rows, keyed by what they are found by */
    struct row_layout layout;    /* all visible columns, in order */
    uint64_t columns;            /* their names and types, hashed */
    struct state_codec codec;
};

/* What may be done when its state is of no use: its topic is read again. Not when its rows come
 * from a stream, nor when a stream reads its changes, for all would be told twice. */
static inline bool table_can_rewind(const struct table_cfg *cfg)
{
    return cfg->has_topic && !cfg->reader.text;
}

struct arena;
struct buffer;
struct table_store;

/* What gives its rows in the changelog their meaning. */
void table_words(const struct table_plan *p, struct buffer *words);
struct table_plan *table_plan_new(struct arena *a, const struct table_cfg *cfg,
                                  const struct schema *in);

/* Takes up what is in the state: kept until close. *is_stale: what the changelog held was of other
 * columns; it is deleted. -ERR_DATA: the disk has failed. */
int table_open(struct table_store **out, const struct table_plan *plan, struct state *rows,
               bool *is_stale);
void table_close(struct table_store *s);
/* Held outside of the state. */
uint64_t table_index_bytes(const struct table_store *s);

/* owner: with `by`, the record key that the row came with; NULL: none. */
void table_put(struct table_store *s, const struct str *key, const struct str *owner,
               const struct batch *b, uint16_t row);
/* key: with `by`, the record key. time: of the deletion. Whether a row was there; with versions or
 * `by` nobody may ask. */
bool table_delete(struct table_store *s, const struct str *key, int64_t time);
/* The row of a key, NULL when there is none. as_of is heeded with versions: the newest row that is
 * not younger; TIME_MAX: the newest. hash is hash_bytes(key). */
const void *table_get(const struct table_store *s, const struct str *key, uint64_t hash,
                      int64_t as_of, uint32_t *n);
/* What table_get() gave does not fit the layout. False: no disk is to blame. */
bool table_damaged(struct table_store *s);
/* Its rows may lie on disk. */
bool table_is_lazy(const struct table_cfg *cfg);
/* The watermark of its rows: versions out of reach of the history go. */
void table_expire(struct table_store *s, int64_t watermark);

#endif
