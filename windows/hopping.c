/* Hopping windows: [start, start + size) for every start that is a multiple of `every`, never
 * negative.
 *
 *   every      |---------|---------|---------|---------|
 *   windows    [==========0===========)                      size = 2 * every + rest
 *                        [==========1===========)
 *   slices     |0  |1    |2  |3    |4  |5    |6  |7    |     cut where a window begins or ends
 *
 * A row touches the state of one slice, however many windows overlap there. A window is the slices
 * in it, combined when it closes (fold.h). Slices are numbered: one per `every`, two when a rest is
 * left.
 *
 *   state     key: number of the slice, number of the first window that sees it, key bytes; value:
 *             the aggregates. One more entry says which windows have been closed
 *   closed    once watermark >= end + grace; emitted once; a slice goes with its last window
 *   updates   (and every) every window has a value of its own, as every row comes out with each of
 *             them: slices are whole windows then
 *   fill      empty windows between come out before the one that closes (fill.h)
 *   late      judged window by window: a row that came too late for the older of its windows stands
 *             in a point of its own, seen by the younger ones only; with no window left it is late.
 *             So is a row with a negative time
 *   restart   series are rebuilt from the store
 *   disk      entries may lie there. A window that closes then reads all of its slices, so rows may
 *             not be in too many; it does so a part of the keys at a time, and its series live no
 *             longer than that (pieces.h)
 */
#include "engine/memory.h"
#include "engine/window.h"
#include "windows/every.h"
#include "windows/fill.h"
#include "windows/fold.h"
#include "windows/pieces.h"

#include <inttypes.h>
#include <stddef.h>

#define WINDOWS_A_ROW_MOST 1000000
#define READ_AGAIN_MOST    64 /* windows that a slice on disk may be in */

struct hopping_cfg {
    int64_t size, every;
};

struct hopping {
    struct series_set set;
    struct fold fold;
    struct pieces pieces; /* of lazy stores */
    int64_t size, every, rest;
    int64_t need; /* size + grace */
    int64_t next; /* number of the first window that is not closed */
    bool apart;   /* slices are windows: `emit: updates`, `{every}` */
    bool is_lazy;
    bool resumes; /* a restart was amid the window before `next` */
    struct every changed;
    struct fill gaps;
    uint32_t ngaps; /* series of the date whose gaps are known */
    void *value;    /* of the window that closes */
};

/* ---- arithmetic ---- */

static int64_t per_step(const struct hopping *h)
{
    return h->rest > 0 ? 2 : 1;
}

/* The last slice of the window, when its first is `low`. */
static int64_t last_slice(const struct hopping *h, int64_t low)
{
    return time_after(low, per_step(h) * (h->size / h->every) - (h->rest > 0 ? 0 : 1));
}

static int64_t slice_of(const struct hopping *h, int64_t time)
{
    int64_t step = time / h->every;
    return h->rest == 0 ? step : 2 * step + (time % h->every >= h->rest);
}

/* Numbers of the first and last window that a slice is in. */
static int64_t first_window(const struct hopping *h, int64_t slice)
{
    if (h->apart) {
        return slice;
    }
    int64_t back = h->size / h->every;
    int64_t first = h->rest > 0 ? (slice + 1) / 2 - back : slice - back + 1;
    return first > 0 ? first : 0;
}

static int64_t last_window(const struct hopping *h, int64_t slice)
{
    return h->apart ? slice : slice / per_step(h);
}

static int64_t window_begin(const struct hopping *h, int64_t number)
{
    return number > TIME_MAX / h->every ? TIME_MAX : number * h->every;
}

/* The watermark that closes the window. */
static int64_t closes_at(const struct hopping *h, int64_t number)
{
    return time_after(window_begin(h, number), h->need);
}

/* The first window that is open at this watermark. */
static int64_t first_open(const struct hopping *h, int64_t watermark)
{
    return watermark < h->need ? 0 : (watermark - h->need) / h->every + 1;
}

/* ---- binding and restart ---- */

static int hopping_bind(const struct window *w, struct node *n)
{
    const struct hopping_cfg *cfg = w->cfg;
    if (cfg->every > cfg->size) {
        return node_error(n, n->at,
                          "hopping: every (%" PRId64 " ms) is larger than size (%" PRId64
                          " ms): rows between two windows would be in none; make size at least "
                          "every, or filter the rows before",
                          cfg->every, cfg->size);
    }
    if (cfg->size / cfg->every > WINDOWS_A_ROW_MOST) {
        return node_error(n, n->at,
                          "hopping: each row would be in %" PRId64
                          " windows, more than %d: make every larger or size smaller",
                          cfg->size / cfg->every, WINDOWS_A_ROW_MOST);
    }
    return 0;
}

