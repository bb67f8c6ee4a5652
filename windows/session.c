/* Sessions: rows of a key that lie at most `gap` apart, and [first, last] of their times.
 *
 *   gap 10     5 . 12 . . . . . . . 23        two sessions: [5, 12] and [23, 23]
 *                          ^ 17               a row at 17 is at most 10 from both: one, [5, 23]
 *
 *   state     key: a number (the time of the first row, or the next that is free), key bytes;
 *             value: first and last time, then the aggregates
 *   closed    once watermark > last + gap + grace; emitted once, then deleted. A closed session
 *             never merges, also when its result is not out yet: openness is judged row by row
 *   late      a row whose session, after merging, is closed; or with a negative time
 *   merge     states are combined in the order of event time, then the row is added
 *   every     what came out under bounds that have changed is deleted when the session comes out
 *             again; what came out of one that another took in, at once
 *   restart   series are rebuilt from the store
 *
 * Sessions of a key stand in the order of their ends, which are all different. A key has one date
 * in the agenda, its least end as it was once; when that comes and the session went on meanwhile,
 * the date moves.
 */
#include "engine/memory.h"
#include "engine/window.h"
#include "windows/every.h"
#include "windows/series.h"

#include <stddef.h>
#include <stdlib.h>

struct session_cfg {
    int64_t gap;
};

/* In front of the aggregates. */
struct session_head {
    int64_t start, end;
};

struct session {
    struct series_set set;
    struct every changed; /* emit: {every} */
    int64_t gap, wait;    /* wait: gap + grace */
};

/* Rows accepted, not yet added to their states. */
struct waiting {
    uint16_t *row, n;
    void **state;
};

static struct session_head *head_of(const struct state_entry *e)
{
    return state_value(e);
}

static void *states_of(const struct state_entry *e)
{
    return head_of(e) + 1;
}

static int64_t end_of(const struct state_entry *e)
{
    return head_of(e)->end;
}

/* The least watermark that closes a session with this end. */
static int64_t closes_at(const struct session *x, int64_t end)
{
    return time_after(time_after(end, x->wait), 1);
}

static int64_t session_lag(const struct window *w)
{
    const struct session_cfg *cfg = w->cfg;
    return time_after(cfg->gap, w->grace);
}

static void schedule(void *ctx, struct series *s)
{
    struct session *x = ctx;
    series_schedule(&x->set, s, series_points(s)[0].pos);
}

static int session_open(struct window_op *o, struct err *e)
{
    const struct session_cfg *cfg = o->w->cfg;
    struct session *x = mem_zalloc(sizeof *x);
    o->self = x;
    x->gap = cfg->gap;
    x->wait = session_lag(o->w);
    series_init(&x->set, o->op->state, o->w->value_size, 1);
    if (series_load(&x->set, end_of) < 0) {
        return err_set(e, ERR_FATAL, "the restored state of the window is damaged");
    }
    series_each(&x->set, schedule, x);
    if (o->w->emit == EMIT_EVERY) {
        every_init(&x->changed);
        every_changed_all(&x->changed, &x->set);
    }
    return 0;
}

static void session_close(struct window_op *o)
{
    struct session *x = o->self;
    if (x) {
        series_done(&x->set);
        every_done(&x->changed);
        mem_free(x);
    }
}

/* ---- rows ---- */

static int add_waiting(struct window_op *o, struct waiting *wait)
{
    int status = window_add(o, wait->n, wait->row, wait->state);
    wait->n = 0;
    return status;
}

/* Sessions that a row joins: points [begin, begin + n) hold them, others may stand between. */
struct joined {
    uint32_t begin, n;
    int64_t start, end; /* with the row */
};

static bool joins(const struct session *x, const struct point *p, int64_t time)
{
    return head_of(p->entry)->start <= time_after(time, x->gap);
}

/* Looks for the open sessions within the gap; `limit`: those that end before are closed. */
static struct joined find_joined(struct session *x, struct series *s, int64_t time, int64_t limit)
{
    struct joined j = {.start = time, .end = time};
    int64_t least = time - x->gap;
    j.begin = series_lower(s, least > limit ? least : limit);
    const struct point *p = series_points(s);
    for (uint32_t i = j.begin; i < s->n; i++) {
        if (!joins(x, &p[i], time)) {
            continue;
        }
        const struct session_head *h = head_of(p[i].entry);
        j.begin = j.n == 0 ? i : j.begin;
        j.n = i + 1 - j.begin;
        j.start = h->start < j.start ? h->start : j.start;
        j.end = h->end > j.end ? h->end : j.end;
    }
    return j;
}

