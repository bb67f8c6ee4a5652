/* `train_from: {file: …}`: rows that a model has learned before its first row comes. */
#ifndef KLAMM_ML_TRAIN_FROM_H
#define KLAMM_ML_TRAIN_FROM_H

#include "ml/learning.h"

/* The rows of the file, read with the plan; in its arena. */
struct training {
    uint32_t nchunks;
    struct training_chunk {
        struct batch b;
        struct feature_rows features;
        struct vec label;
        struct keyed_rows keys; /* with `per: key` */
    } * chunk;
};

/* Reads what the key says (NULL: nothing) into *out, behind features, label and per. -ERR_CONFIG with
 * problems in the node's diags. */
int train_from_bind(struct node *n, const struct yaml *value, struct learning *p);
/* Teaches a model that was just made by per_make() for this row all rows of its own. 0, or an
 * error. */
int train_from_teach(struct learning_pass *p, struct model *m, uint16_t row);

#endif
