/* dedupe: {by, within} keeps the first of rows that are the same.
 *
 *   same       equal key and equal `by` values (nulls are equal), event times at most `within`
 *              apart from the row that was kept
 *   forgotten  a kept row's entry, once the watermark has passed its time + within; judged by the
 *              watermark as of each row, so that the size of batches does not show
 *   state      one entry for a row that was kept: its time. Times of one identity are more than
 *              `within` apart, so of buckets `within + 1` ms wide each holds at most one, and a
 *              partner of time t stands in t's bucket or one beside it:
 *
 *                  key     varint, key bytes | identity of the by values | bucket, 8 bytes
 *                  value   time, 8 bytes                                        version 1
 *
 *              with another `within`, or other `by`, it is refused
 *
 *   null       a row whose key has a null column is dropped and counted
 *   late       a row whose entry would be forgotten at once is passed on without one
 *   deleted    rows of an upstream table that delete are counted and left out
 *   restart    the timers are made again from the entries
 */
#include "engine/big_endian.h"
#include "engine/hash.h"
#include "engine/heap.h"
#include "engine/identity.h"
#include "engine/key.h"
#include "engine/memory.h"
#include "engine/shape.h"

#include <inttypes.h>
#include <string.h>

struct dedupe_cfg {
    struct config_list by;
    int64_t within;
};

struct dedupe {
    int64_t within;
    struct shape *by;
    int nby;
    struct computed *computed; /* the same, as they were written */
};

struct dedupe_op {
    struct heap timers; /* (first watermark that forgets, entry) */
    struct buffer key;
};

static int dedupe_bind(struct node *n)
{
    const struct dedupe_cfg *cfg = n->cfg;
    struct computed *c;
    int count;
    if (computed_bind_unnamed(n, &cfg->by, n->in[0], &c, &count) < 0) {
        return -ERR_CONFIG;
    }
    struct dedupe *d = arena_zalloc(n->mem, sizeof *d);
    d->within = cfg->within;
    d->by = shape_new(n, n->in[0], count);
    d->nby = count;
    d->computed = c;
    for (int i = 0; i < count; i++) {
        (void)shape_compute(d->by, &c[i]);
    }
    n->out[0] = n->in[0];
    n->bound = d;
    return 0;
}

static void dedupe_layout(const struct node *n, struct buffer *words)
{
    const struct dedupe *d = n->bound;
    buffer_printf(words, "within %" PRId64 "\n", d->within);
    for (int i = 0; i < d->nby; i++) {
        expression_layout(words, d->computed[i].x);
        buffer_byte(words, '\n');
    }
}

static void dedupe_needs(const struct node *n, const bool *out, bool *in)
{
    const struct dedupe *d = n->bound;
    bool all[COLUMNS_MAX];
    for (uint16_t c = 0; c < d->by->out->n; c++) {
        all[c] = true;
    }
    shape_needs(d->by, all, in);
    for (uint16_t c = 0; c < n->in[0]->n; c++) {
        in[c] = in[c] || out[c];
    }
}

/* Last watermark at which an entry is still remembered. */
static int64_t last_watermark(int64_t time, int64_t within)
{
    int64_t last;
    return __builtin_add_overflow(time, within, &last) ? INT64_MAX : last;
}

static int64_t time_of(const struct state_entry *entry)
{
    int64_t time;
    memcpy(&time, state_value(entry), sizeof time);
    return time;
}

static void set_timer(struct dedupe_op *self, struct state_entry *entry, int64_t within)
{
    int64_t last = last_watermark(time_of(entry), within);
    if (last < INT64_MAX) {
        heap_push(&self->timers, last + 1, entry);
    }
}

struct restoring {
    struct dedupe_op *self;
    int64_t within;
};

static int restore_timer(void *ctx, struct state_entry *entry)
{
    const struct restoring *r = ctx;
    if (state_value_size(entry) != sizeof(int64_t)) {
        return -ERR_DATA;
    }
    set_timer(r->self, entry, r->within);
    return 0;
}

static int dedupe_open(struct op *op, struct err *e)
{
    const struct dedupe *d = op->node->bound;
    struct dedupe_op *self = mem_zalloc(sizeof *self);
    op->self = self;
    heap_init(&self->timers);
    buffer_init(&self->key);
    struct restoring r = {self, d->within};
    if (state_each(op->state, restore_timer, &r) < 0) {
        return err_set(e, ERR_DATA, "the restored state of dedupe is damaged");
    }
    return 0;
}

static int64_t bucket_of(int64_t time, int64_t within)
{
    int64_t width = within + 1, bucket = time / width;
    return bucket - (time % width < 0 ? 1 : 0);
}

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

/* Hash of the state key, whose last 8 bytes become the bucket. */
static uint64_t set_bucket(struct buffer *key, size_t n, uint64_t bucket)
{
    key->n = n;
    big_endian_add(key, bucket);
    return hash_bytes(key->data, key->n, 0);
}