static int by_start(const void *a, const void *b)
{
    const struct session_head *x = head_of(*(struct state_entry *const *)a);
    const struct session_head *y = head_of(*(struct state_entry *const *)b);
    return x->start != y->start ? (x->start > y->start) - (x->start < y->start)
                                : (x->end > y->end) - (x->end < y->end);
}

/* Makes one session of those joined; returns where it stands among the points. */
static uint32_t merge(struct window_op *o, struct series *s, const struct joined *j, int64_t time)
{
    struct session *x = o->self;
    struct arena_mark mark = arena_mark(o->op->mem);
    struct state_entry **list = arena_array(o->op->mem, j->n, sizeof *list);
    uint32_t n = 0, end = j->begin + j->n;
    for (uint32_t i = j->begin; i < end; i++) {
        const struct point *p = &series_points(s)[i];
        if (joins(x, p, time)) {
            list[n++] = p->entry;
        }
    }
    qsort(list, n, sizeof *list, by_start);
    struct state_entry *into = list[0];
    for (uint32_t i = 1; i < n; i++) {
        window_combine(o->w, head_of(into), head_of(list[i]));
    }
    uint32_t at = j->begin;
    for (uint32_t i = j->begin, left = j->n; left > 0; left--) {
        struct state_entry *e = series_points(s)[i].entry;
        if (e == into) {
            at = i++;
        } else if (joins(x, &series_points(s)[i], time)) {
            series_remove(&x->set, s, i, 1);
        } else {
            i++;
        }
    }
    arena_release(o->op->mem, mark);
    return at;
}

/* That of the joined sessions which will hold the others. */
static struct state_entry *first_joined(const struct session *x, struct series *s,
                                        const struct joined *j, int64_t time)
{
    struct state_entry *first = NULL;
    for (uint32_t i = j->begin; i < j->begin + j->n; i++) {
        struct point *p = &series_points(s)[i];
        if (joins(x, p, time) && (first == NULL || by_start(&p->entry, &first) < 0)) {
            first = p->entry;
        }
    }
    return first;
}

/* Deletes what came out for the sessions that the row joins, but for `keep`. */
static int retract(struct window_op *o, struct series *s, const struct joined *j, int64_t time,
                   const struct state_entry *keep)
{
    struct session *x = o->self;
    int status = 0;
    for (uint32_t i = j->begin; i < j->begin + j->n && status == 0; i++) {
        struct state_entry *e = series_points(s)[i].entry;
        if (e != keep && joins(x, &series_points(s)[i], time)) {
            uint32_t n;
            const void *key = series_entry_key(&x->set, e, &n);
            status = window_withdraw(o, key, n, e, window_notes(o->w, head_of(e)));
        }
    }
    return status;
}

/* Before sessions become one. With `updates` what they were is deleted at once; with `{every}` the
 * one that holds the others stands until it comes out again. */
static int retract_joined(struct window_op *o, struct series *s, const struct joined *j,
                          int64_t time)
{
    struct session *x = o->self;
    bool is_same = j->start == time && j->end == time;
    if (o->w->emit == EMIT_UPDATES) {
        return is_same ? 0 : retract(o, s, j, time, NULL);
    }
    if (o->w->emit != EMIT_EVERY || j->n < 2) {
        return 0;
    }
    const struct state_entry *keep = first_joined(x, s, j, time);
    int status = retract(o, s, j, time, keep);
    for (uint32_t i = j->begin; i < j->begin + j->n; i++) {
        struct state_entry *e = series_points(s)[i].entry;
        if (e != keep && joins(x, &series_points(s)[i], time)) {
            every_take(&x->changed, e);
        }
    }
    return status;
}

static struct every_result result_of(const struct window_op *o, struct state_entry *e)
{
    const struct session *x = o->self;
    struct every_result r = {.start = head_of(e)->start, .end = head_of(e)->end, .entry = e};
    r.states = states_of(e);
    r.key = series_entry_key(&x->set, e, &r.key_n);
    r.note = window_notes(o->w, head_of(e));
    return r;
}

