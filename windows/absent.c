/* absent: {after, every, forget} says which keys have fallen silent: a dead man's switch.
 *
 *   in        h=a v=1 at 0 s ........................ h=a v=2 at 17 min        after 5m, every 5m
 *   out                      5 min: h=a v=1 last_seen=0    10 min: the same    15 min: the same
 *
 *   columns   those of the key's last row (visible ones and the key), and last_seen, its time
 *   time      the moment that the silence reached `after`, and every `every` from then on; said
 *             once the watermark is behind that: a row `after` behind the last one is in time
 *   once      without `every`; the key is forgotten then
 *   bound     a key that stays silent is forgotten `forget` after its last row, and comes anew
 *             with the next one: state holds the keys of that time
 *   late      a row counts from its own watermark (`seen`) on, not from when it is read, so that
 *             the mixture of source partitions does not show (silence.h)
 *   end       the end of the input is no silence: nothing is said at the end of time
 *   deleted   rows of an upstream table that delete are counted and left out
 *   state     key: key bytes; value: silence.h, with the last row as bytes
 *   restart   the heap is made again from the store
 *
 * Every key stands in the heap once, at the time at which something may be due: when rows make that
 * later the heap learns of it when the time comes.
 */
#include "windows/saved_rows.h"
#include "windows/silence.h"

#include "engine/key.h"
#include "engine/memory.h"
#include "windows/key_order.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FORGET              INT64_C(604800000) /* 7 d */
#define ROWS_A_SILENCE      10000
#define ROWS_A_SILENCE_MOST 1000000
#define DURATION_MOST       3155760000000

struct absent_cfg {
    int64_t after, every, forget;
};

struct absent {
    struct silence_rule rule;
    struct saved_schema rows;
    struct state_codec codec;
};

/* Value of an entry. */
struct watch {
    struct silence silence;
    struct state_entry *entry;
    int64_t at;     /* its time in the heap */
    uint32_t index; /* its place there */
};

struct absent_op {
    struct watch **heap; /* least `at` first */
    uint32_t n, cap;
    struct watch **due; /* those that are due together; they stand in no heap */
    uint32_t ndue, nsaid, due_cap;
    int64_t due_time;
    bool is_taken, is_sorting; /* all of them are there; they come to be in order */
    struct key_sort sort;
    struct buffer row;
};

/* ---- heap -------------------------------------------------------------------------------------
 */

static void put(struct absent_op *self, uint32_t i, struct watch *w)
{
    self->heap[i] = w;
    w->index = i;
}

/* Moves the watch at place i to where its time belongs. */
static void settle(struct absent_op *self, uint32_t i)
{
    struct watch *w = self->heap[i];
    while (i > 0 && self->heap[(i - 1) / 2]->at > w->at) {
        put(self, i, self->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        uint64_t child = 2U * (uint64_t)i + 1;
        if (child >= self->n) {
            break;
        }
        child += child + 1 < self->n && self->heap[child + 1]->at < self->heap[child]->at;
        if (self->heap[child]->at >= w->at) {
            break;
        }
        put(self, i, self->heap[child]);
        i = (uint32_t)child;
    }
    put(self, i, w);
}

static void enter(struct absent_op *self, struct watch *w, int64_t at)
{
    if (self->n == self->cap) {
        self->cap = self->cap ? self->cap * 2 : 64;
        self->heap = mem_resize(self->heap, self->cap, sizeof(struct watch *));
    }
    w->at = at;
    put(self, self->n, w);
    settle(self, self->n++);
}

static void take_first(struct absent_op *self)
{
    struct watch *last = self->heap[--self->n];
    if (self->n > 0) {
        put(self, 0, last);
        settle(self, 0);
    }
}

/* ---- binding ----------------------------------------------------------------------------------
 */

static void absent_save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    const struct watch *w = value;
    (void)ctx;
    (void)n;
    silence_save(&w->silence, out);
}

static int64_t absent_loaded_size(void *ctx, const void *saved, size_t n)
{
    (void)ctx;
    (void)saved;
    (void)n;
    return (int64_t)sizeof(struct watch);
}

static int absent_load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    struct watch *w = value;
    (void)ctx;
    (void)n;
    *w = (struct watch){0};
    return silence_load(&w->silence, saved, saved_n);
}

static void absent_drop(void *ctx, void *value, uint32_t n)
{
    struct watch *w = value;
    (void)ctx;
    (void)n;
    silence_done(&w->silence);
}

static uint64_t absent_size(void *ctx, const void *value, uint32_t n)
{
    const struct watch *w = value;
    (void)ctx;
    (void)n;
    return silence_size(&w->silence);
}

static int64_t forget_of(const struct absent_cfg *cfg)
{
    if (cfg->every == 0) {
        return cfg->after; /* said once */
    }
    int64_t most = FORGET / cfg->every < ROWS_A_SILENCE ? FORGET : ROWS_A_SILENCE * cfg->every;
    return cfg->forget > 0 ? cfg->forget : cfg->after + most;
}

