/* What stands behind klamm_ml.h: a setup as it was read, and the one object of its task. */
#ifndef KLAMM_ML_KLAMM_ML_MODEL_H
#define KLAMM_ML_KLAMM_ML_MODEL_H

#include "engine/arena.h"
#include "engine/buffer.h"
#include "engine/drift.h"
#include "ml/classifier.h"
#include "ml/detector.h"
#include "ml/forecast_series.h"
#include "ml/klamm_ml.h"
#include "ml/regressor.h"

enum klamm_ml_task {
    TASK_CLASSIFY,
    TASK_REGRESS,
    TASK_CLUSTER,
    TASK_DETECT,
    TASK_FORECAST,
    TASK_DRIFT,
    KLAMM_ML_TASKS
};
/* Their names, in this order; ends with NULL. */
extern const char *const klamm_ml_tasks[];

struct klamm_ml {
    struct arena mem;            /* of all that the setup and the plan point to */
    struct klamm_ml_setup setup; /* a copy */
    enum klamm_ml_task task;

    /* The plan: of the task's own, the rest is zero. */
    uint64_t seed;
    struct model_config model; /* of rows */
    struct classifier_config classifying;
    struct detector_config detecting;
    double coverage; /* of regress; NaN: there are no intervals */
    struct forecast_grid grid;
    const struct drift_def *drift;
    const void *drift_options;

    /* The object, of which one is there. */
    struct model *rows; /* of all that take rows: in the next three, or alone */
    struct classifier *classifier;
    struct regressor *regressor;
    struct detector *detector;
    struct forecast_series *series;
    void *watch;

    int64_t values, drifts; /* watched and told */
    const char **name;      /* of classes, by number; CLASSES_MAX, or NULL while there are none */
    uint32_t nnames;
    struct classes *category;      /* per feature that is one: its values by number */
    int16_t class_of[CLASSES_MAX]; /* by the program's number; -1: never learned */
    uint32_t width;                /* of classify */
    int64_t time;
    double *x; /* a row with its categories by number */
    struct model_scratch scratch;
};

/* Leaves the text in e; returns -code. */
__attribute__((format(printf, 3, 4))) int
klamm_ml_fail(struct klamm_ml_error *e, enum klamm_ml_code code, const char *fmt, ...);
/* The task of a name; -1: there is none. */
int klamm_ml_task_of(const char *name);

/* klamm_ml_setup.c: copies and reads a setup into m, whose arena stands. 0 or -KLAMM_ML_SETUP. */
int klamm_ml_read_setup(struct klamm_ml *m, const struct klamm_ml_setup *setup,
                        struct klamm_ml_error *e);
/* The table of the task's settings. */
const struct config_field *klamm_ml_settings(enum klamm_ml_task task);
/* What gives saved bytes their meaning. The first line names the algorithm. */
void klamm_ml_layout(const struct klamm_ml *m, struct buffer *words);

/* klamm_ml_rows.c: class_of and width, from what the classifier knows. */
void klamm_ml_number_classes(struct klamm_ml *m);
/* The next name of a class, which is new; -ERR_DATA when it is too long or one too many. */
int klamm_ml_add_name(struct klamm_ml *m, const char *name);

#endif
