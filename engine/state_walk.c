/* A walk through the table of a store, in steps between which it changes.
 *
 *   slot   . . a b . c d e . . f .        a step ends behind an empty slot
 *                    ^ at
 *
 * Entries stand at the slot of their hash or behind it, with no gap between, and a deletion moves
 * others only back, never before their own slot. So of the entries that were there when a step
 * ended behind an empty slot, those whose own slot is still to come stand there, or behind it.
 * Others that come to stand before it were inserted since. Entries that wrap around the end are
 * those of the last slots: the walk begins behind an empty one, too, and takes the table as a ring.
 * A table that has grown is walked from the beginning.
 */
#include "engine/state_internal.h"

bool state_walk(struct state *s, struct state_walk *w, uint64_t bytes,
                void (*each)(void *ctx, const void *key, uint32_t key_n, const void *value,
                             size_t value_n),
                void *ctx)
{
    uint64_t n = state_slots(s), given = 0;
    if (w->slots != n) {
        *w = (struct state_walk){.slots = n, .at = 1};
        while (state_slot(s, w->start)) {
            w->start++;
        }
    }
    while (w->at < n) {
        struct state_entry *e = state_slot(s, (w->start + w->at++) & (n - 1));
        if (!e && given >= bytes) {
            return false;
        }
        if (e && !state_is_deleted(e)) {
            uint32_t key_n;
            size_t value_n;
            const void *key = state_key(e, &key_n);
            const void *value = state_saved(s, e, &value_n);
            each(ctx, key, key_n, value, value_n);
            given += key_n + value_n;
        }
    }
    return true;
}
