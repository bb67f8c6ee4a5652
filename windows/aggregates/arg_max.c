/* arg_max(x, by): x of the row with the greatest by; see chosen.h for state, order, ties and nulls.
 */
#include "windows/aggregates/chosen.h"

static int arg_max_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                          struct row_errors *errors)
{
    (void)errors;
    return chosen_update(c, r, 1);
}

static void arg_max_combine(const struct aggregate_call *c, void *into, const void *from)
{
    chosen_combine(c, into, from, 1);
}

const struct aggregate_def aggregate_arg_max = {
    .name = "arg_max",
    .doc = "arg_max(x, by): x of the row with the greatest by; ties go to the earliest row. Rows "
           "where "
           "x or by is null are skipped.",
    .min_args = 2,
    .max_args = 2,
    .state_size = sizeof(struct chosen),
    .version = 1,
    .bind = chosen_bind,
    .update = arg_max_update,
    .combine = arg_max_combine,
    .result = chosen_result,
    .is_sound = chosen_is_sound,
};
