/* klamm's learners, clusterers, detectors, forecasters and drift detectors for C programs: no
 * Kafka, no topology. One static library, found by `pkg-config klamm-ml`.
 *
 *     const char *feature[] = {"length", "width"};
 *     struct klamm_ml_setup setup = {.task = "classify", .algorithm = "gaussian_nb",
 *                                    .feature = feature, .features = 2};
 *     struct klamm_ml *m;
 *     struct klamm_ml_error e;
 *     if (klamm_ml_new(&m, &setup, &e) < 0) {
 *         puts(e.text);
 *     }
 *     klamm_ml_predict(m, x, 1, p, 3, &e);     p[0..2]: a probability for each of three classes
 *     klamm_ml_learn(m, x, &y, 1, &e);         y: 0, 1 or 2
 *     klamm_ml_free(m);
 *
 * Results    0 or more, else minus an enum klamm_ml_code with a text in *e, which may be NULL and is
 *            written by nothing else. A call that fails has changed nothing.
 * Rows       doubles, row-major, `features` to a row. A row with a value that is NaN, infinite or beyond
 *            +-1e150 is no mistake: it has no prediction (NaN) and is not learned.
 * Order      rows are learned one by one: any cutting into calls gives the same bits, as does the same
 *            setup with the same rows. What is random follows from the seed.
 * Ownership  what is given is copied, or read during the call only; what comes in a T **out is the
 *            caller's.
 * Nothing    a model, a row or a place that is NULL is a mistake that is told, or gives 0.
 * Threads    a model is used by one thread at a time, for predictions too; models share nothing.
 * Memory     a model has some 12 KB beside what it learns. When there is none left the process ends with
 *            a message, as klamm does.
 */
#ifndef KLAMM_ML_KLAMM_ML_H
#define KLAMM_ML_KLAMM_ML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum klamm_ml_code {
    KLAMM_ML_SETUP = 1, /* a setup, its texts or its names are wrong */
    KLAMM_ML_CALL = 2,  /* a call with wrong counts, or one that this task does not have */
    KLAMM_ML_DATA = 3,  /* a class or a value that cannot be learned */
    KLAMM_ML_BYTES = 4, /* saved bytes are damaged, or of another model */
};

struct klamm_ml_error {
    enum klamm_ml_code code;
    char text[2000]; /* what is wrong, and the remedy; several problems on lines of their own */
};

/* ---- models ---- */

#define KLAMM_ML_FEATURES_MAX 4096
#define KLAMM_ML_CLASSES_MAX  1000

/* What a model is; all that is absent is zero. */
struct klamm_ml_setup {
    const char *task; /* "classify", "regress", "cluster", "detect"; "forecast"; "drift" */
    const char *algorithm;
    /* Of the algorithm, and what a topology's step has beside them, both in YAML or JSON as there:
     * "{grace_period: 50}", "{scale: standard}". */
    const char *options, *settings;
    /* Columns of a row, at least 1, none for forecast and drift; their names, each once (NULL: x1,
     * x2, …); per column, whether its values are categories: any whole numbers within +-2^53, 1000
     * of them (NULL: all are numbers). */
    uint32_t features;
    const char *const *feature;
    const bool *is_category;
    uint64_t seed;
};

struct klamm_ml;

int klamm_ml_new(struct klamm_ml **out, const struct klamm_ml_setup *setup,
                 struct klamm_ml_error *e);
void klamm_ml_free(struct klamm_ml *m); /* NULL: nothing */
/* Rows, values of a series or values watched that it has learned. */
int64_t klamm_ml_rows(const struct klamm_ml *m);
/* 0 before its first training, then 1; one more with each model that a learner of batches puts in
 * its place (settings: {learn: {batch: …}}), and with each drift told. */
int64_t klamm_ml_version(const struct klamm_ml *m);

/* ---- rows: classify, regress, cluster, detect ---- */

/* Numbers to a row of predictions. */
enum {
    KLAMM_ML_VALUE = 0, /* regress, forecast: the value */
    KLAMM_ML_LOWER = 1, /* ... with settings {coverage: 0.9}: an interval around it, which holds */
    KLAMM_ML_UPPER = 2, /* that share of what comes; a forecast always has one */
    KLAMM_ML_TAIL = 0,  /* detect: how probable it is that a usual row is at least as odd */
    KLAMM_ML_FOUND = 1, /* ... 1: it is unusual by settings {threshold: …}, else 0 */
    KLAMM_ML_SCORE = 2, /* ... the learner's own score, the greater the odder */
};

