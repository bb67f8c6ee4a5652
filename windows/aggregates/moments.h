/* Count, mean and sum of squared deviations: Welford's update (1962), Chan's combination (1979).
 * What var and stddev are made of.
 *
 *   add x:    n += 1;  d = x - mean;  mean += d / n;  m2 += d * (x - mean)
 *   combine:  d = mean_b - mean_a;  m2 = m2_a + m2_b + d^2 n_a n_b / n;  mean = mean_a + d n_b / n
 *
 *   null      skipped; the sample estimate m2 / (n - 1) is null below 2 rows
 */
#ifndef KLAMM_WINDOWS_AGGREGATES_MOMENTS_H
#define KLAMM_WINDOWS_AGGREGATES_MOMENTS_H

#include "windows/aggregates/value.h"

struct moments {
    double mean, m2;
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
            double d = x - m->mean;
            m->n++;
            m->mean += d / (double)m->n;
            m->m2 += d * (x - m->mean);
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
    double na = (double)a->n, nb = (double)b->n;
    double d = b->mean - a->mean;
    a->m2 += b->m2 + d * d * (na * nb / (na + nb));
    a->mean += d * (nb / (na + nb));
    a->n += b->n;
}

#endif
