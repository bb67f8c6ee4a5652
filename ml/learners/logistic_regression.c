/* logistic_regression: two classes by a linear score, learned row by row. Formulas and defaults are
 * those of River 0.26's linear_model.LogisticRegression.
 *
 *   score     z = w.x + b
 *             P(class 1) = 1 / (1 + exp(-z)), exactly 0 or 1 beyond |z| = 30
 *   loss      log(1 + exp(-y z)), y = +1 for class 1 and -1 for class 0
 *   gradient  g = -y / (exp(y z) + 1), times the row's weight, clipped to +-clip_gradient
 *   step      b <- b - intercept_lr * g;   w <- optimizer(w, g x + l2 w)
 *   l1        cumulative penalty (Tsuruoka, Tsujii and Ananiadou 2009): u grows by l1 * lr a row;
 *             each weight is moved towards 0, not past it, by what it is still due of u
 *
 *   state     which optimizer slots and penalties follow; steps, intercept, u, weights, slots, what
 *             each weight has had of u (with l1 only): version 1
 *   classes   class 0 is the first one seen, false for boolean labels
 *   cost      three passes over the features a row
 *   order     rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/linalg.h"
#include "ml/optimizer.h"

#include <math.h>

struct options {
    const char *optimizer;
    double lr, l2, l1, intercept_init, intercept_lr, clip_gradient;
    int loss;
};

struct logistic {
    const struct options *options;
    const struct optimizer_def *optimizer;
    uint32_t n, nslots;
    int64_t steps;
    double intercept;
    double penalty; /* u: what every weight should have had of l1 so far */
    double *weight; /* one block: weights, slots, had */
    double *slot;
    double *had; /* of the penalty, per weight; NULL without l1 */
};

static const char *const losses[] = {"log", NULL};

static const struct config_field fields[] = {
    {"optimizer", CONFIG_TEXT, offsetof(struct options, optimizer), .def = "sgd",
     .doc = "how gradients move the weights"},
    {"lr", CONFIG_DOUBLE, offsetof(struct options, lr), .def = "0.01", .min = 0, .max = 1e6,
     .doc = "learning rate of the optimizer"},
    {"l2", CONFIG_DOUBLE, offsetof(struct options, l2), .def = "0", .min = 0, .max = 1e6,
     .doc = "pushes weights towards 0 in proportion to their size"},
    {"l1", CONFIG_DOUBLE, offsetof(struct options, l1), .def = "0", .min = 0, .max = 1e6,
     .doc = "pushes weights to exactly 0; not together with l2"},
    {"intercept_init", CONFIG_DOUBLE, offsetof(struct options, intercept_init), .def = "0",
     .doc = "intercept before the first row"},
    {"intercept_lr", CONFIG_DOUBLE, offsetof(struct options, intercept_lr), .def = "0.01", .min = 0,
     .max = 1e6, .doc = "learning rate of the intercept; 0 keeps it as it is"},
    {"clip_gradient", CONFIG_DOUBLE, offsetof(struct options, clip_gradient), .def = "1e12",
     .min = 0, .max = 1e300, .doc = "bound on the absolute value of the loss gradient"},
    {"loss", CONFIG_ENUM, offsetof(struct options, loss), .def = "log", .values = losses,
     .doc = "what is minimised"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"learning_rate", "lr"}, {"eta0", "lr"},          {"eta", "lr"},           {"alpha", "l2"},
    {"lambda", "l2"},        {"solver", "optimizer"}, {"penalty", "l1 or l2"}, {0},
};

static int logistic_check(const void *options, struct err *e)
{
    const struct options *o = options;
    if (o->l1 > 0 && o->l2 > 0) {
        return err_set(e, ERR_CONFIG, "l1 and l2 exclude each other: set one of them to 0");
    }
    return optimizer_find(o->optimizer, e) ? 0 : -ERR_CONFIG;
}

static void logistic_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "optimizer %s%s\n", o->optimizer, o->l1 > 0 ? ", l1" : "");
}

static void *logistic_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    const struct optimizer_def *optimizer = optimizer_find(o->optimizer, NULL);
    if (!optimizer) {
        return NULL;
    }
    struct logistic *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->optimizer = optimizer;
    m->n = setup->ncolumns;
    m->nslots = m->n * optimizer->slots;
    m->intercept = o->intercept_init;
    size_t doubles = (size_t)m->n + m->nslots + (o->l1 > 0 ? m->n : 0);
    m->weight = mem_array(doubles > 0 ? doubles : 1, sizeof(double));
    for (size_t i = 0; i < doubles; i++) {
        m->weight[i] = 0;
    }
    m->slot = m->weight + m->n;
    m->had = o->l1 > 0 ? m->slot + m->nslots : NULL;
    return m;
}

