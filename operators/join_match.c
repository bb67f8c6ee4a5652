/* What a join does with a row, and when time goes on.
 *
 *   row of side s, time t, judged by the watermark as of it:
 *
 *     expired   first, rows whose last watermark has passed come out alone (kept side, no partner
 *               met) and are forgotten: ordered by (that watermark, left before right, key,
 *               arrival)
 *     partners  rows of the other side with its key, in [t - before, t + after], that still wait:
 *               each makes a result at once, by (time, arrival)
 *     waiting   it waits for later partners until the watermark is beyond t + after + grace; where
 *               it already is, it comes out alone at once, or is late and counted
 *
 *   null      a row whose key has a null column meets nobody: a kept side's comes out alone at
 *             once, others are dropped and counted
 *   delete    a deletion of an upstream table is skipped and counted
 *   order     rows that expire come out before the results of the row that made them expire, be it
 *             by its own `low` or by a watermark before it: the size of batches never shows
 */
#include "operators/join_internal.h"

#include "engine/key.h"
#include "engine/memory.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_AHEAD                                                                                \
    16 /* rows: what one needs is on its way to the cache while those before are done */
#define ROWS_AHEAD 8

struct due {
    struct waiting *row;
    int side;
    size_t text_at;
    const char *text;
    uint32_t n;
};

struct join_op {
    struct join_rows rows;
    struct join_output out;
    struct buffer bytes; /* of the row in hand */
    struct buffer text;  /* keys of those due together */
    struct due *due;
    uint32_t ndue, nsaid, cap_due;
    int64_t last; /* watermark at which they waited */
};

int join_open(struct op *op, struct err *e)
{
    const struct join_plan *p = op->node->bound;
    struct join_op *self = mem_zalloc(sizeof *self);
    op->self = self;
    buffer_init(&self->bytes);
    buffer_init(&self->text);
    self->out = (struct join_output){.plan = p, .op = op};
    return join_rows_open(&self->rows, p, op->state, e);
}

void join_close(struct op *op)
{
    struct join_op *self = op->self;
    if (self != NULL) {
        join_rows_done(&self->rows);
        buffer_done(&self->bytes);
        buffer_done(&self->text);
        mem_free(self->due);
        mem_free(self);
        op->self = NULL;
    }
}

/* ---- expiry ---- */

static void add_due(struct join_op *self, struct waiting *w)
{
    if (self->ndue == self->cap_due) {
        self->cap_due = self->cap_due ? self->cap_due * 2 : 16;
        self->due = mem_resize(self->due, self->cap_due, sizeof *self->due);
    }
    size_t at = self->text.n;
    key_text(self->rows.plan->side[w->side].in, w->bytes, w->key_n, &self->text);
    self->due[self->ndue++] =
        (struct due){.row = w, .side = w->side, .text_at = at, .n = (uint32_t)(self->text.n - at)};
}

static int compare_due(const void *a, const void *b)
{
    const struct due *x = a, *y = b;
    if (x->side != y->side) {
        return x->side - y->side;
    }
    int order = bytes_compare(x->text, x->n, y->text, y->n);
    if (order == 0) { /* keys that differ and print alike: by their bytes */
        const struct waiting *v = x->row, *w = y->row;
        order = bytes_compare(v->bytes, v->key_n, w->bytes, w->key_n);
    }
    if (order == 0) {
        order = x->row->number < y->row->number ? -1 : 1;
    }
    return order;
}

/* Takes out of the timers all blocks that end with the first one's last watermark, and drops those
 * whose rows have nothing to say. Returns how many; 0: none ends before `watermark`. */
static uint32_t collect_due(struct join_op *self, int64_t watermark)
{
    const struct join_plan *p = self->rows.plan;
    struct state_entry *e = join_rows_expired(&self->rows, watermark);
    uint32_t n = 0;
    self->ndue = self->nsaid = 0;
    if (e == NULL) {
        return 0;
    }
    buffer_clear(&self->text);
    self->last = block_of(e)->last;
    for (; e; e = join_rows_expired(&self->rows, self->last + 1), n++) {
        struct waiting *w = block_first(block_of(e)); /* of a kept side: its only row */
        if (p->side[w->side].is_kept && !w->has_met) {
            add_due(self, w);
        } else {
            join_rows_remove(&self->rows, e);
        }
    }
    for (uint32_t i = 0; i < self->ndue; i++) {
        self->due[i].text = self->due[i].n > 0 ? self->text.data + self->due[i].text_at : "";
    }
    if (self->ndue > 1) {
        qsort(self->due, self->ndue, sizeof *self->due, compare_due);
    }
    return n;
}

static int emit_due(struct join_op *self)
{
    const struct waiting *w = self->due[self->nsaid++].row;
    struct join_result r = {
        .key = w->bytes, .key_n = w->key_n, .time = w->time, .seen = self->last, .low = self->last};
    r.kept[w->side].p = waiting_row(w, &r.kept[w->side].n);
    int status = join_emit(&self->out, &r);
    if (status == 0) {
        join_rows_remove(&self->rows, w->block);
    }
    return status;
}

/* op: in slices, positive: more to do; NULL: at once. */
static int expire(struct join_op *self, int64_t watermark, struct op *op)
{
    int status = 0;
    while (status == 0) {
        uint32_t work = 1;
        if (self->nsaid < self->ndue) {
            status = emit_due(self);
        } else if ((work = collect_due(self, watermark)) == 0) {
            return 0;
        }
        status = status == 0 && op ? op_spent(op, work) : status;
    }
    return status;
}