static int absent_bind(struct node *n)
{
    const struct absent_cfg *cfg = n->cfg;
    struct absent *a = arena_zalloc(n->mem, sizeof *a);
    n->bound = a;
    a->rule = (struct silence_rule){cfg->after, cfg->every, forget_of(cfg)};
    if (a->rule.forget < cfg->after) {
        return node_error(n, n->at,
                          "forget (%" PRId64 " ms) is shorter than after (%" PRId64
                          " ms): keys would be forgotten before anything is said of them",
                          cfg->forget, cfg->after);
    }
    if (cfg->every > 0 && (a->rule.forget - cfg->after) / cfg->every >= ROWS_A_SILENCE_MOST) {
        return node_error(n, n->at,
                          "one silence would be said more than %d times: make every larger or "
                          "forget smaller",
                          ROWS_A_SILENCE_MOST);
    }
    int status = saved_schema_bind(&a->rows, n, "last_seen", &type_timestamp);
    n->out[0] = a->rows.out;
    a->codec = (struct state_codec){
        NULL, absent_save, absent_loaded_size, absent_load, absent_drop, absent_size, NULL};
    return status;
}

static void absent_needs(const struct node *n, const bool *out, bool *in)
{
    const struct absent *a = n->bound;
    (void)out; /* what is kept does not change with what is read */
    for (uint16_t i = 0; i < a->rows.layout.n; i++) {
        in[a->rows.layout.col[i]] = true;
    }
}

static const struct state_codec *absent_codec(const struct node *n)
{
    const struct absent *a = n->bound;
    return &a->codec;
}

static void absent_layout(const struct node *n, struct buffer *words)
{
    const struct absent *a = n->bound;
    buffer_printf(words, "after %" PRId64 " every %" PRId64 " forget %" PRId64 "\n", a->rule.after,
                  a->rule.every, a->rule.forget);
    row_layout_words(&a->rows.layout, words);
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static int restore_watch(void *ctx, struct state_entry *e)
{
    struct absent_op *self = ctx;
    struct watch *w = state_value(e);
    w->entry = e;
    if (w->silence.n == 0) {
        return -ERR_DATA;
    }
    enter(self, w, silence_next(&w->silence));
    return 0;
}

static int absent_open(struct op *op, struct err *e)
{
    struct absent_op *self = mem_zalloc(sizeof *self);
    op->self = self;
    buffer_init(&self->row);
    if (state_each(op->state, restore_watch, self) < 0) {
        return err_set(e, ERR_DATA, "the restored state of absent is damaged");
    }
    return 0;
}

static void absent_close(struct op *op)
{
    struct absent_op *self = op->self;
    if (self != NULL) {
        mem_free(self->heap);
        mem_free(self->due);
        key_sort_done(&self->sort);
        buffer_done(&self->row);
        mem_free(self);
        op->self = NULL;
    }
}

static void hear(struct op *op, const struct batch *b, uint16_t row, const struct str *key,
                 uint64_t hash)
{
    const struct absent *a = op->node->bound;
    struct absent_op *self = op->self;
    int64_t seen = b->seen[row] > op->watermark ? b->seen[row] : op->watermark;
    bool is_new;
    struct state_entry *e =
        state_insert(op->state, hash, str_data(key), key->n, sizeof(struct watch), &is_new);
    struct watch *w = state_value(e);
    buffer_clear(&self->row);
    row_save(&self->row, &a->rows.layout, b, row);
    silence_hear(&w->silence, &a->rule, seen, b->time[row], b->part ? b->part[row] : 0, &self->row);
    int64_t due = silence_next(&w->silence);
    state_touch(op->state, e);
    if (is_new) {
        w->entry = e;
        enter(self, w, due);
    }
    if (due == INT64_MAX) { /* a row so late that its silence is over */
        w->at = INT64_MIN;
        settle(self, w->index);
        take_first(self);
        state_delete(op->state, e);
    } else if (due < w->at) {
        w->at = due;
        settle(self, w->index);
    }
}

static int absent_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    struct keyed_rows keyed = key_rows(b);
    op->counter[COUNT_NULL_KEY] += keyed.nulls;
    for (uint16_t k = 0; k < keyed.nsel; k++) {
        uint16_t row = keyed.sel[k];
        if (b->row_op != NULL && b->row_op[row] == ROW_DELETE) {
            op->counter[COUNT_SKIPPED]++;
            continue;
        }
        hear(op, b, row, &keyed.key[row], keyed.hash[row]);
    }
    return 0;
}

/* ---- silences ---------------------------------------------------------------------------------
 */

static const void *key_of(const void *ctx, const void *item, uint32_t *n)
{
    const struct watch *w = item;
    (void)ctx;
    return state_key(w->entry, n);
}

static void add_due(struct absent_op *self, uint32_t n, struct watch *w)
{
    if (n == self->due_cap) {
        self->due_cap = self->due_cap ? self->due_cap * 2 : 64;
        self->due = mem_resize(self->due, self->due_cap, sizeof(struct watch *));
    }
    self->due[n] = w;
}

