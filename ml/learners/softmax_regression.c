/* softmax_regression: any number of classes, one linear score each, learned row by row. Formulas
 * and defaults are those of River 0.26's linear_model.SoftmaxRegression: there is no intercept, so
 * features should be centred (`scale: standard`).
 *
 *   score     z_c = w_c.x                      P(c) = exp(z_c - max z) / sum over classes
 *   gradient  g_c = P(c) - [c is the label], with P(c) kept within 1e-15 of 0 and 1
 *   step      w_c <- optimizer(w_c, g_c x + l2 w_c), for every class known so far
 *   new class begins with zero weights; in the row that brings it its P counts as 0
 *
 *   state     columns times (1 + number of the optimizer), number of classes; steps, weights and
 *             optimizer slots of each; sparse ones, where there are any (ml/sparse_weights.c): version 1
 *   one class has P = 1, and nothing to learn before a second one comes
 *   overflow  weights that are not finite (a learning rate too high) stay so: the host gives null
 *   cost      classes x features, three passes a row
 *   order     rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/linalg.h"
#include "ml/sparse_weights.h"

#include <math.h>
#include <string.h>

#define PROBABILITY_LEAST 1e-15

struct options {
    const struct yaml *optimizer;
    double lr, l2;
};

struct softmax {
    const struct options *options;
    struct optimizer optimizer;
    uint32_t n;
    uint32_t width;               /* doubles of one class: weights, then slots */
    uint32_t classes;             /* there is room for */
    uint32_t known;               /* of them learned: a new class is told apart in its first row */
    double *weight;               /* classes x width */
    double *proba;                /* classes, scratch */
    int64_t *steps;               /* classes */
    struct sparse_weights sparse; /* a block for each class */
};

static const struct config_field fields[] = {
    {"optimizer", CONFIG_YAML, offsetof(struct options, optimizer), .doc = OPTIMIZER_DOC},
    {"lr", CONFIG_DOUBLE, offsetof(struct options, lr), .min = 0, .max = 1e6,
     .doc = "learning rate; without it the optimizer's"},
    {"l2", CONFIG_DOUBLE, offsetof(struct options, l2), .def = "0", .min = 0, .max = 1e6,
     .doc = "pushes weights towards 0 in proportion to their size"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"learning_rate", "lr"}, {"eta0", "lr"},          {"eta", "lr"}, {"alpha", "l2"},
    {"lambda", "l2"},        {"solver", "optimizer"}, {0},
};

static int softmax_check(const void *options, struct err *e)
{
    const struct options *o = options;
    struct optimizer optimizer;
    return optimizer_read(&optimizer, o->optimizer, o->lr, "sgd", e);
}

static void softmax_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    struct optimizer optimizer;
    optimizer_read(&optimizer, o->optimizer, o->lr, "sgd", NULL);
    buffer_printf(words, "optimizer %s\n", optimizer.def->name);
}

static void *softmax_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct softmax *m = mem_zalloc(sizeof(*m));
    m->options = o;
    optimizer_read(&m->optimizer, o->optimizer, o->lr, "sgd", NULL);
    m->n = setup->ncolumns;
    m->width = m->n * (1 + m->optimizer.def->slots);
    sparse_weights_init(&m->sparse, setup->nsparse, 1 + m->optimizer.def->slots, setup->seed);
    return m;
}

static void softmax_close(void *l)
{
    struct softmax *m = l;
    mem_free(m->weight);
    mem_free(m->proba);
    mem_free(m->steps);
    sparse_weights_done(&m->sparse);
    mem_free(m);
}

static void softmax_grow(void *l, uint32_t classes)
{
    struct softmax *m = l;
    if (classes <= m->classes) {
        return;
    }
    m->weight = mem_resize(m->weight, (size_t)classes * m->width + 1, sizeof(double));
    m->proba = mem_resize(m->proba, classes, sizeof(double));
    m->steps = mem_resize(m->steps, classes, sizeof(int64_t));
    size_t more = classes - m->classes;
    memset(m->weight + (size_t)m->classes * m->width, 0, more * m->width * sizeof(double));
    memset(m->steps + m->classes, 0, more * sizeof(int64_t));
    m->classes = classes;
    if (m->sparse.nsparse > 0) {
        sparse_weights_grow(&m->sparse, classes);
    }
}

static const struct sparse_row no_row;

