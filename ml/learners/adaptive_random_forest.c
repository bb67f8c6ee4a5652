/* adaptive_random_forest: Hoeffding trees over random columns, each row counting a random number of
 * times in each; a tree whose errors rise is replaced (Gomes and others, "Adaptive random forests
 * for evolving data stream classification", Machine Learning 106, 2017; values: ESANN 2018).
 * Options and defaults are those of River 0.26's forest.ARFClassifier and forest.ARFRegressor.
 *
 *   tree      a leaf looks at max_features columns, drawn when it sees its first row
 *   row       learned k = Poisson(lambda_value) times, not at all when k is 0
 *   detectors two ADWINs over what a tree gets wrong (0 or 1; or its error on a scale on which three
 *             deviations below the mean are 0 and three above are 1). A warning begins a background
 *             tree; a drift puts that in place of the tree, or a new one where there is none
 *   predict   classes: probabilities of the trees, weighted by their accuracies since they began;
 *             values: median, or mean (weighted by 1 - share of the squared errors when asked for) of
 *             the trees
 *
 *   state     random state, trees and background trees (ml/tree_io.c), detectors, scores: version 1
 *   cost      n_models trees a row, more while background trees learn
 *   memory    max_size bounds each tree
 *   order     rows one by one: the same bits for any batch size; draws come from the learner's own
 *             generator
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/max_features.h"
#include "ml/tree.h"

#include <math.h>
#include <string.h>

enum aggregation { AGGREGATE_MEDIAN, AGGREGATE_MEAN };
static const char *const aggregations[] = {"median", "mean", NULL};

struct options {
    struct tree_options tree;
    const char *max_features;
    int64_t n_models;
    double lambda_value, drift_delta, warning_delta;
    int aggregation_method, weighted_vote;
};

struct member {
    struct tree *tree, *background; /* NULL: none */
    struct adwin *warning, *drift;
    double rows, score;  /* since the tree began: rows, and right ones or squared errors */
    struct moments norm; /* of the errors of values */
};

struct forest {
    const struct options *options;
    struct tree_setup setup; /* of each tree */
    struct random random;
    uint32_t n, classes;
    struct member *member;
    double *out; /* a number per class or per tree */
};

/* Whether trees vote with weights: by default those of classes. */
static const char *const votes[] = {"auto", "true", "false", NULL};

static const struct config_field fields[] = {
    TREE_FIELDS("50", "0.01"),
    {"n_models", CONFIG_LONG, offsetof(struct options, n_models), .def = "10", .min = 1,
     .max = 1000, .doc = "trees"},
    {"max_features", CONFIG_TEXT, offsetof(struct options, max_features), .def = "sqrt",
     .doc = "columns a leaf looks at: sqrt, log2, all, a number, or a share such as 0.5"},
    {"lambda_value", CONFIG_DOUBLE, offsetof(struct options, lambda_value), .def = "6",
     .min = 0.001, .max = 1000, .doc = "mean of how many times a tree learns a row"},
    {"aggregation_method", CONFIG_ENUM, offsetof(struct options, aggregation_method),
     .def = "median", .values = aggregations, .doc = "how the values of the trees become one"},
    {"disable_weighted_vote", CONFIG_ENUM, offsetof(struct options, weighted_vote), .def = "auto",
     .values = votes, .doc = "all trees count the same; auto: for values only"},
    {"drift_delta", CONFIG_DOUBLE, offsetof(struct options, drift_delta), .def = "0.001", .min = 0,
     .max = 1, .doc = "delta of the ADWIN that replaces a tree; 0: none is replaced"},
    {"warning_delta", CONFIG_DOUBLE, offsetof(struct options, warning_delta), .def = "0.01",
     .min = 0, .max = 1,
     .doc = "delta of the ADWIN that begins a background tree; 0: none is begun"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"n_estimators", "n_models"},
    {"drift_detector", "drift_delta"},
    {"warning_detector", "warning_delta"},
    {"lambda", "lambda_value"},
    {"criterion", "split_criterion"},
    {"splitter", "n_splits or digits"},
    {"leaf_model", "leaf_prediction"},
    {"nominal_attributes", "features: strings are categories"},
    {0},
};

static int forest_check(const void *options, struct err *e)
{
    const struct options *o = options;
    return max_features_check(o->max_features, e);
}

static void forest_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    tree_options_layout(&o->tree, words);
    buffer_printf(words, "n_models %lld, max_features %s\n", (long long)o->n_models,
                  o->max_features);
}

static struct adwin *new_detector(double delta)
{
    struct adwin_config config = adwin_config_default;
    config.delta = delta;
    return delta > 0 ? adwin_new(&config) : NULL;
}

