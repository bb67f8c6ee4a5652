/* A set of entries, and when they come out: see every.h. What comes out together is ordered as
 * closed windows are: by end, start, key text.
 */
#include "windows/every.h"

#include "engine/hash.h"
#include "engine/memory.h"
#include "windows/key_order.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_LEAST 64

struct changed {
    struct every_result result;
    uint64_t number; /* by key */
};

void every_init(struct every *x)
{
    *x = (struct every){.nslots = SLOTS_LEAST, .due = TIME_MIN, .last_tick = TIME_MIN};
    x->slot = mem_zalloc(x->nslots * sizeof(struct state_entry *));
}

void every_done(struct every *x)
{
    mem_free(x->slot);
    mem_free(x->list);
    mem_free(x->order);
    *x = (struct every){0};
}

uint64_t every_bytes(const struct every *x)
{
    return x->nslots * sizeof(struct state_entry *) + x->cap_list * sizeof *x->list;
}

static uint64_t home_of(const struct every *x, const struct state_entry *e)
{
    return hash_mix(0, (uint64_t)(uintptr_t)e) >> 20 & (x->nslots - 1);
}

static uint64_t probe(const struct every *x, const struct state_entry *e)
{
    uint64_t at = home_of(x, e);
    while (x->slot[at] && x->slot[at] != e) {
        at = (at + 1) & (x->nslots - 1);
    }
    return at;
}

static void grow(struct every *x)
{
    struct state_entry **old = x->slot;
    uint64_t n = x->nslots;
    x->nslots *= 2;
    x->slot = mem_zalloc(x->nslots * sizeof(struct state_entry *));
    for (uint64_t i = 0; i < n; i++) {
        if (old[i]) {
            x->slot[probe(x, old[i])] = old[i];
        }
    }
    mem_free(old);
}

void every_changed(struct every *x, struct state_entry *e)
{
    uint64_t at = probe(x, e);
    if (x->slot[at] == NULL) {
        x->slot[at] = e;
        if (++x->n * 2 > x->nslots) {
            grow(x);
        }
    }
}

static void change_series(void *ctx, struct series *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        every_changed(ctx, series_points(s)[i].entry);
    }
}

void every_changed_all(struct every *x, struct series_set *set)
{
    series_each(set, change_series, x);
}

bool every_has(const struct every *x, const struct state_entry *e)
{
    return x->slot[probe(x, e)] != NULL;
}

bool every_take(struct every *x, struct state_entry *e)
{
    uint64_t mask = x->nslots - 1, gap = probe(x, e);
    if (x->slot[gap] == NULL) {
        return false;
    }
    for (uint64_t at = (gap + 1) & mask; x->slot[at]; at = (at + 1) & mask) {
        if (((at - home_of(x, x->slot[at])) & mask) >= ((at - gap) & mask)) {
            x->slot[gap] = x->slot[at];
            gap = at;
        }
    }
    x->slot[gap] = NULL;
    x->n--;
    return true;
}

/* ---- emission ---- */

static const void *key_of(const void *ctx, const void *item, uint32_t *n)
{
    (void)ctx;
    const struct changed *c = item;
    *n = c->result.key_n;
    return c->result.key;
}

static int compare(const void *a, const void *b)
{
    const struct changed *x = *(const struct changed *const *)a;
    const struct changed *y = *(const struct changed *const *)b;
    if (x->result.end != y->result.end) {
        return x->result.end < y->result.end ? -1 : 1;
    }
    if (x->result.start != y->result.start) {
        return x->result.start < y->result.start ? -1 : 1;
    }
    return (x->number > y->number) - (x->number < y->number);
}

void every_add(struct every *x, const struct every_result *r)
{
    if (x->nlist == x->cap_list) {
        x->cap_list = x->cap_list ? x->cap_list * 2 : 64;
        x->list = mem_resize(x->list, x->cap_list, sizeof *x->list);
    }
    x->list[x->nlist++] = (struct changed){.result = *r};
}

