/* avg(x): compensated sum over the number of values, a double.
 *
 *   state   { s, c, n }, version 1
 *   null    skipped; the average of no rows is null
 *   merge   adds sums and counts
 *   order   rows are added in input order: the same bits for any batch size
 */
#include "windows/aggregates/compensated.h"
#include "windows/aggregates/value.h"

static int avg_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)a;
    if (!type_is_numeric(c->arg_type[0])) {
        return wrong_type(c, "a number", e);
    }
    c->type = &type_double;
    c->nullable = true;
    return 0;
}

static int avg_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                      struct row_errors *errors)
{
    (void)errors;
    const struct vec *x = &r->arg[0];
    bool is_long = c->arg_type[0]->kind == TYPE_LONG;
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        struct compensated *s = r->state[i];
        if (!vec_is_null(x, row)) {
            compensated_add(s, is_long ? (double)x->i[row] : x->d[row]);
            s->n++;
        }
    }
    return 0;
}

static void avg_combine(const struct aggregate_call *c, void *into, const void *from)
{
    (void)c;
    compensated_combine(into, from);
}

static void avg_result(const struct aggregate_call *c, const void *state, struct vec *out,
                       uint16_t row, uint16_t rows, struct arena *mem)
{
    (void)c;
    const struct compensated *s = state;
    if (s->n == 0) {
        vec_set_null(out, mem, rows, row);
        return;
    }
    out->d[row] = compensated_sum(s) / (double)s->n;
}

const struct aggregate_def aggregate_avg = {
    .name = "avg",
    .doc = "avg(x): arithmetic mean of the values that are not null.",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct compensated),
    .version = 1,
    .bind = avg_bind,
    .update = avg_update,
    .combine = avg_combine,
    .result = avg_result,
};
