/* Squared distances, a block of rows at a time with its sums in registers. Where the processor has
 * AVX2, four rows go into one instruction. Products and sums stay apart (no fused multiply-add), so
 * both ways give the same bits.
 */
#include "ml/distance.h"

#include <stdbool.h>
#include <stddef.h>

/* Four rows: what is there for every processor. */
static void four_squares(const double *x, uint32_t room, const double *q, uint32_t columns,
                         double *out)
{
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (uint32_t c = 0; c < columns; c++, x += room) {
        double d0 = x[0] - q[c], d1 = x[1] - q[c], d2 = x[2] - q[c], d3 = x[3] - q[c];
        s0 += d0 * d0;
        s1 += d1 * d1;
        s2 += d2 * d2;
        s3 += d3 * d3;
    }
    out[0] = s0;
    out[1] = s1;
    out[2] = s2;
    out[3] = s3;
}

#ifdef __x86_64__
typedef double four __attribute__((vector_size(32), aligned(8), may_alias));

__attribute__((target("avx2"))) static void
block_squares(const double *x, uint32_t room, const double *q, uint32_t columns, double *out)
{
    four s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
    for (uint32_t c = 0; c < columns; c++, x += room) {
        const four at = {q[c], q[c], q[c], q[c]}, *row = (const four *)x;
        four d0 = row[0] - at, d1 = row[1] - at, d2 = row[2] - at, d3 = row[3] - at;
        s0 += d0 * d0;
        s1 += d1 * d1;
        s2 += d2 * d2;
        s3 += d3 * d3;
    }
    four *to = (four *)out;
    to[0] = s0;
    to[1] = s1;
    to[2] = s2;
    to[3] = s3;
}

static bool has_wide_vectors(void)
{
    return __builtin_cpu_supports("avx2") != 0;
}
#else
static void block_squares(const double *x, uint32_t room, const double *q, uint32_t columns,
                          double *out)
{
    four_squares(x, room, q, columns, out);
}

static bool has_wide_vectors(void)
{
    return false;
}
#endif

void distance_squares(const double *x, uint32_t room, uint32_t rows, const double *q,
                      uint32_t columns, double *out)
{
    if (has_wide_vectors()) {
        for (size_t r = 0; r < rows; r += DISTANCE_BLOCK) {
            block_squares(x + r, room, q, columns, out + r);
        }
        return;
    }
    for (size_t r = 0; r < rows; r += 4) {
        four_squares(x + r, room, q, columns, out + r);
    }
}
