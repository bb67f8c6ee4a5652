/* Learner: logistic_regression, gaussian_nb, … one file each under ml/learners/, ml/clusterers/ and
 * ml/detectors/.
 *
 *   check options, once per plan -> open, one instance per model
 *   per row: predict, then grow (a class not seen before) and learn;   io: save, load;   close
 *   learners of batches, instead of learn: fit, with all rows of a window at once
 *
 * A learner knows numbers only. Rows are doubles, row-major, finite and in the order of `column`;
 * classes are the numbers 0, 1, 2, … in the order in which they were first learned (names, scaling
 * and scores are the host's: ml/model.h). learn() of n rows equals n calls with one row each, bit
 * for bit; what is random follows from the seed. One owner; instances share nothing but their
 * options.
 *
 * Linear learners take sparse features, too: as many as a hash makes of all words there are, of
 * which a row has a few. Where the setup has some, predict_sparse and learn_sparse are called in
 * place of predict and learn; a row costs what it has, and a learner holds what it was taught.
 */
#ifndef KLAMM_ENGINE_LEARNER_H
#define KLAMM_ENGINE_LEARNER_H

#include "engine/config.h"
#include "engine/error.h"
#include "engine/snapshot.h"
#include "engine/trainer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a learner can do; a set of flags in its descriptor, one of them when it is opened. */
enum learner_task {
    LEARN_CLASSES = 1,  /* classify: y is a class number, predict gives a probability per class */
    LEARN_VALUES = 2,   /* regress: y is a value, predict gives one value */
    LEARN_CLUSTERS = 4, /* cluster: no y; predict gives a cluster number, -1 while there is none */
    LEARN_SCORES =
        8, /* detect: no y; predict gives a score, the greater the odder; NaN: none yet */
};

#define CLASSES_MAX 1000

struct learner_column {
    const char *name;
    bool is_category; /* values are category numbers 0, 1, 2, …; -1: one that was never learned */
};

/* Sparse features of a row beside x: those that are not 0, none twice, in an order that is the same
 * for the same row. */
struct sparse_item {
    double index; /* a whole number below the setup's nsparse */
    double value;
};
struct sparse_row {
    const struct sparse_item *item;
    uint32_t n;
};

struct learner_setup {
    enum learner_task task;
    const void *options; /* parsed by the table below; outlives the learner, as do the columns */
    const struct learner_column *column;
    uint32_t ncolumns;
    uint64_t seed;
    uint32_t nsparse; /* how many sparse features there could be; 0: there are none */
};

/* An option as another library calls it, for the error message. */
struct learner_alias {
    const char *other, *name;
};

struct learner_def {
    const char *name, *doc;
    unsigned tasks;        /* flags of enum learner_task */
    bool is_binary;        /* two classes at most */
    bool is_scaled;        /* rows are, unless `scale` says otherwise */
    bool takes_categories; /* string columns as categories; others refuse them */
    const struct config_field *options;
    size_t options_size;
    const struct learner_alias *aliases; /* ends with {0}; may be NULL */
    uint16_t version;                    /* of what io writes */

    /* Optional: words for the options on which the snapshot's form depends (not a learning rate).
     * A snapshot of other words is refused as one of another configuration. */
    void (*layout)(const void *options, struct buffer *words);
    /* What the table cannot say: options that exclude each other. May be NULL. */
    int (*check)(const void *options, struct err *e);
    void *(*open)(const struct learner_setup *setup);
    /* From now on there are `classes` classes. NULL where is_binary, or without LEARN_CLASSES. */
    void (*grow)(void *l, uint32_t classes);
    /* out[row * stride + class], the probabilities of the classes grown so far (two where
     * is_binary); or out[row * stride], the value, cluster or score. */
    void (*predict)(void *l, const double *x, uint32_t rows, double *out, uint32_t stride);
    /* y: class numbers or values, NULL where the task has none; w: weights of the rows, NULL: all
     * 1. */
    void (*learn)(void *l, const double *x, uint32_t rows, const double *y, const double *w);
    /* One row with sparse features, for learners that take them; both or none are NULL. out: as of
     * predict; y as above, w: the row's weight. */
    void (*predict_sparse)(void *l, const double *x, const struct sparse_row *row, double *out);
    void (*learn_sparse)(void *l, const double *x, const struct sparse_row *row, double y,
                         double w);
    /* In place of learn (which is NULL then): learns these rows, and forgets all before them.
     * Called on an instance just opened and grown; may take long, perhaps in another thread, and
     * asks now and then whether it is to stop: the instance is good for close() only then. */
    void (*fit)(void *l, const double *x, uint32_t rows, const double *y, const double *w,
                const struct cancel *c);
    /* Saves or loads everything learned (into an instance just opened with the same setup). Bounded
     * by what the snapshot holds; 0 or -ERR_DATA. */
    int (*io)(void *l, struct snapshot *s);
    /* Bytes that it holds. NULL: about as many as its snapshot has. */
    uint64_t (*size)(const void *l);
    void (*close)(void *l);
};

#endif