static void *forest_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct forest *m = mem_zalloc(sizeof(*m));
    m->options = o;
    m->n = (uint32_t)o->n_models;
    random_seed(&m->random, setup->seed, 1);
    m->setup = (struct tree_setup){
        .options = &o->tree,
        .column = setup->column,
        .ncolumns = setup->ncolumns,
        .task = setup->task,
        .max_features = max_features(o->max_features, setup->ncolumns, true),
        .random = &m->random,
    };
    m->member = mem_zalloc(m->n * sizeof(*m->member));
    for (uint32_t i = 0; i < m->n; i++) {
        m->member[i].tree = tree_new(&m->setup);
        m->member[i].drift = new_detector(o->drift_delta);
        m->member[i].warning = new_detector(o->warning_delta);
    }
    m->out = mem_array(m->n, sizeof(*m->out));
    return m;
}

static void forest_close(void *l)
{
    struct forest *m = l;
    for (uint32_t i = 0; i < m->n; i++) {
        tree_free(m->member[i].tree);
        tree_free(m->member[i].background);
        adwin_free(m->member[i].drift);
        adwin_free(m->member[i].warning);
    }
    mem_free(m->member);
    mem_free(m->out);
    mem_free(m);
}

static void forest_grow(void *l, uint32_t classes)
{
    struct forest *m = l;
    if (classes <= m->classes) {
        return;
    }
    m->classes = classes;
    m->out = mem_resize(m->out, m->n > classes ? m->n : classes, sizeof(*m->out));
    for (uint32_t i = 0; i < m->n; i++) {
        tree_grow(m->member[i].tree, classes);
        if (m->member[i].background) {
            tree_grow(m->member[i].background, classes);
        }
    }
}

/* ---- predict ----------------------------------------------------------------------------------
 */

static bool is_weighted(const struct forest *m)
{
    bool is_auto = m->options->weighted_vote == 0, is_disabled = m->options->weighted_vote == 1;
    return is_auto ? m->setup.task == LEARN_CLASSES : !is_disabled;
}

static void predict_classes(struct forest *m, const double *x, double *out)
{
    double sum = 0;
    memset(out, 0, m->classes * sizeof(*out));
    for (uint32_t i = 0; i < m->n; i++) {
        const struct member *t = &m->member[i];
        if (t->tree->root < 0) {
            continue;
        }
        double weight = is_weighted(m) && t->score > 0 ? t->score / t->rows : 1;
        tree_predict(t->tree, x, m->out);
        for (uint32_t c = 0; c < m->classes; c++) {
            out[c] += weight * m->out[c];
        }
    }
    for (uint32_t c = 0; c < m->classes; c++) {
        sum += out[c];
    }
    for (uint32_t c = 0; c < m->classes; c++) {
        out[c] = sum > 0 ? out[c] / sum : 1.0 / m->classes;
    }
}

static double median(double *v, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++) {
        double x = v[i];
        uint32_t j = i;
        for (; j > 0 && v[j - 1] > x; j--) {
            v[j] = v[j - 1];
        }
        v[j] = x;
    }
    return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static double predict_value(struct forest *m, const double *x)
{
    double errors = 0, sum = 0, weights = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        const struct member *t = &m->member[i];
        tree_predict(t->tree, x, &m->out[i]);
        errors += t->rows > 0 ? t->score / t->rows : 0;
    }
    if (m->options->aggregation_method == AGGREGATE_MEDIAN) {
        return median(m->out, m->n);
    }
    for (uint32_t i = 0; i < m->n; i++) {
        const struct member *t = &m->member[i];
        double error = t->rows > 0 ? t->score / t->rows : 0;
        double weight = is_weighted(m) && errors > 0 && m->n > 1 ? 1 - error / errors : 1;
        sum += weight * m->out[i];
        weights += weight;
    }
    return sum / weights;
}

static void forest_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct forest *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        const double *row = x + (size_t)r * m->setup.ncolumns;
        if (m->setup.task == LEARN_CLASSES) {
            predict_classes(m, row, out + (size_t)r * stride);
        } else {
            out[(size_t)r * stride] = predict_value(m, row);
        }
    }
}

/* ---- learn ------------------------------------------------------------------------------------
 */

/* What the detectors of a tree are given. */
static double detector_input(struct forest *m, struct member *t, double y, double predicted)
{
    double error = y - predicted;
    if (m->setup.task == LEARN_CLASSES) {
        return error != 0;
    }
    moments_add(&t->norm, error, 1);
    double deviation = sqrt(moments_variance(&t->norm));
    return deviation > 0 ? (error + 3 * deviation) / (6 * deviation) : 0.5;
}

static void begin_background(struct forest *m, struct member *t)
{
    tree_free(t->background);
    t->background = tree_new(&m->setup);
    tree_grow(t->background, m->classes);
    adwin_reset(t->warning);
}

