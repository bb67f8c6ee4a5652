/* A binary min-heap of (time, item) pairs: timers and merge order. Ties come out in insertion
 * order. One owner. */
#ifndef KLAMM_ENGINE_HEAP_H
#define KLAMM_ENGINE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct heap {
    struct heap_entry {
        int64_t time;
        uint64_t order;
        void *item;
    } * entry;
    uint32_t n, cap;
    uint64_t next_order;
};

void heap_init(struct heap *h);
void heap_done(struct heap *h);
void heap_push(struct heap *h, int64_t time, void *item);
/* The least entry without removing it, or NULL. */
const struct heap_entry *heap_peek(const struct heap *h);
bool heap_pop(struct heap *h, struct heap_entry *out);

#endif
