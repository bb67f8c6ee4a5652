/* Rows that come out of a join: gathered into batches.
 *
 *   key columns   from the key bytes, which are those of both sides; of a row whose key holds a
 *                 null, as they are in that row
 *   others        from a row of the batch in hand or from the bytes of one that was kept; null where
 *                 the side has no row, and in rows that delete
 *   seen, low     the input's watermarks lowered as the one passed on is, so that steps behind
 *                 judge the rows alike in batches of any size
 */
#include "operators/join_internal.h"

#include "engine/key.h"

#ifdef KLAMM_SMALL
#define OUTPUT_ROWS 3
#else
#define OUTPUT_ROWS BATCH_ROWS
#endif
#define OUTPUT_LEAST 16

void join_output_begin(struct join_output *o, uint32_t rows)
{
    uint32_t cap = rows < OUTPUT_LEAST ? OUTPUT_LEAST : rows;
    o->next_cap = (uint16_t)(cap < OUTPUT_ROWS ? cap : OUTPUT_ROWS);
}

static void begin(struct join_output *o)
{
    struct arena *mem = o->op->mem;
    o->mark = arena_mark(mem);
    o->n = 0;
    o->cap = o->next_cap;
    join_output_begin(o, o->cap * 2U);
    o->b = batch_new(mem, o->plan->out, o->cap, o->plan->is_used);
    o->b->low = arena_array(mem, o->cap, sizeof *o->b->low);
    o->b->now = op_now(o->op);
}

/* A value as it is: its text lives as long as the batch it comes from. */
static void share(struct batch *b, struct vec *to, uint16_t row, const struct vec *from,
                  uint16_t from_row)
{
    if (vec_is_null(from, from_row)) {
        vec_set_null(to, b->mem, b->rows, row);
    } else {
        size_t width = vec_width(to->type);
        memcpy((char *)to->data + row * width, (const char *)from->data + from_row * width, width);
    }
}

static int put_key(struct join_output *o, uint16_t row, const struct join_result *r)
{
    struct batch *b = o->b;
    const struct schema *s = o->plan->out;
    if (r->key) {
        return key_restore(s, r->key, r->key_n, b->col, row, b->rows, b->mem);
    }
    int side = r->batch[LEFT] ? LEFT : RIGHT;
    for (uint16_t i = 0; i < s->nkey; i++) {
        uint16_t from = o->plan->side[side].in->key[i];
        share(b, &b->col[s->key[i]], row, &r->batch[side]->col[from], r->row[side]);
    }
    return 0;
}

static int put_side(struct join_output *o, uint16_t row, const struct join_result *r, int side)
{
    const struct join_side *s = &o->plan->side[side];
    struct batch *b = o->b;
    if (r->kept[side].p && !r->is_deleted) {
        return row_load(&s->row, r->kept[side].p, r->kept[side].n, b->col, s->to, row, b->rows,
                        b->mem);
    }
    for (uint16_t i = 0; i < s->row.n; i++) {
        struct vec *to = &b->col[s->to[i]];
        if (r->batch[side] && !r->is_deleted) {
            share(b, to, row, &r->batch[side]->col[s->row.col[i]], r->row[side]);
        } else {
            vec_set_null(to, b->mem, b->rows, row);
        }
    }
    return 0;
}

static int64_t lowered(int64_t watermark, int64_t lag)
{
    return watermark < TIME_MIN + lag ? watermark : watermark - lag;
}

int join_emit(struct join_output *o, const struct join_result *r)
{
    if (o->b && o->n == o->cap) {
        int status = join_flush(o);
        if (status < 0) {
            return status;
        }
    }
    if (o->b == NULL) {
        begin(o);
    }
    uint16_t row = o->n++;
    o->b->time[row] = r->time;
    o->b->seen[row] = lowered(r->seen, o->plan->lag);
    o->b->low[row] = lowered(r->low, o->plan->lag);
    if (r->is_deleted) {
        o->b->row_op = o->b->row_op ? o->b->row_op : arena_zalloc(o->b->mem, o->cap);
        o->b->row_op[row] = ROW_DELETE;
    }
    int status = put_key(o, row, r);
    status = status < 0 ? status : put_side(o, row, r, LEFT);
    return status < 0 ? status : put_side(o, row, r, RIGHT);
}

int join_flush(struct join_output *o)
{
    struct batch *b = o->b;
    if (b == NULL) {
        return 0;
    }
    o->b = NULL;
    b->rows = b->nsel = o->n;
    int status = op_emit(o->op, 0, b);
    arena_release(b->mem, o->mark);
    return status;
}
