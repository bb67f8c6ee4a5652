/* max(x): the greatest value that is not null; see extremum.h for state, order and nulls. */
#include "windows/aggregates/extremum.h"

static int max_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                      struct row_errors *errors)
{
    (void)errors;
    return extremum_update(c, r, 1);
}

static void max_combine(const struct aggregate_call *c, void *into, const void *from)
{
    extremum_combine(c, into, from, 1);
}

const struct aggregate_def aggregate_max = {
    .name = "max",
    .doc = "max(x): the greatest value that is not null.",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct fixed_extremum),
    .version = 1,
    .bind = extremum_bind,
    .update = max_update,
    .combine = max_combine,
    .result = extremum_result,
};
