/* min(x): the least value that is not null; see extremum.h for state, order and nulls. */
#include "windows/aggregates/extremum.h"

static int min_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                      struct row_errors *errors)
{
    (void)errors;
    return extremum_update(c, r, -1);
}

static void min_combine(const struct aggregate_call *c, void *into, const void *from)
{
    extremum_combine(c, into, from, -1);
}

const struct aggregate_def aggregate_min = {
    .name = "min",
    .doc = "min(x): the least value that is not null.",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct fixed_extremum),
    .version = 1,
    .bind = extremum_bind,
    .update = min_update,
    .combine = min_combine,
    .result = extremum_result,
};
