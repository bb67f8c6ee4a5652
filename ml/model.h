/* Model: a learner with what every kind of model has around it: the scaler in front, the numbers of
 * its categories, the rows that a learner of batches learns from. Classifiers, regressors,
 * clusterers and detectors begin with one. Usable without the rest of klamm:
 *
 *     model_init(&m, &config, seed);
 *     if (model_predict(&m, x, &scratch)) … scratch.out …      before the row is learned
 *     model_learn(&m, x, y, time, &scratch);
 */
#ifndef KLAMM_ML_MODEL_H
#define KLAMM_ML_MODEL_H

#include "engine/learner.h"
#include "ml/classes.h"
#include "ml/recent_rows.h"
#include "ml/scaler.h"

/* Read-only, shared by all models of a step. */
struct model_config {
    const struct learner_def *def;
    enum learner_task task;
    const void *options;
    const struct learner_column *column;
    uint32_t ncolumns, ncategories;
    uint32_t nsparse; /* with sparse features: how many there could be, and words for where they */
    const char *sparse;      /* come from */
    bool is_scaled;          /* never with categories */
    bool is_batch;           /* learned from a window of rows, again and again; else row by row */
    struct batch_plan batch; /* then */
};

/* Working memory, one per task. */
struct model_scratch {
    double *scaled;     /* ncolumns */
    double *out;        /* CLASSES_MAX; of the last prediction */
    bool only_collects; /* set by the host: rows of a history, behind which model_study() trains */
    bool trains_later;  /* set by the host: a training that is due is only noted, in `owes` */
};

struct model {
    const struct model_config *config;
    uint64_t seed;
    void *learner;
    uint32_t classes;          /* that the learner has grown to */
    struct scaler scaler;      /* of is_scaled */
    struct classes *category;  /* one dictionary per category column */
    struct recent_rows recent; /* of is_batch */
    int64_t rows;              /* learned, or seen by is_batch */
    int64_t version;           /* 0 before the first training, then 1; of is_batch the number of the
                                 training that the learner came from */
    int64_t due;               /* of is_batch: number of the last training that was due */
    bool owes;                 /* that has neither ended nor failed */
};

void model_init(struct model *m, const struct model_config *config, uint64_t seed);
void model_done(struct model *m);
/* Bytes that it holds outside of itself. */
uint64_t model_size(const struct model *m);
void model_scratch_init(struct model_scratch *s, const struct model_config *config);
void model_scratch_done(struct model_scratch *s);

/* There are so many classes from now on. */
void model_grow(struct model *m, uint32_t classes);
/* x, here and below: a row as of features.h. False before the first training. scratch->out[0..] is
 * what the learner's predict gives. */
bool model_predict(struct model *m, const double *x, struct model_scratch *scratch);
/* y: class number or value, 0 where the task has none; time: of the row, ms. */
void model_learn(struct model *m, const double *x, double y, int64_t time,
                 struct model_scratch *scratch);
/* A new learner for this training (1, 2, …), grown to the classes that there are. */
void *model_learner(const struct model *m, int64_t number);
/* What gives a snapshot its meaning: algorithm, columns, scaling, and the options that its form
 * depends on. One line, then the options'. */
void model_layout(const struct model_config *config, struct buffer *words);
/* Saves, or loads into one just made with the same configuration, grown to `classes`. */
int model_io(struct model *m, uint32_t classes, struct snapshot *s);

#endif
