/* Binary min-heap over (time, order): `order` counts pushes, so equal times come out first in,
 * first out.
 */
#include "engine/heap.h"

#include "engine/memory.h"

void heap_init(struct heap *h)
{
    *h = (struct heap){0};
}

void heap_done(struct heap *h)
{
    mem_free(h->entry);
    *h = (struct heap){0};
}

static bool is_before(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->time != b->time ? a->time < b->time : a->order < b->order;
}

void heap_push(struct heap *h, int64_t time, void *item)
{
    if (h->n == h->cap) {
        h->cap = h->cap ? h->cap * 2 : 16;
        h->entry = mem_resize(h->entry, h->cap, sizeof *h->entry);
    }
    struct heap_entry new = {time, h->next_order++, item};
    uint32_t at = h->n++;
    while (at > 0 && is_before(&new, &h->entry[(at - 1) / 2])) {
        h->entry[at] = h->entry[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    h->entry[at] = new;
}

const struct heap_entry *heap_peek(const struct heap *h)
{
    return h->n > 0 ? &h->entry[0] : NULL;
}

bool heap_pop(struct heap *h, struct heap_entry *out)
{
    if (h->n == 0) {
        return false;
    }
    *out = h->entry[0];
    struct heap_entry last = h->entry[--h->n];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= h->n) {
            break;
        }
        if (child + 1 < h->n && is_before(&h->entry[child + 1], &h->entry[child])) {
            child++;
        }
        if (!is_before(&h->entry[child], &last)) {
            break;
        }
        h->entry[at] = h->entry[child];
        at = child;
    }
    h->entry[at] = last;
    return true;
}
