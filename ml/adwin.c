/* ADWIN: exponential histogram of a window, cut where the means of its two parts differ. Numbers
 * and alarms are those of River 0.26's drift.ADWIN, bit for bit.
 *
 *   window    row r holds at most max_buckets buckets of 2^r values each, the oldest first; one too
 *             many and its two oldest become one bucket of row r + 1:
 *                 rows[2] [4 4 4]  rows[1] [2 2 2 2]  rows[0] [1 1 1 1 1]      old -> new
 *             a bucket is its sum u and the sum v of squared distances from its mean; two of n values
 *             merge into (u1 + u2, v1 + v2 + n/2 (u1/n - u2/n)^2)
 *   check     every `clock` values, once there are more than grace_period: for each boundary between
 *             buckets, with n0 older and n1 newer values, at least min_window_length each,
 *                 d = ln(2 ln(n) / delta),   m = 1/(n0 - min + 1) + 1/(n1 - min + 1)
 *                 |mean0 - mean1| > sqrt(2 m var d) + 2/3 d m
 *             drops the oldest bucket, and the check begins again
 *   alarm     when anything was dropped. What is left can be read until the next value, which then
 *             begins a new window: so does River
 *
 *   settle    up to 32 new values wait and go into the window together, at a check at the latest: sums
 *             in their order, buckets row by row. Rows merge from their oldest end, so that the same
 *             pairs merge as one by one
 *   state     counts per row, sums, total, variance, place in the clock; nothing waits: version 1
 *   cost      about one merge a value; a check looks at max_buckets * log2(n / max_buckets) boundaries,
 *             and divides only when one of them is near a cut
 *   memory    16 bytes a bucket, 700 beside them: 1.7 kB for a thousand values, 2.7 kB for a million
 *   constant  values raise no alarm below about 1e12, where rounding comes to exceed the margin: that is in
 *             units of the values, which are best around 1
 */
#include "ml/adwin.h"

#include "engine/memory.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* 2^48 values do not come; a row more than those is never reached. */
#define ROWS_MAX 48
#define PENDING  32

struct bucket {
    double total, variance;
};

struct adwin {
    struct adwin_config config;
    uint32_t pending, room; /* values that wait; how many may, before the next settling or check */
    bool is_cut;            /* the next value begins a new window */
    double value[PENDING];
    /* Of those that do not wait: */
    double total, variance, width;
    double magnitude; /* at least the sum of what the buckets are without their signs */
    uint32_t tick;    /* values since the last check */
    uint32_t rows, cap;
    uint16_t count[ROWS_MAX + 1];
    struct bucket *bucket; /* max_buckets + 1 per row */
    double d, d_width;     /* d of a width that is not above the present one */
};

const struct adwin_config adwin_config_default = {
    .delta = 0.002, .clock = 32, .max_buckets = 5, .min_window_length = 5, .grace_period = 10};

struct adwin *adwin_new(const struct adwin_config *config)
{
    assert(config->clock > 0 && config->max_buckets >= 2 && config->max_buckets <= UINT16_MAX);
    struct adwin *a = mem_zalloc(sizeof(*a));
    a->config = *config;
    adwin_reset(a);
    return a;
}

void adwin_free(struct adwin *a)
{
    if (a) {
        mem_free(a->bucket);
        mem_free(a);
    }
}

/* As many values wait as there is room for, and none of them for longer than to the next check. */
static void make_room(struct adwin *a)
{
    uint32_t left = a->config.clock - a->tick;
    a->pending = 0;
    a->room = left < PENDING ? left : PENDING;
}

void adwin_reset(struct adwin *a)
{
    a->total = a->variance = a->width = a->magnitude = 0;
    a->tick = a->rows = 0;
    a->is_cut = false;
    make_room(a);
}

int64_t adwin_width(const struct adwin *a)
{
    return (int64_t)a->width + a->pending;
}

double adwin_mean(const struct adwin *a)
{
    double total = a->total;
    for (uint32_t i = 0; i < a->pending; i++) {
        total += a->value[i];
    }
    return adwin_width(a) > 0 ? total / (double)adwin_width(a) : 0;
}

uint64_t adwin_size(const struct adwin *a)
{
    return sizeof(*a) + (uint64_t)a->cap * (a->config.max_buckets + 1) * sizeof(struct bucket);
}

static struct bucket *row_of(const struct adwin *a, uint32_t row)
{
    return a->bucket + (size_t)row * (a->config.max_buckets + 1);
}

static double row_size(uint32_t row)
{
    return (double)(INT64_C(1) << row);
}

/* Rows up to and with this one exist, the new ones empty. */
static void make_rows(struct adwin *a, uint32_t rows)
{
    if (rows > a->cap) {
        uint32_t cap = rows < 4 ? 4 : rows + 2;
        a->bucket =
            mem_resize(a->bucket, (size_t)cap * (a->config.max_buckets + 1), sizeof(struct bucket));
        a->cap = cap;
    }
    while (a->rows < rows) {
        a->count[a->rows++] = 0;
    }
}