int join_watermark(struct op *op, int64_t time)
{
    struct join_op *self = op->self;
    join_rows_begin(&self->rows);
    join_output_begin(&self->out, 0);
    int status = expire(self, time, op);
    int flushed = status < 0 ? 0 : join_flush(&self->out);
    return flushed < 0 ? flushed : status;
}

/* ---- rows ---- */

static int64_t clamped(int64_t time, int64_t change)
{
    int64_t t;
    return !__builtin_add_overflow(time, change, &t) ? t : change < 0 ? TIME_MIN : TIME_MAX;
}

/* Results of a row with all its partners. Returns how many, or what failed. */
static int64_t meet(struct op *op, int input, const struct join_key *key, struct join_result *r)
{
    struct join_op *self = op->self;
    const struct join_plan *p = op->node->bound;
    const struct join_side *mine = &p->side[input], *other = &p->side[!input];
    int64_t time = r->time, from = clamped(time, -mine->before), found = 0;
    int64_t alive = clamped(r->seen, -other->life); /* older ones wait no more */
    join_rows_walk(&self->rows, !input, key, from > alive ? from : alive,
                   clamped(time, mine->after));
    for (struct waiting *w; (w = join_rows_next(&self->rows)) != NULL; found++) {
        if (other->is_kept && !w->has_met) {
            w->has_met = true;
            state_touch(op->state, w->block);
        }
        r->kept[!input].p = waiting_row(w, &r->kept[!input].n);
        r->time = w->time > time ? w->time : time;
        int status = join_emit(&self->out, r);
        if (status < 0) {
            return status;
        }
    }
    r->kept[!input].p = NULL;
    r->time = time;
    return found;
}

static int take_row(struct op *op, int input, const struct join_key *key, struct join_result *r)
{
    struct join_op *self = op->self;
    const struct join_plan *p = op->node->bound;
    const struct join_side *mine = &p->side[input];
    int64_t found = meet(op, input, key, r);
    if (found < 0) {
        return (int)found;
    }
    if (r->seen <= join_last(p, input, r->time)) {
        buffer_clear(&self->bytes);
        row_save(&self->bytes, &mine->row, r->batch[input], r->row[input]);
        join_rows_add(&self->rows, input, key, r->time, mine->is_kept && found > 0, &self->bytes);
        return 0;
    }
    if (found == 0 && mine->is_kept) {
        return join_emit(&self->out, r);
    }
    op->counter[COUNT_LATE] += found == 0;
    return 0;
}

static int push_row(struct op *op, int input, const struct batch *b, uint16_t row,
                    const struct join_key *key)
{
    struct join_op *self = op->self;
    const struct join_plan *p = op->node->bound;
    int64_t seen = b->seen[row], low = batch_low(b, row);
    low = low > op->watermark ? low : op->watermark;
    seen = seen > low ? seen : low; /* less where a partition is back that was idle */
    struct join_result r = {.time = b->time[row], .seen = seen, .low = low};
    r.batch[input] = b;
    r.row[input] = row;
    int status = expire(self, r.low, NULL);
    if (status < 0) {
        return status;
    }
    if (b->row_op != NULL && b->row_op[row] == ROW_DELETE) {
        op->counter[COUNT_SKIPPED]++;
        return 0;
    }
    if (key == NULL) {
        op->counter[COUNT_NULL_KEY] += !p->side[input].is_kept;
        return p->side[input].is_kept ? join_emit(&self->out, &r) : 0;
    }
    r.key = key->p;
    r.key_n = key->n;
    return take_row(op, input, key, &r);
}

static void fetch_ahead(const struct join_rows *r, const struct keyed_rows *keyed, uint16_t at)
{
    if (at + SLOTS_AHEAD < keyed->nsel) {
        join_rows_fetch_slots(r, keyed->hash[keyed->sel[at + SLOTS_AHEAD]]);
    }
    if (at + ROWS_AHEAD < keyed->nsel) {
        join_rows_fetch_rows(r, keyed->hash[keyed->sel[at + ROWS_AHEAD]]);
    }
}

int join_push(struct op *op, int input, struct batch *b)
{
    struct join_op *self = op->self;
    const struct join_plan *p = op->node->bound;
    struct batch mine = *b; /* its own schema may name another key */
    mine.schema = p->side[input].in;
    struct keyed_rows keyed = key_rows(&mine);
    join_rows_begin(&self->rows);
    join_output_begin(&self->out, b->nsel);
    for (uint16_t k = 0, at = 0; k < mine.nsel; k++) {
        uint16_t row = batch_row(&mine, k);
        fetch_ahead(&self->rows, &keyed, at);
        bool has_key = at < keyed.nsel && keyed.sel[at] == row;
        at = (uint16_t)(at + has_key);
        struct join_key key = {0};
        if (has_key) {
            key = (struct join_key){str_data(&keyed.key[row]), keyed.key[row].n, keyed.hash[row]};
        }
        int status = push_row(op, input, &mine, row, has_key ? &key : NULL);
        if (status < 0) {
            return status;
        }
    }
    return join_flush(&self->out);
}

void join_describe(struct op *op, struct open_state *out)
{
    const struct join_op *self = op->self;
    int64_t last = join_rows_next_last(&self->rows);
    out->what = "rows";
    out->n = self->rows.index[LEFT].rows + self->rows.index[RIGHT].rows;
    out->end = "waits no longer";
    out->closes_at = last < TIME_MAX ? last + 1 : TIME_MAX;
}

uint64_t join_index_bytes(const struct op *op)
{
    const struct join_op *self = op->self;
    return join_rows_bytes(&self->rows);
}
