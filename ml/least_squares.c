/* Least squares on line, by Givens rotations without square roots (Gentleman 1973; Miller 1992,
 * algorithm AS 274): what has been seen is X'WX = R' D R with a unit upper triangle R and a
 * diagonal D, and X'Wy = R' D z. A row (x, y) of weight w is rotated into it, unknown by unknown:
 *
 *   d' = d_i + w x_i^2        c = d_i / d'        s = w x_i / d'
 *   x_k <- x_k - x_i R_ik     R_ik <- c R_ik + s x_k      for k > i, the old x_k in the second; so
 *   y   <- y - x_i z_i        z_i  <- c z_i + s y         for y and z
 *   w   <- c w                d_i  <- d'
 *
 * The weights solve R weight = z from below, once after each row and only when they are asked for.
 * A precision p of a weight around 0 is D = p at the start. Forgetting shrinks D alone.
 *
 * Nothing is subtracted from a sum of squares and no inverse is kept, so that rounding does not
 * pile up, and forgetting cannot blow up what no row tells about, as covariances do: a column that
 * is always 0 keeps its weight while its D goes to 0. Unknowns with D = 0 have weight 0 until a row
 * tells of them.
 *
 *   state   number of unknowns, D, z, R
 *   cost    n^2 / 2 divided into n rotations with two divisions each to learn a row, n^2 / 2 to solve.
 *           LAPACK works on blocks of rows; here each row counts at once, and these loops are quicker
 *           than a call for the few columns that are usual
 */
#include "ml/least_squares.h"

#include "engine/memory.h"
#include "ml/linalg.h"

#include <string.h>

/* What is forgotten to below this has been forgotten: numbers near the least make machines slow. */
#define FORGOTTEN 1e-250

static size_t triangle(uint32_t n)
{
    return (size_t)n * (n > 0 ? n - 1 : 0) / 2;
}

static size_t doubles(const struct least_squares *s)
{
    return triangle(s->n) + 4 * (size_t)s->n;
}

static void init(struct least_squares *s, uint32_t columns, bool has_intercept, double precision)
{
    s->columns = columns;
    s->has_intercept = has_intercept;
    s->n = columns + has_intercept;
    s->is_solved = true;
    s->d = mem_zalloc((doubles(s) + 1) * sizeof(double));
    s->z = s->d + s->n;
    s->r = s->z + s->n;
    s->weight = s->r + triangle(s->n);
    s->row = s->weight + s->n;
    for (uint32_t i = has_intercept; i < s->n; i++) {
        s->d[i] = precision;
    }
}

void least_squares_init(struct least_squares *s, uint32_t columns, double precision)
{
    init(s, columns, false, precision);
}

void least_squares_init_intercept(struct least_squares *s, uint32_t columns, double precision,
                                  double intercept_precision)
{
    init(s, columns, true, precision);
    s->d[0] = intercept_precision;
}

void least_squares_done(struct least_squares *s)
{
    mem_free(s->d);
    s->d = s->z = s->r = s->weight = s->row = NULL;
}

void least_squares_forget(struct least_squares *s, double factor)
{
    for (uint32_t i = 0; i < s->n; i++) {
        double d = s->d[i] * factor;
        s->d[i] = d < FORGOTTEN ? 0 : d;
    }
}

/* The rest of a row and of the triangle's, turned by one rotation. */
static void rotate(double *restrict x, double *restrict r, uint32_t n, double xi, double c,
                   double sine)
{
    for (uint32_t k = 0; k < n; k++) {
        double xk = x[k], rk = r[k];
        x[k] = xk - xi * rk;
        r[k] = c * rk + sine * xk;
    }
}

/* Rotates s->row into the triangle, which is used up; it is 0 before unknown `from`. */
static void add_row(struct least_squares *s, uint32_t from, double y, double w)
{
    double *x = s->row;
    double *r = s->r + triangle(s->n) - triangle(s->n - from);
    for (uint32_t i = from; i < s->n && w > 0; i++) {
        uint32_t rest = s->n - 1 - i;
        double xi = x[i], d = s->d[i], sum = d + w * xi * xi;
        if (xi != 0 && !(sum <= 0)) {
            double c = d / sum, sine = w * xi / sum;
            rotate(x + i + 1, r, rest, xi, c, sine);
            double before = s->z[i];
            s->z[i] = c * before + sine * y;
            s->d[i] = sum;
            y -= xi * before;
            w *= c;
        }
        r += rest;
    }
    s->is_solved = false;
}

void least_squares_learn(struct least_squares *s, const double *x, double y, double w)
{
    double *row = s->row;
    if (s->has_intercept) {
        *row++ = 1;
    }
    memcpy(row, x, s->columns * sizeof(double));
    add_row(s, 0, y, w);
}

void least_squares_penalise(struct least_squares *s, uint32_t i, double w)
{
    uint32_t from = i + s->has_intercept;
    memset(s->row, 0, s->n * sizeof(double));
    s->row[from] = 1;
    add_row(s, from, 0, w);
}

static void solve(struct least_squares *s)
{
    const double *r = s->r + triangle(s->n);
    for (uint32_t i = s->n; i-- > 0;) {
        uint32_t rest = s->n - 1 - i;
        r -= rest;
        s->weight[i] = s->z[i] - linalg_dot(r, s->weight + i + 1, rest);
    }
    s->is_solved = true;
}

double least_squares_predict(struct least_squares *s, const double *x)
{
    if (!s->is_solved) {
        solve(s);
    }
    double intercept = s->has_intercept ? s->weight[0] : 0;
    return linalg_dot(s->weight + s->has_intercept, x, s->columns) + intercept;
}

int least_squares_io(struct least_squares *s, struct snapshot *snap)
{
    uint32_t n = s->n;
    snapshot_u32(snap, &n);
    if (n != s->n) {
        snap->status = -ERR_DATA;
        return snap->status;
    }
    snapshot_array(snap, s->d, 2 * (size_t)s->n + triangle(s->n));
    s->is_solved = s->is_solved && !snap->loading;
    return snapshot_status(snap);
}

uint64_t least_squares_size(const struct least_squares *s)
{
    return doubles(s) * sizeof(double);
}
