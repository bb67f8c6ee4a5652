/* Tumbling windows: [start, start + size), aligned to the epoch, never negative.
 *
 *   state     key: start (8 bytes, big-endian), key bytes; value: the aggregates
 *   closed    once watermark >= end + grace; emitted once, then deleted
 *   updates   the result so far with every row; nothing comes out when a window closes
 *   fill      empty windows between come out before the one that closes (fill.h)
 *   late      a row whose window is closed by the watermark as of that row, or with a negative time
 *   restart   the index of panes is rebuilt from the store
 *   disk      entries of open windows may lie there; a window that closes is brought in part by
 *             part, or whole where the text of its keys has another order than their bytes
 */
#include "engine/memory.h"
#include "engine/window.h"
#include "windows/every.h"
#include "windows/fill.h"
#include "windows/panes.h"
#include "windows/turn.h"

#include <stddef.h>

struct tumbling_cfg {
    int64_t size;
};

struct tumbling {
    struct panes panes;
    struct turn turn;     /* of the pane that closes, or a part of it */
    uint32_t ngaps;       /* entries of it whose gaps are known; behind them gaps come out */
    struct every changed; /* emit: {every} */
    struct fill fill;
    int64_t size;
};

/* Entries that come out before all of them are deleted. */
#ifdef KLAMM_SMALL
#define TOGETHER 2U
#else
#define TOGETHER 64U
#endif

static int64_t pane_end(const struct tumbling *t, const struct date *pane)
{
    return time_after(pane->time, t->size);
}

static int64_t tumbling_lag(const struct window *w)
{
    return w->grace;
}

static int change_entry(void *ctx, struct state_entry *e)
{
    every_changed(ctx, e);
    return 0;
}

/* Not while something knows entries beside the panes. */
static bool tumbling_lazy(const struct window *w)
{
    return w->emit != EMIT_EVERY && w->fill == FILL_NONE;
}

static int tumbling_open(struct window_op *o, struct err *e)
{
    const struct tumbling_cfg *cfg = o->w->cfg;
    struct tumbling *t = mem_zalloc(sizeof *t);
    o->self = t;
    t->size = cfg->size;
    panes_init(&t->panes, o->op->state, o->w->value_size);
    t->panes.in_parts = key_is_text(o->w->in) || o->w->emit == EMIT_UPDATES;
    if (panes_load(&t->panes) < 0) {
        return err_set(e, ERR_DATA, "the restored state of the window is damaged");
    }
    if (o->w->fill != FILL_NONE) {
        fill_init(&t->fill, o, t->size, t->size, PANE_START_BYTES);
    }
    if (o->w->emit == EMIT_EVERY) {
        every_init(&t->changed);
        return state_each(o->op->state, change_entry, &t->changed);
    }
    return 0;
}

static struct every_result result_of(const struct window_op *o, struct state_entry *e)
{
    const struct tumbling *t = o->self;
    struct every_result r = {.start = pane_start(e), .states = state_value(e), .entry = e};
    r.end = time_after(r.start, t->size);
    r.key = pane_key(e, &r.key_n);
    r.note = window_notes(o->w, state_value(e));
    return r;
}

static const struct every_kind every_tumbling = {.result = result_of};

/* One row into its window, which comes out as it is now. */
static int update(struct window_op *o, uint16_t at, struct state_entry *e)
{
    window_update(o, at);
    int status = window_add(o, 1, &at, &(void *){state_value(e)});
    return status < 0 ? status : every_emit(o, &every_tumbling, e);
}

static int tumbling_push(struct window_op *o, const struct window_rows *r)
{
    struct tumbling *t = o->self;
    uint16_t *row = arena_array(r->batch->mem, r->n, sizeof *row);
    void **state = arena_array(r->batch->mem, r->n, sizeof *state);
    uint16_t n = 0;
    if (o->w->emit == EMIT_UPDATES) {
        window_expect(o, r->n);
    }
    panes_follow(&t->panes);
    struct date *pane = NULL;
    int64_t start = 0, end = -1; /* of the pane in hand; none yet */
    int64_t closed_at = 0;
    for (uint16_t k = 0; k < r->n; k++) {
        uint16_t at = r->row[k];
        int64_t time = r->batch->time[at];
        if (time < start || time >= end) {
            start = time - time % t->size;
            end = time_after(start, t->size);
            closed_at = time_after(end, o->w->grace);
            pane = NULL;
        }
        if (time < 0 || window_seen(o, at) >= closed_at) {
            int status = window_late(o, at);
            if (status < 0) {
                return status;
            }
            continue;
        }
        pane = pane ? pane : agenda_at(&t->panes.starts, start);
        bool is_new;
        struct state_entry *e =
            panes_entry(&t->panes, pane, r->keys.hash[at], &r->keys.key[at], &is_new);
        state[n] = state_value(e);
        if (is_new) {
            window_init(o->w, state[n]);
        }
        row[n++] = at;
        if (o->w->emit == EMIT_EVERY) {
            every_changed(&t->changed, e);
        }
        if (o->w->emit == EMIT_UPDATES) {
            int status = update(o, at, e);
            n--;
            if (status < 0) {
                return status;
            }
        }
    }
    return window_add(o, n, row, state);
}

