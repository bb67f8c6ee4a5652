/* Count windows: `size` rows of a key, one window for every `every` rows (each row in one window,
 * when only a number is given), in the order in which the rows come.
 *
 *   rows       0 1 2 3 4 5 6 7 8 9         size 6, every 4
 *   windows    [====0====] . . . .         closes with row 5
 *                      [====1====]         closes with row 9
 *   slices     [0] [1] [2] [3] [4]         cut where a window begins or ends, as in hopping.c
 *
 *   state     key: number of the slice, key bytes; value: least and greatest time, number of rows,
 *             then the aggregates
 *   closed    with its last row, whatever the watermark; its bounds are the least and the greatest
 *             event time of its rows. What is incomplete at the end of the input stays so
 *   late      no row is
 *   restart   series are rebuilt from the store
 */
#include "engine/memory.h"
#include "engine/window.h"
#include "windows/fold.h"

#include <inttypes.h>
#include <stddef.h>

struct count_cfg {
    int64_t size, every; /* every: 0 for a plain number */
};

/* In front of the aggregates. */
struct count_head {
    int64_t first, last; /* times */
    int64_t rows;
};

struct counting {
    struct series_set set;
    struct fold fold;
    int64_t size, every, rest;
    void *value;
    uint16_t *row, n; /* rows not yet added to their states */
    void **state;
};

static struct count_head *head_of(const struct state_entry *e)
{
    return state_value(e);
}

static void combine_head(void *into, const void *from)
{
    struct count_head *a = into;
    const struct count_head *b = from;
    a->first = a->rows == 0 || b->first < a->first ? b->first : a->first;
    a->last = a->rows == 0 || b->last > a->last ? b->last : a->last;
    a->rows += b->rows;
}

static int64_t per_step(const struct counting *c)
{
    return c->rest > 0 ? 2 : 1;
}

static int64_t slice_of(const struct counting *c, int64_t row)
{
    int64_t step = row / c->every;
    return c->rest == 0 ? step : 2 * step + (row % c->every >= c->rest);
}

/* Number of the slice's first row. */
static int64_t slice_begin(const struct counting *c, int64_t slice)
{
    return slice / per_step(c) * c->every + (slice % per_step(c) == 1 ? c->rest : 0);
}

static int count_bind(const struct window *w, struct node *n)
{
    const struct count_cfg *cfg = w->cfg;
    if (cfg->every > cfg->size) {
        return node_error(n, n->at,
                          "count: every (%" PRId64 ") is larger than size (%" PRId64
                          "): rows between two windows would be in none",
                          cfg->every, cfg->size);
    }
    if (w->grace > 0) {
        return node_error(n, n->at,
                          "a count window closes with its last row and never waits: leave `grace` "
                          "out");
    }
    if (w->emit != EMIT_FINAL) {
        return node_error(n, n->at,
                          "a count window has its bounds only when it is complete: `emit: final` "
                          "is all it can do");
    }
    return 0;
}

static int count_open(struct window_op *o, struct err *e)
{
    const struct count_cfg *cfg = o->w->cfg;
    struct counting *c = mem_zalloc(sizeof *c);
    o->self = c;
    c->size = cfg->size;
    c->every = cfg->every == 0 ? cfg->size : cfg->every;
    c->rest = c->size % c->every;
    c->value = mem_zalloc(o->w->value_size);
    fold_init(&c->fold, o->w);
    series_init(&c->set, o->op->state, o->w->value_size, 1);
    if (series_load(&c->set, NULL) < 0) {
        return err_set(e, ERR_FATAL, "the restored state of the window is damaged");
    }
    return 0;
}

static void count_close(struct window_op *o)
{
    struct counting *c = o->self;
    if (c) {
        fold_done(&c->fold);
        series_done(&c->set);
        mem_free(c->value);
        mem_free(c);
    }
}

static int add_waiting(struct window_op *o)
{
    struct counting *c = o->self;
    int status = window_add(o, c->n, c->row, c->state);
    c->n = 0;
    return status;
}

