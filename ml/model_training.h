/* Model training: the training of a learner of batches as a job of its own, with copies of all that it
 * learns from, so that it can run beside the stream (engine/trainer.h).
 *
 *     model_training_new(m)  -> model_training_run(), anywhere -> model_training_take(m, …)
 *
 * The same window gives the same learner, bit for bit, wherever it runs.
 */
#ifndef KLAMM_ML_MODEL_TRAINING_H
#define KLAMM_ML_MODEL_TRAINING_H

#include "ml/model.h"

struct model_training;

/* The training m->due, of the rows that the window has now. Refers to the model's configuration. */
struct model_training *model_training_new(const struct model *m);
int64_t model_training_number(const struct model_training *t);
/* For struct trainer_job. */
int model_training_run(void *t, const struct cancel *c);
void model_training_free(void *t);
/* The learner takes the place of the old one; frees t. */
void model_training_take(struct model *m, struct model_training *t);
/* All three at once, of a model that owes a training. */
void model_train(struct model *m);

#endif