static void drop_oldest(struct adwin *a, uint32_t row, uint32_t n)
{
    struct bucket *b = row_of(a, row);
    a->count[row] = (uint16_t)(a->count[row] - n);
    memmove(b, b + n, a->count[row] * sizeof(*b));
}

/* A bucket's two numbers at once. */
typedef double two __attribute__((vector_size(16), aligned(8), may_alias));

/* Two of half * 2 values each, a power of two: to multiply by its inverse is to divide. */
static inline void merge(struct bucket *to, const struct bucket *b, const struct bucket *c,
                         double half, double inverse)
{
    double apart = (b->total - c->total) * inverse;
    two sum = *(const two *)b + *(const two *)c;
    sum[1] += half * apart * apart;
    *(two *)to = sum;
}

/* n more buckets for a row, oldest first. What is too much then is merged in pairs, from the oldest
 * on, into `merged`; returns how many those are. */
static uint32_t extend_row(struct adwin *a, uint32_t row, const struct bucket *more, uint32_t n,
                           struct bucket *merged)
{
    const uint32_t most = a->config.max_buckets, count = a->count[row], all = count + n;
    const uint32_t pairs = all > most ? (all - most + 1) / 2 : 0, left = all - 2 * pairs;
    const double size = row_size(row), half = size * 0.5, inverse = 1 / size;
    const struct bucket *last = more + n, *end = merged + pairs;
    struct bucket *b = row_of(a, row), *stays = b;
    uint32_t taken = 0; /* of the row */
    for (; merged < end && taken + 1 < count; taken += 2) {
        merge(merged++, &b[taken], &b[taken + 1], half, inverse);
    }
    if (merged < end && taken < count) {
        merge(merged++, &b[taken++], more++, half, inverse);
    }
    for (; merged < end; more += 2) {
        merge(merged++, more, more + 1, half, inverse);
    }
    for (; taken < count; taken++) {
        *b++ = stays[taken];
    }
    while (more < last) {
        *b++ = *more++;
    }
    a->count[row] = (uint16_t)left;
    return pairs;
}

static void add_moment(struct adwin *a, double x)
{
    a->width += 1;
    if (a->width > 1) {
        double apart = x - a->total / (a->width - 1);
        a->variance += (a->width - 1) * apart * apart / a->width;
    }
    a->total += x;
    a->magnitude += fabs(x);
}

/* Total, variance and width with the values that wait: the same for two at a time, one after the
 * other in the sums. */
static void add_moments(struct adwin *a)
{
    uint32_t i = 0;
    if (a->width <= 0 && a->pending > 0) {
        add_moment(a, a->value[i++]);
    }
    double total = a->total, variance = a->variance;
    two width = {a->width, a->width + 1}, magnitude = {a->magnitude, 0};
    for (; i + 1 < a->pending; i += 2) {
        const two x = {a->value[i], a->value[i + 1]}, before = {total, total + x[0]};
        const two apart = x - before / width, added = width * apart * apart / (width + 1);
        variance = variance + added[0] + added[1];
        total = before[1] + x[1];
        magnitude += (two){fabs(x[0]), fabs(x[1])};
        width += 2;
    }
    a->total = total;
    a->variance = variance;
    a->magnitude = magnitude[0] + magnitude[1];
    a->width = width[0];
    if (i < a->pending) {
        add_moment(a, a->value[i]);
    }
}

/* The values that wait become part of the window. */
static void settle(struct adwin *a)
{
    struct bucket line[2][PENDING];
    uint32_t n = a->pending;
    add_moments(a);
    for (uint32_t i = 0; i < n; i++) {
        *(two *)&line[0][i] = (two){a->value[i], 0};
    }
    for (uint32_t row = 0; n > 0; row++) {
        make_rows(a, row < a->rows ? a->rows : row + 1);
        n = extend_row(a, row, line[row % 2], n, line[(row + 1) % 2]);
    }
    a->tick += a->pending;
    make_room(a);
}

static void drop_bucket(struct adwin *a)
{
    uint32_t row = a->rows - 1;
    struct bucket b = row_of(a, row)[0];
    double n = row_size(row);
    a->width -= n;
    a->total -= b.total;
    double mean = b.total / n, rest = a->total / a->width;
    a->variance -= b.variance + n * a->width * (mean - rest) * (mean - rest) / (n + a->width);
    drop_oldest(a, row, 1);
    while (a->rows > 0 && a->count[a->rows - 1] == 0) {
        a->rows--;
    }
}

/* Not above d, which grows with the width. */
static double least_d(struct adwin *a)
{
    if (a->width < a->d_width || a->width >= 2 * a->d_width) {
        a->d = log(2 * log(a->width) / a->config.delta);
        a->d_width = a->width;
    }
    return a->d;
}

/* No boundary is near a cut, told without dividing. As m >= n / (n0 n1), a cut needs
 *
 *     (u0 - n0 mean)^2  >  2 var d n0 n1 / n
 *
 * of which the boundaries of a row must stay below the least one's, by 2 %, and rounding, of all
 * sums on the way to a cut, may not make up for these. False: find_cut() has to see. */
