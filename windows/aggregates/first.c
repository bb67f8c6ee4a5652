/* first(x): the first value by event time that is not null; see edge.h for state, ties and nulls.
 */
#include "windows/aggregates/edge.h"

static int first_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                        struct row_errors *errors)
{
    (void)errors;
    return edge_update(c, r, EDGE_FIRST);
}

static void first_combine(const struct aggregate_call *c, void *into, const void *from)
{
    edge_combine(c, into, from, EDGE_FIRST);
}

const struct aggregate_def aggregate_first = {
    .name = "first",
    .doc = "first(x): the first value by event time that is not null; ties by source partition and "
           "offset.",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct fixed_edge),
    .version = 2,
    .bind = edge_bind,
    .update = first_update,
    .combine = first_combine,
    .result = edge_result,
};
