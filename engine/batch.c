/* Batch: see batch.h. Everything a batch has is in the arena it was made in.
 */
#include "engine/batch.h"

#include <assert.h>

struct batch *batch_new(struct arena *mem, const struct schema *schema, uint16_t rows,
                        const bool *needs)
{
    struct batch *b = arena_zalloc(mem, sizeof *b);
    b->schema = schema;
    b->rows = rows;
    b->mem = mem;
    b->time = arena_zalloc(mem, rows * sizeof *b->time);
    b->seen = arena_zalloc(mem, rows * sizeof *b->seen);
    b->col = arena_zalloc(mem, schema->n * sizeof *b->col);
    for (uint16_t c = 0; c < schema->n; c++) {
        if (needs == NULL || needs[c]) {
            b->col[c] = vec_new(mem, schema->col[c].type, rows);
        } else {
            b->col[c].type = schema->col[c].type;
        }
    }
    return b;
}

struct batch batch_select(const struct batch *b, const uint16_t *sel, uint16_t nsel)
{
    assert(nsel <= b->nsel);
    struct batch part = *b;
    part.sel = sel;
    part.nsel = nsel;
    return part;
}

struct batch batch_upserts(const struct batch *b)
{
    if (b->row_op == NULL) {
        return *b;
    }
    uint16_t *sel = arena_array(b->mem, b->nsel + 1U, sizeof *sel), n = 0;
    for (uint16_t k = 0; k < b->nsel; k++) {
        uint16_t row = batch_row(b, k);
        if (b->row_op[row] != ROW_DELETE) {
            sel[n++] = row;
        }
    }
    return batch_select(b, sel, n);
}

struct batch batch_reshape(const struct batch *b, const struct schema *schema)
{
    struct batch shaped = *b;
    shaped.schema = schema;
    shaped.col = arena_zalloc(b->mem, schema->n * sizeof *shaped.col);
    return shaped;
}
