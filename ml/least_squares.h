/* Least squares on line: the weighted normal equations kept as a triangle, to which rows are added
 * one by one, exactly. What ridge, recursive_least_squares and bayesian_linear_regression share.
 * One owner.
 */
#ifndef KLAMM_ML_LEAST_SQUARES_H
#define KLAMM_ML_LEAST_SQUARES_H

#include "engine/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

struct least_squares {
    uint32_t columns;   /* of a row that comes in */
    uint32_t n;         /* unknowns: the columns, one more in front with an intercept */
    bool has_intercept; /* unknown 0, of a column that is always 1 */
    bool is_solved;     /* weight is up to date */
    double *d;          /* one block: D, z, R by rows above its diagonal, weights, a row */
    double *z, *r, *weight, *row;
};

/* precision: of each feature's weight around 0, before the first row (the penalty of a ridge); the
 * intercept's is given apart, 0: nothing is known of it. */
void least_squares_init(struct least_squares *s, uint32_t columns, double precision);
void least_squares_init_intercept(struct least_squares *s, uint32_t columns, double precision,
                                  double intercept_precision);
void least_squares_done(struct least_squares *s);
/* All that was learned so far counts `factor` (0 to 1) times as much. */
void least_squares_forget(struct least_squares *s, double factor);
void least_squares_learn(struct least_squares *s, const double *x, double y, double w);
/* Adds w (weight of feature i)^2 to what is minimised. */
void least_squares_penalise(struct least_squares *s, uint32_t i, double w);
double least_squares_predict(struct least_squares *s, const double *x);
int least_squares_io(struct least_squares *s, struct snapshot *snap);
/* Bytes beside *s. */
uint64_t least_squares_size(const struct least_squares *s);

#endif
