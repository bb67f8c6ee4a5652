/* Dates stand in a heap, for the least, and in an open addressing table by their time, so that
 * adding to a date that exists does not touch the heap.
 */
#include "windows/agenda.h"

#include "engine/hash.h"
#include "engine/memory.h"

#include <stddef.h>

#define SLOTS_LEAST 16

void agenda_init(struct agenda *a)
{
    *a = (struct agenda){.nslots = SLOTS_LEAST, .next_id = 1};
    heap_init(&a->times);
    a->slot = mem_zalloc(a->nslots * sizeof(struct date *));
}

static void forget_items(struct agenda *a, struct date *d)
{
    a->room -= d->cap;
    mem_free(d->item);
    d->item = NULL;
    d->n = d->cap = 0;
}

static void date_free(struct agenda *a, struct date *d)
{
    forget_items(a, d);
    mem_free(d);
}

void agenda_done(struct agenda *a)
{
    struct heap_entry least;
    while (heap_pop(&a->times, &least)) {
        date_free(a, least.item);
    }
    heap_done(&a->times);
    mem_free(a->slot);
    *a = (struct agenda){0};
}

/* The slot of the time, or the empty one where it belongs. */
static uint32_t slot_of(const struct agenda *a, int64_t time)
{
    uint32_t mask = a->nslots - 1;
    uint32_t at = (uint32_t)(hash_mix(0, (uint64_t)time) >> 32) & mask;
    while (a->slot[at] && a->slot[at]->time != time) {
        at = (at + 1) & mask;
    }
    return at;
}

static void rebuild_slots(struct agenda *a, uint32_t nslots)
{
    mem_free(a->slot);
    a->nslots = nslots;
    a->slot = mem_zalloc(nslots * sizeof(struct date *));
    for (uint32_t i = 0; i < a->times.n; i++) {
        struct date *d = a->times.entry[i].item;
        a->slot[slot_of(a, d->time)] = d;
    }
}

static void clear_slot(struct agenda *a, int64_t time)
{
    uint32_t mask = a->nslots - 1;
    uint32_t at = slot_of(a, time);
    a->slot[at] = NULL;
    for (at = (at + 1) & mask; a->slot[at]; at = (at + 1) & mask) {
        struct date *moved = a->slot[at];
        a->slot[at] = NULL;
        a->slot[slot_of(a, moved->time)] = moved;
    }
}

struct date *agenda_at(struct agenda *a, int64_t time)
{
    if (a->last && a->last->time == time) {
        return a->last;
    }
    uint32_t at = slot_of(a, time);
    struct date *d = a->slot[at];
    if (d == NULL) {
        d = mem_zalloc(sizeof *d);
        d->time = time;
        d->id = a->next_id++;
        heap_push(&a->times, time, d);
        a->slot[at] = d;
        if (a->times.n * 2 > a->nslots) {
            rebuild_slots(a, a->nslots * 2);
        }
    }
    a->last = d;
    return d;
}

struct date *agenda_find(const struct agenda *a, int64_t time)
{
    return a->last && a->last->time == time ? a->last : a->slot[slot_of(a, time)];
}

void agenda_add(struct agenda *a, int64_t time, void *item)
{
    struct date *d = agenda_at(a, time);
    if (d->n == d->cap) {
        uint32_t cap = d->cap ? d->cap * 2 : 4;
        a->room += cap - d->cap;
        d->cap = cap;
        d->item = mem_resize(d->item, d->cap, sizeof *d->item);
    }
    d->item[d->n++] = item;
}

void agenda_forget_items(struct agenda *a)
{
    for (uint32_t i = 0; i < a->times.n; i++) {
        forget_items(a, a->times.entry[i].item);
    }
}

struct date *agenda_first(const struct agenda *a)
{
    const struct heap_entry *least = heap_peek(&a->times);
    return least ? least->item : NULL;
}

void agenda_drop_first(struct agenda *a)
{
    struct heap_entry least;
    if (!heap_pop(&a->times, &least)) {
        return;
    }
    struct date *d = least.item;
    clear_slot(a, d->time);
    a->last = a->last == d ? NULL : a->last;
    date_free(a, d);
    if (a->nslots > SLOTS_LEAST && a->times.n * 8 < a->nslots) {
        rebuild_slots(a, a->nslots / 2);
    }
}

uint64_t agenda_items(const struct agenda *a)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < a->times.n; i++) {
        n += ((const struct date *)a->times.entry[i].item)->n;
    }
    return n;
}

uint64_t agenda_bytes(const struct agenda *a)
{
    return a->nslots * sizeof(struct date *) + a->times.cap * sizeof(struct heap_entry) +
           a->times.n * sizeof(struct date) + a->room * sizeof(void *);
}
