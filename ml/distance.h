/* Distance: squared Euclidean distances of one row to many, which are kept by column. */
#ifndef KLAMM_ML_DISTANCE_H
#define KLAMM_ML_DISTANCE_H

#include <stdint.h>

#define DISTANCE_BLOCK 16 /* rows are worked out by blocks of so many */

/* out[r] = sum over columns c of (x[c * room + r] - q[c])^2, added up in the order of the columns:
 * the same bits on every machine. rows and room are multiples of DISTANCE_BLOCK. */
void distance_squares(const double *x, uint32_t room, uint32_t rows, const double *q,
                      uint32_t columns, double *out);

#endif
