/* Nearest: a window of the last rows, each with a number (its class or value), and exact search for
 * those nearest to a row. One owner.
 */
#ifndef KLAMM_ML_NEAREST_H
#define KLAMM_ML_NEAREST_H

#include "engine/snapshot.h"

#include <stdint.h>

#define NEAREST_WINDOW_MAX 100000
#define NEAREST_MAX        1000

struct neighbor {
    double distance, y;
};

struct nearest {
    uint32_t n;      /* features */
    uint32_t window; /* rows at most */
    uint32_t k;      /* neighbours wanted */
    double p;
    uint32_t rows, room;   /* in the window; there is room for */
    uint32_t oldest;       /* slot that the next row takes once the window is full */
    double *x;             /* one block, by column: x[column * room + slot], then as below */
    double *y, *distance;  /* per slot */
    double *least;         /* per block of slots, scratch */
    double *bound;         /* k, scratch */
    struct neighbor *near; /* k: what was found, in order */
};

/* window and k up to their bounds above; distances are (sum |difference|^p)^(1/p), p from 1 on. */
void nearest_init(struct nearest *s, uint32_t n, uint32_t window, uint32_t k, double p);
void nearest_done(struct nearest *s);
/* Keeps a row; the oldest goes when the window is full. */
void nearest_add(struct nearest *s, const double *x, double y);
/* Fills s->near with the k rows nearest to x, the older one first on a tie; returns how many. */
uint32_t nearest_find(struct nearest *s, const double *x);
/* Rows from the oldest on. */
int nearest_io(struct nearest *s, struct snapshot *snap);
/* Bytes beside *s. */
uint64_t nearest_size(const struct nearest *s);

#endif