/* Windows come out with their last row: nothing before it can follow but what comes late. */
static int emit_window(struct window_op *o, struct series *s, int64_t number)
{
    struct counting *c = o->self;
    int64_t low = number * per_step(c), high = slice_of(c, number * c->every + c->size - 1);
    uint32_t n;
    window_init(o->w, c->value);
    fold_range(&c->fold, s, low, high, 0, false, c->value);
    const void *key = series_key(&c->set, s, &n);
    const struct count_head *h = c->value;
    int status = window_emit(o, key, n, h->first, h->last, h + 1);
    window_clear(o->w, c->value);
    uint32_t gone = 0;
    const struct point *p = series_points(s);
    while (gone < s->n && p[gone].pos / per_step(c) <= number) {
        fold_forget(&c->fold, s, p[gone++].pos);
    }
    series_remove(&c->set, s, 0, gone);
    return status;
}

/* Number of the row that comes next for a key. */
static int64_t next_row(const struct counting *c, struct series *s)
{
    if (s == NULL) {
        return 0;
    }
    const struct point *newest = &series_points(s)[s->n - 1];
    return slice_begin(c, newest->pos) + head_of(newest->entry)->rows;
}

static int take_row(struct window_op *o, const struct window_rows *r, uint16_t at)
{
    struct counting *c = o->self;
    int64_t time = r->batch->time[at];
    struct series *s = series_find(&c->set, r->keys.hash[at], &r->keys.key[at]);
    int64_t row = next_row(c, s);
    bool is_new;
    struct state_entry *e =
        series_entry(&c->set, r->keys.hash[at], &r->keys.key[at], slice_of(c, row), 0, &s, &is_new);
    struct count_head *h = head_of(e);
    if (is_new) {
        *h = (struct count_head){time, time, 0};
        window_init(o->w, h);
    }
    h->first = time < h->first ? time : h->first;
    h->last = time > h->last ? time : h->last;
    h->rows++;
    c->row[c->n] = at;
    c->state[c->n++] = h + 1;
    if (row + 1 < c->size || (row + 1 - c->size) % c->every != 0) {
        return 0;
    }
    int status = add_waiting(o);
    window_update(o, at);
    return status < 0 ? status : emit_window(o, s, (row + 1 - c->size) / c->every);
}

static int count_push(struct window_op *o, const struct window_rows *r)
{
    struct counting *c = o->self;
    c->row = arena_array(r->batch->mem, r->n, sizeof *c->row);
    c->state = arena_array(r->batch->mem, r->n, sizeof *c->state);
    for (uint16_t k = 0; k < r->n; k++) {
        int status = take_row(o, r, r->row[k]);
        if (status < 0) {
            return status;
        }
    }
    return add_waiting(o);
}

static int count_watermark(struct window_op *o, int64_t time)
{
    (void)o;
    (void)time;
    return 0;
}

static int64_t count_next_time(const struct window_op *o)
{
    (void)o;
    return TIME_MAX;
}

static void count_describe(const struct window_op *o, struct open_state *out)
{
    const struct counting *c = o->self;
    out->what = "pieces of windows";
    out->n = series_npoints(&c->set);
}

static uint64_t count_index_bytes(const struct window_op *o)
{
    const struct counting *c = o->self;
    return series_bytes(&c->set) + fold_bytes(&c->fold);
}

static const struct config_field value = {"count", CONFIG_LONG, offsetof(struct count_cfg, size),
                                          .min = 1, .doc = "number of rows of a window"};

static const struct config_field fields[] = {
    {"size", CONFIG_LONG, offsetof(struct count_cfg, size), .min = 1, .required = true,
     .doc = "number of rows of a window"},
    {"every", CONFIG_LONG, offsetof(struct count_cfg, every), .min = 1, .required = true,
     .doc = "number of rows from the first of a window to the first of the next, at most `size`"},
    {0},
};

const struct window_def window_count = {
    .name = "count",
    .doc = "A number of rows of a key, in the order in which they come.",
    .config = fields,
    .value = &value,
    .config_size = sizeof(struct count_cfg),
    .head_size = sizeof(struct count_head),
    .combine_head = combine_head,
    .includes_end = true,
    .bind = count_bind,
    .open = count_open,
    .push = count_push,
    .watermark = count_watermark,
    .next_time = count_next_time,
    .describe = count_describe,
    .index_bytes = count_index_bytes,
    .close = count_close,
};
