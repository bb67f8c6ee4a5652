/* Detector: a model of what is usual, and what its scores mean. */
#ifndef KLAMM_ML_DETECTOR_H
#define KLAMM_ML_DETECTOR_H

#include "engine/yaml.h"
#include "ml/calibration.h"
#include "ml/model.h"

enum threshold { FALSE_ALARMS, QUANTILE, VALUE };

/* Read-only, shared by all detectors of a step. */
struct detector_config {
    struct model_config model;
    enum threshold threshold;
    double bound;    /* its p, q or x */
    int64_t warm_up; /* rows that are learned before any is judged */
};

struct detector {
    struct model model; /* the first member */
    const struct detector_config *config;
    struct calibration calibration;
    int64_t judged, found; /* rows behind the warm-up, and those that were unusual */
};

struct detection {
    double raw;  /* the learner's score: greater is odder */
    double tail; /* P(a usual row scores at least as high) */
    bool is_judged, is_found;
};

/* The learner's options where its step says how long it warms up: a learner that would have no
 * score yet by then has one sooner, unless its own `grace_period` was given. step and given: both
 * maps as they were written, or NULL. Returns `options`, or a copy in mem. */
const void *detector_options(const struct learner_def *def, const void *options,
                             const struct yaml *step, const struct yaml *given, int64_t warm_up,
                             struct arena *mem);
struct detector *detector_new(const struct detector_config *config, uint64_t seed);
void detector_free(struct detector *d);
uint64_t detector_size(const struct detector *d);
/* False while the learner has no score. */
bool detector_judge(struct detector *d, const double *x, struct model_scratch *scratch,
                    struct detection *out);
/* Counts a row that was judged. */
void detector_count(struct detector *d, const struct detection *scored);
/* The row, and the score that it got (NULL: none). */
void detector_learn(struct detector *d, const double *x, int64_t time,
                    const struct detection *scored, struct model_scratch *scratch);
/* A score of a learner like this one, that nothing else follows from. */
void detector_hindsight(struct detector *d, double raw);
/* Saves, or loads into a new one of the same configuration. */
int detector_io(struct detector *d, struct snapshot *s);

#endif