/* How many numbers predictions of one row have by now. classify: one more than the greatest class
 * number known, the probability of each class; regress: 1, or 3 with a coverage; cluster: 1, the
 * cluster's number; detect: 3; forecast: 3 for each horizon; drift: 0. */
uint32_t klamm_ml_width(const struct klamm_ml *m);
/* out[row * stride ...]: predictions by what has been learned so far. stride is at least
 * klamm_ml_width(); of classify, columns beyond it are set to 0. NaN: nothing to say, as before the
 * first training; of detect, tail and found during settings {warm_up: 100}. */
int klamm_ml_predict(struct klamm_ml *m, const double *x, size_t rows, double *out, uint32_t stride,
                     struct klamm_ml_error *e);
/* y[row]: a class number, whole, from 0 to 999, or a value; NaN: the row is only passed over. NULL
 * for cluster and detect. */
int klamm_ml_learn(struct klamm_ml *m, const double *x, const double *y, size_t rows,
                   struct klamm_ml_error *e);
/* Each row is predicted by what was learned from those before it, then learned: cheaper than both
 * calls for regress with a coverage and for detect, which score a row in order to learn it. The
 * stride has room for the classes that y brings, too. */
int klamm_ml_predict_learn(struct klamm_ml *m, const double *x, const double *y, size_t rows,
                           double *out, uint32_t stride, struct klamm_ml_error *e);
/* The time of the rows that are learned from now on, ms; at first 0. Only windows of time,
 * {learn: {batch: {window: 1d, every: 1h}}}, ask for it. */
void klamm_ml_set_time(struct klamm_ml *m, int64_t time);
/* The column of the greatest of n probabilities, the first on a tie; -1 when they are NaN or none.
 */
int klamm_ml_best(const double *p, uint32_t n);

/* Numbers for the classes of those who have names: the number of a name, the next one when it is
 * new. A model has all classes by name or none. Names are saved with the model. */
int klamm_ml_class(struct klamm_ml *m, const char *name, struct klamm_ml_error *e);
/* Its name, or NULL; lives as long as the model. */
const char *klamm_ml_class_name(const struct klamm_ml *m, uint32_t number);

/* ---- series: forecast, drift ---- */

/* The next value of a series; NaN, infinite or beyond +-1e150: it is missing. time, in ms, is asked
 * for by settings {every: 5m} only, which makes rows steps of that length. 1; 0: the time is before
 * the last step, and nothing was learned. */
int klamm_ml_add(struct klamm_ml *m, int64_t time, double value, struct klamm_ml_error *e);
/* For each horizon of settings {horizons: [1, 12]}, ascending: value, lower, upper; NaN: nothing to
 * say. n: room in out, at least klamm_ml_width(). */
int klamm_ml_forecast(struct klamm_ml *m, double *out, uint32_t n, struct klamm_ml_error *e);
/* 1: with this value the series is seen to have changed, and the detector has begun anew; else 0.
 * NaN and the like are passed over. ddm and eddm watch errors, 1 or 0. */
int klamm_ml_watch(struct klamm_ml *m, double value, struct klamm_ml_error *e);

/* ---- saved models ---- */

/* All of a model, setup included. *bytes: for klamm_ml_release(). */
int klamm_ml_save(struct klamm_ml *m, void **bytes, size_t *n, struct klamm_ml_error *e);
/* The model that was saved: it goes on bit for bit as if it had never been away. setup: NULL, as it
 * was saved; or another one that can go on with what was learned (other learning rates or
 * thresholds, not other features). Damage is refused. Who makes bytes up can make this call as
 * large as options can make a model: give a setup where bytes are not trusted. */
int klamm_ml_load(struct klamm_ml **out, const struct klamm_ml_setup *setup, const void *bytes,
                  size_t n, struct klamm_ml_error *e);
void klamm_ml_release(
    void *bytes); /* what klamm_ml_save() or klamm_ml_schema() gave; NULL: nothing */

/* ---- what there is ---- */

/* The i-th algorithm of a task; NULL behind the last one, or when there is no such task. */
const char *klamm_ml_algorithm(const char *task, uint32_t i);
/* What it is, in a sentence; NULL when there is none of that name. */
const char *klamm_ml_doc(const char *task, const char *algorithm);
/* JSON Schema of its options, or of the task's settings (algorithm NULL): names, types, presets,
 * bounds, meaning. *json: for klamm_ml_release(). */
int klamm_ml_schema(char **json, const char *task, const char *algorithm, struct klamm_ml_error *e);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