/* Takes the keys off the heap for which the least time before `limit` counts; due_time is that.
 * Those for which another counts now get it, or are forgotten. Positive: not all are taken. */
static int take_due(struct op *op, int64_t limit)
{
    struct absent_op *self = op->self;
    while (self->n > 0 &&
           (self->ndue == 0 ? self->heap[0]->at < limit : self->heap[0]->at == self->due_time)) {
        struct watch *w = self->heap[0];
        int64_t due = silence_due(&w->silence);
        if (due == INT64_MAX) {
            take_first(self);
            state_delete(op->state, w->entry);
        } else if (due > w->at) {
            w->at = due;
            settle(self, 0);
        } else {
            self->due_time = due;
            take_first(self);
            add_due(self, self->ndue++, w);
        }
        if (op_spent(op, 1)) {
            return 1;
        }
    }
    return 0;
}

static int say(struct op *op)
{
    const struct absent *a = op->node->bound;
    struct absent_op *self = op->self;
    struct saved_rows out = {.op = op, .schema = &a->rows, .left = self->ndue - self->nsaid};
    int status = 0;
    while (status == 0 && self->nsaid < self->ndue) {
        struct watch *w = self->due[self->nsaid++];
        const struct stretch *x = &w->silence.stretch[0];
        status = saved_rows_add(&out, x->row, x->n, self->due_time, x->last);
        silence_said(&w->silence, &a->rule);
        state_touch(op->state, w->entry);
        enter(self, w, self->due_time); /* what comes next is found out when it is the first */
        status = status < 0 ? status : op_spent(op, 1);
    }
    int flushed = status < 0 ? 0 : saved_rows_flush(&out);
    return flushed < 0 ? flushed : status < 0 ? status : self->nsaid < self->ndue;
}

/* Those that are due together: taken, then sorted, then said. Positive: more to do. */
static int go_on(struct op *op, int64_t time)
{
    struct absent_op *self = op->self;
    if (!self->is_taken) {
        struct key_by by = {.key_of = key_of, .schema = op->node->in[0]};
        if (take_due(op, time) > 0) {
            return 1;
        }
        key_sort_begin(&self->sort, (void **)self->due, self->ndue, &by);
        self->is_taken = self->is_sorting = true;
        self->nsaid = 0;
    }
    while (self->is_sorting) {
        self->is_sorting = !key_sort_step(&self->sort, op->mem);
        if (self->is_sorting && op_spent(op, KEY_SORT_RUN / 2)) {
            return 1;
        }
    }
    int status = say(op);
    self->is_taken = status > 0;
    return status;
}

static int absent_watermark(struct op *op, int64_t time)
{
    struct absent_op *self = op->self;
    int status = 0;
    bool is_more = time < TIME_MAX;
    while (status == 0 && is_more) {
        status = go_on(op, time);
        is_more = self->ndue > 0;
        if (status == 0) {
            self->ndue = 0;
            status = is_more && op_spent(op, 0);
        }
    }
    return status;
}

static int64_t absent_next_time(struct op *op)
{
    const struct absent_op *self = op->self;
    return self->n == 0 || self->heap[0]->at == TIME_MAX ? TIME_MAX : self->heap[0]->at + 1;
}

static void absent_describe(struct op *op, struct open_state *out)
{
    out->what = "keys";
    out->end = "is due";
    out->closes_at = absent_next_time(op);
}

static uint64_t absent_index_bytes(const struct op *op)
{
    const struct absent_op *self = op->self;
    return ((uint64_t)self->cap + self->due_cap) * sizeof(struct watch *);
}

static const struct config_field fields[] = {
    {"after", CONFIG_DURATION, offsetof(struct absent_cfg, after), .min = 1, .max = DURATION_MOST,
     .required = true, .doc = "How long a key has to be silent."},
    {"every", CONFIG_DURATION, offsetof(struct absent_cfg, every), .min = 1, .max = DURATION_MOST,
     .doc = "From one row about a silence to the next; without it there is one."},
    {"forget", CONFIG_DURATION, offsetof(struct absent_cfg, forget), .min = 1, .max = DURATION_MOST,
     .doc = "With `every`: how long behind its last row a silent key is forgotten; without it "
            "`after` and "
            "7 days, or 10,000 times `every` if that is less."},
    {0},
};

const struct step_def op_absent = {
    .name = "absent",
    .doc = "Says which keys have fallen silent, with their last values.",
    .config = fields,
    .config_size = sizeof(struct absent_cfg),
    .stateful = true,
    .state_version = 1,
    .bind = absent_bind,
    .needs = absent_needs,
    .state_codec = absent_codec,
    .state_layout = absent_layout,
    .open = absent_open,
    .push = absent_push,
    .watermark = absent_watermark,
    .next_time = absent_next_time,
    .describe = absent_describe,
    .index_bytes = absent_index_bytes,
    .close = absent_close,
};
