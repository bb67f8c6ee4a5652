/* Conformal: intervals around predictions of which a stated share covers what comes, whatever the
 * model and the distribution of its errors; with the share that did.
 *
 *     conformal_init(&c, 0.9)
 *     if (conformal_interval(&c, predicted, &lower, &upper)) …     before the truth is known
 *     conformal_learn(&c, predicted, lower, upper, y)              when it is
 */
#ifndef KLAMM_ML_CONFORMAL_H
#define KLAMM_ML_CONFORMAL_H

#include "engine/snapshot.h"

#include <stdbool.h>
#include <stdint.h>

#define CONFORMAL_ROOM 200

struct conformal {
    double coverage; /* that is wanted */
    double miss;     /* share of misses that is aimed at now, which brings about the coverage */
    double scale;    /* running mean of |error|, of late */
    uint32_t n, at;  /* scores in the ring, where the next one goes */
    int64_t intervals, covered;
    double ring[CONFORMAL_ROOM];   /* |error| / scale, in the order in which they came */
    double sorted[CONFORMAL_ROOM]; /* the same, ascending */
};

/* coverage within (0, 1). */
void conformal_init(struct conformal *c, double coverage);
/* False, with both NaN, while too few errors are known for the coverage. */
bool conformal_interval(const struct conformal *c, double predicted, double *lower, double *upper);
/* The truth of a prediction, and of its interval (NaN: it had none). All finite. */
void conformal_learn(struct conformal *c, double predicted, double lower, double upper, double y);
/* The same of a prediction whose truth took its time: `scale` is what c->scale was when it was
 * made, 0 or NaN where that is not known. */
void conformal_learn_late(struct conformal *c, double predicted, double lower, double upper,
                          double y, double scale);
/* Saves, or loads into one just initialised. */
int conformal_io(struct conformal *c, struct snapshot *s);

#endif
