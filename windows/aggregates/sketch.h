/* What quantile and median share: DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable
 * quantile sketch with relative-error guarantees", PVLDB 12(12), 2019), exact while values are few.
 *
 *   exact     up to 128 values as they are
 *   buckets   beyond: counts of powers of g = 1.02; bucket k is (g^(k-1), g^k], told as
 *             2 g^k / (g + 1), at most (g - 1) / (g + 1) = 0.99 % away from each of its values
 *
 *      -g^3    -g^2   -g      0      g    g^2    g^3
 *   ------|------|-----|------+------|-----|------|------>     negative ones mirror the positive
 *
 *   state     { blob, is_bucketed, counts of -Infinity, 0, Infinity, NaN, least, greatest };
 *             the blob holds doubles, or buckets of 8 bytes in ascending order: 18 bits of bucket,
 *             46 of count; version 1
 *   bounds    at most 8192 buckets; those nearest to zero then count as zero. Reached only by
 *             values that fill more than 70 powers of ten
 *   null      skipped; the quantile of no rows is null
 *   order     NaN is above Infinity, as in max
 *   merge     exact: which buckets there are and what they count depends on the values only, so any
 *             split and any order of the rows gives the same bits
 *   result    at rank h = q (n - 1), linear between its two neighbours (SQL's percentile_cont)
 */
#ifndef KLAMM_WINDOWS_AGGREGATES_SKETCH_H
#define KLAMM_WINDOWS_AGGREGATES_SKETCH_H

#include "windows/aggregates/value.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#define SKETCH_EXACT     128
#define SKETCH_BUCKETS   8192
#define SKETCH_LN_G      0.019802627296179713 /* ln 1.02 */
#define SKETCH_LN_MIDDLE 0.009950330853168083 /* ln ((1.02 + 1) / 2) */
#define SKETCH_BIAS      40000                /* more than -k of the least double */
#define SKETCH_MIDDLE    131072               /* what stands for zero in the 18 bits */
#define SKETCH_COUNT_MAX ((UINT64_C(1) << 46) - 1)

struct sketch {
    struct blob blob;
    int64_t is_bucketed, low, zero, high, nan;
    double least, greatest; /* of the finite ones, once bucketed */
};

static inline uint32_t sketch_length(const struct sketch *s)
{
    return s->blob.n / 8;
}

static inline int32_t bucket_side(uint64_t bucket)
{
    return (int32_t)(bucket >> 46) - SKETCH_MIDDLE;
}

static inline uint64_t bucket_of(double x)
{
    int32_t k = (int32_t)ceil(log(fabs(x)) / SKETCH_LN_G) + SKETCH_BIAS;
    return (uint64_t)(SKETCH_MIDDLE + (x < 0 ? -k : k)) << 46;
}

static inline double bucket_value(uint64_t bucket)
{
    int32_t side = bucket_side(bucket);
    double x = exp((abs(side) - SKETCH_BIAS) * SKETCH_LN_G - SKETCH_LN_MIDDLE);
    return side < 0 ? -x : x;
}

static inline uint64_t bucket_plus(uint64_t bucket, uint64_t count)
{
    uint64_t sum = (bucket & SKETCH_COUNT_MAX) + count;
    return (bucket & ~SKETCH_COUNT_MAX) | (sum < SKETCH_COUNT_MAX ? sum : SKETCH_COUNT_MAX);
}

/* First bucket that is not below `bucket` (whose count is 0). */
static inline uint32_t sketch_find(const uint64_t *at, uint32_t n, uint64_t bucket)
{
    uint32_t from = 0;
    while (n > 0) {
        uint32_t half = n / 2;
        bool is_below = at[from + half] < bucket;
        from = is_below ? from + half + 1 : from;
        n = is_below ? n - half - 1 : half;
    }
    return from;
}

