/* mlp: a feed-forward network, learned row by row by backpropagation (Rumelhart, Hinton and
 * Williams 1986). Options and defaults are those of scikit-learn's MLPClassifier and MLPRegressor;
 * learning a row is what their partial_fit of one row is.
 *
 *   forward   a_0 = x;  a_k = f(W_k a_(k-1) + b_k) through the hidden layers;  z = V a_K + c
 *             f: relu max(0, .), tanh, logistic 1 / (1 + exp(-.)), identity
 *   classes   P(c) = exp(z_c) / sum over classes      loss -log P(label)   dz = P - [label]
 *             While learning, the sum has one class more: a spare output, which the next class that is
 *             new will take. Until then it learns of each row that it is none of its own, as the output
 *             of a class that scikit-learn was told of beforehand; and of one class alone hidden layers
 *             have something to learn, where nothing but l2 would bring their weights down to 0
 *   values    prediction z                            loss (z - y)^2 / 2   dz = z - y
 *   backward  da_K = V' dz; delta_k = da_k f'(a_k); da_(k-1) = W_k' delta_k;
 *             gradient of W_k: delta_k a_(k-1)' + l2 W_k, of b_k: delta_k, all times the row's weight
 *             but l2; then the optimizer's step
 *   start     weights and biases uniform within +-sqrt(6 / (inputs + outputs)), sqrt(2 / ...) for
 *             logistic, from the seed (Glorot and Bengio 2010); of a class, outputs are those so far
 *
 *   layout    ml/dense.c
 *   state     number of the optimizer, activation, sizes of the layers; steps, hidden units; number
 *             of classes, or 1; of each output steps and unit: version 2. In version 1 there was no
 *             spare output: it is as at the start
 *   odd input features should be scaled; a constant one acts as a bias. With one class P = 1. Weights
 *             that are not finite (a learning rate too high, values far from 1) stay so: the host
 *             gives null
 *   bound     8 hidden layers of 1024 units
 *   cost      about six passes over all weights a row
 */
#include "engine/config.h"
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/dense.h"
#include "ml/linalg.h"

#include <math.h>
#include <string.h>

#define HIDDEN_MAX    8
#define UNITS_MAX     1024
#define UNITS_DEFAULT 100
#define LR_DEFAULT    0.001
#define STREAM_MLP    7

struct options {
    const struct yaml *hidden, *optimizer;
    double lr, l2;
    int activation;
};

struct mlp {
    const struct options *options;
    enum learner_task task;
    struct optimizer optimizer;
    enum dense_activation activation;
    uint32_t n, nhidden;
    int64_t steps; /* of the hidden layers */
    struct dense hidden[HIDDEN_MAX];
    struct dense last; /* a unit per class there is room for and a spare one; or one, the value */
    struct random random; /* of the next unit of it */
    uint32_t known;       /* classes learned so far, or 1 */
    int64_t *last_steps;  /* per unit of last */
};

static const struct config_field fields[] = {
    {"hidden_layer_sizes", CONFIG_YAML, offsetof(struct options, hidden),
     .doc = "units of the hidden layers, a number or a list of up to 8; 100 without it"},
    {"activation", CONFIG_ENUM, offsetof(struct options, activation), .def = "relu",
     .values = dense_activations, .doc = "what a hidden unit makes of its sum"},
    {"optimizer", CONFIG_YAML, offsetof(struct options, optimizer),
     .doc = OPTIMIZER_DOC "; `adam` without it"},
    {"lr", CONFIG_DOUBLE, offsetof(struct options, lr), .min = 0, .max = 1e6,
     .doc = "learning rate of the optimizer; 0.001 without it"},
    {"l2", CONFIG_DOUBLE, offsetof(struct options, l2), .def = "0.0001", .min = 0, .max = 1e6,
     .doc = "pushes weights towards 0 in proportion to their size"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"hidden", "hidden_layer_sizes"},
    {"hidden_dims", "hidden_layer_sizes"},
    {"solver", "optimizer"},
    {"alpha", "l2"},
    {"learning_rate", "lr"},
    {"learning_rate_init", "lr"},
    {0},
};

/* ---- options ---- */

static uint32_t units_of(const struct yaml *y)
{
    bool is_size = y->kind == YAML_LONG && y->number >= 1 && y->number <= UNITS_MAX;
    return is_size ? (uint32_t)y->number : 0;
}

/* Fills units; returns how many layers, or 0 when that is no list of sizes. */
static uint32_t read_sizes(const struct yaml *hidden, uint32_t *units)
{
    if (!hidden || hidden->kind != YAML_LIST) {
        units[0] = hidden ? units_of(hidden) : UNITS_DEFAULT;
        return units[0] > 0 ? 1 : 0;
    }
    if (hidden->n > HIDDEN_MAX) {
        return 0;
    }
    for (int i = 0; i < hidden->n; i++) {
        units[i] = units_of(hidden->item[i]);
        if (units[i] == 0) {
            return 0;
        }
    }
    return (uint32_t)hidden->n;
}

