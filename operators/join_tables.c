/* What a join of two tables does with a change of either, as Kafka Streams' KTable-KTable join.
 *
 *   of each key the last row of both sides is kept; a joined row is there
 *
 *        inner   while both are          left   while the left one is          outer   while either is
 *
 *   change    the joined row as it is now comes out; its deletion when it ceases to be; nothing where
 *             there was none and is none
 *   order     that of arrival: of one key the last row to come counts, whatever its time
 *   time      the later of both rows; of a deletion, of the row that deletes and the other side's
 *   null      a row whose key has a null column is dropped and counted
 *   nothing   to delete: a deletion of a row that is not there is left out and counted
 *   state     key: key bytes
 *             value: 1 byte, sides that are there, 1 left + 2 right | of each: varint time | varint
 *             n | row (engine/row.h)                                                version 1
 *   layout    that these are tables; names and types of the columns kept, of both sides
 *   restart   the store is all there is
 *   disk      entries may lie there
 *
 * One entry per key for as long as either side has a row: nothing expires.
 */
#include "operators/join_internal.h"

#include "engine/key.h"
#include "engine/memory.h"

#include <string.h>

struct side_row {
    bool is_there;
    int64_t time;
    struct join_kept row;
};

struct tables_op {
    struct join_output out;
    struct buffer row;   /* the one in hand */
    struct buffer value; /* of the entry in hand */
};

/* ---- entries ---- */

/* Both rows of a value; -ERR_DATA when it is damaged. They live as long as the bytes. */
static int read_entry(const uint8_t *p, size_t n, struct side_row both[2])
{
    const uint8_t *end = p + n;
    uint8_t there = n > 0 ? *p++ : 0;
    if (there < 1 || there > 3) {
        return -ERR_DATA;
    }
    for (int side = 0; side < 2; side++) {
        int64_t row_n = 0;
        both[side] = (struct side_row){.is_there = there >> side & 1};
        if (!both[side].is_there) {
            continue;
        }
        p = varint_read(p, end, &both[side].time);
        p = p ? varint_read(p, end, &row_n) : NULL;
        if (p == NULL || row_n < 0 || row_n > end - p) {
            return -ERR_DATA;
        }
        both[side].row = (struct join_kept){p, (size_t)row_n};
        p += row_n;
    }
    return p == end ? 0 : -ERR_DATA;
}

/* Makes the entry hold these rows, which may lie in it: they are moved along. */
static void write_entry(struct op *op, struct state_entry *e, struct side_row both[2])
{
    struct tables_op *self = op->self;
    struct buffer *out = &self->value;
    size_t at[2] = {0};
    buffer_clear(out);
    buffer_byte(out, (uint8_t)(both[LEFT].is_there | both[RIGHT].is_there << 1));
    for (int side = 0; side < 2; side++) {
        if (both[side].is_there) {
            buffer_varint(out, both[side].time);
            buffer_varint(out, (int64_t)both[side].row.n);
            at[side] = out->n;
            buffer_add(out, both[side].row.p, both[side].row.n);
        }
    }
    for (int side = 0; side < 2; side++) {
        both[side].row.p = both[side].is_there ? out->data + at[side] : NULL;
    }
    e = state_resize(op->state, e, (uint32_t)out->n);
    memcpy(state_value(e), out->data, out->n);
    state_touch(op->state, e);
}

/* ---- rows ---- */

static bool is_joined(const struct join_plan *p, const struct side_row both[2])
{
    bool has_left = both[LEFT].is_there, has_right = both[RIGHT].is_there;
    return (has_left && has_right) || (has_left && p->side[LEFT].is_kept) ||
           (has_right && p->side[RIGHT].is_kept);
}

static int tell(struct op *op, const struct side_row both[2], bool is_deleted,
                struct join_result *r)
{
    struct tables_op *self = op->self;
    for (int side = 0; side < 2; side++) {
        r->kept[side] = both[side].row;
        r->time = both[side].is_there && both[side].time > r->time ? both[side].time : r->time;
    }
    r->is_deleted = is_deleted;
    return join_emit(&self->out, r);
}

/* Row `row` of b, or its deletion, into the entry of its key. */
static int change(struct op *op, int input, const struct batch *b, uint16_t row,
                  const struct join_key *key, struct join_result *r)
{
    struct tables_op *self = op->self;
    const struct join_plan *p = op->node->bound;
    bool is_deletion = b->row_op && b->row_op[row] == ROW_DELETE, is_new;
    struct side_row both[2] = {0};
    struct state_entry *e = state_find(op->state, key->hash, key->p, key->n);
    if (e && read_entry(state_value(e), state_value_size(e), both) < 0) {
        return -ERR_FATAL;
    }
    if (is_deletion && !both[input].is_there) {
        op->counter[COUNT_SKIPPED]++;
        return 0;
    }
    bool was_joined = is_joined(p, both);
    both[input] = (struct side_row){.is_there = !is_deletion, .time = r->time};
    if (!is_deletion) {
        buffer_clear(&self->row);
        row_save(&self->row, &p->side[input].row, b, row);
        both[input].row = (struct join_kept){self->row.n ? self->row.data : "", self->row.n};
    }
    if (both[LEFT].is_there || both[RIGHT].is_there) {
        e = e ? e : state_insert(op->state, key->hash, key->p, key->n, 0, &is_new);
        write_entry(op, e, both);
    } else {
        state_delete(op->state, e);
    }
    bool is_there = is_joined(p, both);
    return is_there || was_joined ? tell(op, both, !is_there, r) : 0;
}

int join_tables_push(struct op *op, int input, struct batch *b)
{
    struct tables_op *self = op->self;
    const struct join_plan *p = op->node->bound;
    struct batch mine = *b; /* its own schema may name another key */
    mine.schema = p->side[input].in;
    struct keyed_rows keyed = key_rows(&mine);
    op->counter[COUNT_NULL_KEY] += keyed.nulls;
    join_output_begin(&self->out, b->nsel);
    for (uint16_t k = 0; k < keyed.nsel; k++) {
        uint16_t row = keyed.sel[k];
        int64_t low = batch_low(b, row), seen = b->seen[row];
        low = low > op->watermark ? low : op->watermark;
        struct join_key key = {str_data(&keyed.key[row]), keyed.key[row].n, keyed.hash[row]};
        struct join_result r = {.key = key.p,
                                .key_n = key.n,
                                .time = b->time[row],
                                .seen = seen > low ? seen : low,
                                .low = low};
        int status = change(op, input, &mine, row, &key, &r);
        if (status < 0) {
            return status;
        }
    }
    return join_flush(&self->out);
}

/* ---- life ---- */

/* What is damaged is refused when it is read, wherever it comes from. */
static int load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    (void)ctx;
    struct side_row both[2];
    memcpy(value, saved, n);
    return read_entry(saved, saved_n, both);
}

const struct state_codec join_tables_codec = {.load = load};

int join_tables_open(struct op *op, struct err *e)
{
    struct tables_op *self = mem_zalloc(sizeof *self);
    op->self = self;
    buffer_init(&self->row);
    buffer_init(&self->value);
    self->out = (struct join_output){.plan = op->node->bound, .op = op};
    (void)e;
    return 0;
}

void join_tables_close(struct op *op)
{
    struct tables_op *self = op->self;
    if (self != NULL) {
        buffer_done(&self->row);
        buffer_done(&self->value);
        mem_free(self);
        op->self = NULL;
    }
}
