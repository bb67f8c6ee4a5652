/* stddev(x): sample standard deviation (n - 1) of the values that are not null; null below two of
 * them.
 *
 *   state   { origin, sum, squares, n } of moments.h, version 1
 */
#include "windows/aggregates/moments.h"

#include <math.h>

static void stddev_result(const struct aggregate_call *c, const void *state, struct vec *out,
                          uint16_t row, uint16_t rows, struct arena *mem)
{
    (void)c;
    const struct moments *m = state;
    if (m->n < 2) {
        vec_set_null(out, mem, rows, row);
        return;
    }
    out->d[row] = sqrt(moments_variance(m));
}

const struct aggregate_def aggregate_stddev = {
    .name = "stddev",
    .doc = "stddev(x): sample standard deviation (n - 1); null below two values.",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct moments),
    .version = 1,
    .bind = moments_bind,
    .update = moments_update,
    .combine = moments_combine,
    .result = stddev_result,
};
