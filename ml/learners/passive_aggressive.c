/* passive_aggressive: a linear score that is left alone while it is right by a margin, and else
 * moved as little as puts it right (Crammer et al. 2006). Options and defaults are those of River
 * 0.26's linear_model.PAClassifier and PARegressor.
 *
 *   score     z = w.x + b
 *   classes   P(class 1) = 1 / (1 + exp(-z)); loss = max(0, 1 - y z), y = +1 for class 1 and -1 for
 *             class 0; direction d = y
 *   values    prediction z; loss = max(0, |z - y| - eps); direction d = sign(y - z)
 *   step      w <- w + tau d x,  b <- b + tau d (with learn_intercept), times the row's weight, with
 *             tau = loss / |x|^2                      mode 0
 *                   min(C, loss / |x|^2)              mode 1
 *                   loss / (|x|^2 + 1 / (2 C))        mode 2
 *             and tau = 0 in modes 0 and 1 for a row of zeros
 *
 *   River     PARegressor 0.26 takes the loss of values from 2 y - 1 instead of y, as if they were
 *             classes; here it is the paper's, so errors are smaller than River's
 *   sparse    features count in |x|, and move, as the others do (ml/sparse_weights.c)
 *   state     intercept, weights, sparse ones where there are any: version 1
 *   odd input mode 0 with rows near 0 takes steps without bound: scores that are not finite stay so,
 *             and the host gives null; constant columns act as a second intercept, those of zeros
 *             not at all
 *   cost      three passes over the features a row
 *   order     rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/linear.h"

#include <math.h>

struct options {
    double C, eps;
    int64_t mode;
    bool learn_intercept;
};

struct passive {
    const struct options *options;
    enum learner_task task;
    uint32_t n;
    double intercept;
    double *weight;
    struct sparse_weights sparse;
};

static const struct config_field fields[] = {
    {"C", CONFIG_DOUBLE, offsetof(struct options, C), .def = "1", .min = 1e-300, .max = 1e300,
     .doc = "the greatest step (mode 1), or how little a step is held back (mode 2)"},
    {"mode", CONFIG_LONG, offsetof(struct options, mode), .def = "1", .min = 0, .max = 2,
     .doc = "0: each row is put right at once; 1: by steps of at most C; 2: steps held back by C"},
    {"eps", CONFIG_DOUBLE, offsetof(struct options, eps), .def = "0.1", .min = 0, .max = 1e300,
     .doc = "of values: errors up to it are none"},
    {"learn_intercept", CONFIG_BOOLEAN, offsetof(struct options, learn_intercept), .def = "true",
     .doc = "whether there is an intercept"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"c", "C"}, {"epsilon", "eps"}, {"fit_intercept", "learn_intercept"}, {"loss", "mode"}, {0},
};

static void *passive_open(const struct learner_setup *setup)
{
    struct passive *m = mem_zalloc(sizeof(*m));
    m->options = setup->options;
    m->task = setup->task;
    m->n = setup->ncolumns;
    m->weight = mem_zalloc((m->n + (size_t)1) * sizeof(double));
    sparse_weights_init(&m->sparse, setup->nsparse, 1, setup->seed);
    sparse_weights_grow(&m->sparse, setup->nsparse > 0 ? 1 : 0);
    return m;
}

static void passive_close(void *l)
{
    struct passive *m = l;
    mem_free(m->weight);
    sparse_weights_done(&m->sparse);
    mem_free(m);
}

static double score_of(const struct passive *m, const double *x)
{
    return linalg_dot(m->weight, x, m->n) + m->intercept;
}

static double score_sparse(struct passive *m, const double *x, const struct sparse_row *row)
{
    sparse_weights_find(&m->sparse, row);
    return score_of(m, x) + sparse_weights_dot(&m->sparse, 0, row);
}

static void put(const struct passive *m, double z, double *out)
{
    if (m->task == LEARN_VALUES) {
        out[0] = z;
        return;
    }
    out[1] = linear_sigmoid(z);
    out[0] = 1 - out[1];
}

static void passive_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct passive *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        put(m, score_of(m, x + (size_t)r * m->n), out + (size_t)r * stride);
    }
}

static void passive_predict_sparse(void *l, const double *x, const struct sparse_row *row,
                                   double *out)
{
    put(l, score_sparse(l, x, row), out);
}

static double tau_of(const struct options *o, double loss, double norm)
{
    if (o->mode == 2) {
        return loss / (norm + 0.5 / o->C);
    }
    if (!(norm > 0)) {
        return 0;
    }
    double tau = loss / norm;
    return o->mode == 1 && tau > o->C ? o->C : tau;
}

/* How far w moves along x; norm: |x|^2. */
static double step_of(const struct passive *m, double z, double norm, double y)
{
    const struct options *o = m->options;
    double loss, direction;
    if (m->task == LEARN_VALUES) {
        loss = fabs(z - y) - o->eps;
        direction = y > z ? 1 : -1;
    } else {
        direction = y > 0 ? 1 : -1;
        loss = 1 - z * direction;
    }
    return loss <= 0 ? 0 : tau_of(o, loss, norm) * direction;
}

static void move(struct passive *m, const double *x, double step)
{
    for (uint32_t i = 0; i < m->n; i++) {
        m->weight[i] += step * x[i];
    }
    m->intercept += m->options->learn_intercept ? step : 0;
}

static void passive_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    struct passive *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        const double *row = x + (size_t)r * m->n;
        double step = step_of(m, score_of(m, row), linalg_dot(row, row, m->n), y[r]);
        step *= w ? w[r] : 1;
        if (step != 0) {
            move(m, row, step);
        }
    }
}

static void passive_learn_sparse(void *l, const double *x, const struct sparse_row *row, double y,
                                 double w)
{
    struct passive *m = l;
    double norm = linalg_dot(x, x, m->n);
    for (uint32_t k = 0; k < row->n; k++) {
        norm += row->item[k].value * row->item[k].value;
    }
    double step = step_of(m, score_sparse(m, x, row), norm, y) * w;
    if (step == 0) {
        return;
    }
    move(m, x, step);
    for (uint32_t k = 0; k < row->n; k++) {
        uint32_t place = sparse_weights_touch(&m->sparse, row, k);
        *sparse_weights_at(&m->sparse, 0, place) += step * row->item[k].value;
    }
}

static int passive_io(void *l, struct snapshot *s)
{
    struct passive *m = l;
    snapshot_version(s, 1);
    snapshot_double(s, &m->intercept);
    snapshot_array(s, m->weight, m->n);
    if (m->sparse.nsparse > 0) {
        sparse_weights_io(&m->sparse, 1, s);
    }
    return snapshot_status(s);
}

static uint64_t passive_size(const void *l)
{
    const struct passive *m = l;
    return sizeof(*m) + (m->n + (uint64_t)1) * sizeof(double) + sparse_weights_size(&m->sparse);
}

const struct learner_def learner_passive_aggressive = {
    .name = "passive_aggressive",
    .doc = "a linear score, moved no more than puts a row right",
    .tasks = LEARN_CLASSES | LEARN_VALUES,
    .is_binary = true,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .open = passive_open,
    .predict = passive_predict,
    .learn = passive_learn,
    .predict_sparse = passive_predict_sparse,
    .learn_sparse = passive_learn_sparse,
    .io = passive_io,
    .size = passive_size,
    .close = passive_close,
};