/* The buckets nearest to zero go, until there are no more than allowed. */
static inline void sketch_collapse(struct sketch *s)
{
    uint64_t *at = (uint64_t *)(void *)s->blob.p;
    uint32_t n = sketch_length(s);
    if (n <= SKETCH_BUCKETS) {
        return;
    }
    uint32_t from = sketch_find(at, n, (uint64_t)SKETCH_MIDDLE << 46), to = from;
    while (n - (to - from) > SKETCH_BUCKETS) {
        bool is_left = to == n || (from > 0 && -bucket_side(at[from - 1]) < bucket_side(at[to]));
        s->zero += (int64_t)(at[is_left ? --from : to++] & SKETCH_COUNT_MAX);
    }
    memmove(at + from, at + to, (n - to) * sizeof *at);
    s->blob.n = (n - (to - from)) * (uint32_t)sizeof *at;
}

static inline void sketch_count(struct sketch *s, double x)
{
    if (isnan(x)) {
        s->nan++;
        return;
    }
    if (isinf(x)) {
        *(x < 0 ? &s->low : &s->high) += 1;
        return;
    }
    s->least = x < s->least ? x : s->least;
    s->greatest = x > s->greatest ? x : s->greatest;
    if (x == 0) {
        s->zero++;
        return;
    }
    uint64_t bucket = bucket_of(x);
    uint64_t *at = (uint64_t *)(void *)s->blob.p;
    uint32_t n = sketch_length(s), i = sketch_find(at, n, bucket);
    if (i < n && bucket_side(at[i]) == bucket_side(bucket)) {
        at[i] = bucket_plus(at[i], 1);
        return;
    }
    at = (uint64_t *)(void *)blob_room(&s->blob, sizeof *at);
    memmove(at + i + 1, at + i, (n - i) * sizeof *at);
    at[i] = bucket + 1;
    s->blob.n += (uint32_t)sizeof *at;
    sketch_collapse(s);
}

/* From values to buckets. */
static inline void sketch_convert(struct sketch *s)
{
    struct blob old = s->blob;
    s->blob = (struct blob){0};
    s->is_bucketed = 1;
    s->least = (double)INFINITY;
    s->greatest = -(double)INFINITY;
    for (uint32_t i = 0; i < old.n / 8; i++) {
        double x;
        memcpy(&x, old.p + (size_t)i * sizeof x, sizeof x);
        sketch_count(s, x);
    }
    mem_free(old.p);
}

static inline void sketch_add(struct sketch *s, double x)
{
    if (!s->is_bucketed) {
        if (sketch_length(s) < SKETCH_EXACT) {
            blob_append(&s->blob, &x, sizeof x);
            return;
        }
        sketch_convert(s);
    }
    sketch_count(s, x);
}

static inline int sketch_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                                struct row_errors *errors)
{
    (void)c;
    (void)errors;
    const struct vec *x = &r->arg[0];
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        if (!vec_is_null(x, row)) {
            sketch_add(r->state[i], number_at(x, row));
        }
    }
    return 0;
}

static inline void sketch_merge_buckets(struct sketch *a, const struct sketch *b)
{
    uint32_t n = sketch_length(a), m = sketch_length(b), i = 0, k = 0, to = 0;
    const uint64_t *x = (const uint64_t *)(const void *)a->blob.p;
    const uint64_t *y = (const uint64_t *)(const void *)b->blob.p;
    uint64_t *both = mem_array((size_t)n + m + 1, sizeof *both);
    while (i < n || k < m) {
        int32_t left = i < n ? bucket_side(x[i]) : INT32_MAX;
        int32_t right = k < m ? bucket_side(y[k]) : INT32_MAX;
        both[to++] = left == right  ? bucket_plus(x[i], y[k] & SKETCH_COUNT_MAX)
                     : left < right ? x[i]
                                    : y[k];
        i += left <= right;
        k += right <= left;
    }
    mem_free(a->blob.p);
    a->blob = (struct blob){(char *)both, to * 8, (n + m + 1) * 8};
    sketch_collapse(a);
}

static inline void sketch_combine(const struct aggregate_call *c, void *into, const void *from)
{
    (void)c;
    struct sketch *a = into;
    const struct sketch *b = from;
    if (!b->is_bucketed) {
        for (uint32_t i = 0; i < sketch_length(b); i++) {
            double x;
            memcpy(&x, b->blob.p + (size_t)i * sizeof x, sizeof x);
            sketch_add(a, x);
        }
        return;
    }
    if (!a->is_bucketed) {
        sketch_convert(a);
    }
    a->low += b->low;
    a->zero += b->zero;
    a->high += b->high;
    a->nan += b->nan;
    a->least = b->least < a->least ? b->least : a->least;
    a->greatest = b->greatest > a->greatest ? b->greatest : a->greatest;
    sketch_merge_buckets(a, b);
}

