/* The nearest of the last rows, exactly: distances to all rows of the window, then the least of
 * them.
 *
 *   layout   by column, so that vector instructions take several rows; slots are a ring, and room for
 *            them grows by doubling up to the window
 *   search   the least distance of each block of 16 slots is noted. The k-th least of these bounds the
 *            k-th neighbour, as each of those k blocks has a row within it: of a window of 1,000 rows
 *            little more than k blocks are looked at
 *   ties     slots are gone through from the youngest to the oldest, and a row goes in front of those
 *            as far away: the older one is first
 *   overflow differences beyond 1e154 square to infinity; such rows are the last, but they are rows
 *   state    number of rows; of each y and features, from the oldest on
 *   cost     window * features
 */
#include "ml/nearest.h"

#include "engine/memory.h"
#include "ml/distance.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define BLOCK DISTANCE_BLOCK

void nearest_init(struct nearest *s, uint32_t n, uint32_t window, uint32_t k, double p)
{
    *s = (struct nearest){.n = n, .window = window, .k = k, .p = p};
    s->near = mem_array(k, sizeof(*s->near));
    s->bound = mem_array(k, sizeof(*s->bound));
}

void nearest_done(struct nearest *s)
{
    mem_free(s->x);
    mem_free(s->near);
    mem_free(s->bound);
    *s = (struct nearest){0};
}

/* Moves to more room. A window that grows was never full, so that its oldest row is in slot 0. */
static void move_to(struct nearest *s, uint32_t room)
{
    room = (room + BLOCK - 1) / BLOCK * BLOCK;
    size_t columns = (size_t)s->n + 3;
    double *x = mem_array(columns, room * sizeof(double));
    for (size_t c = 0; c < columns; c++) {
        double *to = x + c * room;
        if (s->rows > 0) {
            memcpy(to, s->x + c * s->room, s->rows * sizeof(double));
        }
        memset(to + s->rows, 0, (room - s->rows) * sizeof(double));
    }
    mem_free(s->x);
    s->x = x;
    s->y = x + (size_t)s->n * room;
    s->distance = s->y + room;
    s->least = s->distance + room;
    s->room = room;
}

void nearest_add(struct nearest *s, const double *x, double y)
{
    uint32_t slot = s->rows;
    if (s->rows == s->window) {
        slot = s->oldest;
        s->oldest = s->oldest + 1 == s->window ? 0 : s->oldest + 1;
    } else {
        if (s->rows == s->room) {
            uint32_t room = s->room > 0 ? 2 * s->room : BLOCK;
            move_to(s, room < s->window ? room : s->window);
        }
        s->rows++;
    }
    for (uint32_t c = 0; c < s->n; c++) {
        s->x[(size_t)c * s->room + slot] = x[c];
    }
    s->y[slot] = y;
}

static bool is_power(const struct nearest *s, double p)
{
    return fabs(s->p - p) <= 0;
}

static void add_powers(const struct nearest *s, const double *x)
{
    memset(s->distance, 0, s->rows * sizeof(double));
    for (uint32_t c = 0; c < s->n; c++) {
        const double *column = s->x + (size_t)c * s->room;
        for (uint32_t i = 0; i < s->rows; i++) {
            double d = fabs(column[i] - x[c]);
            s->distance[i] += is_power(s, 1) ? d : pow(d, s->p);
        }
    }
}

/* Distances but for their root. */
static void work_out_distances(const struct nearest *s, const double *x)
{
    if (is_power(s, 2)) {
        uint32_t blocks = (s->rows + BLOCK - 1) / BLOCK;
        distance_squares(s->x, s->room, blocks * BLOCK, x, s->n, s->distance);
    } else {
        add_powers(s, x);
    }
    for (uint32_t i = s->rows; i % BLOCK != 0; i++) {
        s->distance[i] = HUGE_VAL; /* no row */
    }
}

static double least_of(const double *d)
{
    double least[4] = {HUGE_VAL, HUGE_VAL, HUGE_VAL, HUGE_VAL};
    for (int i = 0; i < BLOCK; i += 4) {
        for (int k = 0; k < 4; k++) {
            least[k] = d[i + k] < least[k] ? d[i + k] : least[k];
        }
    }
    double a = least[0] < least[1] ? least[0] : least[1];
    double b = least[2] < least[3] ? least[2] : least[3];
    return a < b ? a : b;
}

