/* count(): rows; count(x): rows where x is not null.
 *
 *   state   int64_t n, version 1
 *   null    not counted by count(x); the count of no rows is 0, never null
 *   merge   n adds up
 */
#include "windows/aggregates/value.h"

static int count_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)a;
    (void)e;
    c->type = &type_long;
    c->nullable = false;
    return 0;
}

static int count_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                        struct row_errors *errors)
{
    (void)errors;
    const uint8_t *null = c->nargs > 0 ? r->arg[0].null : NULL;
    for (uint16_t i = 0; i < r->n; i++) {
        int64_t *n = r->state[i];
        *n += null == NULL || !null[r->row[i]];
    }
    return 0;
}

static void count_combine(const struct aggregate_call *c, void *into, const void *from)
{
    (void)c;
    int64_t *n = into;
    const int64_t *m = from;
    *n += *m;
}

static void count_result(const struct aggregate_call *c, const void *state, struct vec *out,
                         uint16_t row, uint16_t rows, struct arena *mem)
{
    (void)c;
    (void)rows;
    (void)mem;
    const int64_t *n = state;
    out->i[row] = *n;
}

const struct aggregate_def aggregate_count = {
    .name = "count",
    .doc = "count(): rows; count(x): rows where x is not null.",
    .min_args = 0,
    .max_args = 1,
    .state_size = sizeof(int64_t),
    .version = 1,
    .bind = count_bind,
    .update = count_update,
    .combine = count_combine,
    .result = count_result,
};