static void replace_tree(struct member *t)
{
    if (t->background) {
        tree_free(t->tree);
        t->tree = t->background;
        t->background = NULL;
        adwin_reset(t->warning);
    } else {
        tree_clear(t->tree);
    }
    adwin_reset(t->drift);
    t->rows = t->score = 0;
}

static void learn_member(struct forest *m, struct member *t, const double *x, double y, double w)
{
    double times = w * random_poisson(&m->random, m->options->lambda_value);
    if (t->background && times > 0) {
        tree_learn(t->background, x, y, times);
    }
    double predicted = tree_learn(t->tree, x, y, times);
    bool is_classes = m->setup.task == LEARN_CLASSES;
    t->score += is_classes ? predicted == y : (y - predicted) * (y - predicted);
    t->rows++;
    if (!(times > 0)) {
        return;
    }
    double input = detector_input(m, t, y, predicted);
    if (t->warning && adwin_update(t->warning, input)) {
        begin_background(m, t);
    }
    if (t->drift && adwin_update(t->drift, input)) {
        replace_tree(t);
    }
}

static void forest_learn(void *l, const double *x, uint32_t rows, const double *y, const double *w)
{
    struct forest *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        double weight = w ? w[r] : 1;
        for (uint32_t i = 0; weight > 0 && i < m->n; i++) {
            learn_member(m, &m->member[i], x + (size_t)r * m->setup.ncolumns, y[r], weight);
        }
    }
}

/* ---- snapshot ---------------------------------------------------------------------------------
 */

static int member_io(struct forest *m, struct member *t, struct snapshot *s)
{
    uint32_t has_background = t->background != NULL;
    tree_io(t->tree, s);
    snapshot_u32(s, &has_background);
    if (s->status < 0 || has_background > (m->options->warning_delta > 0)) {
        s->status = -ERR_DATA;
        return s->status;
    }
    if (s->loading && has_background) {
        begin_background(m, t);
    }
    if (has_background) {
        tree_io(t->background, s);
    }
    snapshot_double(s, &t->rows);
    snapshot_double(s, &t->score);
    snapshot_double(s, &t->norm.n);
    snapshot_double(s, &t->norm.mean);
    snapshot_double(s, &t->norm.s);
    if (s->status == 0 && t->warning) {
        adwin_io(t->warning, s);
    }
    if (s->status == 0 && t->drift) {
        adwin_io(t->drift, s);
    }
    return s->status;
}

static int forest_io(void *l, struct snapshot *s)
{
    struct forest *m = l;
    uint32_t n = m->n, classes = m->classes;
    uint32_t detectors = m->options->warning_delta > 0;
    detectors += m->options->drift_delta > 0 ? 2 : 0;
    uint32_t expected = detectors;
    snapshot_version(s, 1);
    snapshot_u32(s, &n);
    snapshot_u32(s, &classes);
    snapshot_u32(s, &detectors);
    if (s->status < 0 || n != m->n || classes > CLASSES_MAX || detectors != expected) {
        s->status = -ERR_DATA;
        return s->status;
    }
    tree_random_io(&m->random, s);
    if (s->loading) {
        forest_grow(m, classes);
    }
    for (uint32_t i = 0; i < m->n && s->status == 0; i++) {
        member_io(m, &m->member[i], s);
        const struct member *t = &m->member[i];
        if (t->tree->classes > m->classes ||
            (t->background && t->background->classes > m->classes)) {
            s->status = -ERR_DATA; /* out has no room for them */
        }
    }
    return snapshot_status(s);
}

static uint64_t forest_size(const void *l)
{
    const struct forest *m = l;
    uint64_t size = sizeof(*m) + m->n * (sizeof(*m->member) + sizeof(*m->out));
    for (uint32_t i = 0; i < m->n; i++) {
        const struct member *t = &m->member[i];
        size += tree_size(t->tree) + (t->background ? tree_size(t->background) : 0);
        size += t->warning ? adwin_size(t->warning) : 0;
        size += t->drift ? adwin_size(t->drift) : 0;
    }
    return size;
}

const struct learner_def learner_adaptive_random_forest = {
    .name = "adaptive_random_forest",
    .doc = "Hoeffding trees over random columns and rows; those whose errors rise are replaced",
    .tasks = LEARN_CLASSES | LEARN_VALUES,
    .takes_categories = true,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = aliases,
    .version = 1,
    .layout = forest_layout,
    .check = forest_check,
    .open = forest_open,
    .grow = forest_grow,
    .predict = forest_predict,
    .learn = forest_learn,
    .io = forest_io,
    .size = forest_size,
    .close = forest_close,
};
