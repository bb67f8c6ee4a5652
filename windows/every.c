/* A set of entries, and when they come out: see every.h. What comes out together is ordered as
 * closed windows are: by end, start, key text.
 */
#include "windows/every.h"

#include "engine/hash.h"
#include "engine/memory.h"
#include "windows/key_order.h"

#include <stdlib.h>

#define SLOTS_LEAST 64

void every_init(struct every *x)
{
    *x = (struct every){.nslots = SLOTS_LEAST, .due = TIME_MIN, .last_tick = TIME_MIN};
    x->slot = mem_zalloc(x->nslots * sizeof(struct state_entry *));
}

void every_done(struct every *x)
{
    mem_free(x->slot);
    *x = (struct every){0};
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

struct changed {
    struct every_result result;
    uint64_t number; /* by key */
};

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

static int emit_changed(struct window_op *o, struct every *x, int64_t watermark,
                        every_result_fn result)
{
    uint32_t n = 0;
    struct changed *list = mem_array(x->n + 1, sizeof *list);
    void **item = mem_array(x->n + 1, sizeof *item);
    for (uint64_t i = 0; i < x->nslots; i++) {
        if (x->slot[i]) {
            list[n].result = result(o, x->slot[i]);
            item[n] = &list[n];
            n++;
            x->slot[i] = NULL;
        }
    }
    x->n = 0;
    struct arena_mark mark = arena_mark(o->op->mem);
    key_order(item, n, key_of, NULL, o->w->in, o->op->mem);
    arena_release(o->op->mem, mark);
    for (uint32_t i = 0; i < n; i++) {
        struct changed *c = item[i];
        c->number = i;
    }
    qsort(item, n, sizeof *item, compare);
    int64_t lag = o->w->def->lag(o->w);
    int status = window_flush(o); /* what closed before this has its own times */
    o->seen = watermark < TIME_MIN + lag ? TIME_MIN : watermark - lag;
    window_expect(o, n);
    for (uint32_t i = 0; i < n && status == 0; i++) {
        const struct every_result *r = &((struct changed *)item[i])->result;
        status = window_emit(o, r->key, r->key_n, r->start, r->end, r->states);
    }
    status = status < 0 ? status : window_flush(o);
    o->seen = TIME_MAX;
    mem_free(list);
    mem_free(item);
    return status;
}

int every_watermark(struct window_op *o, struct every *x, int64_t time, every_result_fn result)
{
    if (x->last_tick != TIME_MIN || time < x->due) {
        return 0;
    }
    bool is_first = x->due == TIME_MIN;
    int64_t every = o->w->every, step = time - (time % every + every) % every;
    x->due = time_after(step, every);
    return is_first || x->n == 0 ? 0 : emit_changed(o, x, time, result);
}

int every_tick(struct window_op *o, struct every *x, int64_t now, every_result_fn result)
{
    if (x->last_tick != TIME_MIN && now - x->last_tick < o->w->every) {
        return 0;
    }
    bool is_first = x->last_tick == TIME_MIN;
    x->last_tick = now;
    return is_first || x->n == 0 ? 0 : emit_changed(o, x, o->op->watermark, result);
}

int64_t every_next_time(const struct every *x)
{
    return x->last_tick == TIME_MIN ? x->due : TIME_MAX;
}
