/* Rows as bytes: what a step keeps of a row that waits in its state.
 *
 * A layout says which columns of a schema are kept; the bytes are those columns in order, each an
 * item of nested.h. They can be read as long as the layout has the same words.
 */
#ifndef KLAMM_ENGINE_ROW_H
#define KLAMM_ENGINE_ROW_H

#include "engine/batch.h"
#include "engine/buffer.h"

struct row_layout {
    const struct schema *schema;
    uint16_t n;
    uint16_t *col; /* numbers in schema, ascending */
};

#define ROW_SKIP UINT16_MAX

/* No columns yet, room for all of them. */
struct row_layout row_layout_new(struct arena *a, const struct schema *schema);
void row_layout_add(struct row_layout *l, uint16_t column);
/* A line per column kept, its name and type: words for a step's state_layout. */
void row_layout_words(const struct row_layout *l, struct buffer *words);

/* Appends the bytes of a row of b, whose columns are those of the layout's schema. */
void row_save(struct buffer *out, const struct row_layout *l, const struct batch *b, uint16_t row);
/* Sets col[to[i]] at row `row` of `rows` for the i-th column kept, texts copied to the arena. to
 * NULL: the column's own number; ROW_SKIP leaves a column out. Returns 0, or -ERR_DATA when the
 * bytes are damaged. */
int row_load(const struct row_layout *l, const void *p, size_t n, struct vec *col,
             const uint16_t *to, uint16_t row, uint16_t rows, struct arena *a);

#endif