/* Probabilities of the known classes, 0 for the others. */
static void probabilities(struct softmax *m, const double *x, const struct sparse_row *row,
                          double *out)
{
    sparse_weights_find(&m->sparse, row);
    for (uint32_t c = 0; c < m->known; c++) {
        out[c] = linalg_dot(m->weight + (size_t)c * m->width, x, m->n) +
                 sparse_weights_dot(&m->sparse, c, row);
    }
    linalg_softmax(out, m->known);
    for (uint32_t c = m->known; c < m->classes; c++) {
        out[c] = 0;
    }
}

static void softmax_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct softmax *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        probabilities(m, x + (size_t)r * m->n, &no_row, out + (size_t)r * stride);
    }
}

static void softmax_predict_sparse(void *l, const double *x, const struct sparse_row *row,
                                   double *out)
{
    probabilities(l, x, row, out);
}

static void learn_class(struct softmax *m, uint32_t c, const double *x,
                        const struct sparse_row *row, double g)
{
    const struct options *o = m->options;
    double *weight = m->weight + (size_t)c * m->width;
    double rate = optimizer_rate(&m->optimizer, m->steps[c]);
    for (uint32_t at = 0; at < m->n; at += OPTIMIZER_PIECE) {
        uint32_t n = m->n - at < OPTIMIZER_PIECE ? m->n - at : OPTIMIZER_PIECE;
        double gradient[OPTIMIZER_PIECE];
        for (uint32_t i = 0; i < n; i++) {
            gradient[i] = x[at + i] * g + o->l2 * weight[at + i];
        }
        optimizer_step(&m->optimizer, rate, weight + at, gradient, weight + m->n + at, m->n, n);
    }
    struct sparse_step step = {&m->optimizer, rate, g, o->l2};
    sparse_weights_descend(&m->sparse, c, &step, row);
    m->steps[c]++;
}

static void softmax_learn_sparse(void *l, const double *x, const struct sparse_row *row, double y,
                                 double w)
{
    struct softmax *m = l;
    uint32_t label = (uint32_t)y;
    probabilities(m, x, row, m->proba);
    m->known = label >= m->known ? label + 1 : m->known;
    for (uint32_t c = 0; c < m->known; c++) {
        double p = fmin(fmax(m->proba[c], PROBABILITY_LEAST), 1 - PROBABILITY_LEAST);
        learn_class(m, c, x, row, (c == label ? p - 1 : p) * w);
    }
}

static void softmax_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    struct softmax *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        softmax_learn_sparse(m, x + (size_t)r * m->n, &no_row, y[r], w ? w[r] : 1);
    }
}

static int softmax_io(void *l, struct snapshot *s)
{
    struct softmax *m = l;
    snapshot_version(s, 1);
    uint32_t known = m->known, shape = m->n * (1 + m->optimizer.def->number), found = shape;
    snapshot_u32(s, &found);
    snapshot_u32(s, &known);
    if (s->loading) {
        size_t left = (size_t)(s->end - s->p);
        if (snapshot_status(s) < 0 || found != shape || known > CLASSES_MAX ||
            (size_t)known * m->width > left / sizeof(double)) {
            s->status = -ERR_DATA;
            return s->status;
        }
        softmax_grow(m, known);
        m->known = known;
    }
    for (uint32_t c = 0; c < known; c++) {
        snapshot_count(s, &m->steps[c]);
    }
    snapshot_array(s, m->weight, (size_t)known * m->width);
    if (m->sparse.nsparse > 0) {
        sparse_weights_io(&m->sparse, known, s);
    }
    return snapshot_status(s);
}

static uint64_t softmax_size(const void *l)
{
    const struct softmax *m = l;
    return sizeof(*m) + m->classes * ((uint64_t)m->width + 1) * sizeof(double) +
           m->classes * sizeof(int64_t) + sparse_weights_size(&m->sparse);
}

const struct learner_def learner_softmax_regression = {
    .name = "softmax_regression",
    .doc = "any number of classes by linear scores, learned by gradient descent",
    .tasks = LEARN_CLASSES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = softmax_layout,
    .check = softmax_check,
    .open = softmax_open,
    .grow = softmax_grow,
    .predict = softmax_predict,
    .learn = softmax_learn,
    .predict_sparse = softmax_predict_sparse,
    .learn_sparse = softmax_learn_sparse,
    .io = softmax_io,
    .size = softmax_size,
    .close = softmax_close,
};
