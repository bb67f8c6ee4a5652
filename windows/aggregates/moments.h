/* Count, sum and sum of squares of the distances from the first value, each in two doubles: what
 * var and stddev are made of.
 *
 *   add x:     d = x - origin (exactly);  n += 1;  sum += d;  squares += d^2
 *   variance:  (n squares - sum^2) / (n (n - 1))
 *   combine:   with e = origin_b - origin_a:  sum += sum_b + n_b e,
 *              squares += squares_b + 2 e sum_b + n_b e^2
 *
 *   null      skipped; the sample estimate is null below 2 rows
 *   order     behind a repartition rows of several partitions meet in any order: some 50 bits more
 *             than a double has leave no trace of it, where Welford's update would
 *   equal     values give exactly 0
 */
#ifndef KLAMM_WINDOWS_AGGREGATES_MOMENTS_H
#define KLAMM_WINDOWS_AGGREGATES_MOMENTS_H

#include "windows/aggregates/twofold.h"
#include "windows/aggregates/value.h"

struct moments {
    double origin;
    struct twofold sum, squares;
    int64_t n;
};

static inline int moments_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)a;
    if (!type_is_numeric(c->arg_type[0])) {
        return wrong_type(c, "a number", e);
    }
    c->type = &type_double;
    c->nullable = true;
    return 0;
}

static inline int moments_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                                 struct row_errors *errors)
{
    (void)errors;
    const struct vec *v = &r->arg[0];
    bool is_long = c->arg_type[0]->kind == TYPE_LONG;
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        struct moments *m = r->state[i];
        if (!vec_is_null(v, row)) {
            double x = is_long ? (double)v->i[row] : v->d[row];
            m->origin = m->n == 0 ? x : m->origin;
            struct twofold d = twofold_sum(x, -m->origin);
            m->n++;
            m->sum = twofold_add(m->sum, d);
            m->squares = twofold_add(m->squares, twofold_multiply(d, d));
        }
    }
    return 0;
}

static inline void moments_combine(const struct aggregate_call *c, void *into, const void *from)
{
    (void)c;
    struct moments *a = into;
    const struct moments *b = from;
    if (b->n == 0) {
        return;
    }
    if (a->n == 0) {
        *a = *b;
        return;
    }
    struct twofold e = twofold_sum(b->origin, -a->origin), n = {(double)b->n, 0};
    struct twofold shift = twofold_multiply(n, e), two = {2, 0};
    struct twofold cross = twofold_multiply(twofold_multiply(two, e), b->sum);
    a->n += b->n;
    a->sum = twofold_add(a->sum, twofold_add(b->sum, shift));
    a->squares = twofold_add(
        a->squares, twofold_add(b->squares, twofold_add(cross, twofold_multiply(shift, e))));
}

/* Of two values at least. */
static inline double moments_variance(const struct moments *m)
{
    struct twofold n = {(double)m->n, 0};
    struct twofold minus = twofold_multiply((struct twofold){-m->sum.hi, -m->sum.lo}, m->sum);
    double d = twofold_add(twofold_multiply(n, m->squares), minus).hi;
    return (d < 0 ? 0 : d) / ((double)m->n * (double)(m->n - 1));
}

#endif
