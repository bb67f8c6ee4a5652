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
 *                  key     bucket, 8 bytes | varint, key bytes | identity of the by values
 *                  value   time, 8 bytes                                        version 2
 *
 *              with another `within`, or other `by`, it is refused
 *   disk       entries may lie there; then a bucket goes as a whole, once none of its entries counts
 *              any more, which does not show
 *
 *   null       a row whose key has a null column is dropped and counted
 *   late       a row whose entry would be forgotten at once is passed on without one
 *   deleted    rows of an upstream table that delete are counted and left out
 *   restart    the timers are made again from the entries, or from the buckets that there are
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
    struct heap timers;    /* (first watermark that forgets, entry), while all are in memory */
    bool by_range;         /* they are not, and never will be again */
    struct state *buckets; /* that have entries, or had; keys are their 8 bytes */
    struct heap due;       /* (first watermark at which none of it counts, bucket's entry) */
    uint64_t newest;       /* that was noted last; 0: none */
    struct buffer key, behind;
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
    if (last < INT64_MAX && !self->by_range) {
        heap_push(&self->timers, last + 1, entry);
    }
}

/* ---- buckets ---- */

static int64_t bucket_of(int64_t time, int64_t within)
{
    int64_t width = within + 1, bucket = time / width;
    return bucket - (time % width < 0 ? 1 : 0);
}

/* The least watermark at which none of its entries is remembered. */
static int64_t bucket_end(uint64_t stored, int64_t within)
{
    int64_t bucket = (int64_t)big_endian_signed(stored), end;
    bool is_never = bucket == INT64_MAX || __builtin_mul_overflow(bucket + 1, within + 1, &end) ||
                    __builtin_add_overflow(end, within, &end);
    return is_never ? INT64_MAX : end;
}

static void note_bucket(struct dedupe_op *self, uint64_t stored, int64_t within)
{
    char key[WORD_BYTES];
    bool is_new;
    if (stored == self->newest && stored != 0) {
        return;
    }
    self->newest = stored;
    big_endian_put(key, stored);
    struct state_entry *e =
        state_insert(self->buckets, hash_bytes(key, sizeof key, 0), key, sizeof key, 0, &is_new);
    if (is_new) {
        heap_push(&self->due, bucket_end(stored, within), e);
    }
}

static uint64_t bucket_in(const struct state_entry *entry)
{
    uint32_t n;
    return big_endian_get(state_key(entry, &n));
}

/* The next bucket that has ended is not looked at any more. */
static void drop_bucket(struct dedupe_op *self)
{
    struct heap_entry timer;
    heap_pop(&self->due, &timer);
    self->newest = 0;
    state_delete(self->buckets, timer.item);
    buffer_clear(&self->behind);
}

/* Once the store has sent entries away, timers cannot know them. */
static void follow_store(struct op *op)
{
    struct dedupe_op *self = op->self;
    if (!self->by_range && !state_is_complete(op->state)) {
        self->by_range = true;
        heap_done(&self->timers);
        heap_init(&self->timers);
    }
}

/* ---- restoring ---- */

struct restoring {
    struct dedupe_op *self;
    int64_t within;
};

static int restore_timer(void *ctx, struct state_entry *entry)
{
    const struct restoring *r = ctx;
    uint32_t n;
    (void)state_key(entry, &n);
    if (n < WORD_BYTES) {
        return -ERR_DATA;
    }
    note_bucket(r->self, bucket_in(entry), r->within);
    set_timer(r->self, entry, r->within);
    return 0;
}

/* The buckets that there are on disk. */
static int load_buckets(struct op *op, int64_t within)
{
    struct dedupe_op *self = op->self;
    char from[WORD_BYTES] = {0};
    int found;
    while ((found = state_stored_key(op->state, from, sizeof from, &self->key)) > 0) {
        if (self->key.n < WORD_BYTES) {
            return -ERR_DATA;
        }
        uint64_t stored = big_endian_get(self->key.data);
        note_bucket(self, stored, within);
        if (stored == UINT64_MAX) {
            return 0;
        }
        big_endian_put(from, stored + 1);
    }
    return found;
}

static int dedupe_open(struct op *op, struct err *e)
{
    const struct dedupe *d = op->node->bound;
    struct dedupe_op *self = mem_zalloc(sizeof *self);
    op->self = self;
    heap_init(&self->timers);
    heap_init(&self->due);
    buffer_init(&self->key);
    buffer_init(&self->behind);
    self->buckets = state_memory_new(NULL);
    follow_store(op);
    struct restoring r = {self, d->within};
    int status =
        self->by_range ? load_buckets(op, d->within) : state_each(op->state, restore_timer, &r);
    return status < 0 ? err_set(e, ERR_DATA, "the restored state of dedupe is damaged") : 0;
}

/* ---- rows ---- */

