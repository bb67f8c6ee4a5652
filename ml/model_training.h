/* Model training: the training of a learner of batches as a job of its own, with copies of all that
 * it learns from, so that it can run beside the stream (engine/trainer.h).
 *
 *     model_training_new(m)  -> model_training_run(), anywhere -> model_training_take(m, …)
 *
 * The same window gives the same learner, bit for bit, wherever it runs.
 */
#ifndef KLAMM_ML_MODEL_TRAINING_H
#define KLAMM_ML_MODEL_TRAINING_H

#include "ml/beside.h"
#include "ml/model.h"

struct model_training;

/* The training m->due, of the rows that the window has now. Refers to the model's configuration. */
struct model_training *model_training_new(const struct model *m);
int model_training_run(void *t, const struct cancel *c);
/* The learner takes the place of the old one, once. */
void model_training_take(struct model *m, struct model_training *t);
void model_training_free(void *t);
/* What a learner that was not fitted on a row said of it; y is its target. */
typedef void (*hindsight_fn)(void *object, const double *prediction, double y);
/* Behind a history: a model of batches is trained by what its window has. The model is the
 * beginning of an object; `tell`, if any, hears of the newer half what a learner fitted on the
 * older half says. */
void model_study(struct model *m, hindsight_fn tell);
/* All of that at once, of a model that owes a training. */
void model_train(struct model *m);

/* The same for objects that begin with a model. */
extern const struct trainable model_trainable;

#endif