static void logistic_close(void *l)
{
    struct logistic *m = l;
    mem_free(m->weight);
    mem_free(m);
}

static double sigmoid(double z)
{
    if (z < -30) {
        return 0;
    }
    return z > 30 ? 1 : 1 / (1 + exp(-z));
}

static void logistic_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct logistic *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        double p = sigmoid(linalg_dot(m->weight, x + (size_t)r * m->n, m->n) + m->intercept);
        out[(size_t)r * stride] = 1 - p;
        out[(size_t)r * stride + 1] = p;
    }
}

/* Derivative of the loss by the score; y is +1 or -1. */
static double loss_gradient(double score, double y)
{
    double z = score * y;
    if (z > 18) {
        return -y * exp(-z); /* where exp(z) + 1 would round the 1 away */
    }
    return z < -18 ? -y : -y / (exp(z) + 1);
}

/* Takes from every weight what it is still due of the cumulative l1 penalty. */
static void apply_penalty(struct logistic *m)
{
    m->penalty += m->options->l1 * m->options->lr;
    for (uint32_t i = 0; i < m->n; i++) {
        double before = m->weight[i], after = before;
        if (before > 0) {
            after = fmax(0, before - (m->penalty + m->had[i]));
        } else if (before < 0) {
            after = fmin(0, before + (m->penalty - m->had[i]));
        }
        m->weight[i] = after;
        m->had[i] += after - before;
    }
}

static void learn_row(struct logistic *m, const double *x, double y, double w)
{
    const struct options *o = m->options;
    double score = linalg_dot(m->weight, x, m->n) + m->intercept;
    double g = loss_gradient(score, y) * w;
    g = fmax(fmin(g, o->clip_gradient), -o->clip_gradient);
    m->intercept -= o->intercept_lr * g;
    for (uint32_t at = 0; at < m->n; at += OPTIMIZER_PIECE) {
        uint32_t n = m->n - at < OPTIMIZER_PIECE ? m->n - at : OPTIMIZER_PIECE;
        double gradient[OPTIMIZER_PIECE];
        for (uint32_t i = 0; i < n; i++) {
            gradient[i] = x[at + i] * g + o->l2 * m->weight[at + i];
        }
        m->optimizer->step(o->lr, m->steps, m->weight + at, gradient, m->slot + at, m->n, n);
    }
    m->steps++;
    if (m->had) {
        apply_penalty(m);
    }
}

static void logistic_learn(void *l, const double *x, uint32_t rows, const double *y,
                           const double *w)
{
    struct logistic *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        learn_row(m, x + (size_t)r * m->n, y[r] > 0 ? 1 : -1, w ? w[r] : 1);
    }
}

static int logistic_io(void *l, struct snapshot *s)
{
    struct logistic *m = l;
    uint32_t slots = m->nslots, penalised = m->had ? 1 : 0;
    snapshot_version(s, 1);
    snapshot_u32(s, &slots);
    snapshot_u32(s, &penalised);
    if (slots != m->nslots || penalised != (m->had ? 1 : 0)) {
        s->status = -ERR_DATA; /* saved with another optimizer, or with another l1 */
        return s->status;
    }
    snapshot_count(s, &m->steps);
    snapshot_double(s, &m->intercept);
    snapshot_double(s, &m->penalty);
    snapshot_array(s, m->weight, m->n);
    snapshot_array(s, m->slot, m->nslots);
    if (m->had) {
        snapshot_array(s, m->had, m->n);
    }
    return snapshot_status(s);
}

static uint64_t logistic_size(const void *l)
{
    const struct logistic *m = l;
    uint64_t doubles = (uint64_t)m->n + m->nslots + (m->had ? m->n : 0);
    return sizeof(*m) + doubles * sizeof(double);
}

const struct learner_def learner_logistic_regression = {
    .name = "logistic_regression",
    .doc = "two classes by a linear score, learned by gradient descent",
    .tasks = LEARN_CLASSES,
    .is_binary = true,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = logistic_layout,
    .check = logistic_check,
    .open = logistic_open,
    .predict = logistic_predict,
    .learn = logistic_learn,
    .io = logistic_io,
    .size = logistic_size,
    .close = logistic_close,
};