static int64_t hopping_lag(const struct window *w)
{
    return w->grace;
}

/* Not while something knows entries beside the series, nor where each close would read too much. */
static bool hopping_lazy(const struct window *w)
{
    const struct hopping_cfg *cfg = w->cfg;
    bool is_read_again = w->emit == EMIT_FINAL && cfg->size / cfg->every > READ_AGAIN_MOST;
    return w->emit != EMIT_EVERY && w->fill == FILL_NONE && !is_read_again;
}

/* The next window from `next` on that sees any of the series' points. */
static int64_t next_window(const struct hopping *h, struct series *s, int64_t next)
{
    const struct point *p = series_points(s);
    int64_t best = SERIES_NEVER;
    for (uint32_t i = 0; i < s->n; i++) {
        int64_t first = first_window(h, p[i].pos), from = point_from(&p[i]);
        first = first > next ? first : next;
        if (first >= best) {
            break; /* what follows is in no earlier window */
        }
        from = from > first ? from : first;
        best = from < best ? from : best;
    }
    return best;
}

static void schedule(struct hopping *h, struct series *s)
{
    series_schedule(&h->set, s, next_window(h, s, h->next));
}

static void schedule_restored(void *ctx, struct series *s)
{
    const struct window_op *o = ctx;
    struct hopping *h = o->self;
    bool is_behind = series_is_behind(&h->set, s, o->w->in);
    series_schedule(&h->set, s, next_window(h, s, h->next - is_behind));
}

static int hopping_open(struct window_op *o, struct err *e)
{
    const struct hopping_cfg *cfg = o->w->cfg;
    struct hopping *h = mem_zalloc(sizeof *h);
    o->self = h;
    h->size = cfg->size;
    h->every = cfg->every;
    h->rest = cfg->size % cfg->every;
    h->apart = o->w->emit != EMIT_FINAL;
    h->is_lazy = hopping_lazy(o->w);
    h->need = time_after(cfg->size, o->w->grace);
    h->value = mem_zalloc(o->w->value_size + 1U);
    fold_init(&h->fold, o->w);
    series_init(&h->set, o->op->state, o->w->value_size, 2);
    pieces_init(&h->pieces, &h->set);
    if ((h->is_lazy ? pieces_load(&h->pieces) : series_load(&h->set, NULL)) < 0) {
        return err_set(e, ERR_FATAL, "the restored state of the window is damaged");
    }
    h->next = h->set.fired > 0 ? h->set.fired : 0;
    h->resumes = h->set.fired_key.n > 0 && !h->apart;
    series_each(&h->set, schedule_restored, o);
    if (o->w->fill != FILL_NONE) {
        fill_init(&h->gaps, o, h->size, h->every, h->set.prefix_n);
    }
    if (o->w->emit == EMIT_EVERY) {
        every_init(&h->changed);
        every_changed_all(&h->changed, &h->set);
    }
    return 0;
}

static void hopping_close(struct window_op *o)
{
    struct hopping *h = o->self;
    if (h) {
        fold_done(&h->fold);
        pieces_done(&h->pieces);
        series_done(&h->set);
        every_done(&h->changed);
        fill_done(&h->gaps);
        mem_free(h->value);
        mem_free(h);
    }
}

static void hopping_flush(struct window_op *o)
{
    struct hopping *h = o->self;
    h->set.fired = h->next;
    h->set.beyond = h->pieces.there.times.n;
    series_flush(&h->set);
}

/* ---- rows ---- */

/* What consecutive rows mostly share. */
struct hop {
    int64_t slice, begin, end; /* of the slice */
    int64_t first, last;       /* windows */
    int64_t open, open_until;  /* first open window, for watermarks below open_until */
    int64_t open_since;
};

static void find_slice(const struct hopping *h, struct hop *x, int64_t time)
{
    int64_t step = time - time % h->every;
    x->slice = slice_of(h, time);
    x->begin = time - step >= h->rest ? step + h->rest : step;
    x->end = time_after(step, time - step >= h->rest ? h->every : h->rest);
    x->first = first_window(h, x->slice);
    x->last = last_window(h, x->slice);
}

static void find_open(const struct hopping *h, struct hop *x, int64_t seen)
{
    x->open = first_open(h, seen);
    x->open_since = seen;
    x->open_until = closes_at(h, x->open);
}

