/* autoencoder: a small network that learns to give back its input; what it gives back badly is odd
 * (Sakurada and Yairi 2014). Scales its input itself.
 *
 *   z = (x - mean) / deviation, both learned on the stream, bounded to +-CLIP
 *   h = tanh(A z + a);   u = B h + b;   score = mean over the features of (z - u)^2
 *   learned row by row: gradient of score / 2 * features, moved by the optimizer
 *
 * Weights begin uniform within +-sqrt(6 / (inputs + outputs)) (Glorot and Bengio 2010), offsets as
 * 0. A row is learned with its errors bounded to +-CLIP, so an outlier moves weights no more than a
 * few rows do.
 *
 *   constant  features that never varied are given back as 0, and have no say; a value off one is CLIP
 *             deviations away
 *   state     hidden units, optimizer slots, steps, scaler, weights, slots: version 1
 *   none      NaN until grace_period rows
 *   cost      4 features * hidden multiplications to predict, 10 to learn
 *   order     rows one by one: the same bits for any batch size
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/linalg.h"
#include "ml/optimizer.h"
#include "ml/scaler.h"
#include "ml/spread.h"

#include <math.h>
#include <string.h>

#define CLIP        10
#define WEIGHTS_MAX 1000000

struct options {
    const struct yaml *optimizer;
    double lr;
    int64_t hidden, grace_period;
};

struct autoencoder {
    const struct options *options;
    struct optimizer optimizer;
    uint32_t n, hidden, nweights;
    int64_t steps;
    struct scaler scaler;
    double *weight; /* A: hidden rows of n; a; B: n rows of hidden; b; then the optimizer's slots */
    double *z, *h, *u, *back, *gradient; /* scratch */
};

static const struct config_field fields[] = {
    {"hidden", CONFIG_LONG, offsetof(struct options, hidden), .min = 1, .max = 1000,
     .doc = "hidden units; without: half as many as features, rounded up"},
    {"optimizer", CONFIG_YAML, offsetof(struct options, optimizer), .doc = OPTIMIZER_DOC},
    {"lr", CONFIG_DOUBLE, offsetof(struct options, lr), .min = 0, .max = 1e6,
     .doc = "learning rate of the optimizer"},
    {"grace_period", CONFIG_LONG, offsetof(struct options, grace_period), .def = "100", .min = 1,
     .max = 1e9, .doc = "rows to learn before the first score"},
    {0},
};

static const struct learner_alias aliases[] = {{"learning_rate", "lr"},
                                               {"hidden_layer_sizes", "hidden"},
                                               {"latent_dim", "hidden"},
                                               {"encoding_dim", "hidden"},
                                               {0}};

static int autoencoder_check(const void *options, struct err *e)
{
    const struct options *o = options;
    struct optimizer optimizer;
    return optimizer_read(&optimizer, o->optimizer, o->lr, "sgd", e);
}

static void autoencoder_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    struct optimizer optimizer;
    optimizer_read(&optimizer, o->optimizer, o->lr, "sgd", NULL);
    buffer_printf(words, "optimizer %s", optimizer.def->name);
    if (o->hidden != CONFIG_UNSET) {
        buffer_printf(words, ", hidden %lld", (long long)o->hidden);
    }
    buffer_printf(words, "\n");
}

static void draw_weights(double *weight, uint32_t n, double bound, struct random *random)
{
    for (uint32_t i = 0; i < n; i++) {
        weight[i] = bound * (2 * random_unit(random) - 1);
    }
}

static void *autoencoder_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct optimizer optimizer;
    optimizer_read(&optimizer, o->optimizer, o->lr, "sgd", NULL);
    uint32_t n = setup->ncolumns;
    uint32_t hidden = o->hidden != CONFIG_UNSET ? (uint32_t)o->hidden : (n + 1) / 2;
    if ((uint64_t)n * hidden > WEIGHTS_MAX) {
        hidden = WEIGHTS_MAX / n;
    }
    struct autoencoder *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->optimizer = optimizer;
    m->n = n;
    m->hidden = hidden;
    m->nweights = 2 * n * hidden + hidden + n;
    scaler_init(&m->scaler, n);
    size_t doubles = (size_t)m->nweights * (1 + optimizer.def->slots);
    m->weight = mem_zalloc((doubles + 1) * sizeof(double));
    m->z = mem_zalloc(((size_t)3 * n + 2 * (size_t)hidden + m->nweights + 1) * sizeof(double));
    m->u = m->z + n;
    m->gradient = m->u + 2 * n;
    m->h = m->gradient + m->nweights;
    m->back = m->h + hidden;
    struct random random;
    double bound = sqrt(6.0 / (n + hidden));
    random_seed(&random, setup->seed, 43);
    draw_weights(m->weight, n * hidden, bound, &random);
    draw_weights(m->weight + n * hidden + hidden, n * hidden, bound, &random);
    return m;
}

