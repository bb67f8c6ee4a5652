/* Saved rows: rows that were kept as bytes come out again, in batches, with one column more.
 *
 * For steps whose output is their input's columns (those of a layout) and a long or timestamp. One
 * owner; nothing is kept between two calls of a step.
 */
#ifndef KLAMM_WINDOWS_SAVED_ROWS_H
#define KLAMM_WINDOWS_SAVED_ROWS_H

#include "engine/row.h"
#include "engine/step.h"

/* In the plan: the input's visible and key columns, then the new one. */
struct saved_schema {
    struct row_layout layout; /* of the columns kept */
    uint16_t *to;             /* where they stand in the output */
    uint16_t added;           /* the new column */
    struct schema *out;
};

/* Fails (node_error) when the input has a column of the new one's name. */
int saved_schema_bind(struct saved_schema *s, struct node *n, const char *name,
                      const struct type *type);

struct saved_rows {
    struct op *op;
    const struct saved_schema *schema;
    uint64_t left;   /* rows that will still come: sizes the batches */
    struct batch *b; /* NULL: none begun */
    uint16_t cap;
    struct arena_mark mark;
};

/* A row with its event time (also its `seen`) and the new column's value. What was taken from
 * op->mem since the first row of a batch is gone when the batch is full. */
int saved_rows_add(struct saved_rows *r, const void *bytes, size_t n, int64_t time, int64_t added);
int saved_rows_flush(struct saved_rows *r);

#endif
