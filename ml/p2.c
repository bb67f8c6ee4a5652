/* The P2 algorithm (Jain, Chlamtac: "The P2 algorithm for dynamic calculation of quantiles and
 * histograms without storing observations", Communications of the ACM 28(10), 1985): markers whose
 * heights estimate quantiles. A value moves the positions of the markers above it by one; a marker
 * that lags its wanted position by one or more steps towards it, its height along the parabola
 * through its neighbours, or along the line where the parabola would leave their order.
 *
 *   one      5 markers at 0, q/2, q, (1+q)/2, 1
 *   cells    cells + 1 markers at 0, 1/cells, …, 1: edges of cells that hold equally many
 *   few      up to as many values as markers: exact. One quantile is then the value at q n, as
 *            River tells it; edges lie linearly between their neighbours
 *   cost     five comparisons a value; cells: one pass over the markers
 *   quality  the error falls as values come in random order; values in ascending order, or with
 *            another level from now on, take long to be followed: the markers forget nothing
 *   state    heights, positions, of one quantile also wanted positions, then the number of values:
 *            version 1
 */
#include "ml/p2.h"

#include <math.h>
#include <string.h>

/* ---- markers, however many ---- */

struct markers {
    uint32_t n;
    double *height, *position, *wanted;
};

/* Among the first values, in their order. */
static void insert(double *height, int64_t n, double x)
{
    int64_t i = n;
    for (; i > 0 && height[i - 1] > x; i--) {
        height[i] = height[i - 1];
    }
    height[i] = x;
}

/* The first marker whose position moves; the outer ones are stretched to x. */
static uint32_t cell_of(const struct markers *m, double x)
{
    if (x < m->height[0]) {
        m->height[0] = x;
        return 1;
    }
    for (uint32_t i = 1; i < m->n; i++) {
        if (x < m->height[i]) {
            return i;
        }
    }
    m->height[m->n - 1] = x;
    return m->n - 1;
}

static double parabola(const struct markers *m, uint32_t i, double d)
{
    double n = m->position[i], below = m->position[i - 1], above = m->position[i + 1];
    double q = m->height[i], q_below = m->height[i - 1], q_above = m->height[i + 1];
    double outer = d / (above - below);
    double inner_above = (n - below + d) * (q_above - q) / (above - n);
    double inner_below = (above - n - d) * (q - q_below) / (n - below);
    return q + outer * (inner_above + inner_below);
}

/* Up and down come at random, so that which of both it is decides no branch. */
static void adjust(const struct markers *m, uint32_t i)
{
    double n = m->position[i], lag = m->wanted[i] - n;
    double d = lag > 0 ? 1 : -1, q = m->height[i];
    uint32_t next = lag > 0 ? i + 1 : i - 1;
    if (!(fabs(lag) >= 1) || !(fabs(m->position[next] - n) > 1)) {
        return;
    }
    double moved = parabola(m, i, d);
    if (!(m->height[i - 1] < moved && moved < m->height[i + 1])) {
        moved = q + d * (m->height[next] - q) / (m->position[next] - n);
    }
    m->height[i] = moved;
    m->position[i] = n + d;
}

/* All markers have a value; few enough to be compared all, and most stay where they are. */
static void move_five(struct p2 *p, double q, double x)
{
    double *h = p->height, *position = p->position, *wanted = p->wanted;
    const struct markers m = {5, h, position, wanted};
    h[0] = x < h[0] ? x : h[0];
    h[4] = x > h[4] ? x : h[4];
    position[1] += x < h[1] ? 1 : 0;
    position[2] += x < h[2] ? 1 : 0;
    position[3] += x < h[3] ? 1 : 0;
    position[4]++;
    wanted[1] += q / 2;
    wanted[2] += q;
    wanted[3] += (1 + q) / 2;
    wanted[4]++;
    if (fabs(wanted[1] - position[1]) >= 1) {
        adjust(&m, 1);
    }
    if (fabs(wanted[2] - position[2]) >= 1) {
        adjust(&m, 2);
    }
    if (fabs(wanted[3] - position[3]) >= 1) {
        adjust(&m, 3);
    }
}

