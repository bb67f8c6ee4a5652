/* top: {n, by} passes on the best rows of each key and window.
 *
 *   in        results of windows, under another key:   rack=r host=a n=5   rack=r host=b n=7
 *   out       the same columns and `rank`:              rack=r host=b n=7 rank=1   …a n=5 rank=2
 *
 *   group     rows with one key and the same window_start and window_end
 *   order     by `by`, descending (NaN behind numbers, null behind all); of equal ones the lesser
 *             text of the record key and the other columns, in their order: a window's row begins
 *             with its key
 *   closed    once the watermark is behind the rows' event time: all results of that window have
 *             come then. Groups come out ordered by window_end, window_start, key; their rows by
 *             rank, with the event time that they had
 *   late      a row behind which the watermark is already: counted and left out
 *   deleted   rows that delete are counted and left out
 *   revised   results that come again when they have changed (`emit: updates`, `every`) are refused
 *             by the plan: each version of one would be ranked
 *   state     key: time, window_end, window_start (8 bytes each, big-endian, so that they sort),
 *             key bytes; value: the ranking (ranking.h). Gone when the group closes
 *   restart   the agenda is made again from the store
 *   disk      groups may lie there: times are found by seeks, and those of a time that closes are
 *             brought in part by part, or all at once where the text of their keys has another
 *             order than their bytes
 */
#include "engine/big_endian.h"
#include "engine/hash.h"
#include "engine/key.h"
#include "engine/memory.h"
#include "engine/shape.h"
#include "windows/ranking.h"
#include "windows/saved_rows.h"
#include "windows/turn.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX (3 * WORD_BYTES)

struct top_cfg {
    int64_t n;
    struct config_text by;
};

struct top {
    uint32_t n;
    const struct expression *by;
    uint16_t start, end; /* columns of the window's bounds */
    int record_key;      /* hidden column, or -1 */
    struct saved_schema rows;
    struct state_codec codec;
};

/* Rows that come out before their groups are deleted, at least. */
#ifdef KLAMM_SMALL
#define TOGETHER 2U
#else
#define TOGETHER 512U
#endif

struct top_op {
    struct agenda agenda; /* time of rows: entries */
    bool by_range;        /* some are on disk: entries are found when a time closes */
    bool is_gathered;     /* those of the first time, or a part of them; they stay in memory */
    bool has_more;        /* behind that part */
    struct buffer behind; /* last key of the parts before, or empty */
    struct turn turn;     /* of those that close */
    struct buffer key, tie, row;
};

/* ---- binding ----------------------------------------------------------------------------------
 */

static int find_bound(struct node *n, const char *name, uint16_t *column)
{
    int c = schema_find(n->in[0], name);
    if (c < 0 || n->in[0]->col[c].type->kind != TYPE_TIMESTAMP) {
        return node_error(n, n->at,
                          "top ranks the rows of a window, by its columns window_start and "
                          "window_end, and there is no timestamp column \"%s\": put it behind a "
                          "`window`, and keep both columns",
                          name);
    }
    *column = (uint16_t)c;
    return 0;
}

static void top_save(void *ctx, const void *value, uint32_t n, struct buffer *out)
{
    (void)ctx;
    (void)n;
    ranking_save(value, out);
}

static int64_t top_loaded_size(void *ctx, const void *saved, size_t n)
{
    (void)ctx;
    (void)saved;
    (void)n;
    return (int64_t)sizeof(struct ranking);
}

static int top_load(void *ctx, void *value, uint32_t n, const void *saved, size_t saved_n)
{
    const struct top *t = ctx;
    (void)n;
    memset(value, 0, sizeof(struct ranking));
    return ranking_load(value, expression_type(t->by), saved, saved_n);
}

static void top_drop(void *ctx, void *value, uint32_t n)
{
    (void)ctx;
    (void)n;
    ranking_done(value);
}

static uint64_t top_size(void *ctx, const void *value, uint32_t n)
{
    (void)ctx;
    (void)n;
    return ranking_size(value);
}

static int top_bind(struct node *n)
{
    const struct top_cfg *cfg = n->cfg;
    struct top *t = arena_zalloc(n->mem, sizeof *t);
    n->bound = t;
    t->n = (uint32_t)cfg->n;
    if (n->in_revised) {
        return node_error(n, n->at,
                          "top ranks each result once, but the window before it tells its results "
                          "again whenever they change: it needs `emit: final`, the default");
    }
    if (find_bound(n, "window_start", &t->start) < 0 || find_bound(n, "window_end", &t->end) < 0 ||
        saved_schema_bind(&t->rows, n, "rank", &type_long) < 0) {
        return -ERR_CONFIG;
    }
    n->out[0] = t->rows.out;
    t->record_key = schema_find(n->in[0], "_key");
    if (expression_compile(&t->by, n->mem, &cfg->by, n->in[0], n->diags) < 0) {
        return -ERR_CONFIG;
    }
    const struct type *type = expression_type(t->by);
    if (type->kind == TYPE_ARRAY || type->kind == TYPE_MAP || type->kind == TYPE_RECORD) {
        return node_error(n, cfg->by.at, "by must be a number, a time, a text or a boolean");
    }
    t->codec =
        (struct state_codec){t, top_save, top_loaded_size, top_load, top_drop, top_size, NULL};
    return 0;
}

