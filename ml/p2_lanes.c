/* P2 for many lanes (the algorithm: ml/p2.c), as a structure of arrays.
 *
 *   count   for all lanes, four at a time, without a branch: the outer markers, positions, wanted
 *           positions, and a bit for each inner marker that lags by one or more:
 *               bit 16 g + 4 marker + lane     of group g of four lanes; four groups a word
 *   move    the markers with a bit, one in six, in ascending order: within a lane 1, 2, 3. Which
 *           they are is as good as random, how many are left in a word is less so: a branch is
 *           foretold wrongly once for several lanes and not once for each
 *   few     the first five values of a lane are kept in order; position 4 is n, also before
 *   null    a lane with NaN learns nothing
 *
 * Where the processor has AVX2, a group is one instruction; products and sums stay apart, so that
 * the bits are the same.
 */
#include "ml/p2_lanes.h"

#include "engine/memory.h"
#include "ml/p2.h"

#include <math.h>
#include <stdbool.h>

#define LANES  4
#define AT_ONE 4 /* groups whose bits are one word */

/* Doubles for a lane: 5 heights, 5 positions, 4 wanted positions, 3 steps, q, x. */
#define PER_LANE 19

static void put(struct p2_lanes *p, uint32_t lane, const struct p2 *one)
{
    for (uint32_t i = 0; i < 5; i++) {
        p->height[i * p->room + lane] = one->height[i];
        p->position[i * p->room + lane] = i < 4 ? one->position[i] : (double)one->n;
    }
    for (uint32_t i = 0; i < 4; i++) {
        p->wanted[i * p->room + lane] = one->wanted[i];
    }
}

static struct p2 take(const struct p2_lanes *p, uint32_t lane)
{
    struct p2 one = {.n = (int64_t)p->position[4 * p->room + lane]};
    for (uint32_t i = 0; i < 5; i++) {
        one.height[i] = p->height[i * p->room + lane];
        one.position[i] = p->position[i * p->room + lane];
    }
    for (uint32_t i = 0; i < 4; i++) {
        one.wanted[i] = p->wanted[i * p->room + lane];
    }
    one.position[4] = one.wanted[4] = one.n < 5 ? 5 : (double)one.n;
    return one;
}

void p2_lanes_init(struct p2_lanes *p, uint32_t n, const double *q, uint32_t nq)
{
    const uint32_t room = (n + LANES - 1) / LANES * LANES;
    double *block = mem_zalloc(PER_LANE * sizeof(*block) * (room + 1U));
    *p = (struct p2_lanes){.n = n,
                           .room = room,
                           .few = n,
                           .height = block,
                           .position = block + 5 * room,
                           .wanted = block + 10 * room,
                           .step = block + 14 * room,
                           .q = block + 17 * room,
                           .x = block + 18 * room};
    for (uint32_t i = 0; i < room; i++) {
        struct p2 one;
        p->x[i] = (double)NAN;
        p->q[i] = q[i % nq];
        p2_init(&one, p->q[i]);
        put(p, i, &one);
        p->step[i] = p->q[i] / 2;
        p->step[room + i] = p->q[i];
        p->step[2 * room + i] = (1 + p->q[i]) / 2;
    }
}

void p2_lanes_done(struct p2_lanes *p)
{
    mem_free(p->height);
    *p = (struct p2_lanes){0};
}

uint64_t p2_lanes_size(const struct p2_lanes *p)
{
    return (uint64_t)p->room * PER_LANE * sizeof(double);
}

/* ---- learning ---- */

/* Lanes with less than five values take theirs here. */
static void add_few(struct p2_lanes *p)
{
    const uint32_t room = p->room;
    p->few = 0;
    for (uint32_t i = 0; i < p->n; i++) {
        double *height = p->height + i, *n = &p->position[4 * room + i];
        const double x = p->x[i];
        p->few += *n + (isnan(x) ? 0 : 1) <= 5;
        if (*n >= 5 || isnan(x)) {
            continue;
        }
        uint32_t k = (uint32_t)*n;
        for (; k > 0 && height[(k - 1) * room] > x; k--) {
            height[k * room] = height[(k - 1) * room];
        }
        height[k * room] = x;
        p->x[i] = (double)NAN;
        *n += 1;
    }
}

typedef double four __attribute__((vector_size(32), aligned(8), may_alias));
typedef int64_t four_bits __attribute__((vector_size(32), aligned(8), may_alias));

