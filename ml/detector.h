/* Detector: a model of what is usual, and what its scores mean. */
#ifndef KLAMM_ML_DETECTOR_H
#define KLAMM_ML_DETECTOR_H

#include "ml/calibration.h"
#include "ml/model.h"

struct detector {
    struct model model; /* the first member */
    struct calibration calibration;
};

struct detection {
    double raw;  /* the learner's score: greater is odder */
    double tail; /* P(a usual row scores at least as high) */
};

struct detector *detector_new(const struct model_config *config, uint64_t seed);
void detector_free(struct detector *d);
uint64_t detector_size(const struct detector *d);
/* False while the learner has no score. */
bool detector_score(struct detector *d, const double *x, struct model_scratch *scratch,
                    struct detection *out);
/* The row, and the score that it got (NULL: none). */
void detector_learn(struct detector *d, const double *x, int64_t time,
                    const struct detection *scored, struct model_scratch *scratch);
/* Saves, or loads into a new one of the same configuration. */
int detector_io(struct detector *d, struct snapshot *s);

#endif
