/* random_forest: trees grown from all rows of a window at once (Breiman, "Random forests", Machine
 * Learning 45, 2001). Options and defaults are those of scikit-learn 1.9's
 * ensemble.RandomForestClassifier and RandomForestRegressor, but for n_models (n_estimators).
 *
 *   fit       each tree learns as many rows as there are, drawn with replacement (bootstrap), and looks
 *             at max_features random columns per split: ml/cart.c
 *   predict   classes: mean of the shares in the leaves; values: mean of their means
 *   nothing learned   classes: the same for all; values: 0
 *
 *   state     classes; per tree its nodes and leaves: version 1
 *   cost      fit: n_models * rows * log(rows)^2 * columns looked at; predict: n_models walks. Where
 *             each split takes a row or two off, depth comes in place of one log(rows): hence
 *             max_depth, which scikit-learn does not bound
 *   memory    16 bytes a node and 8 a class and leaf, bounded by max_size: the deepest splits of every
 *             tree are not made where they would go beyond
 *   order     fit is the same for the same rows in the same order; draws follow from the seed
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/cart.h"
#include "ml/max_features.h"

#include <string.h>

struct options {
    const char *max_features;
    int64_t n_models, max_depth, min_samples_split, min_samples_leaf;
    double max_size;
    int criterion;
    bool bootstrap;
};

struct forest {
    const struct options *options;
    const struct learner_column *column;
    enum learner_task task;
    uint32_t columns, classes;
    uint32_t width; /* numbers in a leaf; 0 before fit */
    uint64_t seed;
    struct cart *tree;
};

static const char *const criteria[] = {"gini", "entropy", "squared_error", NULL};

static const struct config_field fields[] = {
    {"n_models", CONFIG_LONG, offsetof(struct options, n_models), .def = "100", .min = 1,
     .max = 10000, .doc = "trees"},
    {"criterion", CONFIG_ENUM, offsetof(struct options, criterion), .def = "gini",
     .values = criteria,
     .doc = "what a split of classes minimises; of values it is always squared_error"},
    {"max_depth", CONFIG_LONG, offsetof(struct options, max_depth), .def = "200", .min = 1,
     .max = 1e6,
     .doc = "leaves this deep are split no more: it is columns that tell nothing which "
            "make deeper trees, and their cost is the square of the rows"},
    {"min_samples_split", CONFIG_LONG, offsetof(struct options, min_samples_split), .def = "2",
     .min = 2, .max = 1e9, .doc = "rows that a node must have to be split"},
    {"min_samples_leaf", CONFIG_LONG, offsetof(struct options, min_samples_leaf), .def = "1",
     .min = 1, .max = 1e9, .doc = "rows that a leaf must have"},
    {"max_features", CONFIG_TEXT, offsetof(struct options, max_features), .def = "auto",
     .doc = "columns looked at per split: sqrt, log2, all, a number, or a share such as 0.5; auto: "
            "sqrt for classes, all for values"},
    {"bootstrap", CONFIG_BOOLEAN, offsetof(struct options, bootstrap), .def = "true",
     .doc = "each tree learns rows drawn with replacement; otherwise all rows"},
    {"max_size", CONFIG_DOUBLE, offsetof(struct options, max_size), .def = "100", .min = 0.001,
     .max = 1e6, .doc = "MB that the forest may hold"},
    {0},
};

static const struct learner_alias aliases[] = {
    {"n_estimators", "n_models"},
    {"split_criterion", "criterion"},
    {"max_leaf_nodes", "max_size or max_depth"},
    {"random_state", "seed"},
    {"max_samples", "bootstrap"},
    {0},
};

static int forest_check(const void *options, struct err *e)
{
    const struct options *o = options;
    return strcmp(o->max_features, "auto") == 0 ? 0 : max_features_check(o->max_features, e);
}

static void forest_layout(const void *options, struct buffer *words)
{
    const struct options *o = options;
    buffer_printf(words, "n_models %lld\n", (long long)o->n_models);
}

static void *forest_open(const struct learner_setup *setup)
{
    struct forest *m = mem_zalloc(sizeof(*m));
    m->options = setup->options;
    m->column = setup->column;
    m->columns = setup->ncolumns;
    m->task = setup->task;
    m->seed = setup->seed;
    m->tree = mem_zalloc((size_t)m->options->n_models * sizeof(*m->tree));
    return m;
}

static void forest_close(void *l)
{
    struct forest *m = l;
    for (int64_t i = 0; i < m->options->n_models; i++) {
        cart_done(&m->tree[i]);
    }
    mem_free(m->tree);
    mem_free(m);
}

static void forest_grow(void *l, uint32_t classes)
{
    struct forest *m = l;
    m->classes = classes > m->classes ? classes : m->classes;
}

/* ---- fit -------------------------------------------------------------------------------------- */