static void top_needs(const struct node *n, const bool *out, bool *in)
{
    const struct top *t = n->bound;
    (void)out; /* every column kept decides about the order */
    for (uint16_t i = 0; i < t->rows.layout.n; i++) {
        in[t->rows.layout.col[i]] = true;
    }
    if (t->record_key >= 0) {
        in[t->record_key] = true;
    }
    expression_needs(t->by, in);
}

static const struct state_codec *top_codec(const struct node *n)
{
    const struct top *t = n->bound;
    return &t->codec;
}

static void top_layout(const struct node *n, struct buffer *words)
{
    const struct top *t = n->bound;
    buffer_printf(words, "n %" PRIu32 "\nby ", t->n);
    expression_layout(words, t->by);
    buffer_byte(words, '\n');
    row_layout_words(&t->rows.layout, words);
}

/* ---- the store --------------------------------------------------------------------------------
 */

static void put_word(struct buffer *b, int64_t value)
{
    big_endian_add(b, big_endian_signed((uint64_t)value));
}

/* Word i of an entry's key: 0 the time, 1 the window's end, 2 its start. */
static int64_t word_of(const struct state_entry *e, int i)
{
    uint32_t n;
    const char *p = state_key(e, &n);
    return (int64_t)big_endian_signed(big_endian_get(p + WORD_BYTES * (uint32_t)i));
}

static const void *key_of(const void *ctx, const void *item, uint32_t *n)
{
    (void)ctx;
    const char *key = state_key(item, n);
    *n -= PREFIX;
    return key + PREFIX;
}

static bool top_lazy(const struct node *n)
{
    (void)n;
    return true;
}

static int restore_group(void *ctx, struct state_entry *e)
{
    struct top_op *self = ctx;
    uint32_t n;
    (void)state_key(e, &n);
    if (n < PREFIX) {
        return -ERR_DATA;
    }
    agenda_add(&self->agenda, word_of(e, 0), e);
    return 0;
}

/* The times that there are on disk; nothing is dirty yet. */
static int restore_times(struct op *op)
{
    struct top_op *self = op->self;
    struct buffer *from = &self->key, found;
    int status;
    buffer_init(&found);
    buffer_clear(from);
    while ((status = state_stored_key(op->state, from->data, (uint32_t)from->n, &found)) > 0) {
        if (found.n < PREFIX) {
            status = -ERR_DATA;
            break;
        }
        int64_t time = (int64_t)big_endian_signed(big_endian_get(found.data));
        agenda_at(&self->agenda, time);
        if (time == INT64_MAX) {
            break;
        }
        buffer_clear(from);
        put_word(from, time + 1);
    }
    buffer_done(&found);
    return status < 0 ? status : 0;
}

static int top_open(struct op *op, struct err *e)
{
    struct top_op *self = mem_zalloc(sizeof *self);
    op->self = self;
    agenda_init(&self->agenda);
    buffer_init(&self->behind);
    buffer_init(&self->key);
    buffer_init(&self->tie);
    buffer_init(&self->row);
    self->by_range = !state_is_complete(op->state);
    if ((self->by_range ? restore_times(op) : state_each(op->state, restore_group, self)) < 0) {
        return err_set(e, ERR_DATA, "the restored state of top is damaged");
    }
    return 0;
}

static void top_close(struct op *op)
{
    struct top_op *self = op->self;
    if (self != NULL) {
        turn_end(&self->turn);
        agenda_done(&self->agenda);
        buffer_done(&self->behind);
        buffer_done(&self->key);
        buffer_done(&self->tie);
        buffer_done(&self->row);
        mem_free(self);
        op->self = NULL;
    }
}

/* Entries that the agenda knows may be gone once the store is not complete. */
static void follow(struct op *op)
{
    struct top_op *self = op->self;
    if (!self->by_range && !self->is_gathered && !state_is_complete(op->state)) {
        agenda_forget_items(&self->agenda);
        self->by_range = true;
    }
}

/* ---- rows -------------------------------------------------------------------------------------
 */

