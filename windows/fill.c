/* Fill: see fill.h. What comes out with the windows of one start is ordered by start and key, as if
 * it had come out in time: gaps begin at different windows, so those that have begun are kept in
 * the order of keys (`active`), and others are merged in when it is their turn.
 *
 *   seen    of an empty window's row: the time of the window that closes behind it. The watermark
 *           that steps behind have been told lies between the row's own time and that, further the
 *           smaller the batches are; so they may judge by neither
 */
#include "windows/fill.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <stdlib.h>
#include <string.h>

struct gap {
    int64_t first; /* start of the first empty window */
    struct state_entry *memory;
    uint32_t number; /* by key */
};

static struct window_note *note_of(const struct window_op *o, const struct state_entry *memory)
{
    return window_notes(o->w, state_value(memory));
}

struct loading {
    struct fill *f;
    struct window_op *o;
};

static int load_memory(void *ctx, struct state_entry *e)
{
    struct loading *l = ctx;
    if (fill_is_memory(e)) {
        agenda_add(&l->f->last, note_of(l->o, e)->start, e);
    }
    return 0;
}

void fill_init(struct fill *f, struct window_op *o, int64_t size, int64_t step, uint32_t prefix_n)
{
    *f = (struct fill){.size = size, .step = step, .prefix_n = prefix_n};
    agenda_init(&f->last);
    buffer_init(&f->key);
    struct loading l = {f, o};
    (void)state_each(o->op->state, load_memory, &l);
}

void fill_done(struct fill *f)
{
    agenda_done(&f->last);
    buffer_done(&f->key);
    mem_free(f->gap);
    mem_free(f->active);
}

uint64_t fill_memories(const struct fill *f)
{
    return agenda_items(&f->last);
}

uint64_t fill_bytes(const struct fill *f)
{
    return agenda_bytes(&f->last) + f->cap * (sizeof *f->gap + sizeof *f->active);
}

/* f->key becomes the key of the memory; returns its hash. */
static uint64_t set_key(struct fill *f, const void *key, uint32_t key_n)
{
    buffer_clear(&f->key);
    for (uint32_t i = 0; i < f->prefix_n; i++) {
        buffer_byte(&f->key, i < 7 ? 0xff : i == 7 ? 0xfe : 0);
    }
    buffer_add(&f->key, key, key_n);
    return hash_bytes(f->key.data, f->key.n, 0);
}

void fill_add(struct fill *f, struct window_op *o, const void *key, uint32_t key_n, int64_t start)
{
    uint64_t hash = set_key(f, key, key_n);
    struct state_entry *e = state_find(o->op->state, hash, f->key.data, (uint32_t)f->key.n);
    if (e == NULL) {
        return;
    }
    int64_t first = time_after(note_of(o, e)->start, f->step);
    if (first >= start || (start - first) / f->step > FILL_MOST) {
        return;
    }
    if (f->n == f->cap) {
        f->cap = f->cap ? f->cap * 2 : 16;
        f->gap = mem_resize(f->gap, f->cap, sizeof *f->gap);
        f->active = mem_resize(f->active, f->cap, sizeof *f->active);
    }
    f->gap[f->n] = (struct gap){first, e, f->n};
    f->n++;
}

static int by_first(const void *a, const void *b)
{
    const struct gap *x = a, *y = b;
    return x->first != y->first ? (x->first > y->first) - (x->first < y->first)
                                : (x->number > y->number) - (x->number < y->number);
}

static int emit_empty(struct fill *f, struct window_op *o, const struct gap *g, int64_t start)
{
    uint32_t n;
    const char *key = state_key(g->memory, &n);
    int64_t end = time_after(start, f->size);
    key += f->prefix_n;
    n -= f->prefix_n;
    return o->w->fill == FILL_PREVIOUS ? window_emit(o, key, n, start, end, state_value(g->memory))
                                       : window_emit_empty(o, key, n, start, end);
}

