/* Trainings as jobs.
 *
 *   data     the window's rows and targets in order of arrival; the scaler as it is then; the training's
 *            number, with which the new learner draws its random numbers
 *   run      rows scaled; a new learner, grown to the classes that there are, fits them; one that learns
 *            row by row learns them row by row
 *   classes  that came since are grown when the learner is taken
 *   history  what scores and errors mean is not learned from rows that the learner has seen: it would seem
 *            better than it is. So the older half of the window is fitted first, by a learner of its own,
 *            and the newer half predicted; then all of it is fitted
 */
#include "ml/model_training.h"

#include "engine/memory.h"

#include <string.h>

#define PIECE 64 /* rows between two questions whether to stop */

struct model_training {
    const struct model_config *config;
    int64_t number;
    struct scaler scaler; /* of is_scaled; scaled: done */
    bool has_scaler;
    double *x, *y;
    uint32_t rows;
    void *learner;
};

struct model_training *model_training_new(const struct model *m)
{
    struct model_training *t = mem_zalloc(sizeof(*t));
    t->config = m->config;
    t->number = m->due;
    t->rows = recent_rows_take(&m->recent, &t->x, &t->y);
    t->learner = model_learner(m, t->number);
    t->has_scaler = m->config->is_scaled;
    if (t->has_scaler) {
        scaler_init(&t->scaler, m->scaler.n);
        memcpy(t->scaler.mean, m->scaler.mean, 2 * (size_t)m->scaler.n * sizeof(double));
        t->scaler.rows = m->scaler.rows;
    }
    return t;
}

static void learn_rows(struct model_training *t, const double *y, const struct cancel *c)
{
    const struct learner_def *def = t->config->def;
    uint32_t columns = t->config->ncolumns;
    for (uint32_t r = 0; r < t->rows && !cancel_is_set(c); r += PIECE) {
        uint32_t n = t->rows - r < PIECE ? t->rows - r : PIECE;
        def->learn(t->learner, t->x + (size_t)r * columns, n, y ? y + r : NULL, NULL);
    }
}

int model_training_run(void *training, const struct cancel *c)
{
    struct model_training *t = training;
    const struct learner_def *def = t->config->def;
    bool has_target = (t->config->task & (LEARN_CLASSES | LEARN_VALUES)) != 0;
    for (uint32_t r = 0; t->has_scaler && r < t->rows; r++) {
        double *row = t->x + (size_t)r * t->config->ncolumns;
        scaler_transform(&t->scaler, row, row);
    }
    if (def->fit) {
        def->fit(t->learner, t->x, t->rows, has_target ? t->y : NULL, NULL, c);
    } else {
        learn_rows(t, has_target ? t->y : NULL, c);
    }
    return cancel_is_set(c) ? -ERR_ABORT : 0;
}

void model_training_free(void *training)
{
    struct model_training *t = training;
    if (t->learner) {
        t->config->def->close(t->learner);
    }
    if (t->has_scaler) {
        scaler_done(&t->scaler);
    }
    mem_free(t->x);
    mem_free(t->y);
    mem_free(t);
}

void model_training_take(struct model *m, struct model_training *t)
{
    const struct learner_def *def = m->config->def;
    def->close(m->learner);
    m->learner = t->learner;
    t->learner = NULL;
    m->version = t->number;
    if (m->classes > 0 && def->grow) {
        def->grow(m->learner, m->classes);
    }
}

void model_train(struct model *m)
{
    struct model_training *t = model_training_new(m);
    model_training_run(t, NULL);
    model_training_take(m, t);
    model_training_free(t);
    m->owes = false;
}

static void tell_newer_half(struct model *m, hindsight_fn tell)
{
    struct model_training *t = model_training_new(m);
    const struct learner_def *def = t->config->def;
    uint32_t all = t->rows, columns = t->config->ncolumns;
    double *out = mem_array(CLASSES_MAX, sizeof(double));
    t->rows = all / 2;
    model_training_run(t, NULL);
    for (uint32_t r = t->rows; r < all; r++) {
        double *row = t->x + (size_t)r * columns;
        if (t->has_scaler) {
            scaler_transform(&t->scaler, row, row);
        }
        def->predict(t->learner, row, 1, out, CLASSES_MAX);
        tell(m, out, t->y[r]);
    }
    mem_free(out);
    model_training_free(t);
}

void model_study(struct model *m, hindsight_fn tell)
{
    if (!m->config->is_batch || m->recent.n == 0) {
        return;
    }
    recent_rows_trained(&m->recent);
    m->due++;
    if (tell && m->recent.n >= 2) {
        tell_newer_half(m, tell);
    }
    model_train(m);
}

static int64_t owes(const void *object)
{
    const struct model *m = object;
    return m->owes ? m->due : 0;
}

static uint64_t bytes(const void *object)
{
    const struct model *m = object;
    return recent_rows_size(&m->recent);
}

static void *make(const void *object)
{
    return model_training_new(object);
}

static void take(void *object, void *data)
{
    model_training_take(object, data);
}

static void ended(void *object, int64_t number)
{
    struct model *m = object;
    m->owes = m->due > number;
}

const struct trainable model_trainable = {
    .owes = owes,
    .bytes = bytes,
    .make = make,
    .run = model_training_run,
    .free = model_training_free,
    .take = take,
    .ended = ended,
};