/* Windows of what has changed, in the order in which they come out. */
static void **find_all(struct window_op *o, struct every *x, const struct every_kind *kind)
{
    x->nlist = 0;
    for (uint64_t i = 0; i < x->nslots; i++) {
        if (x->slot[i]) {
            if (kind->find) {
                kind->find(o, x, x->slot[i]);
            } else {
                struct every_result r = kind->result(o, x->slot[i]);
                every_add(x, &r);
            }
            x->slot[i] = NULL;
        }
    }
    x->n = 0;
    void **item = mem_array(x->nlist + 1U, sizeof *item);
    for (uint32_t i = 0; i < x->nlist; i++) {
        item[i] = &x->list[i];
    }
    struct arena_mark mark = arena_mark(o->op->mem);
    key_order(item, x->nlist, key_of, NULL, o->w->in, o->op->mem);
    arena_release(o->op->mem, mark);
    for (uint32_t i = 0; i < x->nlist; i++) {
        struct changed *c = item[i];
        c->number = i;
    }
    qsort(item, x->nlist, sizeof *item, compare);
    return item;
}

/* Several entries may belong to one window. */
static bool is_same(const struct every_result *a, const struct every_result *b)
{
    return a->start == b->start && a->end == b->end && a->key_n == b->key_n &&
           memcmp(a->key, b->key, a->key_n) == 0;
}

static int emit_result(struct window_op *o, const struct every_result *r)
{
    return window_emit_so_far(o, r->key, r->key_n, r->start, r->end, r->states, r->entry, r->note);
}

int every_emit(struct window_op *o, const struct every_kind *kind, struct state_entry *e)
{
    struct every_result r = kind->result(o, e);
    return emit_result(o, &r);
}

int every_close(struct window_op *o, struct every *x, const struct every_kind *kind,
                struct state_entry *e)
{
    if (o->w->emit != EMIT_EVERY || !every_take(x, e)) {
        return 0;
    }
    int status = every_emit(o, kind, e);
    return status < 0 ? status : window_settle(o);
}

/* In slices; positive: more to do. */
static int emit_changed(struct window_op *o, struct every *x, int64_t watermark,
                        const struct every_kind *kind)
{
    int64_t lag = o->w->def->lag(o->w);
    if (x->order == NULL) {
        x->order = find_all(o, x, kind);
        x->nth = 0;
    }
    int status = window_flush(o); /* what closed before this has its own times */
    o->seen = watermark < TIME_MIN + lag ? TIME_MIN : watermark - lag;
    window_expect(o, x->nlist - x->nth);
    while (x->nth < x->nlist && status == 0) {
        uint32_t i = x->nth++;
        const struct every_result *r = &((struct changed *)x->order[i])->result;
        if (i == 0 || !is_same(r, &((struct changed *)x->order[i - 1])->result)) {
            status = kind->emit ? kind->emit(o, r) : emit_result(o, r);
        }
        status = status < 0 ? status : op_spent(o->op, 1);
    }
    status = window_pause(o, status < 0 ? status : x->nth < x->nlist);
    o->seen = TIME_MAX;
    if (status == 0) {
        mem_free(x->order);
        x->order = NULL;
    }
    return status;
}

int every_watermark(struct window_op *o, struct every *x, int64_t time,
                    const struct every_kind *kind)
{
    if (x->order) {
        return emit_changed(o, x, time, kind);
    }
    if (o->w->emit != EMIT_EVERY || x->last_tick != TIME_MIN || time < x->due) {
        return 0;
    }
    bool is_first = x->due == TIME_MIN;
    int64_t every = o->w->every, step = time - (time % every + every) % every;
    x->due = time_after(step, every);
    return is_first || x->n == 0 ? 0 : emit_changed(o, x, time, kind);
}

int every_tick(struct window_op *o, struct every *x, int64_t now, const struct every_kind *kind)
{
    bool is_first = x->last_tick == TIME_MIN;
    if (o->w->emit != EMIT_EVERY || (!is_first && now - x->last_tick < o->w->every)) {
        return 0;
    }
    x->last_tick = now;
    int status = is_first || x->n == 0 ? 0 : 1;
    while (status > 0) {
        status = emit_changed(o, x, o->op->watermark, kind);
    }
    return status;
}

int64_t every_next_time(const struct window_op *o, const struct every *x, int64_t close)
{
    bool is_by_watermark = o->w->emit == EMIT_EVERY && x->last_tick == TIME_MIN;
    return is_by_watermark && x->due < close ? x->due : close;
}
