/* last(x): the last value by event time that is not null; see edge.h for state, ties and nulls. */
#include "windows/aggregates/edge.h"

static int last_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                       struct row_errors *errors)
{
    (void)errors;
    return edge_update(c, r, EDGE_LAST);
}

static void last_combine(const struct aggregate_call *c, void *into, const void *from)
{
    edge_combine(c, into, from, EDGE_LAST);
}

const struct aggregate_def aggregate_last = {
    .name = "last",
    .doc = "last(x): the last value by event time that is not null; ties by source partition and "
           "offset.",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct fixed_edge),
    .version = 2,
    .bind = edge_bind,
    .update = last_update,
    .combine = last_combine,
    .result = edge_result,
};
