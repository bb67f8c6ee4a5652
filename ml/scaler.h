/* Standard scaler: (x - mean) / deviation per feature, both learned on the stream. As River's
 * StandardScaler: population variance; a feature without spread so far scales to 0.
 */
#ifndef KLAMM_ML_SCALER_H
#define KLAMM_ML_SCALER_H

#include "engine/snapshot.h"

#include <stdint.h>

#define SCALER_FEW 30
#define SCALER_FAR 10 /* deviations; a good value for `far` below */

struct scaler {
    uint32_t n;
    int64_t rows;       /* learned */
    double *mean, *var; /* one block of 2n doubles */
};

void scaler_init(struct scaler *s, uint32_t n);
void scaler_done(struct scaler *s);
void scaler_learn(struct scaler *s, const double *x);
/* out may be x. */
void scaler_transform(const struct scaler *s, const double *x, double *out);
/* The same for who looks for odd rows: a value off a feature that was the same in all of SCALER_FEW
 * rows or more is odd, though no spread tells how odd: +-far. */
void scaler_transform_odd(const struct scaler *s, const double *x, double far, double *out);
int scaler_io(struct scaler *s, struct snapshot *snap);

#endif