/* The entry of a slice, which its key has something to do for at window `first`. */
static struct state_entry *slice_entry(struct window_op *o, uint64_t hash, const struct str *key,
                                       int64_t slice, int64_t from, int64_t first)
{
    struct hopping *h = o->self;
    struct series *s = NULL;
    bool is_new;
    struct state_entry *e = h->pieces.by_part
                                ? series_stored(&h->set, key, slice, from, &is_new)
                                : series_entry(&h->set, hash, key, slice, from, &s, &is_new);
    if (!is_new) {
        return e;
    }
    window_init(o->w, state_value(e));
    if (s) {
        fold_forget(&h->fold, s, slice);
        series_schedule(&h->set, s, first);
    }
    if (h->is_lazy) {
        pieces_add(&h->pieces, slice, from);
    }
    return e;
}

/* The point that the row belongs to; NULL when no window takes it. */
static struct state_entry *take_row(struct window_op *o, const struct window_rows *r, uint16_t at,
                                    struct hop *x)
{
    struct hopping *h = o->self;
    int64_t time = r->batch->time[at], seen = window_seen(o, at);
    if (time < 0) {
        return NULL;
    }
    if (time < x->begin || time >= x->end) {
        find_slice(h, x, time);
    }
    if (seen < x->open_since || seen >= x->open_until) {
        find_open(h, x, seen);
    }
    if (x->open > x->last) {
        return NULL;
    }
    int64_t from = x->open > x->first ? x->open : 0;
    return slice_entry(o, r->keys.hash[at], &r->keys.key[at], x->slice, from,
                       from > 0 ? from : x->first);
}

/* Of a window with a value of its own. */
static struct every_result result_of(const struct window_op *o, struct state_entry *e)
{
    const struct hopping *h = o->self;
    struct every_result r = {.states = state_value(e), .entry = e};
    r.start = window_begin(h, entry_pos(e));
    r.end = time_after(r.start, h->size);
    r.key = series_entry_key(&h->set, e, &r.key_n);
    r.note = window_notes(o->w, state_value(e));
    return r;
}

static const struct every_kind every_hopping = {.result = result_of};

/* One row into all of its windows that are open; each comes out as it is now. */
static int update(struct window_op *o, const struct window_rows *r, uint16_t at)
{
    struct hopping *h = o->self;
    int64_t time = r->batch->time[at];
    int64_t number = first_open(h, window_seen(o, at)), last = time < 0 ? -1 : time / h->every;
    int64_t first = time < h->size ? 0 : (time - h->size) / h->every + 1;
    const struct str *key = &r->keys.key[at];
    number = number > first ? number : first;
    if (o->w->emit == EMIT_UPDATES) {
        window_update(o, at);
    }
    int status = number > last ? window_late(o, at) : 0;
    for (; number <= last && status == 0; number++) {
        struct state_entry *e = slice_entry(o, r->keys.hash[at], key, number, 0, number);
        status = window_add(o, 1, &at, &(void *){state_value(e)});
        if (status == 0 && o->w->emit == EMIT_UPDATES) {
            status = every_emit(o, &every_hopping, e);
        } else if (status == 0) {
            every_changed(&h->changed, e);
        }
    }
    return status;
}

/* The series are gone when the store has sent entries away. */
static void follow(struct hopping *h)
{
    if (pieces_follow(&h->pieces)) {
        fold_clear(&h->fold);
    }
}

static int hopping_push(struct window_op *o, const struct window_rows *r)
{
    struct hopping *h = o->self;
    follow(h);
    if (h->apart) {
        window_expect(o, (uint64_t)r->n * (uint64_t)(h->size / h->every + 1));
    }
    uint16_t *row = arena_array(r->batch->mem, r->n, sizeof *row), n = 0;
    void **state = arena_array(r->batch->mem, r->n, sizeof *state);
    struct hop x = {.end = -1, .open_since = TIME_MAX, .open_until = TIME_MIN};
    for (uint16_t k = 0; k < r->n && h->apart; k++) {
        int status = update(o, r, r->row[k]);
        if (status < 0) {
            return status;
        }
    }
    for (uint16_t k = 0; k < r->n && !h->apart; k++) {
        const struct state_entry *e = take_row(o, r, r->row[k], &x);
        if (e == NULL) {
            int status = window_late(o, r->row[k]);
            if (status < 0) {
                return status;
            }
            continue;
        }
        state[n] = state_value(e);
        row[n++] = r->row[k];
    }
    return window_add(o, n, row, state);
}

/* ---- closing ---- */

