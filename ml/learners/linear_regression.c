/* linear_regression: a value as a linear function of the features, learned row by row. Formulas and
 * defaults are those of River 0.26's linear_model.LinearRegression.
 *
 *   prediction  p = w.x + b;   exp(w.x + b) with loss poisson
 *   loss        with r = p - y, and its gradient by the score:
 *               squared    r^2                                       2 r
 *               absolute   |r|                                       1 where r > 0, else -1
 *               huber      r^2 / 2 where |r| <= epsilon, else        r, or +-epsilon
 *                          epsilon (|r| - epsilon / 2)
 *               quantile   (quantile - [r < 0]) r, turned round:     [r > 0] - quantile
 *                          p tends to that quantile of y
 *               cauchy     log(1 + (r / C)^2) C^2 / 2, C = 80        r / (1 + (r / C)^2)
 *               poisson    p - y (w.x + b), for counts               p - y
 *   step        ml/linear.c: optimizer, l1 or l2, intercept, clipping, what diverges
 *
 *   state       of ml/linear.c: version 1
 *   cost        three passes over the features a row
 *   order       rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/linear.h"

#include <math.h>

#define CAUCHY_C 80

enum loss { SQUARED, ABSOLUTE, HUBER, QUANTILE, CAUCHY, POISSON };

struct options {
    struct linear_options linear;
    int loss;
    double epsilon, quantile;
};

struct regression {
    struct linear linear;
    const struct options *options;
};

static const char *const losses[] = {"squared", "absolute", "huber", "quantile",
                                     "cauchy",  "poisson",  NULL};

static const struct config_field fields[] = {
    LINEAR_FIELDS,
    {"loss", CONFIG_ENUM, offsetof(struct options, loss), .def = "squared", .values = losses,
     .doc = "what is minimised"},
    {"epsilon", CONFIG_DOUBLE, offsetof(struct options, epsilon), .def = "0.1", .min = 1e-300,
     .max = 1e300, .doc = "of loss huber: errors beyond it count in proportion, not squared"},
    {"quantile", CONFIG_DOUBLE, offsetof(struct options, quantile), .def = "0.5", .min = 0,
     .max = 1, .doc = "of loss quantile: which one is predicted"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"learning_rate", "lr"}, {"eta0", "lr"},          {"eta", "lr"},           {"alpha", "l2"},
    {"lambda", "l2"},        {"solver", "optimizer"}, {"penalty", "l1 or l2"}, {0},
};

static int regression_check(const void *options, struct err *e)
{
    const struct options *o = options;
    return linear_check(&o->linear, e);
}

static void regression_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    linear_layout(&o->linear, words);
}

static void *regression_open(const struct learner_setup *setup)
{
    struct regression *m = mem_zalloc(sizeof(*m));
    m->options = setup->options;
    linear_init(&m->linear, &m->options->linear, setup);
    return m;
}

static void regression_close(void *l)
{
    struct regression *m = l;
    linear_done(&m->linear);
    mem_free(m);
}

static void regression_predict(void *l, const double *x, uint32_t rows, double *out,
                               uint32_t stride)
{
    const struct regression *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        double score = linear_score(&m->linear, x + (size_t)r * m->linear.n);
        out[(size_t)r * stride] = m->options->loss == POISSON ? exp(score) : score;
    }
}

static void regression_predict_sparse(void *l, const double *x, const struct sparse_row *row,
                                      double *out)
{
    struct regression *m = l;
    double score = linear_score_sparse(&m->linear, x, row);
    *out = m->options->loss == POISSON ? exp(score) : score;
}

/* Derivative of the loss by the score. */
static double loss_gradient(const struct options *o, double score, double y)
{
    double r = score - y;
    switch ((enum loss)o->loss) {
    case SQUARED:
        return 2 * r;
    case ABSOLUTE:
        return r > 0 ? 1 : -1;
    case HUBER:
        return fabs(r) <= o->epsilon ? r : copysign(o->epsilon, r);
    case QUANTILE:
        return (r > 0 ? 1 : 0) - o->quantile;
    case CAUCHY:
        return r / (r / CAUCHY_C * (r / CAUCHY_C) + 1);
    case POISSON:
        return exp(score) - y;
    }
    return 0;
}

static void regression_learn(void *l, const double *x, uint32_t rows, const double *y,
                             const double *w)
{
    struct regression *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        const double *row = x + (size_t)r * m->linear.n;
        double g = loss_gradient(m->options, linear_score(&m->linear, row), y[r]);
        linear_descend(&m->linear, row, w ? g * w[r] : g);
    }
}

static void regression_learn_sparse(void *l, const double *x, const struct sparse_row *row,
                                    double y, double w)
{
    struct regression *m = l;
    double g = loss_gradient(m->options, linear_score_sparse(&m->linear, x, row), y);
    linear_descend_sparse(&m->linear, x, row, g * w);
}

static int regression_io(void *l, struct snapshot *s)
{
    struct regression *m = l;
    snapshot_version(s, 1);
    return linear_io(&m->linear, s);
}

static uint64_t regression_size(const void *l)
{
    const struct regression *m = l;
    return sizeof(*m) + linear_size(&m->linear);
}

const struct learner_def learner_linear_regression = {
    .name = "linear_regression",
    .doc = "a value as a linear function of the features, learned by gradient descent",
    .tasks = LEARN_VALUES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = regression_layout,
    .check = regression_check,
    .open = regression_open,
    .predict = regression_predict,
    .learn = regression_learn,
    .predict_sparse = regression_predict_sparse,
    .learn_sparse = regression_learn_sparse,
    .io = regression_io,
    .size = regression_size,
    .close = regression_close,
};
