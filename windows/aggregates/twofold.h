/* A number as the unevaluated sum of two doubles, about 106 bits (Dekker 1971, Knuth 4.2.2).
 *
 *   x + y = hi + lo exactly    hi = fl(x + y), lo by Knuth's six operations
 *   x * y = hi + lo exactly    hi = fl(x * y), lo from halves of 26 bits
 *
 * What leaves the range of a double becomes NaN.
 */
#ifndef KLAMM_WINDOWS_AGGREGATES_TWOFOLD_H
#define KLAMM_WINDOWS_AGGREGATES_TWOFOLD_H

struct twofold {
    double hi, lo;
};

static inline struct twofold twofold_sum(double x, double y)
{
    double hi = x + y, z = hi - x;
    return (struct twofold){hi, (x - (hi - z)) + (y - z)};
}

static inline struct twofold twofold_product(double x, double y)
{
    double hi = x * y, sx = x * 134217729, sy = y * 134217729; /* 2^27 + 1 */
    double x1 = sx - (sx - x), y1 = sy - (sy - y), x2 = x - x1, y2 = y - y1;
    return (struct twofold){hi, ((x1 * y1 - hi) + x1 * y2 + x2 * y1) + x2 * y2};
}

static inline struct twofold twofold_add(struct twofold a, struct twofold b)
{
    struct twofold s = twofold_sum(a.hi, b.hi);
    double lo = s.lo + (a.lo + b.lo), hi = s.hi + lo;
    return (struct twofold){hi, lo - (hi - s.hi)};
}

static inline struct twofold twofold_multiply(struct twofold a, struct twofold b)
{
    struct twofold p = twofold_product(a.hi, b.hi);
    double lo = p.lo + (a.hi * b.lo + a.lo * b.hi), hi = p.hi + lo;
    return (struct twofold){hi, lo - (hi - p.hi)};
}

#endif