static int emit_window(struct window_op *o, struct series *s, int64_t number)
{
    struct hopping *h = o->self;
    int64_t low = number * per_step(h), begin = window_begin(h, number);
    int status = 0;
    window_init(o->w, h->value);
    if (fold_range(&h->fold, s, low, last_slice(h, low), number, true, h->value) > 0) {
        uint32_t n;
        const void *key = series_key(&h->set, s, &n);
        if (o->w->fill != FILL_NONE) {
            fill_remember(&h->gaps, o, key, n, begin, h->value);
        }
        status = window_emit(o, key, n, begin, time_after(begin, h->size), h->value);
    }
    window_clear(o->w, h->value);
    return status;
}

/* The window closes, and with it the points that no later one holds. */
static int close_series(struct window_op *o, struct series *s, int64_t number)
{
    struct hopping *h = o->self;
    int status = h->apart ? 0 : emit_window(o, s, number);
    uint32_t gone = 0;
    const struct point *p = series_points(s);
    if (h->apart && p[0].pos == number) {
        status = every_close(o, &h->changed, &every_hopping, p[0].entry);
    }
    while (gone < s->n && last_window(h, p[gone].pos) <= number) {
        fold_forget(&h->fold, s, p[gone++].pos);
    }
    bool is_last = gone == s->n;
    if (gone > 0) {
        series_remove(&h->set, s, 0, gone);
    }
    if (!is_last && !h->pieces.by_part) {
        schedule(h, s);
    }
    return status;
}

/* The empty windows before those of the date. Positive: more to do. */
static int fill_gaps(struct window_op *o, const struct date *d)
{
    struct hopping *h = o->self;
    int64_t start = window_begin(h, d->time);
    while (h->ngaps < h->set.turn.n) {
        uint32_t key_n;
        const void *key = series_key(&h->set, d->item[h->ngaps++], &key_n);
        fill_add(&h->gaps, o, key, key_n, start);
        if (op_spent(o->op, 1)) {
            return 1;
        }
    }
    return fill_emit(&h->gaps, o, start);
}

/* After a restart amid a window: whether the key is of those for which it is open still. */
static bool is_open_still(void *ctx, struct series *s)
{
    const struct window_op *o = ctx;
    const struct hopping *h = o->self;
    return series_is_behind(&h->set, s, o->w->in);
}

/* Positive: more to do. */
static int close_date(struct window_op *o, struct date *d)
{
    struct hopping *h = o->self;
    struct turn *turn = &h->set.turn;
    struct series_order by = {.schema = o->w->in, .ctx = o};
    by.is_due = h->resumes && h->pieces.by_part ? is_open_still : NULL;
    h->ngaps = turn->date == d ? h->ngaps : 0;
    int status = series_due(&h->set, d, &by, o->op);
    if (status == 0 && turn->at == 0 && o->w->fill != FILL_NONE) {
        status = fill_gaps(o, d);
    }
    if (status == 0 && turn->at == 0) {
        window_expect(o, turn->n);
    }
    while (status == 0 && turn->at < turn->n) {
        h->next = d->time + 1;
        status = close_series(o, d->item[turn->at++], d->time);
        status = status < 0 ? status : op_spent(o->op, 1) && turn->at < turn->n;
    }
    series_pause(&h->set);
    return status;
}

/* The window, or SERIES_NEVER, whose turn is next. */
static int64_t first_due(const struct hopping *h)
{
    const struct pieces *p = &h->pieces;
    if (!p->by_part) {
        const struct date *d = agenda_first(&h->set.agenda);
        return d ? d->time : SERIES_NEVER;
    }
    if (p->is_held || p->has_more) {
        return p->window;
    }
    if (h->resumes) {
        return h->next - 1;
    }
    int64_t pos = pieces_first(p);
    if (pos == SERIES_NEVER) {
        return SERIES_NEVER;
    }
    int64_t first = first_window(h, pos), last = last_window(h, pos);
    first = first > h->next ? first : h->next;
    return first < last ? first : last;
}

/* The window is closed for all keys. */
static void finish(struct hopping *h, int64_t number)
{
    h->next = number < h->next ? h->next : number + 1;
    h->resumes = false;
    buffer_clear(&h->set.fired_key);
}

/* Positive: more to do. */
static int close_all(struct window_op *o)
{
    struct hopping *h = o->self;
    struct date *d = agenda_first(&h->set.agenda);
    pieces_hold(&h->pieces);
    int status = close_date(o, d);
    if (status == 0) {
        h->next = d->time + 1;
        h->resumes = h->resumes && h->set.fired_key.n > 0;
        series_drop_date(&h->set);
        pieces_let_go(&h->pieces);
        status = op_spent(o->op, 0);
    }
    return status;
}

