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

struct batch batch_reshape(const struct batch *b, const struct schema *schema)
{
    struct batch shaped = *b;
    shaped.schema = schema;
    shaped.col = arena_zalloc(b->mem, schema->n * sizeof *shaped.col);
    return shaped;
}
