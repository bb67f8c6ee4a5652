/* logistic_regression: two classes by a linear score, learned row by row. Formulas and defaults are
 * those of River 0.26's linear_model.LogisticRegression.
 *
 *   score     z = w.x + b
 *             P(class 1) = 1 / (1 + exp(-z)), exactly 0 or 1 beyond |z| = 30
 *   loss      log(1 + exp(-y z)), y = +1 for class 1 and -1 for class 0
 *   gradient  g = -y / (exp(y z) + 1), times the row's weight
 *   step      ml/linear.c: optimizer, l1 or l2, intercept, clipping, what diverges
 *
 *   state     of ml/linear.c: version 1
 *   classes   class 0 is the first one seen, false for boolean labels; while there is no other, P
 *             tends to it
 *   cost      three passes over the features a row
 *   order     rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/linear.h"

#include <math.h>

struct options {
    struct linear_options linear;
    int loss;
};

static const char *const losses[] = {"log", NULL};

static const struct config_field fields[] = {
    LINEAR_FIELDS,
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
    return linear_check(&o->linear, e);
}

static void logistic_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    linear_layout(&o->linear, words);
}

static void *logistic_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct linear *m = mem_zalloc(sizeof(*m));
    linear_init(m, &o->linear, setup);
    return m;
}

static void logistic_close(void *l)
{
    linear_done(l);
    mem_free(l);
}

static void put(double score, double *out)
{
    double p = linear_sigmoid(score);
    out[0] = 1 - p;
    out[1] = p;
}

static void logistic_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct linear *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        put(linear_score(m, x + (size_t)r * m->n), out + (size_t)r * stride);
    }
}

static void logistic_predict_sparse(void *l, const double *x, const struct sparse_row *row,
                                    double *out)
{
    put(linear_score_sparse(l, x, row), out);
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

static void logistic_learn(void *l, const double *x, uint32_t rows, const double *y,
                           const double *w)
{
    struct linear *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        const double *row = x + (size_t)r * m->n;
        double g = loss_gradient(linear_score(m, row), y[r] > 0 ? 1 : -1);
        linear_descend(m, row, w ? g * w[r] : g);
    }
}

static void logistic_learn_sparse(void *l, const double *x, const struct sparse_row *row, double y,
                                  double w)
{
    double g = loss_gradient(linear_score_sparse(l, x, row), y > 0 ? 1 : -1);
    linear_descend_sparse(l, x, row, g * w);
}

static int logistic_io(void *l, struct snapshot *s)
{
    snapshot_version(s, 1);
    return linear_io(l, s);
}

static uint64_t logistic_size(const void *l)
{
    const struct linear *m = l;
    return sizeof(*m) + linear_size(m);
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
    .predict_sparse = logistic_predict_sparse,
    .learn_sparse = logistic_learn_sparse,
    .io = logistic_io,
    .size = logistic_size,
    .close = logistic_close,
};