static struct cart_options cart_options(const struct forest *m)
{
    const struct options *o = m->options;
    bool is_classes = m->task == LEARN_CLASSES, is_auto = strcmp(o->max_features, "auto") == 0;
    const char *features = is_auto ? is_classes ? "sqrt" : "all" : o->max_features;
    double node = (double)sizeof(struct cart_node) + m->width * 4.0; /* every second is a leaf */
    double nodes = o->max_size * 0x1p20 / (double)o->n_models / node;
    return (struct cart_options){
        .criterion = is_classes ? (enum cart_criterion)o->criterion : CART_SQUARED_ERROR,
        .max_depth = (uint32_t)o->max_depth,
        .min_samples_leaf = (uint32_t)o->min_samples_leaf,
        .min_samples_split = (uint32_t)o->min_samples_split,
        .max_features = max_features(features, m->columns, false),
        .max_nodes = nodes < 1           ? 1
                     : nodes < INT32_MAX ? (uint32_t)nodes
                                         : INT32_MAX,
    };
}

static void draw_rows(const struct forest *m, struct random *random, uint32_t rows, const double *w,
                      double *weight)
{
    for (uint32_t r = 0; r < rows; r++) {
        weight[r] = m->options->bootstrap ? 0 : 1;
    }
    for (uint32_t r = 0; m->options->bootstrap && r < rows; r++) {
        weight[random_below(random, rows)] += 1;
    }
    for (uint32_t r = 0; w && r < rows; r++) {
        weight[r] *= w[r];
    }
}

static void forest_fit(void *l, const double *x, uint32_t rows, const double *y, const double *w,
                       const struct cancel *c)
{
    struct forest *m = l;
    bool is_classes = m->task == LEARN_CLASSES;
    struct cart_table table;
    double centre = 0;
    if (rows == 0) {
        return;
    }
    m->width = is_classes ? m->classes : 1;
    struct cart_options o = cart_options(m);
    if (is_classes && o.criterion == CART_SQUARED_ERROR) {
        o.criterion = CART_GINI; /* of shares they are the same */
    }
    double *weight = mem_array(rows, sizeof(*weight)), *target = mem_array(rows, sizeof(*target));
    for (uint32_t r = 0; !is_classes && r < rows; r++) {
        centre += (y[r] - centre) / (r + 1.0);
    }
    for (uint32_t r = 0; r < rows; r++) {
        target[r] = y[r] - centre; /* so that sums of squares keep their digits */
    }
    cart_table_init(&table, x, target, rows, m->column, m->columns, is_classes ? m->classes : 0);
    for (int64_t i = 0; i < m->options->n_models && !cancel_is_set(c); i++) {
        struct random random;
        random_seed(&random, m->seed, (uint64_t)i + 1);
        draw_rows(m, &random, rows, w, weight);
        cart_done(&m->tree[i]);
        cart_grow(&m->tree[i], &table, &o, weight, &random);
        for (uint32_t k = 0; !is_classes && k < m->tree[i].leaves; k++) {
            m->tree[i].value[k] += centre;
        }
    }
    cart_table_done(&table);
    mem_free(weight);
    mem_free(target);
}

/* ---- predict ---------------------------------------------------------------------------------- */

static void predict_row(const struct forest *m, const double *x, double *out)
{
    uint32_t n = m->task == LEARN_CLASSES ? m->classes : 1, trees = 0;
    memset(out, 0, n * sizeof(*out));
    for (int64_t i = 0; i < m->options->n_models; i++) {
        if (m->tree[i].nodes == 0) {
            continue;
        }
        const double *value = cart_walk(&m->tree[i], x, m->width);
        trees++;
        for (uint32_t c = 0; c < m->width; c++) {
            out[c] += value[c];
        }
    }
    for (uint32_t c = 0; c < n; c++) {
        out[c] = trees > 0 ? out[c] / trees : m->task == LEARN_CLASSES ? 1.0 / n : 0;
    }
}

static void forest_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    const struct forest *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        predict_row(m, x + (size_t)r * m->columns, out + (size_t)r * stride);
    }
}

static int forest_io(void *l, struct snapshot *s)
{
    struct forest *m = l;
    uint32_t classes = m->classes;
    snapshot_version(s, 1);
    snapshot_u32(s, &classes);
    snapshot_u32(s, &m->width);
    if (s->loading) {
        forest_grow(m, classes);
    }
    uint32_t most = m->task == LEARN_CLASSES ? classes : 1;
    if (s->status < 0 || classes > CLASSES_MAX || m->width > most) {
        m->width = 0;
        s->status = -ERR_DATA;
    }
    for (int64_t i = 0; i < m->options->n_models && s->status == 0; i++) {
        cart_io(&m->tree[i], m->columns, m->width, s);
    }
    return snapshot_status(s);
}

static uint64_t forest_size(const void *l)
{
    const struct forest *m = l;
    uint64_t size = sizeof(*m);
    for (int64_t i = 0; i < m->options->n_models; i++) {
        size += sizeof(*m->tree) + cart_size(&m->tree[i], m->width);
    }
    return size;
}

const struct learner_def learner_random_forest = {
    .name = "random_forest",
    .doc = "many trees from the rows of a window, each over random rows and columns",
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
    .fit = forest_fit,
    .io = forest_io,
    .size = forest_size,
    .close = forest_close,
};
