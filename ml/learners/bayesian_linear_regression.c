/* bayesian_linear_regression: the mean of a Gaussian belief about linear weights, sharpened by
 * every row (Bishop 2006, section 3.3). Options and defaults are those of River 0.26's
 * linear_model.BayesianLinearRegression; there is no intercept.
 *
 *   prediction  p = m.x, with the posterior mean m = S^-1 eta
 *   no          S <- S + beta x x'                     eta <- eta + beta y x
 *   smoothing   S = alpha I at the start; the row's weight goes with beta
 *   smoothing   S <- s S + (1 - s) beta x x'           eta <- s eta + (1 - s) beta y x
 *
 *   River       begins with S = I / alpha where there is smoothing, and inverts S for each row; here S
 *               begins the same with and without it, and is kept as ml/least_squares.c says
 *   state       triangle: version 1
 *   odd input   a column of zeros keeps the weight that it has, also when smoothing has forgotten the
 *               start (River's S cannot be inverted then)
 *   cost        features^2 a row, to learn as to predict
 *   order       rows one by one: the same bits for any batch size
 */
#include "engine/config.h"
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/least_squares.h"

#include <math.h>

struct options {
    double alpha, beta, smoothing; /* smoothing is NaN when there is none */
};

struct bayesian {
    const struct options *options;
    struct least_squares squares;
};

static const struct config_field fields[] = {
    {"alpha", CONFIG_DOUBLE, offsetof(struct options, alpha), .def = "1", .min = 1e-100,
     .max = 1e100, .doc = "precision of the weights around 0 before the first row"},
    {"beta", CONFIG_DOUBLE, offsetof(struct options, beta), .def = "1", .min = 1e-100, .max = 1e100,
     .doc = "precision of the noise: what one row is worth"},
    {"smoothing", CONFIG_DOUBLE, offsetof(struct options, smoothing), .min = 0.01,
     .max = 0.999999999, .doc = "how much of the past is kept at each row; without it all of it"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"alpha_1", "alpha"}, {"forgetting_factor", "smoothing"}, {0}};

static void *bayesian_open(const struct learner_setup *setup)
{
    struct bayesian *m = mem_zalloc(sizeof(*m));
    m->options = setup->options;
    least_squares_init(&m->squares, setup->ncolumns, m->options->alpha);
    return m;
}

static void bayesian_close(void *l)
{
    struct bayesian *m = l;
    least_squares_done(&m->squares);
    mem_free(m);
}

static void bayesian_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct bayesian *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        out[(size_t)r * stride] =
            least_squares_predict(&m->squares, x + (size_t)r * m->squares.columns);
    }
}

static void bayesian_learn(void *l, const double *x, uint32_t rows, const double *y,
                           const double *w)
{
    struct bayesian *m = l;
    bool is_smoothed = !isnan(m->options->smoothing);
    double worth = m->options->beta * (is_smoothed ? 1 - m->options->smoothing : 1);
    for (uint32_t r = 0; r < rows; r++) {
        if (is_smoothed) {
            least_squares_forget(&m->squares, m->options->smoothing);
        }
        least_squares_learn(&m->squares, x + (size_t)r * m->squares.columns, y[r],
                            w ? w[r] * worth : worth);
    }
}

static int bayesian_io(void *l, struct snapshot *s)
{
    struct bayesian *m = l;
    snapshot_version(s, 1);
    return least_squares_io(&m->squares, s);
}

static uint64_t bayesian_size(const void *l)
{
    const struct bayesian *m = l;
    return sizeof(*m) + least_squares_size(&m->squares);
}

const struct learner_def learner_bayesian_linear_regression = {
    .name = "bayesian_linear_regression",
    .doc = "a value by the mean of a belief about linear weights",
    .tasks = LEARN_VALUES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .open = bayesian_open,
    .predict = bayesian_predict,
    .learn = bayesian_learn,
    .io = bayesian_io,
    .size = bayesian_size,
    .close = bayesian_close,
};