static struct state_entry *group_of(struct op *op, const struct batch *b, uint16_t row,
                                    const struct str *key)
{
    const struct top *t = op->node->bound;
    struct top_op *self = op->self;
    buffer_clear(&self->key);
    put_word(&self->key, b->time[row]);
    put_word(&self->key, b->col[t->end].i[row]);
    put_word(&self->key, b->col[t->start].i[row]);
    buffer_add(&self->key, str_data(key), key->n);
    bool is_new;
    struct state_entry *e =
        state_insert(op->state, hash_bytes(self->key.data, self->key.n, 0), self->key.data,
                     (uint32_t)self->key.n, sizeof(struct ranking), &is_new);
    if (is_new) {
        if (self->by_range) {
            agenda_at(&self->agenda, b->time[row]);
        } else {
            agenda_add(&self->agenda, b->time[row], e);
        }
        state_touch(op->state, e);
    }
    return e;
}

/* What decides between rows of one rank. */
static void put_tie(struct top_op *self, const struct top *t, const struct batch *b, uint16_t row)
{
    buffer_clear(&self->tie);
    if (t->record_key >= 0) {
        vec_print(&self->tie, &b->col[t->record_key], row);
        buffer_byte(&self->tie, '|');
    }
    for (uint16_t i = 0; i < t->rows.layout.n; i++) {
        vec_print(&self->tie, &b->col[t->rows.layout.col[i]], row);
        buffer_byte(&self->tie, '|');
    }
}

static void take_row(struct op *op, const struct batch *b, uint16_t row, const struct str *key,
                     const struct vec *by)
{
    const struct top *t = op->node->bound;
    struct top_op *self = op->self;
    int64_t seen = b->seen[row] > op->watermark ? b->seen[row] : op->watermark;
    bool is_delete = b->row_op != NULL && b->row_op[row] == ROW_DELETE;
    if (is_delete || vec_is_null(&b->col[t->start], row) || vec_is_null(&b->col[t->end], row)) {
        op->counter[COUNT_SKIPPED]++;
        return;
    }
    if (seen > b->time[row]) {
        op->counter[COUNT_LATE]++;
        return;
    }
    struct state_entry *e = group_of(op, b, row, key);
    put_tie(self, t, b, row);
    buffer_clear(&self->row);
    row_save(&self->row, &t->rows.layout, b, row);
    if (ranking_add(state_value(e), t->n, by, row, &self->tie, &self->row)) {
        state_touch(op->state, e);
    }
}

static int top_push(struct op *op, int input, struct batch *b)
{
    (void)input;
    const struct top *t = op->node->bound;
    struct keyed_rows keyed = key_rows(b);
    op->counter[COUNT_NULL_KEY] += keyed.nulls;
    follow(op);
    struct batch in = batch_select(b, keyed.sel, keyed.nsel);
    struct row_errors errors = {0};
    struct vec by;
    int status = expression_eval(t->by, &in, &by, &errors);
    status = status < 0 ? status : op_bad_rows(op, &in, &errors);
    for (uint16_t k = 0; status == 0 && k < in.nsel; k++) {
        uint16_t row = batch_row(&in, k);
        take_row(op, &in, row, &keyed.key[row], &by);
    }
    return status;
}

/* ---- closing ----------------------------------------------------------------------------------
 */

static int compare_bounds(const void *a, const void *b)
{
    for (int i = 1; i <= 2; i++) {
        int64_t p = word_of(a, i), q = word_of(b, i);
        if (p != q) {
            return p < q ? -1 : 1;
        }
    }
    return 0;
}

/* Rows of one group. */
static int emit_group(struct saved_rows *out, const struct state_entry *e)
{
    const struct ranking *r = state_value(e);
    int status = 0;
    for (uint32_t k = 0; k < r->n && status == 0; k++) {
        size_t n;
        const void *bytes = ranking_row(r, k, &n);
        status = saved_rows_add(out, bytes, n, word_of(e, 0), (int64_t)k + 1);
    }
    return status;
}

/* Some groups come out, and are gone. */
static int close_some(struct op *op)
{
    const struct top *t = op->node->bound;
    struct turn *turn = &((struct top_op *)op->self)->turn;
    struct saved_rows out = {.op = op, .schema = &t->rows};
    uint32_t from = turn->at, to = from;
    for (; to < turn->n && out.left < TOGETHER; to++) {
        out.left += ((struct ranking *)state_value(turn->date->item[to]))->n;
    }
    uint32_t work = (uint32_t)out.left + 1;
    int status = 0;
    for (uint32_t i = from; i < to && status == 0; i++) {
        status = emit_group(&out, turn->date->item[i]);
    }
    status = status < 0 ? status : saved_rows_flush(&out);
    for (uint32_t i = from; i < to && status == 0; i++) {
        state_delete(op->state, turn->date->item[i]);
    }
    turn->at = to;
    return status < 0 ? status : op_spent(op, work) && to < turn->n;
}

