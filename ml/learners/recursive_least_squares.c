/* recursive_least_squares: linear least squares in which old rows fade (Plackett 1950; Haykin,
 * Adaptive Filter Theory, chapter 10).
 *
 *   prediction  p = w.x + b
 *   textbook    k = P x / (f + x'P x);  w <- w + k (y - w.x);  P <- (P - k x'P) / f;  P = delta I at
 *               the start; the intercept is the weight of a column of ones
 *   minimised   which is, after t rows: sum over rows of f^(t - row) (y - p)^2, plus
 *               f^t (|w|^2 + b^2) / delta; here it is solved as ml/least_squares.c says, where no P
 *               can blow up
 *
 *   state       triangle: version 1
 *   odd input   a column of zeros keeps the weight that it has; what depends on other columns shares
 *               its weight with them at first, and as the start fades takes what the last rows say
 *   cost        features^2 a row, to learn as to predict
 *   order       rows one by one: the same bits for any batch size
 */
#include "engine/config.h"
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/least_squares.h"

struct options {
    double forgetting_factor, delta;
    bool fit_intercept;
};

struct recursive {
    const struct options *options;
    struct least_squares squares;
};

static const struct config_field fields[] = {
    {"forgetting_factor", CONFIG_DOUBLE, offsetof(struct options, forgetting_factor),
     .def = "0.999", .min = 0.01, .max = 1,
     .doc = "how much a row counts after another one; 1 forgets nothing"},
    {"delta", CONFIG_DOUBLE, offsetof(struct options, delta), .def = "1000", .min = 1e-100,
     .max = 1e100, .doc = "how little is known of the weights before the first row"},
    {"fit_intercept", CONFIG_BOOLEAN, offsetof(struct options, fit_intercept), .def = "true",
     .doc = "whether there is an intercept"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"mu", "forgetting_factor"},
    {"lambda", "forgetting_factor"},
    {"forgetting", "forgetting_factor"},
    {"learn_intercept", "fit_intercept"},
    {0},
};

static void recursive_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "%s\n", o->fit_intercept ? "intercept" : "no intercept");
}

static void *recursive_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct recursive *m = mem_zalloc(sizeof(*m));
    m->options = o;
    if (o->fit_intercept) {
        least_squares_init_intercept(&m->squares, setup->ncolumns, 1 / o->delta, 1 / o->delta);
    } else {
        least_squares_init(&m->squares, setup->ncolumns, 1 / o->delta);
    }
    return m;
}

static void recursive_close(void *l)
{
    struct recursive *m = l;
    least_squares_done(&m->squares);
    mem_free(m);
}

static void recursive_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct recursive *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        out[(size_t)r * stride] =
            least_squares_predict(&m->squares, x + (size_t)r * m->squares.columns);
    }
}

static void recursive_learn(void *l, const double *x, uint32_t rows, const double *y,
                            const double *w)
{
    struct recursive *m = l;
    double factor = m->options->forgetting_factor;
    for (uint32_t r = 0; r < rows; r++) {
        if (factor < 1) {
            least_squares_forget(&m->squares, factor);
        }
        least_squares_learn(&m->squares, x + (size_t)r * m->squares.columns, y[r], w ? w[r] : 1);
    }
}

static int recursive_io(void *l, struct snapshot *s)
{
    struct recursive *m = l;
    snapshot_version(s, 1);
    return least_squares_io(&m->squares, s);
}

static uint64_t recursive_size(const void *l)
{
    const struct recursive *m = l;
    return sizeof(*m) + least_squares_size(&m->squares);
}

const struct learner_def learner_recursive_least_squares = {
    .name = "recursive_least_squares",
    .doc = "a value as the linear least squares of the rows so far, of which old ones fade",
    .tasks = LEARN_VALUES,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = recursive_layout,
    .open = recursive_open,
    .predict = recursive_predict,
    .learn = recursive_learn,
    .io = recursive_io,
    .size = recursive_size,
    .close = recursive_close,
};
