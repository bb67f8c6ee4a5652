/* slope(x): the least squares slope of x over event time, per second.
 *
 *   formula   cross / spread of comoments.h, with event time in ms as x there, times 1000
 *   state     comoments.h, version 1
 *   null      skipped; null below two values, and when all have one event time
 *   merge     within the last bits of a double; infinities and what leaves the range give NaN
 */
#include "windows/aggregates/comoments.h"

static int slope_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)a;
    if (!type_is_numeric(c->arg_type[0])) {
        return wrong_type(c, "a number", e);
    }
    c->type = &type_double;
    c->nullable = true;
    return 0;
}

static int slope_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                        struct row_errors *errors)
{
    (void)c;
    (void)errors;
    const struct vec *x = &r->arg[0];
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        if (!vec_is_null(x, row)) {
            comoments_add(r->state[i], (double)r->batch->time[row], number_at(x, row));
        }
    }
    return 0;
}

static void slope_result(const struct aggregate_call *c, const void *state, struct vec *out,
                         uint16_t row, uint16_t rows, struct arena *mem)
{
    (void)c;
    const struct comoments *m = state;
    double spread = comoments_cross(m, m->uu, m->u, m->u);
    if (m->n < 2 || spread <= 0) {
        vec_set_null(out, mem, rows, row);
        return;
    }
    out->d[row] = comoments_cross(m, m->uv, m->u, m->v) / spread * 1000;
}

const struct aggregate_def aggregate_slope = {
    .name = "slope",
    .doc = "slope(x): least squares slope of x per second of event time; null below two values, "
           "and when all have one event time.",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct comoments),
    .version = 1,
    .bind = slope_bind,
    .update = slope_update,
    .combine = comoments_combine,
    .result = slope_result,
};