static int gather_group(void *ctx, struct state_entry *e)
{
    struct top_op *self = ctx;
    agenda_add(&self->agenda, agenda_first(&self->agenda)->time, e);
    return 0;
}

/* The first date knows its groups, or some that come before the others, until leave(). */
static int gather(struct op *op)
{
    struct top_op *self = op->self;
    if (self->is_gathered) {
        return 0;
    }
    follow(op);
    self->is_gathered = true;
    state_pin(op->state);
    if (!self->by_range) {
        return 0;
    }
    if (!self->has_more) {
        buffer_clear(&self->behind);
    }
    const struct schema *in = op->node->in[0];
    bool in_parts = in->nkey == 0 || key_is_text(in);
    buffer_clear(&self->key);
    put_word(&self->key, agenda_first(&self->agenda)->time);
    int status = state_range(op->state, self->key.data, (uint32_t)self->key.n,
                             in_parts ? &self->behind : NULL, gather_group, self);
    self->has_more = status > 0;
    return status < 0 ? status : 0;
}

/* The groups that were gathered are gone, and with the last of them the first date. */
static void leave(struct op *op)
{
    struct top_op *self = op->self;
    turn_end(&self->turn);
    self->is_gathered = false;
    state_unpin(op->state);
    if (self->has_more) {
        agenda_forget_items(&self->agenda); /* no other date has any */
    } else {
        agenda_drop_first(&self->agenda);
    }
}

/* All groups whose rows have one time, or a part of them. Positive: more to do. */
static int close_date(struct op *op, struct date *d)
{
    struct turn *turn = &((struct top_op *)op->self)->turn;
    if (turn->date != d) {
        struct key_by by = {.first = compare_bounds, .key_of = key_of, .schema = op->node->in[0]};
        turn_begin(turn, d, d->n, &by);
    }
    int status = turn_ready(turn, op);
    while (status == 0 && turn->at < turn->n) {
        status = close_some(op);
    }
    return status;
}

static int top_watermark(struct op *op, int64_t time)
{
    struct top_op *self = op->self;
    struct date *d;
    int status = 0;
    while (status == 0 && (d = agenda_first(&self->agenda)) != NULL && time > d->time) {
        status = gather(op);
        status = status < 0 ? status : close_date(op, d);
        if (status == 0) {
            leave(op);
            status = op_spent(op, 0);
        }
    }
    return status;
}

static int64_t top_next_time(struct op *op)
{
    const struct top_op *self = op->self;
    const struct date *d = agenda_first(&self->agenda);
    return d == NULL || d->time == TIME_MAX ? TIME_MAX : d->time + 1;
}

static void top_describe(struct op *op, struct open_state *out)
{
    const struct top_op *self = op->self;
    const struct date *d = agenda_first(&self->agenda);
    out->what = "groups";
    out->end = "is ranked";
    if (d != NULL) {
        out->closes_at = top_next_time(op);
    }
    /* Groups that have come out are gone, as are those that the store sent away since it was asked. */
    bool are_there = self->is_gathered || (!self->by_range && state_is_complete(op->state));
    uint32_t at = d != NULL && self->turn.date == d ? self->turn.at : 0;
    if (d != NULL && are_there && at < d->n) {
        out->start = word_of(d->item[at], 2);
        out->stop = word_of(d->item[at], 1);
    }
}

static uint64_t top_index_bytes(const struct op *op)
{
    const struct top_op *self = op->self;
    return agenda_bytes(&self->agenda);
}

static const struct config_field fields[] = {
    {"n", CONFIG_LONG, offsetof(struct top_cfg, n), .min = 1, .max = 10000, .required = true,
     .doc = "How many rows of a key and window pass at most."},
    {"by", CONFIG_EXPRESSION, offsetof(struct top_cfg, by), .required = true,
     .doc = "What the rows are ranked by, the greatest first."},
    {0},
};

const struct step_def op_top = {
    .name = "top",
    .doc = "Passes on the best rows of each key and window, with their rank.",
    .config = fields,
    .config_size = sizeof(struct top_cfg),
    .stateful = true,
    .state_version = 1,
    .bind = top_bind,
    .needs = top_needs,
    .state_codec = top_codec,
    .state_layout = top_layout,
    .lazy = top_lazy,
    .open = top_open,
    .push = top_push,
    .watermark = top_watermark,
    .next_time = top_next_time,
    .describe = top_describe,
    .index_bytes = top_index_bytes,
    .close = top_close,
};