/* ---- result ---- */

static inline int64_t sketch_total(const struct sketch *s)
{
    if (!s->is_bucketed) {
        return sketch_length(s);
    }
    int64_t n = s->low + s->zero + s->high + s->nan;
    const uint64_t *at = (const uint64_t *)(const void *)s->blob.p;
    for (uint32_t i = 0; i < sketch_length(s); i++) {
        n += (int64_t)(at[i] & SKETCH_COUNT_MAX);
    }
    return n;
}

static inline double sketch_clip(const struct sketch *s, double x)
{
    return x < s->least ? s->least : x > s->greatest ? s->greatest : x;
}

/* The value of a rank, 0 being the least, once bucketed. */
static inline double sketch_at(const struct sketch *s, int64_t rank)
{
    const uint64_t *at = (const uint64_t *)(const void *)s->blob.p;
    uint32_t n = sketch_length(s), i = 0;
    if ((rank -= s->low) < 0) {
        return -(double)INFINITY;
    }
    for (; i < n && bucket_side(at[i]) < 0; i++) {
        if ((rank -= (int64_t)(at[i] & SKETCH_COUNT_MAX)) < 0) {
            return sketch_clip(s, bucket_value(at[i]));
        }
    }
    if ((rank -= s->zero) < 0) {
        return sketch_clip(s, 0);
    }
    for (; i < n; i++) {
        if ((rank -= (int64_t)(at[i] & SKETCH_COUNT_MAX)) < 0) {
            return sketch_clip(s, bucket_value(at[i]));
        }
    }
    return rank < s->high ? (double)INFINITY : (double)NAN;
}

static inline int sketch_order(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return compare_doubles(x, y);
}

static inline void sketch_result(const struct aggregate_call *c, const void *state, struct vec *out,
                                 uint16_t row, uint16_t rows, struct arena *mem)
{
    const struct sketch *s = state;
    const double *q = c->bound;
    int64_t n = sketch_total(s);
    if (n == 0) {
        vec_set_null(out, mem, rows, row);
        return;
    }
    double rank = *q * (double)(n - 1), part = rank - floor(rank);
    int64_t at = (int64_t)rank, next = at < n - 1 ? at + 1 : at;
    double x, y;
    if (s->is_bucketed) {
        x = sketch_at(s, at);
        y = part > 0 ? sketch_at(s, next) : x;
    } else {
        double sorted[SKETCH_EXACT] = {0};
        memcpy(sorted, s->blob.p, (size_t)n * sizeof *sorted);
        qsort(sorted, (size_t)n, sizeof *sorted, sketch_order);
        x = sorted[at];
        y = part > 0 ? sorted[next] : x;
    }
    bool is_one = x == y || (isnan(x) && isnan(y));
    out->d[row] = is_one ? x : x * (1 - part) + y * part;
}

static inline int sketch_bind(struct aggregate_call *c, struct arena *a, double q, struct err *e)
{
    if (!type_is_numeric(c->arg_type[0])) {
        return wrong_type(c, "a number", e);
    }
    double *bound = arena_alloc(a, sizeof *bound);
    *bound = q;
    c->bound = bound;
    c->type = &type_double;
    c->nullable = true;
    return 0;
}

static inline bool sketch_is_sound(const struct aggregate_call *c, const void *state)
{
    (void)c;
    const struct sketch *s = state;
    const int64_t most = INT64_MAX / 16, count[] = {s->low, s->zero, s->high, s->nan};
    bool is_sound = s->blob.n % 8 == 0 && (s->is_bucketed == 0 || s->is_bucketed == 1) &&
                    sketch_length(s) <= (s->is_bucketed ? SKETCH_BUCKETS : SKETCH_EXACT);
    for (int i = 0; i < 4; i++) {
        is_sound = is_sound && count[i] >= 0 && count[i] <= most;
    }
    return is_sound;
}

#endif
