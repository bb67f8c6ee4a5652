/* Sliding windows: [end - size, end], both ends included, for each key where its rows put them.
 *
 *   row of time t      left window [t - size, t]      right window [t + 1, t + 1 + size]
 *   rows of t < size   share [0, size] as their left window
 *
 * A left window exists when its row came while it was open, a right window when it holds a row. A
 * window holds every accepted row in its bounds that came before it closed. So the points of a key,
 * one per time, say by themselves which windows there are: nothing else is kept.
 *
 *   state     key: time, first window end that sees the point (0: all), key bytes; value: the
 *             aggregates. One more entry says which windows have been closed
 *   closed    once watermark > end + grace; a point goes when its right window closes, which begins
 *             behind it
 *   updates   a row comes out with every open window that holds it, and with its right window when
 *             it makes that
 *   every     windows of the points that got rows; a point has the notes of what came out of its
 *             left and of its right window
 *   late      a row once watermark > time + size + grace, or with a negative time. A row that comes
 *             when its left window is closed stands in a point of its own, seen by the windows
 *             that were still open
 *   restart   series are rebuilt from the store
 */
#include "engine/hash.h"
#include "engine/memory.h"
#include "engine/window.h"
#include "windows/every.h"
#include "windows/fold.h"

#include <stddef.h>
#include <stdlib.h>

struct sliding_cfg {
    int64_t size;
};

struct sliding {
    struct series_set set;
    struct every changed; /* emit: {every}: points with new rows */
    struct fold fold;
    int64_t size, grace;
    int64_t fired; /* windows that end here or before are closed */
    void *value;
    int64_t *end; /* of windows that hold a row */
    uint32_t nends, cap_ends;
};

/* The least watermark that closes windows with this end. */
static int64_t closes_at(const struct sliding *x, int64_t end)
{
    return time_after(time_after(end, x->grace), 1);
}

static int64_t left_end(const struct sliding *x, int64_t time)
{
    return time < x->size ? x->size : time;
}

static int64_t right_end(const struct sliding *x, int64_t time)
{
    int64_t end = time_after(time_after(time, x->size), 1);
    return end < SERIES_NEVER ? end : SERIES_NEVER - 1;
}

static int64_t sliding_lag(const struct window *w)
{
    return w->grace;
}

/* The least end of a left window behind `fired`; SERIES_NEVER: none. */
static int64_t next_left(const struct sliding *x, struct series *s, int64_t fired)
{
    const struct point *p = series_points(s);
    uint32_t i = fired < x->size ? 0 : series_lower(s, fired + 1);
    while (i < s->n && point_from(&p[i]) > 0) {
        i++;
    }
    return i < s->n ? left_end(x, p[i].pos) : SERIES_NEVER;
}

static void schedule(struct sliding *x, struct series *s, int64_t fired)
{
    int64_t left = next_left(x, s, fired), right = right_end(x, series_points(s)[0].pos);
    series_schedule(&x->set, s, left < right ? left : right);
}

static void schedule_restored(void *ctx, struct series *s)
{
    const struct window_op *o = ctx;
    struct sliding *x = o->self;
    schedule(x, s, x->fired - series_is_behind(&x->set, s, o->w->in));
}

static int sliding_open(struct window_op *o, struct err *e)
{
    const struct sliding_cfg *cfg = o->w->cfg;
    struct sliding *x = mem_zalloc(sizeof *x);
    o->self = x;
    x->size = cfg->size;
    x->grace = o->w->grace;
    x->value = mem_zalloc(o->w->value_size + 1U);
    fold_init(&x->fold, o->w);
    series_init(&x->set, o->op->state, o->w->value_size, 2);
    if (series_load(&x->set, NULL) < 0) {
        return err_set(e, ERR_FATAL, "the restored state of the window is damaged");
    }
    x->fired = x->set.fired > -1 ? x->set.fired : -1;
    series_each(&x->set, schedule_restored, o);
    if (o->w->emit == EMIT_EVERY) {
        every_init(&x->changed);
        every_changed_all(&x->changed, &x->set);
    }
    return 0;
}

static void sliding_close(struct window_op *o)
{
    struct sliding *x = o->self;
    if (x) {
        fold_done(&x->fold);
        every_done(&x->changed);
        series_done(&x->set);
        mem_free(x->value);
        mem_free(x->end);
        mem_free(x);
    }
}