/* Notes the least distance of each block; returns what none of the nearest is beyond. */
static double bound_nearest(const struct nearest *s)
{
    uint32_t k = s->k, found = 0;
    double *bound = s->bound;
    for (uint32_t b = 0; b * BLOCK < s->rows; b++) {
        double d = least_of(s->distance + (size_t)b * BLOCK);
        s->least[b] = d;
        if (found == k && d >= bound[k - 1]) {
            continue;
        }
        uint32_t i = found < k ? found++ : k - 1;
        for (; i > 0 && bound[i - 1] > d; i--) {
            bound[i] = bound[i - 1];
        }
        bound[i] = d;
    }
    return found < k ? HUGE_VAL : bound[k - 1];
}

/* Puts a row among the nearest, in front of those as far away; returns how many there are. */
static uint32_t insert(const struct nearest *s, uint32_t found, double distance, double y)
{
    uint32_t i = found < s->k ? found++ : found - 1;
    for (; i > 0 && s->near[i - 1].distance >= distance; i--) {
        s->near[i] = s->near[i - 1];
    }
    s->near[i] = (struct neighbor){distance, y};
    return found;
}

/* Puts the rows of slots from .. to-1, all older than those found so far, among the nearest. */
static uint32_t gather(const struct nearest *s, uint32_t from, uint32_t to, double bound,
                       uint32_t found)
{
    double worst = found < s->k ? bound : s->near[s->k - 1].distance;
    for (uint32_t slot = to; slot > from;) {
        if (slot % BLOCK == 0 && slot >= from + BLOCK && s->least[slot / BLOCK - 1] > worst) {
            slot -= BLOCK;
            continue;
        }
        if (s->distance[--slot] > worst) {
            continue;
        }
        found = insert(s, found, s->distance[slot], s->y[slot]);
        worst = found < s->k ? bound : s->near[s->k - 1].distance;
    }
    return found;
}

static double root_of(const struct nearest *s, double sum)
{
    return is_power(s, 2) ? sqrt(sum) : is_power(s, 1) ? sum : pow(sum, 1 / s->p);
}

uint32_t nearest_find(struct nearest *s, const double *x)
{
    if (s->rows == 0) {
        return 0;
    }
    work_out_distances(s, x);
    double bound = bound_nearest(s);
    uint32_t found = gather(s, 0, s->oldest, bound, 0);
    found = gather(s, s->oldest, s->rows, bound, found);
    for (uint32_t i = 0; i < found; i++) {
        s->near[i].distance = root_of(s, s->near[i].distance);
    }
    return found;
}

/* Of a window that was larger, the last rows stay. */
static int load_rows(struct nearest *s, struct snapshot *snap, uint32_t rows)
{
    size_t width = (size_t)s->n + 1, left = (size_t)(snap->end - snap->p);
    if (snapshot_status(snap) < 0 || rows > left / sizeof(double) / width) {
        snap->status = -ERR_DATA;
        return snap->status;
    }
    double *row = mem_array(width, sizeof(double));
    s->rows = s->oldest = 0;
    for (uint32_t i = 0; i < rows; i++) {
        snapshot_array(snap, row, width);
        nearest_add(s, row + 1, row[0]);
    }
    mem_free(row);
    return snapshot_status(snap);
}

int nearest_io(struct nearest *s, struct snapshot *snap)
{
    uint32_t rows = s->rows;
    snapshot_u32(snap, &rows);
    if (snap->loading) {
        return load_rows(s, snap, rows);
    }
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t slot = s->oldest + i < rows ? s->oldest + i : s->oldest + i - rows;
        snapshot_double(snap, &s->y[slot]);
        for (uint32_t c = 0; c < s->n; c++) {
            snapshot_double(snap, &s->x[(size_t)c * s->room + slot]);
        }
    }
    return snapshot_status(snap);
}

uint64_t nearest_size(const struct nearest *s)
{
    uint64_t columns = (uint64_t)s->n + 3;
    return columns * s->room * sizeof(double) +
           s->k * (uint64_t)(sizeof(*s->near) + sizeof(*s->bound));
}