static const struct every_kind every_session = {.result = result_of};

static int take_row(struct window_op *o, const struct window_rows *r, uint16_t at,
                    struct waiting *wait)
{
    struct session *x = o->self;
    int64_t time = r->batch->time[at], seen = window_seen(o, at);
    int64_t limit = seen < TIME_MIN + x->wait ? TIME_MIN : seen - x->wait;
    struct series *s = series_find(&x->set, r->keys.hash[at], &r->keys.key[at]);
    struct joined j = {.start = time, .end = time};
    if (s) {
        j = find_joined(x, s, time, limit);
    }
    if (time < 0 || j.end < limit) {
        return window_late(o, at);
    }
    if (o->w->emit != EMIT_FINAL) {
        window_update(o, at);
    }
    int status = j.n > 0 ? retract_joined(o, s, &j, time) : 0;
    if (status < 0) {
        return status;
    }
    struct state_entry *e;
    if (j.n == 0) {
        e = series_add(&x->set, r->keys.hash[at], &r->keys.key[at], time, time, &s);
        window_init(o->w, head_of(e));
    } else {
        uint32_t i = j.begin;
        if (j.n > 1) {
            status = add_waiting(o, wait);
            if (status < 0) {
                return status;
            }
            i = merge(o, s, &j, time);
        }
        e = series_points(s)[i].entry;
        series_reorder(s, i, j.end);
        state_touch(x->set.state, e);
    }
    *head_of(e) = (struct session_head){j.start, j.end};
    schedule(x, s);
    if (o->w->emit == EMIT_UPDATES) {
        status = window_add(o, 1, &at, &(void *){states_of(e)});
        return status < 0 ? status : every_emit(o, &every_session, e);
    }
    if (o->w->emit == EMIT_EVERY) {
        every_changed(&x->changed, e);
    }
    wait->row[wait->n] = at;
    wait->state[wait->n++] = states_of(e);
    return 0;
}

/* ---- closing, and the rows between ---- */

/* Moves dates whose session went on; the first date left has one that closes then, or there is
 * none.
 */
static struct date *first_date(struct session *x)
{
    struct date *d;
    while ((d = agenda_first(&x->set.agenda)) != NULL) {
        while (d->n > 0) {
            struct series *s = d->item[d->n - 1];
            if (s->next == d->time && series_points(s)[0].pos == d->time) {
                return d;
            }
            d->n--;
            if (series_take_date(&x->set, s, d->time)) {
                schedule(x, s);
            }
        }
        agenda_drop_first(&x->set.agenda);
    }
    return NULL;
}

static int emit_session(struct window_op *o, struct series *s)
{
    struct session *x = o->self;
    struct state_entry *e = series_points(s)[0].entry;
    int status = every_close(o, &x->changed, &every_session, e);
    if (o->w->emit == EMIT_FINAL) {
        struct every_result r = result_of(o, e);
        status = window_emit(o, r.key, r.key_n, r.start, r.end, r.states);
    }
    bool is_last = s->n == 1;
    series_remove(&x->set, s, 0, 1);
    if (!is_last) {
        schedule(x, s);
    }
    return status;
}

static int64_t first_start(const void *series)
{
    struct series *s = (struct series *)(uintptr_t)series;
    return head_of(series_points(s)[0].entry)->start;
}

/* Of series whose first sessions end at one time. */
static int compare_starts(const void *a, const void *b)
{
    int64_t x = first_start(a), y = first_start(b);
    return (x > y) - (x < y);
}

/* Whether the first session ends at the date; one that went on gets another date. */
static bool is_due(void *ctx, struct series *s)
{
    struct session *x = ctx;
    bool is = series_points(s)[0].pos == x->set.turn.date->time;
    if (!is) {
        schedule(x, s);
    }
    return is;
}

/* Positive: more to do. */
static int close_date(struct window_op *o, struct date *d)
{
    struct session *x = o->self;
    struct turn *turn = &x->set.turn;
    struct series_order by = {
        .schema = o->w->in, .is_due = is_due, .ctx = x, .first = compare_starts};
    int status = series_due(&x->set, d, &by, o->op);
    if (status == 0 && turn->at == 0) {
        window_expect(o, turn->n);
    }
    while (status == 0 && turn->at < turn->n) {
        status = emit_session(o, d->item[turn->at++]);
        status = status < 0 ? status : op_spent(o->op, 1) && turn->at < turn->n;
    }
    return status;
}