/* The same for any number. */
static void move(const struct markers *m, double x)
{
    for (uint32_t i = cell_of(m, x); i < m->n; i++) {
        m->position[i]++;
    }
    for (uint32_t i = 1; i + 1 < m->n; i++) {
        adjust(m, i);
    }
}

/* ---- one quantile ---- */

void p2_init(struct p2 *p, double q)
{
    *p = (struct p2){
        .position = {1, 2, 3, 4, 5},
        .wanted = {1, 1 + 2 * q, 1 + 4 * q, 3 + 2 * q, 5},
    };
}

void p2_add(struct p2 *p, double q, double x)
{
    if (p->n++ < 5) {
        insert(p->height, p->n - 1, x);
        return;
    }
    move_five(p, q, x);
}

double p2_get(const struct p2 *p, double q)
{
    if (p->n == 0) {
        return (double)NAN;
    }
    if (p->n > 5) {
        return p->height[2];
    }
    double at = (double)p->n * q, last = (double)(p->n - 1);
    return p->height[(int)(at < last ? at : last)];
}

/* Marks a snapshot as damaged. */
static void refuse(struct snapshot *s)
{
    s->status = s->status < 0 ? s->status : -ERR_DATA;
}

/* Positions are read as they are, but no two may be equal: differences divide. */
static void check_positions(const double *position, uint32_t n, struct snapshot *s)
{
    for (uint32_t i = 0; s->loading && i < n; i++) {
        if (!isfinite(position[i]) || (i > 0 && !(position[i] - position[i - 1] >= 1))) {
            refuse(s);
            return;
        }
    }
}

int p2_io(struct p2 *p, struct snapshot *s)
{
    snapshot_array(s, p->height, 5);
    snapshot_array(s, p->position, 5);
    snapshot_array(s, p->wanted, 5);
    snapshot_count(s, &p->n);
    if (snapshot_status(s) == 0) {
        check_positions(p->position, 5, s);
    }
    return snapshot_status(s);
}

/* ---- cells ---- */

void p2_cells_init(struct p2_cells *c, uint32_t cells, double *block)
{
    uint32_t n = cells + 1;
    *c = (struct p2_cells){
        .cells = cells, .height = block, .position = block + n, .wanted = block + 2 * n};
    for (uint32_t i = 0; i < n; i++) {
        c->height[i] = 0;
        c->position[i] = c->wanted[i] = 1 + (double)i;
    }
}

void p2_cells_add(struct p2_cells *c, double x)
{
    if (c->n++ <= c->cells) {
        insert(c->height, c->n - 1, x);
        return;
    }
    for (uint32_t i = 0; i <= c->cells; i++) {
        c->wanted[i] = 1 + (double)(c->n - 1) * i / c->cells;
    }
    move(&(struct markers){c->cells + 1, c->height, c->position, c->wanted}, x);
}

double p2_cells_edge(const struct p2_cells *c, uint32_t i)
{
    if (c->n == 0) {
        return (double)NAN;
    }
    if (c->n > c->cells) {
        return c->height[i];
    }
    double rank = (double)(c->n - 1) * i / c->cells, part = rank - floor(rank);
    int64_t at = (int64_t)rank;
    return part > 0 ? c->height[at] * (1 - part) + c->height[at + 1] * part : c->height[at];
}

uint32_t p2_cells_find(const struct p2_cells *c, double x)
{
    uint32_t found = 0, more = c->cells - 1;
    while (more > 0) { /* inner edges found + 1 .. found + more are still open */
        uint32_t half = (more + 1) / 2;
        bool is_above = p2_cells_edge(c, found + half) <= x;
        found += is_above ? half : 0;
        more = is_above ? more - half : half - 1;
    }
    return found;
}

int p2_cells_io(struct p2_cells *c, struct snapshot *s)
{
    snapshot_array(s, c->height, c->cells + 1);
    snapshot_array(s, c->position, c->cells + 1);
    snapshot_count(s, &c->n);
    if (snapshot_status(s) == 0) {
        check_positions(c->position, c->cells + 1, s);
    }
    return snapshot_status(s);
}
