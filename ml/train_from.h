/* `train_from`: rows of a file, a topic or a stream that a model has learned before its first row
 * comes. */
#ifndef KLAMM_ML_TRAIN_FROM_H
#define KLAMM_ML_TRAIN_FROM_H

#include "ml/learning.h"

/* The rows of a file, read with the plan; in its arena. */
struct training {
    const char *file;
    uint32_t nchunks;
    struct training_chunk {
        struct batch b;
        struct feature_rows features;
        struct vec label;
        struct keyed_rows keys; /* with `per: key` */
        uint32_t *line;         /* per row, of the file */
    } * chunk;
};

/* Reads the file that the key names, if any, into p->training, behind features, label and per.
 * -ERR_CONFIG with problems in the node's diags. */
int train_from_bind(struct node *n, const struct yaml *value, struct learning *p);
/* Of a file. Teaches a model that was just made by per_make() for this row all rows of its own. 0,
 * or an error. */
int train_from_teach(struct learning_pass *p, struct model *m, uint16_t row);
/* Of a topic or stream: whether the step has yet to learn it; and step_def.past. */
bool train_from_is_due(const struct op *op);
int train_from_past(struct op *op, struct op *from, struct batch *b);

#endif