/* Gaps [from, to) of one first window go into `active`, whose n items are in the order of keys. */
static void merge(struct fill *f, uint32_t n, uint32_t from, uint32_t to)
{
    uint32_t at = n + to - from;
    while (to > from) {
        bool is_new = n == 0 || f->gap[f->active[n - 1]].number < f->gap[to - 1].number;
        f->active[--at] = is_new ? --to : f->active[--n];
    }
}

static void begin_gaps(struct fill *f, struct window_op *o, int64_t start)
{
    uint64_t rows = 0;
    qsort(f->gap, f->n, sizeof *f->gap, by_first);
    for (uint32_t i = 0; i < f->n; i++) {
        rows += (uint64_t)((start - f->gap[i].first) / f->step);
    }
    window_expect(o, rows);
    f->at = f->gap[0].first;
    f->begun = f->nactive = f->nth = 0;
    f->is_emitting = true;
}

/* The empty windows with one start. The memory says how far they have come out: a restart between
 * two slices goes on behind. */
static int emit_start(struct fill *f, struct window_op *o)
{
    if (f->nth == 0) {
        while (f->begun < f->n && f->gap[f->begun].first == f->at) {
            f->begun++;
        }
        merge(f, f->nactive, f->nactive, f->begun);
        f->nactive = f->begun;
    }
    while (f->nth < f->nactive) {
        const struct gap *g = &f->gap[f->active[f->nth++]];
        int status = emit_empty(f, o, g, f->at);
        note_of(o, g->memory)->start = f->at;
        state_touch(o->op->state, g->memory);
        if (status < 0 || op_spent(o->op, 1)) {
            return status < 0 ? status : 1;
        }
    }
    f->nth = 0;
    f->at += f->step;
    return 0;
}

int fill_emit(struct fill *f, struct window_op *o, int64_t start)
{
    int status = 0;
    if (f->n == 0) {
        return 0;
    }
    if (!f->is_emitting) {
        begin_gaps(f, o, start);
    }
    o->seen = time_after(start, f->size) - 1;
    while (f->at < start && status == 0) {
        status = emit_start(f, o);
    }
    o->seen = TIME_MAX;
    if (status != 0) {
        return status;
    }
    f->n = 0;
    f->is_emitting = false;
    return window_flush(o);
}

void fill_remember(struct fill *f, struct window_op *o, const void *key, uint32_t key_n,
                   int64_t start, const void *value)
{
    bool is_new;
    uint64_t hash = set_key(f, key, key_n);
    struct state_entry *e = state_insert(o->op->state, hash, f->key.data, (uint32_t)f->key.n,
                                         o->w->value_size, &is_new);
    if (!is_new) {
        window_clear(o->w, state_value(e));
    }
    if (o->w->fill == FILL_PREVIOUS) {
        window_init(o->w, state_value(e));
        window_combine(o->w, state_value(e), value);
    }
    note_of(o, e)->start = start;
    state_touch(o->op->state, e);
    if (is_new) {
        agenda_add(&f->last, start, e);
    }
}

int fill_expire(struct fill *f, struct window_op *o, int64_t watermark)
{
    int64_t reach = time_after(f->size, o->w->grace);
    int64_t steps = f->step > TIME_MAX / (FILL_MOST + 1) ? TIME_MAX : f->step * (FILL_MOST + 1);
    reach = time_after(reach, steps);
    const struct date *d;
    while ((d = agenda_first(&f->last)) != NULL && watermark >= time_after(d->time, reach)) {
        while (f->looked < d->n) {
            struct state_entry *e = d->item[f->looked++];
            int64_t start = note_of(o, e)->start;
            if (watermark >= time_after(start, reach)) {
                state_delete(o->op->state, e);
            } else {
                agenda_add(&f->last, start, e);
            }
            if (op_spent(o->op, 1)) {
                return 1;
            }
        }
        f->looked = 0;
        agenda_drop_first(&f->last);
    }
    return 0;
}
