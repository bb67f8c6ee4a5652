/* median(x): quantile(x, 0.5); see sketch.h for state, bounds, merging and nulls. */
#include "windows/aggregates/sketch.h"

static int median_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    return sketch_bind(c, a, 0.5, e);
}

const struct aggregate_def aggregate_median = {
    .name = "median",
    .doc = "median(x): quantile(x, 0.5).",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct sketch),
    .has_blob = true,
    .version = 1,
    .bind = median_bind,
    .update = sketch_update,
    .combine = sketch_combine,
    .result = sketch_result,
    .is_sound = sketch_is_sound,
};
