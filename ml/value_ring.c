/* Ring of values: doubled until it has its capacity, so that a short series costs little.
 *
 *   state    steps, n, the values from the oldest to the newest
 *   moments  two passes over all values held: exact for any scale, and what left the ring leaves no
 *            rounding behind; from the oldest on, so that a loaded ring gives the same bits
 */
#include "ml/value_ring.h"

#include "engine/memory.h"

#include <assert.h>
#include <math.h>

#define ROOM_FIRST 64
#define VALUE_MAX  1e150

void value_ring_init(struct value_ring *s, uint32_t capacity)
{
    assert(capacity > 0);
    *s = (struct value_ring){.capacity = capacity};
}

void value_ring_done(struct value_ring *s)
{
    mem_free(s->value);
}

double value_ring_at(const struct value_ring *s, uint32_t i)
{
    assert(i < s->n);
    uint32_t at = s->first + i;
    return s->value[at < s->room ? at : at - s->room];
}

/* Only while nothing was overwritten: the oldest value is the first one. */
static void grow(struct value_ring *s)
{
    uint32_t room = s->room == 0 ? ROOM_FIRST : s->room * 2;
    s->room = room < s->capacity ? room : s->capacity;
    s->value = mem_resize(s->value, s->room, sizeof(*s->value));
}

void value_ring_add(struct value_ring *s, double y)
{
    if (s->n == s->room && s->room < s->capacity) {
        grow(s);
    }
    if (s->n < s->room) {
        s->value[s->n++] = y;
    } else {
        s->value[s->first] = y;
        s->first = s->first + 1 < s->room ? s->first + 1 : 0;
    }
    s->steps++;
}

void value_ring_head(struct value_ring *out, const struct value_ring *s, uint32_t n)
{
    assert(n <= s->n);
    value_ring_init(out, s->capacity);
    for (uint32_t i = 0; i < n; i++) {
        value_ring_add(out, value_ring_at(s, i));
    }
    out->steps = s->steps - s->n + n;
}

uint32_t value_ring_moments(const struct value_ring *s, double *mean, double *deviation)
{
    uint32_t known = 0;
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        double y = value_ring_at(s, i);
        sum += isnan(y) ? 0 : y;
        known += isnan(y) ? 0 : 1;
    }
    *mean = known > 0 ? sum / known : 0;
    for (uint32_t i = 0; i < s->n; i++) {
        double d = value_ring_at(s, i) - *mean;
        squares += isnan(d) ? 0 : d * d;
    }
    *deviation = known > 0 ? sqrt(squares / known) : 0;
    if (!(*deviation > 1e-12 * fabs(*mean))) {
        *deviation = 1;
    }
    return known;
}

int value_ring_io(struct value_ring *s, struct snapshot *snap)
{
    uint32_t n = s->n;
    snapshot_count(snap, &s->steps);
    snapshot_u32(snap, &n);
    if (snap->loading && (n > s->capacity || n > (uint64_t)(snap->end - snap->p) / sizeof(double) ||
                          n > s->steps || (n < s->capacity && n < s->steps))) {
        snap->status = -ERR_DATA;
        return snap->status;
    }
    while (snap->loading && s->room < n) {
        grow(s);
    }
    if (snap->loading) {
        s->n = n;
        s->first = 0;
    }
    for (uint32_t i = 0; i < n; i++) {
        double y = snap->loading ? 0 : value_ring_at(s, i);
        snapshot_double(snap, &y);
        if (fabs(y) > VALUE_MAX) {
            snap->status = -ERR_DATA;
            y = 0;
        }
        if (snap->loading) {
            s->value[i] = y;
        }
    }
    return snapshot_status(snap);
}
