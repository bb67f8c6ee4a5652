/* ridge: the linear function that minimises squared errors plus a penalty on its weights, exact
 * after every row. Options and defaults are those of scikit-learn's Ridge (closed form); rows are
 * learned one by one (ml/least_squares.c).
 *
 *   prediction  p = w.x + b
 *   minimised   sum over rows of weight * (y - p)^2, plus alpha |w|^2; b is free
 *   forgetting  with forgetting_factor f < 1 a row counts f^k as much k rows later. The penalty must
 *               not fade with the rows: it is renewed for one feature a row, in turn, so that each
 *               feature's is between alpha and alpha f^n (n features)
 *
 *   state       which feature is next to be renewed; triangle: version 1
 *   odd input   a constant column has weight 0 (the intercept has it all); columns that depend on
 *               each other share their weight, which alpha makes unique; with alpha 0 what no row
 *               tells of is 0
 *   cost        features^2 a row, to learn as to predict
 *   order       rows one by one: the same bits for any batch size
 */
#include "engine/config.h"
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/least_squares.h"

#include <math.h>

struct options {
    double alpha, forgetting_factor;
    bool fit_intercept;
};

struct ridge {
    const struct options *options;
    struct least_squares squares;
    uint32_t turn;  /* the feature whose penalty is renewed next */
    double renewal; /* what it has lost since it was */
};

static const struct config_field fields[] = {
    {"alpha", CONFIG_DOUBLE, offsetof(struct options, alpha), .def = "1", .min = 0, .max = 1e100,
     .doc = "penalty on squared weights"},
    {"fit_intercept", CONFIG_BOOLEAN, offsetof(struct options, fit_intercept), .def = "true",
     .doc = "whether there is an intercept, which is not penalised"},
    {"forgetting_factor", CONFIG_DOUBLE, offsetof(struct options, forgetting_factor), .def = "1",
     .min = 0.01, .max = 1, .doc = "how much a row counts after another one; 1 forgets nothing"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"l2", "alpha"},
    {"lambda", "alpha"},
    {"forgetting", "forgetting_factor"},
    {"learn_intercept", "fit_intercept"},
    {0},
};

static void ridge_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "%s\n", o->fit_intercept ? "intercept" : "no intercept");
}

static void *ridge_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct ridge *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->renewal = o->alpha * (1 - pow(o->forgetting_factor, setup->ncolumns));
    if (o->fit_intercept) {
        least_squares_init_intercept(&m->squares, setup->ncolumns, o->alpha, 0);
    } else {
        least_squares_init(&m->squares, setup->ncolumns, o->alpha);
    }
    return m;
}

static void ridge_close(void *l)
{
    struct ridge *m = l;
    least_squares_done(&m->squares);
    mem_free(m);
}

static void ridge_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct ridge *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        out[(size_t)r * stride] =
            least_squares_predict(&m->squares, x + (size_t)r * m->squares.columns);
    }
}

static void ridge_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    struct ridge *m = l;
    uint32_t columns = m->squares.columns;
    double factor = m->options->forgetting_factor;
    for (uint32_t r = 0; r < rows; r++) {
        if (factor < 1) {
            least_squares_forget(&m->squares, factor);
        }
        least_squares_learn(&m->squares, x + (size_t)r * columns, y[r], w ? w[r] : 1);
        if (m->renewal > 0 && columns > 0) {
            least_squares_penalise(&m->squares, m->turn, m->renewal);
            m->turn = (m->turn + 1) % columns;
        }
    }
}

static int ridge_io(void *l, struct snapshot *s)
{
    struct ridge *m = l;
    snapshot_version(s, 1);
    snapshot_u32(s, &m->turn);
    if (s->loading && m->turn > 0 && m->turn >= m->squares.columns) {
        m->turn = 0;
        s->status = -ERR_DATA;
        return s->status;
    }
    return least_squares_io(&m->squares, s);
}

static uint64_t ridge_size(const void *l)
{
    const struct ridge *m = l;
    return sizeof(*m) + least_squares_size(&m->squares);
}

const struct learner_def learner_ridge = {
    .name = "ridge",
    .doc = "a value as the penalised linear least squares of all rows so far, exact",
    .tasks = LEARN_VALUES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = ridge_layout,
    .open = ridge_open,
    .predict = ridge_predict,
    .learn = ridge_learn,
    .io = ridge_io,
    .size = ridge_size,
    .close = ridge_close,
};
