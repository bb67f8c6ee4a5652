/* Prequential evaluation of a classifier: each row is predicted first, scored, then learned. Beside
 * the learner stand the two rules that any learner must beat.
 */
#ifndef KLAMM_ML_EVALUATE_H
#define KLAMM_ML_EVALUATE_H

#include "engine/buffer.h"
#include "engine/snapshot.h"

#include <stdint.h>

#define ROLLING_ROWS  1000
#define ROLLING_WORDS 16 /* 64 rows each */

enum scored {
    SCORE_LEARNER,
    SCORE_MAJORITY,  /* always the class that was most frequent so far */
    SCORE_NO_CHANGE, /* always the last label */
    SCORED,
};

/* What one row was worth. */
struct outcome {
    uint8_t hit[SCORED];
    double loss;
};

/* Totals; also of many models together. */
struct scores {
    int64_t rows;
    int64_t hits[SCORED];
    double loss; /* sum of -log P(label) */
    int64_t rolling_hits[SCORED];
    uint64_t rolling[SCORED][ROLLING_WORDS]; /* one bit a row: row number mod ROLLING_ROWS */
};

void scores_add(struct scores *s, const struct outcome *o);
/* Adds the totals of another; its last ROLLING_ROWS rows only when s has no rows yet. */
void scores_merge(struct scores *s, const struct scores *from);
/* Share of rows right, overall or among the last ROLLING_ROWS; 0 without rows. */
double scores_accuracy(const struct scores *s, enum scored who);
double scores_rolling(const struct scores *s, enum scored who);
double scores_log_loss(const struct scores *s);
int scores_io(struct scores *scores, struct snapshot *s);

/* One model's evaluation. */
struct evaluation {
    struct scores scores;
    uint32_t classes;
    int64_t *seen; /* labels per class */
    uint32_t majority;
    int32_t last; /* label, -1 before the first */
};

void evaluation_done(struct evaluation *e); /* of a zeroed one with last = -1, too */
/* Scores a prediction: `label` is a class number; p the probability that it was given (0 for a
 * class not seen before). */
struct outcome evaluation_score(struct evaluation *e, uint32_t label, uint32_t predicted, double p);
/* A label became known (after it was scored, if there was a prediction). */
void evaluation_label(struct evaluation *e, uint32_t label);
int evaluation_io(struct evaluation *e, struct snapshot *s);

#endif