/* One part of the window's keys. Positive: more to do. */
static int close_part(struct window_op *o, int64_t number)
{
    struct hopping *h = o->self;
    struct pieces *p = &h->pieces;
    int64_t low = h->apart ? number : number * per_step(h);
    int64_t high = h->apart ? number : last_slice(h, low);
    const struct schema *order = h->apart || key_is_text(o->w->in) ? NULL : o->w->in;
    int status = p->is_held ? 0 : pieces_gather(p, low, high, number, order, o->op);
    struct date *d = agenda_first(&h->set.agenda);
    status = status == 0 && d ? close_date(o, d) : status;
    if (status != 0) {
        return status;
    }
    bool is_begun = h->set.turn.at > 0;
    fold_clear(&h->fold);
    if (!pieces_leave(p)) {
        finish(h, number);
    } else if (is_begun) {
        pieces_behind(p, &h->set.fired_key);
    }
    return op_spent(o->op, 0);
}

/* Pieces that no open window holds are gone. */
static void drop_pieces(struct hopping *h)
{
    int64_t pos;
    while (!h->pieces.is_held && !h->pieces.has_more &&
           (pos = pieces_first(&h->pieces)) != SERIES_NEVER && last_window(h, pos) < h->next) {
        pieces_drop_first(&h->pieces);
    }
}

static int hopping_watermark(struct window_op *o, int64_t time)
{
    struct hopping *h = o->self;
    int status = 0;
    while (status == 0) {
        follow(h);
        int64_t number = first_due(h);
        if (number == SERIES_NEVER || time < closes_at(h, number)) {
            break;
        }
        status = h->pieces.by_part ? close_part(o, number) : close_all(o);
        drop_pieces(h);
    }
    int64_t open = status == 0 ? first_open(h, time) : -1;
    if (open >= h->next) {
        h->next = open;
        h->resumes = false;
        buffer_clear(&h->set.fired_key);
    }
    status = window_pause(o, status);
    if (status == 0 && o->w->fill != FILL_NONE) {
        status = fill_expire(&h->gaps, o, time);
    }
    return status != 0 ? status : every_watermark(o, &h->changed, time, &every_hopping);
}

static int hopping_tick(struct window_op *o, int64_t now)
{
    struct hopping *h = o->self;
    return every_tick(o, &h->changed, now, &every_hopping);
}

static int64_t hopping_next_time(const struct window_op *o)
{
    const struct hopping *h = o->self;
    int64_t number = first_due(h), close = number == SERIES_NEVER ? TIME_MAX : closes_at(h, number);
    return every_next_time(o, &h->changed, close);
}

static void hopping_describe(const struct window_op *o, struct open_state *out)
{
    const struct hopping *h = o->self;
    bool by_part = h->pieces.by_part;
    int64_t next = by_part ? first_due(h) : series_next(&h->set);
    out->what = h->apart ? "windows" : "pieces of windows";
    out->n = by_part ? out->n : series_npoints(&h->set); /* those in memory */
    if (next != SERIES_NEVER) {
        out->start = window_begin(h, next);
        out->stop = time_after(out->start, h->size);
        out->closes_at = closes_at(h, next);
    }
}

static uint64_t hopping_index_bytes(const struct window_op *o)
{
    const struct hopping *h = o->self;
    return series_bytes(&h->set) + pieces_bytes(&h->pieces) + fold_bytes(&h->fold) +
           every_bytes(&h->changed) + fill_bytes(&h->gaps);
}

static const struct config_field fields[] = {
    {"size", CONFIG_DURATION, offsetof(struct hopping_cfg, size), .min = 1, .required = true,
     .doc = "length of a window"},
    {"every", CONFIG_DURATION, offsetof(struct hopping_cfg, every), .min = 1, .required = true,
     .doc = "time from the start of a window to that of the next, at most `size`"},
    {0},
};

const struct window_def window_hopping = {
    .name = "hopping",
    .doc = "Overlapping windows of one size, aligned to the epoch.",
    .config = fields,
    .config_size = sizeof(struct hopping_cfg),
    .notes = 1,
    .fills = true,
    .bind = hopping_bind,
    .lag = hopping_lag,
    .lazy = hopping_lazy,
    .open = hopping_open,
    .push = hopping_push,
    .watermark = hopping_watermark,
    .next_time = hopping_next_time,
    .describe = hopping_describe,
    .index_bytes = hopping_index_bytes,
    .tick = hopping_tick,
    .flush = hopping_flush,
    .close = hopping_close,
};
