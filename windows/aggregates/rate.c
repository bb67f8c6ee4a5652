/* rate(x): how much a counter rises per second of event time, from the first value to the last.
 *
 *   formula   sum of rises / (time of the last - time of the first); a value below the one before
 *             is a counter that began anew from 0, and rises by itself: as rate of `running`
 *   state     timeline.h, and of what is folded { first and last value, first time, sum of rises in
 *             two doubles }; version 1
 *   kept      512 to 1024 values
 *   null      skipped; null when the values have less than two event times
 *   merge     exact but for the last bit of a double; infinities give NaN
 */
#include "windows/aggregates/timeline.h"
#include "windows/aggregates/twofold.h"

#define KEEP 512

struct rate {
    struct timeline timeline;
    int64_t first, last; /* bits of values */
    int64_t first_time;
    struct twofold rises;
};

static int rate_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)a;
    if (!type_is_numeric(c->arg_type[0])) {
        return wrong_type(c, "a number", e);
    }
    c->type = &type_double;
    c->nullable = true;
    return 0;
}

static struct twofold rise(const struct aggregate_call *c, int64_t from, int64_t to)
{
    if (c->arg_type[0]->kind == TYPE_LONG) {
        return (struct twofold){to < from ? (double)to : (double)((uint64_t)to - (uint64_t)from),
                                0};
    }
    double x = moment_value(c, from), y = moment_value(c, to);
    return y < x ? (struct twofold){y, 0} : twofold_sum(y, -x);
}

static void rate_fold(const struct aggregate_call *c, void *state, const struct moment *m)
{
    struct rate *s = state;
    if (s->timeline.folded == 0) {
        s->first = m->bits;
        s->first_time = m->stamp.time;
    } else {
        s->rises = twofold_add(s->rises, rise(c, s->last, m->bits));
    }
    s->last = m->bits;
}

static void rate_join(const struct aggregate_call *c, void *into, const void *from)
{
    struct rate *a = into;
    const struct rate *b = from;
    if (a->timeline.folded == 0) {
        a->first = b->first;
        a->first_time = b->first_time;
        a->rises = b->rises;
    } else {
        a->rises = twofold_add(a->rises, twofold_add(rise(c, a->last, b->first), b->rises));
    }
    a->last = b->last;
}

static const struct timeline_def folding = {rate_fold, rate_join};

static int rate_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                       struct row_errors *errors)
{
    (void)errors;
    timeline_update(&folding, c, r, KEEP);
    return 0;
}

static void rate_combine(const struct aggregate_call *c, void *into, const void *from)
{
    timeline_combine(&folding, c, into, from, KEEP);
}

static void rate_result(const struct aggregate_call *c, const void *state, struct vec *out,
                        uint16_t row, uint16_t rows, struct arena *mem)
{
    struct rate s = *(const struct rate *)state; /* its blob stays the state's */
    int64_t last_time = s.timeline.horizon.time;
    for (uint32_t i = 0; i < timeline_length(&s.timeline); i++) {
        const struct moment *m = timeline_at(&s.timeline, i);
        rate_fold(c, &s, m);
        s.timeline.folded++;
        last_time = m->stamp.time;
    }
    if (s.timeline.folded < 2 || last_time == s.first_time) {
        vec_set_null(out, mem, rows, row);
        return;
    }
    double seconds = (double)((uint64_t)last_time - (uint64_t)s.first_time) / 1000;
    out->d[row] = (s.rises.hi + s.rises.lo) / seconds;
}

const struct aggregate_def aggregate_rate = {
    .name = "rate",
    .doc = "rate(x): rise of a counter per second of event time, from the first value to the last; "
           "a fall is a counter reset. Null when all values have one event time.",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct rate),
    .has_blob = true,
    .version = 1,
    .bind = rate_bind,
    .update = rate_update,
    .combine = rate_combine,
    .result = rate_result,
    .is_sound = timeline_is_sound,
};
