/* one_class_svm: a linear one-class SVM, learned row by row. Formulas and defaults are those of
 * River 0.26's anomaly.OneClassSVM, a stochastic descent that does not match the batch SVM.
 *
 *   score     w.x (River's: w.x + b, less b)
 *   gradient  g = -1 while w.x + b <= 1, else 0 (hinge of a row of class 1), clipped to +-clip_gradient
 *   step      b <- b - intercept_lr * (g + nu);   w <- optimizer(w, g x + nu / 2 w);   b begins as 1
 *
 * Rows are scaled before (River: StandardScaler) unless `scale: none` says otherwise: the plane of
 * features that are not centred runs after their level, and its scores with it, even where nothing
 * changes.
 *
 *   constant  features scaled to 0 have no weight, and no say until a row that differs was learned
 *   state     slots, steps, intercept, weights, optimizer slots: version 1
 *   cost      three passes over the features a row
 *   order     rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/linalg.h"
#include "ml/optimizer.h"
#include "ml/spread.h"

#include <math.h>

struct options {
    double nu, lr, intercept_lr, clip_gradient;
    const struct yaml *optimizer;
};

struct svm {
    const struct options *options;
    struct optimizer optimizer;
    uint32_t n, nslots;
    int64_t steps;
    double intercept;
    double *weight, *slot; /* one block */
};

static const struct config_field fields[] = {
    {"nu", CONFIG_DOUBLE, offsetof(struct options, nu), .def = "0.1", .min = 0, .max = 1,
     .doc = "about the part of the rows that are odd"},
    {"optimizer", CONFIG_YAML, offsetof(struct options, optimizer), .doc = OPTIMIZER_DOC},
    {"lr", CONFIG_DOUBLE, offsetof(struct options, lr), .min = 0, .max = 1e6,
     .doc = "learning rate of the optimizer"},
    {"intercept_lr", CONFIG_DOUBLE, offsetof(struct options, intercept_lr), .def = "0.01", .min = 0,
     .max = 1e6, .doc = "learning rate of the intercept; 0 keeps it as it is"},
    {"clip_gradient", CONFIG_DOUBLE, offsetof(struct options, clip_gradient), .def = "1e12",
     .min = 0, .max = 1e300, .doc = "bound on the absolute value of the loss gradient"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"learning_rate", "lr"}, {"eta0", "lr"}, {"contamination", "nu"}, {0}};

static int svm_check(const void *options, struct err *e)
{
    const struct options *o = options;
    struct optimizer optimizer;
    return optimizer_read(&optimizer, o->optimizer, o->lr, "sgd", e);
}

static void svm_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    struct optimizer optimizer;
    optimizer_read(&optimizer, o->optimizer, o->lr, "sgd", NULL);
    buffer_printf(words, "optimizer %s\n", optimizer.def->name);
}

static void *svm_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct svm *m = mem_zalloc(sizeof(*m));
    m->options = o;
    optimizer_read(&m->optimizer, o->optimizer, o->lr, "sgd", NULL);
    m->n = setup->ncolumns;
    m->nslots = m->n * m->optimizer.def->slots;
    m->intercept = 1;
    m->weight = mem_zalloc(((size_t)m->n + m->nslots + 1) * sizeof(double));
    m->slot = m->weight + m->n;
    return m;
}

static void svm_close(void *l)
{
    struct svm *m = l;
    mem_free(m->weight);
    mem_free(m);
}

static void svm_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct svm *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        double score = linalg_dot(m->weight, x + (size_t)r * m->n, m->n);
        out[(size_t)r * stride] =
            m->steps == 0 || isnan(score) ? (double)NAN : spread_bounded(score);
    }
}

static void learn_row(struct svm *m, const double *x, double w)
{
    const struct options *o = m->options;
    double score = linalg_dot(m->weight, x, m->n) + m->intercept;
    double g = score <= 1 ? -w : 0;
    g = fmax(fmin(g, o->clip_gradient), -o->clip_gradient);
    double rate = optimizer_rate(&m->optimizer, m->steps);
    m->intercept -= o->intercept_lr * g + 2 * o->intercept_lr * (o->nu / 2);
    for (uint32_t at = 0; at < m->n; at += OPTIMIZER_PIECE) {
        uint32_t n = m->n - at < OPTIMIZER_PIECE ? m->n - at : OPTIMIZER_PIECE;
        double gradient[OPTIMIZER_PIECE];
        for (uint32_t i = 0; i < n; i++) {
            gradient[i] = x[at + i] * g + o->nu / 2 * m->weight[at + i];
        }
        optimizer_step(&m->optimizer, rate, m->weight + at, gradient, m->slot + at, m->n, n);
    }
    m->steps++;
}

static void svm_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    (void)y;
    struct svm *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        learn_row(m, x + (size_t)r * m->n, w ? w[r] : 1);
    }
}

static int svm_io(void *l, struct snapshot *s)
{
    struct svm *m = l;
    uint32_t slots = m->nslots;
    snapshot_version(s, 1);
    snapshot_u32(s, &slots);
    if (slots != m->nslots) {
        s->status = -ERR_DATA; /* saved with another optimizer */
        return s->status;
    }
    snapshot_count(s, &m->steps);
    snapshot_double(s, &m->intercept);
    snapshot_array(s, m->weight, m->n);
    snapshot_array(s, m->slot, m->nslots);
    return snapshot_status(s);
}

const struct learner_def learner_one_class_svm = {
    .name = "one_class_svm",
    .doc = "a linear one-class support vector machine, learned by gradient descent; `scale: "
           "standard` unless "
           "`scale: none` is written",
    .tasks = LEARN_SCORES,
    .is_scaled = true,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = svm_layout,
    .check = svm_check,
    .open = svm_open,
    .predict = svm_predict,
    .learn = svm_learn,
    .io = svm_io,
    .close = svm_close,
};
