/* Weight, mean and sum of squared deviations of values, as every tree counts them: one row by West
 * (1979), sums and differences by Chan, Golub and LeVeque (1979), in the order of operations of
 * River's stats.Var. No state of its own.
 */
#ifndef KLAMM_ML_TREE_MOMENTS_H
#define KLAMM_ML_TREE_MOMENTS_H

struct moments {
    double n, mean, s; /* s: sum of squared deviations from the mean */
};

static inline void moments_add(struct moments *m, double y, double w)
{
    double old = m->mean;
    m->n += w;
    m->mean += w / m->n * (y - old);
    m->s += w * (y - old) * (y - m->mean);
}

static inline struct moments moments_plus(struct moments a, const struct moments *b)
{
    double n = a.n + b->n, d = a.mean - b->mean;
    if (!(n > 0)) {
        return a;
    }
    a.s = a.s + b->s + d * d * a.n * b->n / n;
    a.mean = (a.n * a.mean + b->n * b->mean) / n;
    a.n = n;
    return a;
}

/* What is left of a without b, a part of it. */
static inline struct moments moments_minus(struct moments a, const struct moments *b)
{
    struct moments left = {.n = a.n - b->n};
    if (left.n > 0) {
        left.mean = (a.n * a.mean - b->n * b->mean) / left.n;
        double d = left.mean - b->mean;
        left.s = a.s - b->s - d * d * left.n * b->n / (left.n + b->n);
        return left;
    }
    return (struct moments){0};
}

/* Unbiased; 0 of no more than one row. */
static inline double moments_variance(const struct moments *m)
{
    return m->n > 1 ? m->s / (m->n - 1) : 0;
}

#endif