/* Whether the row is one to keep; remembers it then. */
static bool is_first(struct op *op, const struct str *row_key, const struct batch *by, uint16_t row)
{
    const struct dedupe *d = op->node->bound;
    struct dedupe_op *self = op->self;
    int64_t time = by->time[row], seen = by->seen[row];
    buffer_clear(&self->key);
    buffer_varint(&self->key, row_key->n);
    buffer_add(&self->key, str_data(row_key), row_key->n);
    for (uint16_t c = 0; c < by->schema->n; c++) {
        identity_add(&self->key, &by->col[c], row);
    }
    size_t n = self->key.n;
    uint64_t bucket = (uint64_t)bucket_of(time, d->within), hash = 0;
    for (uint64_t k = 0; k < 3; k++) { /* its own bucket last: the key is left as it is inserted */
        hash = set_bucket(&self->key, n, bucket + (k == 0 ? UINT64_MAX : k == 1 ? 1 : 0));
        const struct state_entry *entry =
            state_find(op->state, hash, self->key.data, (uint32_t)self->key.n);
        if (entry != NULL && distance(time_of(entry), time) <= (uint64_t)d->within &&
            seen <= last_watermark(time_of(entry), d->within)) {
            return false;
        }
    }
    if (seen > last_watermark(time, d->within)) {
        return true;
    }
    bool is_new;
    struct state_entry *entry =
        state_insert(op->state, hash, self->key.data, (uint32_t)self->key.n, sizeof time, &is_new);
    memcpy(state_value(entry), &time, sizeof time);
    state_touch(op->state, entry);
    if (is_new) { /* else a forgotten one, whose timer still runs */
        set_timer(self, entry, d->within);
    }
    return true;
}

static int dedupe_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    const struct dedupe *d = op->node->bound;
    struct batch rows = batch_upserts(b);
    struct keyed_rows keyed = key_rows(&rows);
    op->counter[COUNT_SKIPPED] += (uint64_t)(b->nsel - rows.nsel);
    op->counter[COUNT_NULL_KEY] += keyed.nulls;
    struct batch in = batch_select(b, keyed.sel, keyed.nsel), by;
    struct row_errors errors = {0};
    int rc = shape_compute_batch(&in, d->by, &by, &errors);
    rc = rc == 0 ? shape_drop_errors(op, &in, &errors, &by) : rc;
    if (rc < 0) {
        return rc;
    }
    uint16_t *sel = arena_array(b->mem, by.nsel + 1U, sizeof *sel), nsel = 0;
    for (uint16_t k = 0; k < by.nsel; k++) {
        uint16_t row = batch_row(&by, k);
        if (is_first(op, &keyed.key[row], &by, row)) {
            sel[nsel++] = row;
        } else {
            op->counter[COUNT_SKIPPED]++;
        }
    }
    if (nsel == 0) {
        return 0;
    }
    struct batch kept = batch_select(b, sel, nsel);
    return op_emit(op, 0, &kept);
}

static int dedupe_watermark(struct op *op, int64_t time)
{
    const struct dedupe *d = op->node->bound;
    struct dedupe_op *self = op->self;
    const struct heap_entry *next;
    struct heap_entry timer;
    while ((next = heap_peek(&self->timers)) != NULL && next->time <= time) {
        heap_pop(&self->timers, &timer);
        struct state_entry *entry = timer.item;
        if (last_watermark(time_of(entry), d->within) < time) {
            state_delete(op->state, entry);
        } else {
            set_timer(self, entry, d->within); /* it was used again in the meantime */
        }
        if (op_spent(op, 1)) {
            return 1;
        }
    }
    return 0;
}

static void dedupe_close(struct op *op)
{
    struct dedupe_op *self = op->self;
    if (self != NULL) {
        heap_done(&self->timers);
        buffer_done(&self->key);
        mem_free(self);
        op->self = NULL;
    }
}

static void dedupe_describe(struct op *op, struct open_state *out)
{
    const struct dedupe_op *self = op->self;
    const struct heap_entry *next = heap_peek(&self->timers);
    out->what = "rows";
    out->end = "is forgotten";
    out->closes_at = next ? next->time : TIME_MAX;
}

static uint64_t dedupe_index_bytes(const struct op *op)
{
    const struct dedupe_op *self = op->self;
    return self->timers.cap * sizeof(struct heap_entry);
}

static const struct config_field dedupe_fields[] = {
    {"by", CONFIG_EXPRESSIONS, offsetof(struct dedupe_cfg, by),
     .doc = "What makes rows of one key the same; without it, the key alone."},
    {"within", CONFIG_DURATION, offsetof(struct dedupe_cfg, within), .max = 3155760000000,
     .required = true, .doc = "How far apart the event times of duplicates are at most."},
    {0},
};

const struct step_def op_dedupe = {
    .name = "dedupe",
    .doc = "Keeps the first of rows that are the same within a time.",
    .config = dedupe_fields,
    .config_size = sizeof(struct dedupe_cfg),
    .stateful = true,
    .state_version = 1,
    .bind = dedupe_bind,
    .needs = dedupe_needs,
    .state_layout = dedupe_layout,
    .open = dedupe_open,
    .push = dedupe_push,
    .watermark = dedupe_watermark,
    .describe = dedupe_describe,
    .index_bytes = dedupe_index_bytes,
    .close = dedupe_close,
};