static void sliding_flush(struct window_op *o)
{
    struct sliding *x = o->self;
    x->set.fired = x->fired;
    series_flush(&x->set);
}

/* The point that the row belongs to; NULL when it is late. */
static struct state_entry *take_row(struct window_op *o, const struct window_rows *r, uint16_t at,
                                    struct series **series, bool *is_new)
{
    struct sliding *x = o->self;
    int64_t time = r->batch->time[at], seen = window_seen(o, at);
    if (time < 0 || seen > time_after(time_after(time, x->size), x->grace)) {
        return NULL;
    }
    int64_t left = left_end(x, time);
    int64_t from = seen > time_after(left, x->grace) ? seen - x->grace : 0;
    struct series *s;
    struct state_entry *e =
        series_entry(&x->set, r->keys.hash[at], &r->keys.key[at], time, from, &s, is_new);
    if (*is_new) {
        window_init(o->w, state_value(e));
        series_schedule(&x->set, s, from == 0 ? left : right_end(x, time));
    }
    fold_forget(&x->fold, s, time);
    *series = s;
    return e;
}

/* Whether a row made the window that ends here: its left or its right one. */
static bool is_window(const struct sliding *x, struct series *s, int64_t end)
{
    const struct point *p = series_points(s);
    int64_t low = end == x->size ? 0 : end;
    for (uint32_t i = series_lower(s, low); i < s->n && p[i].pos <= end; i++) {
        if (point_from(&p[i]) == 0) {
            return true;
        }
    }
    uint32_t i = series_lower(s, end - x->size - 1);
    return i < s->n && p[i].pos == end - x->size - 1;
}

/* What stands downstream of the window that ends here. A point has a note for its left window, and
 * one for its right window; of several points with the same window that which has come out counts.
 */
struct noted {
    struct state_entry *entry;
    struct window_note *note;
};

static bool is_better(const struct noted *than, const struct window_note *note)
{
    bool is_used = note->is_out || note->is_pending;
    return than->note == NULL || (is_used && !than->note->is_out && !than->note->is_pending);
}

static struct noted note_of(struct window_op *o, struct series *s, int64_t end)
{
    const struct sliding *x = o->self;
    const struct point *p = series_points(s);
    struct noted best = {0};
    int64_t low = end == x->size ? 0 : end;
    for (uint32_t i = series_lower(s, low); i < s->n && p[i].pos <= end; i++) {
        struct window_note *note = window_notes(o->w, state_value(p[i].entry));
        if (point_from(&p[i]) == 0 && is_better(&best, note)) {
            best = (struct noted){p[i].entry, note};
        }
    }
    int64_t before = end - x->size - 1;
    for (uint32_t i = series_lower(s, before); i < s->n && p[i].pos == before; i++) {
        struct window_note *note = window_notes(o->w, state_value(p[i].entry)) + 1;
        if (is_better(&best, note)) {
            best = (struct noted){p[i].entry, note};
        }
    }
    return best;
}

static int emit_window(struct window_op *o, struct series *s, int64_t end)
{
    struct sliding *x = o->self;
    int status = 0;
    window_init(o->w, x->value);
    if (fold_range(&x->fold, s, end - x->size, end, end, true, x->value) > 0) {
        uint32_t n;
        const void *key = series_key(&x->set, s, &n);
        struct noted at = o->w->emit == EMIT_FINAL ? (struct noted){0} : note_of(o, s, end);
        status =
            at.note ? window_emit_so_far(o, key, n, end - x->size, end, x->value, at.entry, at.note)
                    : window_emit(o, key, n, end - x->size, end, x->value);
    }
    window_clear(o->w, x->value);
    return status;
}

static void add_end(struct sliding *x, int64_t end)
{
    if (x->nends == x->cap_ends) {
        x->cap_ends = x->cap_ends ? x->cap_ends * 2 : 16;
        x->end = mem_resize(x->end, x->cap_ends, sizeof *x->end);
    }
    x->end[x->nends++] = end;
}

