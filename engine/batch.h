/* Batch: up to BATCH_ROWS rows as columns, the unit that flows between steps.
 *
 *        sel: 1 3 4            rows in use, ascending; NULL: all
 *   time     . # . # # .       event time, ms
 *   seen     . # . # # .       watermark as of each row, including it
 *   low      . # . # # .       the same for timers
 *   col[0]   . # . # # .
 *   col[1]   . # . # # .
 *
 * Lateness is judged by `seen`, so that the size of batches never shows in the output. Behind a
 * repartition it is that of the partition that the row came from, and `low`, which is less, the
 * least of all of them.
 *
 * A batch never leaves its task. A step borrows it for the time of push(); what it derives it
 * allocates from `mem` (the task's batch arena), which is released when the outermost push returns.
 * What outlives the push is copied into state. Every loop over rows goes through sel:
 *
 *     for (uint16_t k = 0; k < b->nsel; k++) { uint16_t row = batch_row(b, k); ... }
 */
#ifndef KLAMM_ENGINE_BATCH_H
#define KLAMM_ENGINE_BATCH_H

#include "engine/arena.h"
#include "engine/schema.h"
#include "engine/vector.h"

#define BATCH_ROWS 2048

enum row_op { ROW_UPSERT = 0, ROW_DELETE = 1 };

struct record; /* codec.h: the source record of a row */

struct batch {
    const struct schema *schema;
    uint16_t rows;       /* length of every array below */
    uint16_t nsel;       /* rows in use */
    const uint16_t *sel; /* NULL: rows 0 .. rows-1, and nsel == rows */
    int64_t *time;
    int64_t *seen;
    int64_t *low;                       /* NULL: as seen */
    uint8_t *row_op;                    /* NULL: all upserts */
    const struct record *const *origin; /* record of each row, behind a repartition that
                                           of the internal topic; NULL behind windows */
    int32_t *part;                      /* source partition of each row, behind a repartition;
                                           NULL: one for all */
    struct vec *col;                    /* schema->n of them */
    struct arena *mem;
    int64_t now; /* wall clock, ms, set by the task: what now() of expressions says */
};

static inline uint16_t batch_row(const struct batch *b, uint16_t k)
{
    return b->sel ? b->sel[k] : k;
}

static inline int64_t batch_low(const struct batch *b, uint16_t row)
{
    return b->low ? b->low[row] : b->seen[row];
}

/* An empty batch: arrays for `rows` rows, columns allocated unless needs[c] is false (needs may be
 * NULL). nsel is 0 until the caller sets it with rows. */
struct batch *batch_new(struct arena *mem, const struct schema *schema, uint16_t rows,
                        const bool *needs);
/* The same rows with another selection (ascending subset). */
struct batch batch_select(const struct batch *b, const uint16_t *sel, uint16_t nsel);
/* The rows that do not delete: those that a step which counts or learns takes. */
struct batch batch_upserts(const struct batch *b);
/* A batch of b's rows (time, seen, op, origin, selection shared) with room for another schema's
 * columns; col is zeroed, the caller fills it. */
struct batch batch_reshape(const struct batch *b, const struct schema *schema);

#endif
