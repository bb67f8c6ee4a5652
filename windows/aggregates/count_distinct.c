/* count_distinct(x): how many different values there are; exact while few, then estimated by
 * HyperLogLog over 64-bit hashes.
 *
 *   list      the hashes themselves, ascending, up to 3072 of them: exact but for two values with
 *             one hash (1 in 10^13 at 3072 values)
 *   dense     beyond: 2^15 registers of 6 bits, 24,576 bytes as the full list takes. The first 15
 *             bits of a hash choose the register, which keeps the largest position of the first 1
 *             among the 49 others (HyperLogLog++: Heule, Nunkesser, Hall, EDBT 2013)
 *   estimate  without tables and unbiased from few to many: Ertl, "New cardinality estimation
 *             algorithms for HyperLogLog sketches", arXiv:1702.01284, algorithm 6
 *   error     standard error 1.04 / sqrt(2^15) = 0.57 %. With 2^14 registers it would be 0.81 %
 *
 *   state     { blob, is_dense }; version 1
 *   null      not counted; no rows give 0, never null
 *   equality  all NaN are one value, 0.0 and -0.0 are one value
 *   merge     exact: the state depends on the set of values only
 */
#include "windows/aggregates/value.h"

#include "engine/hash.h"

#define LIST_MAX       3072
#define REGISTER_BITS  15
#define REGISTERS      (1U << REGISTER_BITS)
#define RANK_MAX       (64 - REGISTER_BITS + 1)
#define DENSE_BYTES    (REGISTERS / 4 * 3)
#define ALPHA_INFINITY 0.7213475204444817 /* 1 / (2 ln 2) */

struct distinct {
    struct blob blob;
    int64_t is_dense;
};

static int distinct_bind(struct aggregate_call *c, struct arena *a, struct err *e)
{
    (void)a;
    if (c->arg_type[0]->kind > TYPE_BYTES) {
        return wrong_type(c, "a number, timestamp, boolean, string or bytes", e);
    }
    c->type = &type_long;
    c->nullable = true; /* as all but count are; there is always a value, though */
    return 0;
}

/* ---- dense: four registers of 6 bits in three bytes ---- */

static unsigned register_at(const uint8_t *p, uint32_t i)
{
    p += i / 4 * 3;
    uint32_t four = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    return four >> (i % 4 * 6) & 63;
}