static int compare_ends(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Ends of the windows that hold a row of this time, and of its right window, in ascending order;
 * some twice. */
static void find_ends(struct sliding *x, struct series *s, int64_t time)
{
    const struct point *p = series_points(s);
    int64_t last = time_after(time, x->size);
    x->nends = 0;
    for (uint32_t i = series_lower(s, time - x->size - 1); i < s->n && p[i].pos <= last; i++) {
        if (p[i].pos <= time) {
            add_end(x, right_end(x, p[i].pos));
        }
        int64_t left = left_end(x, p[i].pos);
        if (point_from(&p[i]) == 0 && left >= time && left <= last) {
            add_end(x, left);
        }
    }
    qsort(x->end, x->nends, sizeof *x->end, compare_ends);
}

/* Whether a row that made a point has made its right window: it is the first of its time, and no
 * row stands where that window would be its left one. */
static bool makes_right(const struct sliding *x, struct series *s, int64_t time, bool is_new)
{
    const struct point *p = series_points(s);
    uint32_t i = series_lower(s, time), end = series_lower(s, right_end(x, time));
    bool is_alone = i + 1 == s->n || p[i + 1].pos != time;
    bool is_left = end < s->n && p[end].pos == right_end(x, time) && point_from(&p[end]) == 0;
    return is_new && is_alone && !is_left;
}

/* The windows that the row is in come out as they are now. */
static int update(struct window_op *o, struct series *s, uint16_t at, int64_t time, bool is_new)
{
    struct sliding *x = o->self;
    int64_t right = right_end(x, time);
    int status = 0;
    window_update(o, at);
    find_ends(x, s, time);
    for (uint32_t i = 0; i < x->nends && status == 0; i++) {
        int64_t end = x->end[i];
        bool is_again = i > 0 && x->end[i - 1] == end;
        bool is_closed = window_seen(o, at) > time_after(end, x->grace);
        if (!is_again && !is_closed && (end != right || makes_right(x, s, time, is_new))) {
            status = emit_window(o, s, end);
        }
    }
    return status;
}

static int emit_changed(struct window_op *o, const struct every_result *r)
{
    return emit_window(o, r->series, r->end);
}

/* The windows that hold rows of the entry and are open; its right window only when it has never
 * come out, since the entry's rows are not in it. */
static void find_changed(struct window_op *o, struct every *changed, struct state_entry *e)
{
    struct sliding *x = o->self;
    struct every_result r = {.entry = e};
    r.key = series_entry_key(&x->set, e, &r.key_n);
    struct str key = str_ref(r.key, r.key_n);
    struct series *s = series_find(&x->set, hash_bytes(r.key, r.key_n, 0), &key);
    int64_t time = entry_pos(e), right = right_end(x, time);
    r.series = s;
    find_ends(x, s, time);
    for (uint32_t i = 0; i < x->nends; i++) {
        r.end = x->end[i];
        r.start = r.end - x->size;
        bool is_again = i > 0 && x->end[i - 1] == r.end;
        bool is_wanted = !is_again && r.end > x->fired && is_window(x, s, r.end);
        if (is_wanted && r.end == right) {
            is_wanted = !note_of(o, s, right).note->is_out;
        }
        if (is_wanted) {
            every_add(changed, &r);
        }
    }
}

static const struct every_kind every_sliding = {.find = find_changed, .emit = emit_changed};

/* Whether the window that closes is not downstream as it is. */
static bool has_changed(struct window_op *o, struct series *s, int64_t end)
{
    struct sliding *x = o->self;
    const struct point *p = series_points(s);
    bool has = !note_of(o, s, end).note->is_out;
    for (uint32_t i = series_lower(s, end - x->size); i < s->n && p[i].pos <= end && !has; i++) {
        has = every_has(&x->changed, p[i].entry);
    }
    return has;
}

static int sliding_push(struct window_op *o, const struct window_rows *r)
{
    uint16_t *row = arena_array(r->batch->mem, r->n, sizeof *row), n = 0;
    void **state = arena_array(r->batch->mem, r->n, sizeof *state);
    struct sliding *x = o->self;
    int status = 0;
    if (o->w->emit == EMIT_UPDATES) {
        window_expect(o, 2U * r->n);
    }
    for (uint16_t k = 0; k < r->n && status == 0; k++) {
        uint16_t at = r->row[k];
        struct series *s = NULL;
        bool is_new = false;
        struct state_entry *e = take_row(o, r, at, &s, &is_new);
        if (e == NULL) {
            status = window_late(o, at);
        } else {
            state[n] = state_value(e);
            row[n++] = at;
        }
        if (e && o->w->emit == EMIT_EVERY) {
            every_changed(&x->changed, e);
        }
        if (e && o->w->emit == EMIT_UPDATES) {
            status = window_add(o, n, row, state);
            n = 0;
            status = status < 0 ? status : update(o, s, at, r->batch->time[at], is_new);
        }
    }
    return status < 0 ? status : window_add(o, n, row, state);
}

/* The window that ends here closes, and with it the points that no later one holds. */
static int close_series(struct window_op *o, struct series *s, int64_t end)
{
    struct sliding *x = o->self;
    bool is_result = o->w->emit != EMIT_UPDATES && is_window(x, s, end);
    if (is_result && o->w->emit == EMIT_EVERY) {
        is_result = has_changed(o, s, end);
    }
    int status = is_result ? emit_window(o, s, end) : 0;
    status = status < 0 ? status : window_settle(o);
    uint32_t gone = 0;
    const struct point *p = series_points(s);
    while (gone < s->n && right_end(x, p[gone].pos) <= end) {
        if (o->w->emit == EMIT_EVERY) {
            every_take(&x->changed, p[gone].entry);
        }
        fold_forget(&x->fold, s, p[gone++].pos);
    }
    bool is_last = gone == s->n;
    if (gone > 0) {
        series_remove(&x->set, s, 0, gone);
    }
    if (!is_last) {
        schedule(x, s, end);
    }
    return status;
}

/* Positive: more to do. */
static int close_date(struct window_op *o, struct date *d)
{
    struct sliding *x = o->self;
    struct turn *turn = &x->set.turn;
    struct series_order by = {.schema = o->w->in};
    int status = series_due(&x->set, d, &by, o->op);
    if (status == 0 && turn->at == 0) {
        window_expect(o, turn->n);
    }
    while (status == 0 && turn->at < turn->n) {
        x->fired = d->time;
        status = close_series(o, d->item[turn->at++], d->time);
        status = status < 0 ? status : op_spent(o->op, 1) && turn->at < turn->n;
    }
    series_pause(&x->set);
    return status;
}

static int sliding_watermark(struct window_op *o, int64_t time)
{
    struct sliding *x = o->self;
    struct date *d;
    int status = 0;
    while (status == 0 && (d = agenda_first(&x->set.agenda)) && time >= closes_at(x, d->time)) {
        status = close_date(o, d);
        if (status == 0) {
            x->fired = d->time;
            series_drop_date(&x->set);
            status = op_spent(o->op, 0);
        }
    }
    if (status == 0 && time > x->grace && time - x->grace - 1 >= x->fired) {
        x->fired = time - x->grace - 1;
        buffer_clear(&x->set.fired_key);
    }
    status = window_pause(o, status);
    return status != 0 ? status : every_watermark(o, &x->changed, time, &every_sliding);
}

static int sliding_tick(struct window_op *o, int64_t now)
{
    struct sliding *x = o->self;
    return every_tick(o, &x->changed, now, &every_sliding);
}

static int64_t sliding_next_time(const struct window_op *o)
{
    const struct sliding *x = o->self;
    const struct date *d = agenda_first(&x->set.agenda);
    int64_t close = d ? closes_at(x, d->time) : TIME_MAX;
    return every_next_time(o, &x->changed, close);
}

static void sliding_describe(const struct window_op *o, struct open_state *out)
{
    const struct sliding *x = o->self;
    int64_t end = series_next(&x->set);
    out->what = "pieces of windows";
    out->n = series_npoints(&x->set);
    if (end != SERIES_NEVER) {
        out->start = end - x->size;
        out->stop = end;
        out->has_stop = true;
        out->closes_at = closes_at(x, end);
    }
}

static uint64_t sliding_index_bytes(const struct window_op *o)
{
    const struct sliding *x = o->self;
    return series_bytes(&x->set) + fold_bytes(&x->fold) + every_bytes(&x->changed);
}

static const struct config_field value = {
    "sliding", CONFIG_DURATION, offsetof(struct sliding_cfg, size), .min = 1,
    .doc = "size of the windows: from `size` before a row to the row, both included"};

const struct window_def window_sliding = {
    .name = "sliding",
    .doc = "Windows of one size that end at a row, or begin right behind one, for each key.",
    .value = &value,
    .config_size = sizeof(struct sliding_cfg),
    .includes_end = true,
    .notes = 2,
    .lag = sliding_lag,
    .open = sliding_open,
    .push = sliding_push,
    .watermark = sliding_watermark,
    .next_time = sliding_next_time,
    .describe = sliding_describe,
    .index_bytes = sliding_index_bytes,
    .tick = sliding_tick,
    .flush = sliding_flush,
    .close = sliding_close,
};