static int read_optimizer(struct optimizer *optimizer, const struct options *o, struct err *e)
{
    int status = optimizer_read(optimizer, o->optimizer, o->lr, "adam", e);
    bool is_map = o->optimizer && o->optimizer->kind == YAML_MAP;
    if (status == 0 && isnan(o->lr) &&
        !(is_map && yaml_get(o->optimizer, optimizer->def->option[0].name))) {
        optimizer->option[0] = LR_DEFAULT;
    }
    return status;
}

static int mlp_check(const void *options, struct err *e)
{
    const struct options *o = options;
    struct optimizer optimizer;
    uint32_t units[HIDDEN_MAX];
    if (read_sizes(o->hidden, units) == 0) {
        return err_set(e, ERR_CONFIG,
                       "hidden_layer_sizes is a number from 1 to %d, or a list of 1 to %d of them",
                       UNITS_MAX, HIDDEN_MAX);
    }
    return read_optimizer(&optimizer, o, e);
}

static void mlp_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    struct optimizer optimizer;
    uint32_t units[HIDDEN_MAX], n = read_sizes(o->hidden, units);
    read_optimizer(&optimizer, o, NULL);
    buffer_printf(words, "optimizer %s, %s", optimizer.def->name, dense_activations[o->activation]);
    for (uint32_t i = 0; i < n; i++) {
        buffer_printf(words, " %u", (unsigned)units[i]);
    }
    buffer_byte(words, '\n');
}

/* ---- network ---- */

/* Outputs that learn: of the classes known and the spare one, or the value. */
static uint32_t outputs_of(const struct mlp *m)
{
    return m->task == LEARN_CLASSES ? m->known + 1 : m->known;
}

/* Units are drawn in order, so that those of a class are the same whenever room is made for it. */
static void add_outputs(struct mlp *m, uint32_t outputs)
{
    if (outputs <= m->last.units) {
        return;
    }
    uint32_t from = m->last.units;
    m->last_steps = mem_resize(m->last_steps, outputs, sizeof(int64_t));
    memset(m->last_steps + from, 0, (outputs - from) * sizeof(int64_t));
    dense_add_units(&m->last, outputs);
    for (uint32_t u = from; u < outputs; u++) {
        dense_draw(&m->last, u, u + 1, m->activation, &m->random);
    }
}

static void mlp_grow(void *learner, uint32_t classes)
{
    add_outputs(learner, classes + 1);
}

static void *mlp_open(const struct learner_setup *setup)
{
    struct mlp *m = mem_zalloc(sizeof(*m));
    uint32_t units[HIDDEN_MAX] = {0}, inputs = setup->ncolumns;
    m->options = setup->options;
    m->task = setup->task;
    m->activation = (enum dense_activation)m->options->activation;
    m->n = inputs;
    m->nhidden = read_sizes(m->options->hidden, units);
    read_optimizer(&m->optimizer, m->options, NULL);
    random_seed(&m->random, setup->seed, STREAM_MLP);
    for (uint32_t k = 0; k < m->nhidden; k++) {
        dense_init(&m->hidden[k], inputs, m->optimizer.def->slots);
        dense_add_units(&m->hidden[k], units[k]);
        for (uint32_t u = 0; u < units[k]; u++) {
            dense_draw(&m->hidden[k], u, units[k], m->activation, &m->random);
        }
        inputs = units[k];
    }
    dense_init(&m->last, inputs, m->optimizer.def->slots);
    m->known = m->task == LEARN_VALUES;
    add_outputs(m, 1);
    return m;
}

static void mlp_close(void *l)
{
    struct mlp *m = l;
    for (uint32_t k = 0; k < m->nhidden; k++) {
        dense_done(&m->hidden[k]);
    }
    dense_done(&m->last);
    mem_free(m->last_steps);
    mem_free(m);
}

/* ---- forward ---- */

/* Through the hidden layers; returns what the last layer sees. */
static const double *forward(const struct mlp *m, const double *x)
{
    for (uint32_t k = 0; k < m->nhidden; k++) {
        const struct dense *l = &m->hidden[k];
        dense_sum(l, x, l->units, l->out);
        dense_activate(m->activation, l->out, l->units);
        x = l->out;
    }
    return x;
}

static void mlp_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct mlp *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        double *to = out + (size_t)r * stride;
        dense_sum(&m->last, forward(m, x + (size_t)r * m->n), m->known, to);
        if (m->task == LEARN_CLASSES) {
            linalg_softmax(to, m->known);
            for (uint32_t c = m->known; c + 1 < m->last.units; c++) {
                to[c] = 0;
            }
        }
    }
}