/* Lanes `at` to `at` + 3; gives their bits. */
__attribute__((always_inline)) static inline uint64_t count_group(struct p2_lanes *p, size_t at)
{
    const size_t room = p->room;
    const four x = *(const four *)&p->x[at], one = {1, 1, 1, 1};
    const four_bits is_there = x == x, unit = (four_bits)one;
    four *least = (four *)&p->height[at], *most = (four *)&p->height[4 * room + at];
    const four_bits is_least = x<*least, is_most = x> * most;
    *least = (four)(((four_bits)x & is_least) | ((four_bits)*least & ~is_least));
    *most = (four)(((four_bits)x & is_most) | ((four_bits)*most & ~is_most));
    *(four *)&p->position[4 * room + at] += (four)(is_there & unit);
    four_bits due = {0}, bit = {1, 2, 4, 8};
    for (size_t i = 1; i < 4; i++) {
        const four height = *(const four *)&p->height[i * room + at];
        const four step = *(const four *)&p->step[(i - 1) * room + at];
        four *position = (four *)&p->position[i * room + at];
        four *wanted = (four *)&p->wanted[i * room + at];
        *position += (four)((x < height) & unit);
        *wanted += (four)(is_there & (four_bits)step);
        const four lag = *wanted - *position;
        bit <<= 4;
        due |= ((lag >= one) | (lag <= -one)) & bit;
    }
    due &= is_there;
    return (uint64_t)(due[0] | due[1] | due[2] | due[3]);
}

/* As ml/p2.c moves a marker. */
static inline void move(double *height, double *position, double wanted, ptrdiff_t room)
{
    const double n = *position, lag = wanted - n, d = copysign(1, lag);
    const ptrdiff_t next = lag > 0 ? room : -room;
    if (!(fabs(position[next] - n) > 1)) {
        return;
    }
    const double below = position[-room], above = position[room];
    const double q = *height, q_below = height[-room], q_above = height[room];
    const double outer = d / (above - below);
    const double inner_above = (n - below + d) * (q_above - q) / (above - n);
    const double inner_below = (above - n - d) * (q - q_below) / (n - below);
    double moved = q + outer * (inner_above + inner_below);
    if (!(q_below < moved && moved < q_above)) {
        moved = q + d * (height[next] - q) / (position[next] - n);
    }
    *height = moved;
    *position = n + d;
}

__attribute__((always_inline)) static inline void add_all(struct p2_lanes *p)
{
    for (size_t first = 0; first < p->room; first += LANES * AT_ONE) {
        uint64_t due = 0;
        for (size_t at = first; at < p->room && at < first + LANES * AT_ONE; at += LANES) {
            due |= count_group(p, at) << (4 * (at - first));
        }
        for (; due != 0; due &= due - 1) {
            const uint32_t b = (uint32_t)__builtin_ctzll(due);
            const size_t at = b / 4 % 4 * p->room + first + b / 16 * 4 + b % 4;
            move(&p->height[at], &p->position[at], p->wanted[at], (ptrdiff_t)p->room);
        }
    }
}

static void add_narrow(struct p2_lanes *p)
{
    add_all(p);
}

#ifdef __x86_64__
__attribute__((target("avx2"))) static void add_wide(struct p2_lanes *p)
{
    add_all(p);
}

static bool has_wide_vectors(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}
#else
static void add_wide(struct p2_lanes *p)
{
    add_all(p);
}

static bool has_wide_vectors(void)
{
    return false;
}
#endif

void p2_lanes_add(struct p2_lanes *p)
{
    if (p->few > 0) {
        add_few(p);
    }
    if (has_wide_vectors()) {
        add_wide(p);
    } else {
        add_narrow(p);
    }
}

/* ---- reading ---- */

double p2_lanes_few(const struct p2_lanes *p, uint32_t lane)
{
    const double n = p->position[4 * p->room + lane], at = n * p->q[lane], last = n - 1;
    if (n <= 0) {
        return (double)NAN;
    }
    const size_t marker = n > 5 ? 2 : (size_t)(at < last ? at : last);
    return p->height[marker * p->room + lane];
}

int p2_lanes_io(struct p2_lanes *p, uint32_t lane, struct snapshot *s)
{
    struct p2 one = take(p, lane);
    int status = p2_io(&one, s);
    if (status < 0 || !s->loading) {
        return status;
    }
    if (one.position[4] != (one.n < 5 ? 5 : (double)one.n) || one.n > INT64_C(1) << 53) {
        s->status = -ERR_DATA;
        return s->status;
    }
    put(p, lane, &one);
    p->few = 1; /* until the next value it is not known how many */
    return 0;
}
