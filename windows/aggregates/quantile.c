/* quantile(x, q): the value below which a share q of the values lies, within 1 % of it; see
 * sketch.h for state, bounds, merging and nulls. The state does not depend on q.
 */
#include "windows/aggregates/sketch.h"

static int quantile_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    double q;
    if (!constant_number(c, 1, &q) || !(q >= 0 && q <= 1)) {
        return err_set(e, ERR_CONFIG, "quantile(x, q): q is a number from 0 to 1");
    }
    return sketch_bind(c, a, q, e);
}

const struct aggregate_def aggregate_quantile = {
    .name = "quantile",
    .doc = "quantile(x, q): the value at the share q (0 to 1) of the values in their order, within "
           "1 % of it; exact, with linear interpolation, up to 128 values (DDSketch).",
    .min_args = 2,
    .max_args = 2,
    .state_size = sizeof(struct sketch),
    .has_blob = true,
    .version = 1,
    .bind = quantile_bind,
    .update = sketch_update,
    .combine = sketch_combine,
    .result = sketch_result,
    .is_sound = sketch_is_sound,
};