/* ---- backward ---- */

/* The gradient of the loss by the sums of the last layer. */
static void put_loss(struct mlp *m, const double *in, double y, double w)
{
    struct dense *l = &m->last;
    uint32_t label = (uint32_t)y;
    if (m->task == LEARN_VALUES) {
        dense_sum(l, in, 1, l->delta);
        l->delta[0] = w * (l->delta[0] - y);
        return;
    }
    m->known = label < m->known ? m->known : label + 1;
    uint32_t outputs = outputs_of(m);
    dense_sum(l, in, outputs, l->delta);
    linalg_softmax(l->delta, outputs);
    for (uint32_t c = 0; c < outputs; c++) {
        l->delta[c] = w * (c == label ? l->delta[c] - 1 : l->delta[c]);
    }
}

static void learn_row(struct mlp *m, const double *x, double y, double w)
{
    const double *in = forward(m, x);
    double rate = optimizer_rate(&m->optimizer, m->steps);
    struct dense *behind = &m->last;
    put_loss(m, in, y, w);
    for (uint32_t k = m->nhidden; k-- > 0;) {
        struct dense *l = &m->hidden[k];
        dense_send_back(behind, behind == &m->last ? outputs_of(m) : behind->units, l->delta);
        dense_derive(m->activation, l->out, l->delta, l->units);
        behind = l;
    }
    for (uint32_t c = 0; c < outputs_of(m); c++) {
        dense_step(&m->last, c, in, &m->optimizer,
                   optimizer_rate(&m->optimizer, m->last_steps[c]++), m->options->l2);
    }
    for (uint32_t k = m->nhidden; k-- > 0;) {
        in = k > 0 ? m->hidden[k - 1].out : x;
        for (uint32_t u = 0; u < m->hidden[k].units; u++) {
            dense_step(&m->hidden[k], u, in, &m->optimizer, rate, m->options->l2);
        }
    }
    m->steps++;
}

static void mlp_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    struct mlp *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        learn_row(m, x + (size_t)r * m->n, y[r], w ? w[r] : 1);
    }
}

/* ---- snapshot ---- */

/* One number that must be the same as in the network at hand. */
static void must_be(struct snapshot *s, uint32_t number)
{
    uint32_t found = number;
    snapshot_u32(s, &found);
    if (found != number) {
        s->status = -ERR_DATA;
    }
}

static int mlp_io(void *l, struct snapshot *s)
{
    struct mlp *m = l;
    uint32_t known = m->known;
    snapshot_version(s, 2);
    must_be(s, m->optimizer.def->number);
    must_be(s, (uint32_t)m->activation);
    must_be(s, m->nhidden);
    for (uint32_t k = 0; k < m->nhidden; k++) {
        must_be(s, m->hidden[k].units);
    }
    snapshot_count(s, &m->steps);
    for (uint32_t k = 0; k < m->nhidden && snapshot_status(s) == 0; k++) {
        snapshot_array(s, m->hidden[k].unit, (size_t)m->hidden[k].units * m->hidden[k].width);
    }
    snapshot_u32(s, &known);
    if (s->loading) {
        size_t left = (size_t)(s->end - s->p);
        if (snapshot_status(s) < 0 || known > CLASSES_MAX ||
            (m->task == LEARN_VALUES && known != 1) ||
            (size_t)known * m->last.width > left / sizeof(double)) {
            s->status = -ERR_DATA;
            return s->status;
        }
        m->known = known;
        add_outputs(m, outputs_of(m));
    }
    uint32_t outputs = s->version > 1 ? outputs_of(m) : known;
    for (uint32_t c = 0; c < outputs; c++) {
        snapshot_count(s, &m->last_steps[c]);
    }
    snapshot_array(s, m->last.unit, (size_t)outputs * m->last.width);
    return snapshot_status(s);
}

static uint64_t mlp_size(const void *l)
{
    const struct mlp *m = l;
    uint64_t bytes = sizeof(*m) + dense_size(&m->last) + m->last.units * sizeof(int64_t);
    for (uint32_t k = 0; k < m->nhidden; k++) {
        bytes += dense_size(&m->hidden[k]);
    }
    return bytes;
}

const struct learner_def learner_mlp = {
    .name = "mlp",
    .doc = "a feed-forward network, learned by backpropagation",
    .tasks = LEARN_CLASSES | LEARN_VALUES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 2,
    .layout = mlp_layout,
    .check = mlp_check,
    .open = mlp_open,
    .grow = mlp_grow,
    .predict = mlp_predict,
    .learn = mlp_learn,
    .io = mlp_io,
    .size = mlp_size,
    .close = mlp_close,
};
