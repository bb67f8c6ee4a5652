/* corr(x, y): Pearson's correlation of the rows where neither is null.
 *
 *   formula   cross / sqrt(spread of x * spread of y) of comoments.h, between -1 and 1
 *   state     comoments.h, version 1
 *   null      skipped; null below two rows, and when all x or all y are equal
 *   merge     within the last bits of a double; infinities and what leaves the range give NaN
 */
#include "windows/aggregates/comoments.h"

static int corr_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)a;
    for (int i = 0; i < 2; i++) {
        if (!type_is_numeric(c->arg_type[i])) {
            return wrong_argument(c, i, "two numbers", e);
        }
    }
    c->type = &type_double;
    c->nullable = true;
    return 0;
}

static int corr_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                       struct row_errors *errors)
{
    (void)c;
    (void)errors;
    const struct vec *x = &r->arg[0], *y = &r->arg[1];
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        if (!vec_is_null(x, row) && !vec_is_null(y, row)) {
            comoments_add(r->state[i], number_at(x, row), number_at(y, row));
        }
    }
    return 0;
}

static void corr_result(const struct aggregate_call *c, const void *state, struct vec *out,
                        uint16_t row, uint16_t rows, struct arena *mem)
{
    (void)c;
    const struct comoments *m = state;
    double x = comoments_cross(m, m->uu, m->u, m->u);
    double y = comoments_cross(m, m->vv, m->v, m->v);
    if (m->n < 2 || x <= 0 || y <= 0) {
        vec_set_null(out, mem, rows, row);
        return;
    }
    double r = comoments_cross(m, m->uv, m->u, m->v) / (sqrt(x) * sqrt(y));
    out->d[row] = r < -1 ? -1 : r > 1 ? 1 : r;
}

const struct aggregate_def aggregate_corr = {
    .name = "corr",
    .doc = "corr(x, y): Pearson's correlation of the rows where neither is null; null below two of "
           "them, and when all x or all y are equal.",
    .min_args = 2,
    .max_args = 2,
    .state_size = sizeof(struct comoments),
    .version = 1,
    .bind = corr_bind,
    .update = corr_update,
    .combine = comoments_combine,
    .result = corr_result,
};
