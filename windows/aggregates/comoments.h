/* Sums of two columns and of their squares and product, as distances from the first pair, each in
 * two doubles: what slope and corr are made of; moments.h for two columns.
 *
 *   add (x, y):  u = x - x0, v = y - y0 (exactly);  n += 1;  sums of u, v, u^2, v^2, u v
 *   cross:       n uv - u v        n (n - 1) times the covariance
 *   spread:      n uu - u^2        n (n - 1) times the variance of x
 *   combine:     the sums of the other are moved to this origin (e, f = how far it is):
 *                uv += uv_b + e v_b + f u_b + n_b e f
 *
 *   null         a pair with a null is skipped
 *   order        some 50 bits more than a double has leave no trace of the order of rows, nor of
 *                how they were split
 */
#ifndef KLAMM_WINDOWS_AGGREGATES_COMOMENTS_H
#define KLAMM_WINDOWS_AGGREGATES_COMOMENTS_H

#include "windows/aggregates/twofold.h"
#include "windows/aggregates/value.h"

struct comoments {
    double x0, y0;
    struct twofold u, v, uu, vv, uv;
    int64_t n;
};

static inline void comoments_add(struct comoments *m, double x, double y)
{
    m->x0 = m->n == 0 ? x : m->x0;
    m->y0 = m->n == 0 ? y : m->y0;
    struct twofold u = twofold_sum(x, -m->x0), v = twofold_sum(y, -m->y0);
    m->n++;
    m->u = twofold_add(m->u, u);
    m->v = twofold_add(m->v, v);
    m->uu = twofold_add(m->uu, twofold_multiply(u, u));
    m->vv = twofold_add(m->vv, twofold_multiply(v, v));
    m->uv = twofold_add(m->uv, twofold_multiply(u, v));
}

/* Sum of products around an origin that is e and f away: uv + e v + f u + n e f. */
static inline struct twofold comoments_moved(struct twofold uv, struct twofold u, struct twofold v,
                                             struct twofold e, struct twofold f, struct twofold n)
{
    struct twofold cross = twofold_add(twofold_multiply(e, v), twofold_multiply(f, u));
    struct twofold shift = twofold_multiply(twofold_multiply(n, e), f);
    return twofold_add(uv, twofold_add(cross, shift));
}

static inline void comoments_combine(const struct aggregate_call *c, void *into, const void *from)
{
    (void)c;
    struct comoments *a = into;
    const struct comoments *b = from;
    if (b->n == 0) {
        return;
    }
    if (a->n == 0) {
        *a = *b;
        return;
    }
    struct twofold n = {(double)b->n, 0};
    struct twofold e = twofold_sum(b->x0, -a->x0), f = twofold_sum(b->y0, -a->y0);
    a->n += b->n;
    a->uu = twofold_add(a->uu, comoments_moved(b->uu, b->u, b->u, e, e, n));
    a->vv = twofold_add(a->vv, comoments_moved(b->vv, b->v, b->v, f, f, n));
    a->uv = twofold_add(a->uv, comoments_moved(b->uv, b->u, b->v, e, f, n));
    a->u = twofold_add(a->u, twofold_add(b->u, twofold_multiply(n, e)));
    a->v = twofold_add(a->v, twofold_add(b->v, twofold_multiply(n, f)));
}

/* n times a sum of products less the product of the sums. */
static inline double comoments_cross(const struct comoments *m, struct twofold products,
                                     struct twofold u, struct twofold v)
{
    struct twofold n = {(double)m->n, 0};
    struct twofold minus = twofold_multiply((struct twofold){-u.hi, -u.lo}, v);
    return twofold_add(twofold_multiply(n, products), minus).hi;
}

#endif