/* Sessions that a batch itself began may close between two of its rows. With `{every}` that shows,
 * since a row deletes at once what another session was before. */
static int close_between(struct window_op *o, int64_t low, struct waiting *wait)
{
    struct session *x = o->self;
    struct date *d = o->w->emit == EMIT_EVERY ? agenda_first(&x->set.agenda) : NULL;
    if (d == NULL || low < closes_at(x, d->time)) {
        return 0;
    }
    int status = add_waiting(o, wait);
    o->seen = TIME_MAX;
    while (status >= 0 && d && low >= closes_at(x, d->time)) {
        status = close_date(o, d); /* positive: the end of a slice, which a push has not */
        if (status == 0) {
            series_drop_date(&x->set);
            d = agenda_first(&x->set.agenda);
        }
    }
    return status < 0 ? status : window_flush(o);
}

static int session_push(struct window_op *o, const struct window_rows *r)
{
    struct waiting wait = {.row = arena_array(r->batch->mem, r->n, sizeof *wait.row),
                           .state = arena_array(r->batch->mem, r->n, sizeof *wait.state)};
    if (o->w->emit == EMIT_UPDATES) {
        window_expect(o, 2U * r->n);
    }
    for (uint16_t k = 0; k < r->n; k++) {
        int status = k > 0 ? close_between(o, batch_low(r->batch, r->row[k - 1]), &wait) : 0;
        status = status < 0 ? status : take_row(o, r, r->row[k], &wait);
        if (status < 0) {
            return status;
        }
    }
    o->seen = o->w->emit == EMIT_EVERY ? TIME_MAX : o->seen;
    return add_waiting(o, &wait);
}

static int session_watermark(struct window_op *o, int64_t time)
{
    struct session *x = o->self;
    struct date *d;
    int status = 0;
    while (status == 0 && (d = agenda_first(&x->set.agenda)) && time >= closes_at(x, d->time)) {
        status = close_date(o, d);
        if (status == 0) {
            series_drop_date(&x->set);
            status = op_spent(o->op, 0);
        }
    }
    status = window_pause(o, status);
    return status != 0 ? status : every_watermark(o, &x->changed, time, &every_session);
}

static int session_tick(struct window_op *o, int64_t now)
{
    struct session *x = o->self;
    return every_tick(o, &x->changed, now, &every_session);
}

static int64_t session_next_time(const struct window_op *o)
{
    struct session *x = o->self;
    const struct date *d = first_date(x);
    int64_t close = d ? closes_at(x, d->time) : TIME_MAX;
    return every_next_time(o, &x->changed, close);
}

static void session_describe(const struct window_op *o, struct open_state *out)
{
    struct session *x = o->self;
    const struct date *d = first_date(x);
    out->what = "sessions";
    out->n = series_npoints(&x->set);
    if (d) {
        struct series *s = d->item[d->n - 1];
        const struct session_head *h = head_of(series_points(s)[0].entry);
        out->start = h->start;
        out->stop = h->end;
        out->has_stop = true;
        out->closes_at = closes_at(x, d->time);
    }
}

static uint64_t session_index_bytes(const struct window_op *o)
{
    const struct session *x = o->self;
    return series_bytes(&x->set) + every_bytes(&x->changed);
}

static const struct config_field value = {
    "session", CONFIG_DURATION, offsetof(struct session_cfg, gap), .min = 1,
    .doc = "gap of silence that ends a session: rows at most this far apart belong together"};

const struct window_def window_session = {
    .name = "session",
    .doc = "Rows of a key that follow each other without a gap of silence.",
    .value = &value,
    .config_size = sizeof(struct session_cfg),
    .head_size = sizeof(struct session_head),
    .notes = 1,
    .includes_end = true,
    .lag = session_lag,
    .open = session_open,
    .push = session_push,
    .watermark = session_watermark,
    .next_time = session_next_time,
    .describe = session_describe,
    .index_bytes = session_index_bytes,
    .tick = session_tick,
    .close = session_close,
};