static void autoencoder_close(void *l)
{
    struct autoencoder *m = l;
    scaler_done(&m->scaler);
    mem_free(m->weight);
    mem_free(m->z);
    mem_free(m);
}

/* z, h and u of a row; its score. */
static double give_back(struct autoencoder *m, const double *x)
{
    const double *into = m->weight, *out = m->weight + (size_t)m->n * m->hidden + m->hidden;
    double sum = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        m->z[i] = spread_bounded(x[i]);
    }
    scaler_transform_odd(&m->scaler, m->z, CLIP, m->z);
    for (uint32_t i = 0; i < m->n; i++) {
        m->z[i] = fmin(fmax(m->z[i], -CLIP), CLIP);
    }
    for (uint32_t k = 0; k < m->hidden; k++) {
        double offset = into[m->n * m->hidden + k];
        m->h[k] = tanh(linalg_dot(into + (size_t)k * m->n, m->z, m->n) + offset);
    }
    for (uint32_t i = 0; i < m->n; i++) {
        double offset = out[m->n * m->hidden + i];
        m->u[i] = linalg_dot(out + (size_t)i * m->hidden, m->h, m->hidden) + offset;
        double miss = m->z[i] - m->u[i];
        sum += miss * miss;
    }
    return sum / (m->n > 0 ? m->n : 1);
}

static void autoencoder_predict(void *l, const double *x, uint32_t rows, double *out,
                                uint32_t stride)
{
    struct autoencoder *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        double score = m->steps < m->options->grace_period ? (double)NAN : give_back(m, x);
        out[(size_t)r * stride] = score;
        x += m->n;
    }
}

static void find_gradient(struct autoencoder *m)
{
    const double *out = m->weight + (size_t)m->n * m->hidden + m->hidden;
    double *into_g = m->gradient, *offset_g = into_g + (size_t)m->n * m->hidden;
    double *out_g = offset_g + m->hidden, *last_g = out_g + (size_t)m->n * m->hidden;
    memset(m->back, 0, m->hidden * sizeof(double));
    for (uint32_t i = 0; i < m->n; i++) {
        double miss = fmin(fmax(m->u[i] - m->z[i], -CLIP), CLIP);
        last_g[i] = miss;
        for (uint32_t k = 0; k < m->hidden; k++) {
            out_g[(size_t)i * m->hidden + k] = miss * m->h[k];
            m->back[k] += miss * out[(size_t)i * m->hidden + k];
        }
    }
    for (uint32_t k = 0; k < m->hidden; k++) {
        double g = m->back[k] * (1 - m->h[k] * m->h[k]);
        offset_g[k] = g;
        for (uint32_t i = 0; i < m->n; i++) {
            into_g[(size_t)k * m->n + i] = g * m->z[i];
        }
    }
}

static void autoencoder_learn(void *l, const double *x, uint32_t rows, const double *y,
                              const double *w)
{
    (void)y;
    struct autoencoder *m = l;
    for (uint32_t r = 0; r < rows; r++, x += m->n) {
        for (uint32_t i = 0; i < m->n; i++) {
            m->z[i] = spread_bounded(x[i]);
        }
        scaler_learn(&m->scaler, m->z);
        give_back(m, x);
        find_gradient(m);
        for (uint32_t i = 0; w && i < m->nweights; i++) {
            m->gradient[i] *= w[r];
        }
        optimizer_step(&m->optimizer, optimizer_rate(&m->optimizer, m->steps), m->weight,
                       m->gradient, m->weight + m->nweights, m->nweights, m->nweights);
        m->steps++;
    }
}

static int autoencoder_io(void *l, struct snapshot *s)
{
    struct autoencoder *m = l;
    uint32_t hidden = m->hidden, slots = m->optimizer.def->slots;
    snapshot_version(s, 1);
    snapshot_u32(s, &hidden);
    snapshot_u32(s, &slots);
    if (hidden != m->hidden || slots != m->optimizer.def->slots) {
        s->status = -ERR_DATA; /* saved with another optimizer or number of units */
        return s->status;
    }
    snapshot_count(s, &m->steps);
    if (scaler_io(&m->scaler, s) < 0) {
        return s->status;
    }
    snapshot_array(s, m->weight, (size_t)m->nweights * (1 + slots));
    return snapshot_status(s);
}

static uint64_t autoencoder_size(const void *l)
{
    const struct autoencoder *m = l;
    uint64_t doubles =
        (uint64_t)m->nweights * (2 + m->optimizer.def->slots) + 5 * m->n + 2 * m->hidden;
    return sizeof(*m) + doubles * sizeof(double);
}

const struct learner_def learner_autoencoder = {
    .name = "autoencoder",
    .doc = "a small network that learns to give back its input",
    .tasks = LEARN_SCORES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = autoencoder_layout,
    .check = autoencoder_check,
    .open = autoencoder_open,
    .predict = autoencoder_predict,
    .learn = autoencoder_learn,
    .io = autoencoder_io,
    .size = autoencoder_size,
    .close = autoencoder_close,
};
