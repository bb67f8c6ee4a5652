/* perceptron: two classes by a linear score that moves only when it was wrong (Rosenblatt 1958). As
 * River 0.26's linear_model.Perceptron.
 *
 *   score     z = w.x + b;   P(class 1) = 1 / (1 + exp(-z)): a rank, not a calibrated probability
 *   loss      max(0, -y z), y = +1 for class 1 and -1 for class 0
 *   step      where y z <= 0:  w <- w + y x - l2 w,  b <- b + y,  the row's weight in front of y;
 *             else only  w <- w - l2 w
 *
 *   state     of ml/linear.c: version 1
 *   classes   class 0 is the first one seen, false for boolean labels
 *   cost      three passes over the features a row
 *   order     rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/linear.h"

struct perceptron {
    struct linear linear;
    struct linear_options options; /* as the user wants it, with steps of size 1 */
};

static const struct config_field fields[] = {LINEAR_FIELDS_FEW, {0}};

static const struct learner_alias aliases[] = {{"alpha", "l2"}, {"lambda", "l2"}, {0}};

static void *perceptron_open(const struct learner_setup *setup)
{
    const struct linear_options *o = setup->options;
    struct perceptron *m = mem_zalloc(sizeof(*m));
    m->options.lr = m->options.intercept_lr = 1;
    m->options.l2 = o->l2;
    m->options.clip_gradient = o->clip_gradient;
    linear_init(&m->linear, &m->options, setup);
    return m;
}

static void perceptron_close(void *l)
{
    struct perceptron *m = l;
    linear_done(&m->linear);
    mem_free(m);
}

static void put(double score, double *out)
{
    double p = linear_sigmoid(score);
    out[0] = 1 - p;
    out[1] = p;
}

static void perceptron_predict(void *l, const double *x, uint32_t rows, double *out,
                               uint32_t stride)
{
    const struct perceptron *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        put(linear_score(&m->linear, x + (size_t)r * m->linear.n), out + (size_t)r * stride);
    }
}

static void perceptron_predict_sparse(void *l, const double *x, const struct sparse_row *row,
                                      double *out)
{
    struct perceptron *m = l;
    put(linear_score_sparse(&m->linear, x, row), out);
}

static double gradient_of(double score, double y)
{
    double side = y > 0 ? 1 : -1;
    return score * side <= 0 ? -side : 0;
}

static void perceptron_learn(void *l, const double *x, uint32_t rows, const double *y,
                             const double *w)
{
    struct perceptron *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        const double *row = x + (size_t)r * m->linear.n;
        double g = gradient_of(linear_score(&m->linear, row), y[r]);
        linear_descend(&m->linear, row, w ? g * w[r] : g);
    }
}

static void perceptron_learn_sparse(void *l, const double *x, const struct sparse_row *row,
                                    double y, double w)
{
    struct perceptron *m = l;
    double g = gradient_of(linear_score_sparse(&m->linear, x, row), y);
    linear_descend_sparse(&m->linear, x, row, g * w);
}

static int perceptron_io(void *l, struct snapshot *s)
{
    struct perceptron *m = l;
    snapshot_version(s, 1);
    return linear_io(&m->linear, s);
}

static uint64_t perceptron_size(const void *l)
{
    const struct perceptron *m = l;
    return sizeof(*m) + linear_size(&m->linear);
}

const struct learner_def learner_perceptron = {
    .name = "perceptron",
    .doc = "two classes by a linear score that moves only when it was wrong",
    .tasks = LEARN_CLASSES,
    .is_binary = true,
    .options = fields,
    .options_size = sizeof(struct linear_options),
    .aliases = aliases,
    .version = 1,
    .open = perceptron_open,
    .predict = perceptron_predict,
    .learn = perceptron_learn,
    .predict_sparse = perceptron_predict_sparse,
    .learn_sparse = perceptron_learn_sparse,
    .io = perceptron_io,
    .size = perceptron_size,
    .close = perceptron_close,
};
