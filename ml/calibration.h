/* Calibration: what a raw score means. Learns the scores of one stream and tells how probable it is
 * that a usual row scores at least as high, whatever the scores' distribution. Bounded: 0.3 KB
 * before the first score, 1 to 2 KB later on, as is its snapshot. One owner.
 *
 *     if (calibration_tail(&c, score) <= 0.001) …      one usual row in 1000 comes here
 *     calibration_learn(&c, score);
 */
#ifndef KLAMM_ML_CALIBRATION_H
#define KLAMM_ML_CALIBRATION_H

#include "engine/random.h"
#include "engine/snapshot.h"

#include <stdint.h>

#define CALIBRATION_ENTRIES 320
#define CALIBRATION_WAITING 64
#define CALIBRATION_STRIDE  32
#define CALIBRATION_MEMORY  10000 /* rows; a good default */

struct calibration {
    double memory;    /* rows after which a score counts for 1/e */
    int64_t rows;     /* learned */
    uint32_t n;       /* entries, values ascending */
    uint32_t nwait;   /* scores that no entry holds yet: they stand behind the entries */
    uint32_t room[2]; /* of value, of weight */
    uint64_t outlier; /* a bit for each score that waits: it counts for less */
    struct random random;
    double *value; /* of entries and scores that wait */
    float *weight; /* of entries */
    /* Follows from the entries. */
    double above[CALIBRATION_ENTRIES / CALIBRATION_STRIDE + 1]; /* weight of entries n - 1 down to
                                                                   n - CALIBRATION_STRIDE i */
    double total;                                               /* weight of all */
    double threshold, origin, share, mean, shape, scale; /* of the fitted tail; share 0: none */
    double ceiling; /* scores over it are learned as this one */
};

/* memory: at least 100. Takes no memory before the first score. */
void calibration_init(struct calibration *c, double memory, uint64_t seed);
void calibration_done(struct calibration *c);
/* Bytes that it holds outside of itself. */
uint64_t calibration_size(const struct calibration *c);
/* A score; NaN is not learned, values are bounded to +-1e150. */
void calibration_learn(struct calibration *c, double score);
/* P(score of a usual row >= s), over 0 and at most 1; 1 before the first score and for NaN. Never
 * rises with s. */
double calibration_tail(const struct calibration *c, double s);
/* The score that a part q of the rows does not exceed, 0 < q < 1; NaN before the first score. */
double calibration_quantile(const struct calibration *c, double q);
/* Loads into one initialised with the same memory. */
int calibration_io(struct calibration *c, struct snapshot *s);

#endif
