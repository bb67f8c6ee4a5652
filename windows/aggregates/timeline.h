/* Timeline: the last values of a window in the order of event time, for what depends on neighbours
 * (ewma, rate); the older ones are folded into a summary of their own.
 *
 *     folded, oldest first | kept: {time, part, value} ...          `keep` to 2 * keep values
 *     ---------------------+---------------------------
 *                       horizon
 *
 *   order     stamp.h; a row may come out of order among those that are kept, which is then exact.
 *             One from before the horizon is left out: more than `keep` values of its key and
 *             window have come before it that are later
 *   merge     what `into` has up to the horizon of `from` is folded, the summaries are joined, the
 *             rest is merged
 *   bound     2 * keep values of 24 bytes
 */
#ifndef KLAMM_WINDOWS_AGGREGATES_TIMELINE_H
#define KLAMM_WINDOWS_AGGREGATES_TIMELINE_H

#include "windows/aggregates/stamp.h"
#include "windows/aggregates/value.h"

/* Stands first in the state; the blob holds moments in order. */
struct timeline {
    struct blob blob;
    struct stamp horizon; /* of the last one folded */
    int64_t folded;       /* how many */
};

struct moment {
    struct stamp stamp;
    int64_t bits; /* of the value */
};

/* How an aggregate folds; both change the summary behind the timeline of `state`, which has
 * `folded` as it was before. */
struct timeline_def {
    void (*fold)(const struct aggregate_call *c, void *state, const struct moment *m);
    void (*join)(const struct aggregate_call *c, void *into, const void *from);
};

static inline uint32_t timeline_length(const struct timeline *t)
{
    return t->blob.n / (uint32_t)sizeof(struct moment);
}

static inline struct moment *timeline_at(const struct timeline *t, uint32_t i)
{
    return (struct moment *)(void *)t->blob.p + i;
}

static inline void timeline_fold(const struct timeline_def *def, const struct aggregate_call *c,
                                 void *state, uint32_t n)
{
    struct timeline *t = state;
    for (uint32_t i = 0; i < n; i++) {
        def->fold(c, state, timeline_at(t, i));
        t->folded++;
    }
    if (n > 0) {
        t->horizon = timeline_at(t, n - 1)->stamp;
        t->blob.n -= n * (uint32_t)sizeof(struct moment);
        memmove(t->blob.p, t->blob.p + n * sizeof(struct moment), t->blob.n);
    }
}

static inline void timeline_add(const struct timeline_def *def, const struct aggregate_call *c,
                                void *state, const struct moment *m, uint32_t keep)
{
    struct timeline *t = state;
    uint32_t n = timeline_length(t), i = n;
    if (t->horizon.has && stamp_order(&m->stamp, &t->horizon) < 0) {
        return;
    }
    while (i > 0 && stamp_order(&timeline_at(t, i - 1)->stamp, &m->stamp) > 0) {
        i--;
    }
    blob_room(&t->blob, sizeof *m);
    memmove(timeline_at(t, i) + 1, timeline_at(t, i), (n - i) * sizeof *m);
    memcpy(timeline_at(t, i), m, sizeof *m);
    t->blob.n += (uint32_t)sizeof *m;
    if (n + 1 == 2 * keep) {
        timeline_fold(def, c, state, keep);
    }
}

static inline void timeline_update(const struct timeline_def *def, const struct aggregate_call *c,
                                   const struct aggregate_rows *r, uint32_t keep)
{
    const struct vec *v = &r->arg[0];
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        if (!vec_is_null(v, row)) {
            struct moment m = {stamp_of(r->batch, row), fixed_bits(v, row)};
            timeline_add(def, c, r->state[i], &m, keep);
        }
    }
}

static inline void timeline_combine(const struct timeline_def *def, const struct aggregate_call *c,
                                    void *into, const void *from, uint32_t keep)
{
    struct timeline *a = into;
    const struct timeline *b = from;
    if (b->horizon.has) {
        uint32_t n = 0;
        while (n < timeline_length(a) && stamp_order(&timeline_at(a, n)->stamp, &b->horizon) <= 0) {
            n++;
        }
        timeline_fold(def, c, into, n);
        def->join(c, into, from);
        a->folded += b->folded;
        if (!a->horizon.has || stamp_order(&a->horizon, &b->horizon) < 0) {
            a->horizon = b->horizon;
        }
    }
    for (uint32_t i = 0; i < timeline_length(b); i++) {
        timeline_add(def, c, into, timeline_at(b, i), keep);
    }
}

/* A value of the type of the argument. */
static inline double moment_value(const struct aggregate_call *c, int64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return c->arg_type[0]->kind == TYPE_LONG ? (double)bits : x;
}

static inline bool timeline_is_sound(const struct aggregate_call *c, const void *state)
{
    (void)c;
    const struct timeline *t = state;
    return t->blob.n % sizeof(struct moment) == 0 && t->folded >= 0 && t->folded < INT64_MAX / 2;
}

#endif