static int close_entry(struct window_op *o, struct state_entry *e)
{
    struct tumbling *t = o->self;
    if (o->w->emit == EMIT_FINAL) {
        struct every_result r = result_of(o, e);
        if (o->w->fill != FILL_NONE) {
            fill_remember(&t->fill, o, r.key, r.key_n, r.start, r.states);
        }
        return window_emit(o, r.key, r.key_n, r.start, r.end, r.states);
    }
    return every_take(&t->changed, e) ? every_emit(o, &every_tumbling, e) : 0;
}

/* The empty windows before those that close. Positive: more to do. */
static int fill_gaps(struct window_op *o, const struct date *pane)
{
    struct tumbling *t = o->self;
    while (t->ngaps < pane->n) {
        uint32_t n;
        const void *key = pane_key(pane->item[t->ngaps++], &n);
        fill_add(&t->fill, o, key, n, pane->time);
        if (op_spent(o->op, 1)) {
            return 1;
        }
    }
    return fill_emit(&t->fill, o, pane->time);
}

/* Some entries come out, and are gone. */
static int close_some(struct window_op *o, const struct date *pane)
{
    struct tumbling *t = o->self;
    uint32_t from = t->turn.at, to = pane->n - from > TOGETHER ? from + TOGETHER : pane->n;
    int status = 0;
    for (uint32_t i = from; i < to && status == 0 && o->w->emit != EMIT_UPDATES; i++) {
        status = close_entry(o, pane->item[i]);
    }
    status = status < 0 ? status : window_settle(o);
    panes_delete(&t->panes, pane, from, status < 0 ? from : to);
    t->turn.at = to;
    return status < 0 ? status : op_spent(o->op, to - from) && to < pane->n;
}

/* Positive: more to do. */
static int close_pane(struct window_op *o, struct date *pane)
{
    struct tumbling *t = o->self;
    if (t->turn.date != pane) {
        struct key_by by = panes_order(o->w->in);
        turn_begin(&t->turn, pane, pane->n, o->w->emit == EMIT_UPDATES ? NULL : &by);
        t->ngaps = 0;
    }
    int status = turn_ready(&t->turn, o->op);
    if (status == 0 && t->turn.at == 0 && o->w->fill != FILL_NONE) {
        status = fill_gaps(o, pane);
    }
    if (status == 0 && t->turn.at == 0) {
        window_expect(o, pane->n);
    }
    while (status == 0 && t->turn.at < pane->n) {
        status = close_some(o, pane);
    }
    return status;
}

static int tumbling_tick(struct window_op *o, int64_t now)
{
    struct tumbling *t = o->self;
    return every_tick(o, &t->changed, now, &every_tumbling);
}

static int tumbling_watermark(struct window_op *o, int64_t time)
{
    struct tumbling *t = o->self;
    struct date *pane;
    int status = 0;
    while (status == 0 && (pane = agenda_first(&t->panes.starts)) != NULL &&
           time >= time_after(pane_end(t, pane), o->w->grace)) {
        status = panes_gather(&t->panes);
        status = status < 0 ? status : close_pane(o, pane);
        if (status == 0) {
            turn_end(&t->turn);
            panes_drop_first(&t->panes);
            status = op_spent(o->op, 0);
        }
    }
    status = window_pause(o, status);
    if (status == 0 && o->w->fill != FILL_NONE) {
        status = fill_expire(&t->fill, o, time);
    }
    return status != 0 ? status : every_watermark(o, &t->changed, time, &every_tumbling);
}

static int64_t tumbling_next_time(const struct window_op *o)
{
    const struct tumbling *t = o->self;
    const struct date *pane = agenda_first(&t->panes.starts);
    int64_t close = pane ? time_after(pane_end(t, pane), o->w->grace) : TIME_MAX;
    return every_next_time(o, &t->changed, close);
}

static void tumbling_describe(const struct window_op *o, struct open_state *out)
{
    const struct tumbling *t = o->self;
    const struct date *pane = agenda_first(&t->panes.starts);
    out->n = agenda_items(&t->panes.starts);
    if (pane) {
        out->start = pane->time;
        out->stop = pane_end(t, pane);
        out->has_stop = false;
        out->closes_at = time_after(out->stop, o->w->grace);
    }
}

static uint64_t tumbling_index_bytes(const struct window_op *o)
{
    const struct tumbling *t = o->self;
    return panes_bytes(&t->panes) + every_bytes(&t->changed) + fill_bytes(&t->fill);
}

static void tumbling_close(struct window_op *o)
{
    struct tumbling *t = o->self;
    if (t) {
        panes_done(&t->panes);
        turn_end(&t->turn);
        every_done(&t->changed);
        fill_done(&t->fill);
        mem_free(t);
    }
}

static const struct config_field value = {
    "tumbling", CONFIG_DURATION, offsetof(struct tumbling_cfg, size), .min = 1,
    .doc = "size of the windows: [0, size), [size, 2 * size), …"};

const struct window_def window_tumbling = {
    .name = "tumbling",
    .doc = "Windows of one size, one behind the other, aligned to the epoch.",
    .value = &value,
    .config_size = sizeof(struct tumbling_cfg),
    .notes = 1,
    .fills = true,
    .lag = tumbling_lag,
    .lazy = tumbling_lazy,
    .open = tumbling_open,
    .push = tumbling_push,
    .watermark = tumbling_watermark,
    .next_time = tumbling_next_time,
    .describe = tumbling_describe,
    .index_bytes = tumbling_index_bytes,
    .tick = tumbling_tick,
    .close = tumbling_close,
};