static void register_raise(uint8_t *p, uint32_t i, unsigned rank)
{
    if (register_at(p, i) >= rank) {
        return;
    }
    p += i / 4 * 3;
    uint32_t four = (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16, at = i % 4 * 6;
    four = (four & ~(UINT32_C(63) << at)) | (uint32_t)rank << at;
    p[0] = (uint8_t)four;
    p[1] = (uint8_t)(four >> 8);
    p[2] = (uint8_t)(four >> 16);
}

static void dense_add(struct distinct *s, uint64_t hash)
{
    uint64_t rest = hash << REGISTER_BITS;
    unsigned rank = rest ? (unsigned)__builtin_clzll(rest) + 1 : RANK_MAX;
    register_raise((uint8_t *)s->blob.p, (uint32_t)(hash >> (64 - REGISTER_BITS)), rank);
}

static void become_dense(struct distinct *s)
{
    struct blob old = s->blob;
    s->blob = (struct blob){mem_zalloc(DENSE_BYTES), DENSE_BYTES, DENSE_BYTES};
    s->is_dense = 1;
    for (uint32_t i = 0; i < old.n / 8; i++) {
        uint64_t hash;
        memcpy(&hash, old.p + (size_t)i * sizeof hash, sizeof hash);
        dense_add(s, hash);
    }
    mem_free(old.p);
}

/* ---- list ---- */

static void distinct_add(struct distinct *s, uint64_t hash)
{
    if (s->is_dense) {
        dense_add(s, hash);
        return;
    }
    uint64_t *at = (uint64_t *)(void *)s->blob.p;
    uint32_t count = s->blob.n / 8, from = 0;
    for (uint32_t n = count; n > 0;) {
        uint32_t half = n / 2;
        bool is_below = at[from + half] < hash;
        from = is_below ? from + half + 1 : from;
        n = is_below ? n - half - 1 : half;
    }
    if (from < count && at[from] == hash) {
        return;
    }
    if (count == LIST_MAX) {
        become_dense(s);
        dense_add(s, hash);
        return;
    }
    at = (uint64_t *)(void *)blob_room(&s->blob, sizeof *at);
    memmove(at + from + 1, at + from, (count - from) * sizeof *at);
    at[from] = hash;
    s->blob.n += (uint32_t)sizeof *at;
}

static int distinct_update(const struct aggregate_call *c, const struct aggregate_rows *r,
                           struct row_errors *errors)
{
    (void)c;
    (void)errors;
    const struct vec *v = &r->arg[0];
    for (uint16_t i = 0; i < r->n; i++) {
        uint16_t row = r->row[i];
        if (vec_is_null(v, row)) {
            continue;
        }
        if (type_is_str(v->type)) {
            distinct_add(r->state[i], hash_stable(str_data(&v->s[row]), v->s[row].n, 0));
        } else {
            int64_t bits = plain_bits(v, row);
            distinct_add(r->state[i], hash_stable(&bits, sizeof bits, 0));
        }
    }
    return 0;
}

static void distinct_combine(const struct aggregate_call *c, void *into, const void *from)
{
    (void)c;
    struct distinct *a = into;
    const struct distinct *b = from;
    if (!b->is_dense) {
        for (uint32_t i = 0; i < b->blob.n / 8; i++) {
            uint64_t hash;
            memcpy(&hash, b->blob.p + (size_t)i * sizeof hash, sizeof hash);
            distinct_add(a, hash);
        }
        return;
    }
    if (!a->is_dense) {
        become_dense(a);
    }
    for (uint32_t i = 0; i < REGISTERS; i++) {
        register_raise((uint8_t *)a->blob.p, i, register_at((const uint8_t *)b->blob.p, i));
    }
}

/* ---- estimate: sums of Ertl's two series, until they change no more ---- */

static double sigma(double x)
{
    double y = 1, z = x, before = -1;
    while (z != before) {
        before = z;
        x *= x;
        z += x * y;
        y += y;
    }
    return z;
}

static double tau(double x)
{
    double y = 1, z = 1 - x, before = -1;
    if (x == 0 || x == 1) {
        return 0;
    }
    while (z != before) {
        before = z;
        x = sqrt(x);
        y *= 0.5;
        z -= (1 - x) * (1 - x) * y;
    }
    return z / 3;
}

static int64_t dense_estimate(const struct distinct *s)
{
    uint32_t count[64] = {0};
    for (uint32_t i = 0; i < REGISTERS; i++) {
        count[register_at((const uint8_t *)s->blob.p, i)]++;
    }
    const double m = REGISTERS;
    double z = m * tau(1 - count[RANK_MAX] / m);
    for (int k = RANK_MAX - 1; k >= 1; k--) {
        z = 0.5 * (z + count[k]);
    }
    z += m * sigma(count[0] / m);
    double n = ALPHA_INFINITY * m * m / z;
    return n < 9e18 ? llround(n) : INT64_MAX;
}

static void distinct_result(const struct aggregate_call *c, const void *state, struct vec *out,
                            uint16_t row, uint16_t rows, struct arena *mem)
{
    (void)c;
    (void)rows;
    (void)mem;
    const struct distinct *s = state;
    out->i[row] = s->is_dense ? dense_estimate(s) : s->blob.n / 8;
}

static bool distinct_is_sound(const struct aggregate_call *c, const void *state)
{
    (void)c;
    const struct distinct *s = state;
    return s->is_dense ? s->is_dense == 1 && s->blob.n == DENSE_BYTES
                       : s->blob.n % 8 == 0 && s->blob.n / 8 <= LIST_MAX;
}

const struct aggregate_def aggregate_count_distinct = {
    .name = "count_distinct",
    .doc = "count_distinct(x): how many different values there are that are not null; exact up to "
           "3,072, beyond with a standard error of 0.57 % (HyperLogLog).",
    .min_args = 1,
    .max_args = 1,
    .state_size = sizeof(struct distinct),
    .has_blob = true,
    .version = 1,
    .bind = distinct_bind,
    .update = distinct_update,
    .combine = distinct_combine,
    .result = distinct_result,
    .is_sound = distinct_is_sound,
};