static uint64_t distance(int64_t a, int64_t b)
{
    return a > b ? (uint64_t)a - (uint64_t)b : (uint64_t)b - (uint64_t)a;
}

/* Hash of the state key, whose first 8 bytes become the bucket. */
static uint64_t set_bucket(struct buffer *key, uint64_t bucket)
{
    big_endian_put(key->data, bucket);
    return hash_bytes(key->data, key->n, 0);
}

/* Whether the row is one to keep; remembers it then. */
static bool is_first(struct op *op, const struct str *row_key, const struct batch *by, uint16_t row)
{
    const struct dedupe *d = op->node->bound;
    struct dedupe_op *self = op->self;
    int64_t time = by->time[row], seen = by->seen[row];
    buffer_clear(&self->key);
    big_endian_add(&self->key, 0);
    buffer_varint(&self->key, row_key->n);
    buffer_add(&self->key, str_data(row_key), row_key->n);
    for (uint16_t c = 0; c < by->schema->n; c++) {
        identity_add(&self->key, &by->col[c], row);
    }
    uint64_t bucket = big_endian_signed((uint64_t)bucket_of(time, d->within)), hash = 0;
    for (uint64_t k = 0; k < 3; k++) { /* its own bucket last: the key is left as it is inserted */
        hash = set_bucket(&self->key, bucket + (k == 0 ? UINT64_MAX : k == 1 ? 1 : 0));
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
    note_bucket(self, bucket, d->within);
    if (is_new) { /* else a forgotten one, whose timer still runs */
        set_timer(self, entry, d->within);
    }
    return true;
}

static int dedupe_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    const struct dedupe *d = op->node->bound;
    follow_store(op);
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

/* ---- forgetting ---- */

/* While all entries are in memory: each in its time. Positive: more to do. */
static int forget_entries(struct op *op, int64_t time)
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

struct forgetting {
    struct op *op;
    uint32_t n;
};

static int forget_entry(void *ctx, struct state_entry *entry)
{
    struct forgetting *f = ctx;
    f->n++;
    state_delete(f->op->state, entry);
    return 0;
}

/* A part of the bucket that has ended goes; positive: there is more of it. */
static int forget_part(struct op *op, const struct state_entry *bucket, bool *is_spent)
{
    struct dedupe_op *self = op->self;
    struct forgetting f = {op, 0};
    uint32_t n;
    const void *prefix = state_key(bucket, &n);
    int more = state_range(op->state, prefix, n, &self->behind, forget_entry, &f);
    *is_spent = op_spent(op, f.n + 1);
    return more;
}

static int dedupe_watermark(struct op *op, int64_t time)
{
    struct dedupe_op *self = op->self;
    const struct heap_entry *next;
    bool is_spent = false;
    follow_store(op);
    int status = forget_entries(op, time);
    while (status == 0 && (next = heap_peek(&self->due)) != NULL && next->time <= time) {
        status = self->by_range ? forget_part(op, next->item, &is_spent) : 0;
        if (status == 0) {
            drop_bucket(self);
        }
        status = status < 0 ? status : is_spent ? 1 : 0;
    }
    return status;
}

static void dedupe_close(struct op *op)
{
    struct dedupe_op *self = op->self;
    if (self != NULL) {
        heap_done(&self->timers);
        heap_done(&self->due);
        state_free(self->buckets);
        buffer_done(&self->key);
        buffer_done(&self->behind);
        mem_free(self);
        op->self = NULL;
    }
}

static void dedupe_describe(struct op *op, struct open_state *out)
{
    const struct dedupe_op *self = op->self;
    const struct heap_entry *next = heap_peek(self->by_range ? &self->due : &self->timers);
    out->what = "rows";
    out->end = "is forgotten";
    out->closes_at = next ? next->time : TIME_MAX;
}

static uint64_t dedupe_index_bytes(const struct op *op)
{
    const struct dedupe_op *self = op->self;
    return (self->timers.cap + self->due.cap) * sizeof(struct heap_entry) +
           state_bytes(self->buckets);
}

static int dedupe_load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    (void)ctx;
    memcpy(value, saved, n);
    return saved_n == sizeof(int64_t) ? 0 : -ERR_DATA;
}

static const struct state_codec dedupe_codec = {.load = dedupe_load};

static const struct state_codec *dedupe_state_codec(const struct node *n)
{
    (void)n;
    return &dedupe_codec;
}

static bool dedupe_lazy(const struct node *n)
{
    (void)n;
    return true;
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
    .state_version = 2,
    .bind = dedupe_bind,
    .needs = dedupe_needs,
    .state_codec = dedupe_state_codec,
    .state_layout = dedupe_layout,
    .lazy = dedupe_lazy,
    .open = dedupe_open,
    .push = dedupe_push,
    .watermark = dedupe_watermark,
    .describe = dedupe_describe,
    .index_bytes = dedupe_index_bytes,
    .close = dedupe_close,
};
