/* Standard scaler: (x - mean) / deviation per feature, both learned on the stream. As River's
 * StandardScaler: population variance; a feature without spread so far scales to 0.
 */
#ifndef KLAMM_ML_SCALER_H
#define KLAMM_ML_SCALER_H

#include "engine/snapshot.h"

#include <stdint.h>

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
int scaler_io(struct scaler *s, struct snapshot *snap);

#endif