static bool is_calm(struct adwin *a)
{
    const double n = a->width, mean = a->total / n, least = a->config.min_window_length;
    const double limit = 0.98 * 2 * a->variance * least_d(a) / n / n;
    double n0 = 0, far = 0, size = row_size(a->rows); /* far: u0 - n0 mean */
    const struct bucket *b = row_of(a, a->rows);
    bool is_near = false;
    for (uint32_t row = a->rows; row-- > 0;) {
        b -= a->config.max_buckets + 1;
        size /= 2;
        const double usual = size * mean, first = n0 + size;
        double more = 0, most = 0;
        uint32_t count = a->count[row];
        while (count > 0 && n - (n0 + count * size) < least) {
            count--; /* too few values behind it */
        }
        for (uint32_t k = 0; k < count; k++) {
            more += b[k].total - usual;
            most = fabs(far + more) > most ? fabs(far + more) : most;
        }
        far += more;
        n0 += count * size;
        double one = limit * first * (n - first), other = limit * n0 * (n - n0);
        is_near |= count > 0 && !(most * most < (one < other ? one : other));
    }
    double rounding = (a->rows * a->config.max_buckets + 8) * 1e-15 * a->magnitude;
    return !is_near && least >= 1 && limit > 1e-280 && rounding * rounding < 1e-5 * limit * (n - 1);
}

/* Whether the means of two parts of the window differ anywhere. */
static bool find_cut(const struct adwin *a)
{
    const double least = a->config.min_window_length;
    const double d = log(2 * log(a->width) / a->config.delta);
    const double variance = a->variance / a->width, slope = 2.0 / 3.0 * d;
    double n0 = 0, n1 = a->width, u0 = 0, u1 = a->total;
    for (uint32_t row = a->rows; row-- > 0;) {
        const struct bucket *b = row_of(a, row);
        double n = row_size(row);
        for (uint32_t k = 0; k < a->count[row]; k++) {
            n0 += n;
            n1 -= n;
            u0 += b[k].total;
            u1 -= b[k].total;
            if (n0 < least || n1 < least || n1 <= 0) {
                continue;
            }
            double apart = fabs(u0 / n0 - u1 / n1);
            double m = 1 / (n0 - least + 1) + 1 / (n1 - least + 1), bias = slope * m;
            /* The root is not negative: most boundaries are done without it. */
            if (!(apart <= bias) && apart > sqrt(2 * m * variance * d) + bias) {
                return true;
            }
        }
    }
    return false;
}

/* Room is used up: apart from the rest of an update, which comes with every value. */
__attribute__((noinline)) static bool settle_and_check(struct adwin *a)
{
    settle(a);
    if (a->tick < a->config.clock) {
        return false;
    }
    a->tick = 0;
    make_room(a);
    if (a->width > a->config.grace_period && !is_calm(a)) {
        while (find_cut(a)) {
            drop_bucket(a);
            a->is_cut = true;
        }
    }
    return a->is_cut;
}

bool adwin_update(struct adwin *a, double x)
{
    if (a->is_cut) {
        adwin_reset(a);
    }
    a->value[a->pending++] = x;
    return a->pending >= a->room && settle_and_check(a);
}

/* The counts of the rows; the width follows from them. */
static void io_rows(struct adwin *a, struct snapshot *s)
{
    uint32_t rows = a->rows;
    snapshot_u32(s, &rows);
    if (rows > ROWS_MAX) {
        s->status = -ERR_DATA;
        return;
    }
    if (s->loading) {
        a->rows = 0;
        make_rows(a, rows);
        a->width = 0;
    }
    for (uint32_t row = 0; row < rows; row++) {
        uint32_t count = a->count[row];
        snapshot_u32(s, &count);
        /* An oldest row without a bucket could not be dropped from. */
        if (count > a->config.max_buckets || (count == 0 && row + 1 == rows)) {
            s->status = -ERR_DATA;
            return;
        }
        if (s->loading) {
            a->count[row] = (uint16_t)count;
            a->width += count * row_size(row);
        }
    }
}

int adwin_io(struct adwin *a, struct snapshot *s)
{
    uint32_t is_cut = a->is_cut ? 1 : 0;
    settle(a);
    snapshot_version(s, 1);
    snapshot_u32(s, &a->tick);
    snapshot_u32(s, &is_cut);
    io_rows(a, s);
    a->tick = a->tick < a->config.clock ? a->tick : a->config.clock - 1; /* it may be another one */
    if (snapshot_status(s) != 0 || is_cut > 1) {
        s->status = -ERR_DATA;
        adwin_reset(a);
        return s->status;
    }
    a->is_cut = is_cut == 1;
    snapshot_double(s, &a->total);
    snapshot_double(s, &a->variance);
    a->magnitude = s->loading ? 0 : a->magnitude;
    for (uint32_t row = 0; row < a->rows; row++) {
        const struct bucket *b = row_of(a, row);
        snapshot_array(s, &row_of(a, row)->total, (size_t)a->count[row] * 2);
        for (uint32_t k = 0; s->loading && k < a->count[row]; k++) {
            a->magnitude += fabs(b[k].total);
        }
    }
    make_room(a);
    return snapshot_status(s);
}
