/* hoeffding_adaptive_tree: a Hoeffding tree whose branches watch their own errors and are replaced
 * when these rise (Bifet and Gavalda, IDA 2009). Options and defaults are those of River 0.26's
 * tree.HoeffdingAdaptiveTreeClassifier and tree.HoeffdingAdaptiveTreeRegressor.
 *
 *   how       ml/tree_adapt.c: watches and alternates; ml/tree.c and what it names: the tree itself
 *   state     random state, the tree from the root down with its watches (ml/tree_io.c): version 1
 *   cost      that of hoeffding_tree, an ADWIN per level, two where an alternate learns
 *   memory    max_size; a watch counts as 1 kB
 *   one class, constant columns   the root stays a leaf
 *   order     rows one by one: the same bits for any batch size; bootstrap_sampling draws from the
 *             learner's own generator
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "ml/tree.h"

struct options {
    struct tree_options tree;
    int64_t drift_window_threshold;
    double switch_significance, drift_delta;
    bool bootstrap_sampling;
};

struct adaptive_tree {
    struct random random;
    struct tree_adaptive adaptive;
    struct tree *tree;
    uint32_t columns;
};

static const struct config_field fields[] = {
    TREE_FIELDS("200", "1e-7"),
    {"bootstrap_sampling", CONFIG_BOOLEAN, offsetof(struct options, bootstrap_sampling),
     .def = "true", .doc = "a row counts a random number of times in a leaf (Poisson of 1)"},
    {"drift_window_threshold", CONFIG_LONG, offsetof(struct options, drift_window_threshold),
     .def = "300", .min = 1, .max = 1e9,
     .doc = "rows that a branch and its alternate must have seen to be compared"},
    {"switch_significance", CONFIG_DOUBLE, offsetof(struct options, switch_significance),
     .def = "0.05", .min = 1e-300, .max = 1,
     .doc = "probability of preferring an alternate that is no better"},
    {"drift_delta", CONFIG_DOUBLE, offsetof(struct options, drift_delta), .def = "0.002",
     .min = 1e-300, .max = 1, .doc = "delta of the ADWIN in each node"},
    {0},
};

static void adaptive_layout(const void *options, struct buffer *words)
{
    tree_options_layout(options, words);
}

static void *adaptive_open(const struct learner_setup *setup)
{
    const struct options *o = setup->options;
    struct adaptive_tree *m = mem_zalloc(sizeof(*m));
    random_seed(&m->random, setup->seed, 1);
    m->columns = setup->ncolumns;
    m->adaptive = (struct tree_adaptive){
        .adwin = adwin_config_default,
        .drift_window_threshold = o->drift_window_threshold,
        .switch_significance = o->switch_significance,
        .bootstrap_sampling = o->bootstrap_sampling,
    };
    m->adaptive.adwin.delta = o->drift_delta;
    const struct tree_setup s = {
        .options = &o->tree,
        .column = setup->column,
        .ncolumns = setup->ncolumns,
        .task = setup->task,
        .random = &m->random,
        .adaptive = &m->adaptive,
    };
    m->tree = tree_new(&s);
    return m;
}

static void adaptive_close(void *l)
{
    struct adaptive_tree *m = l;
    tree_free(m->tree);
    mem_free(m);
}

static void adaptive_grow(void *l, uint32_t classes)
{
    struct adaptive_tree *m = l;
    tree_grow(m->tree, classes);
}

static void adaptive_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct adaptive_tree *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        tree_predict(m->tree, x + (size_t)r * m->columns, out + (size_t)r * stride);
    }
}

static void adaptive_learn(void *l, const double *x, uint32_t rows, const double *y,
                           const double *w)
{
    struct adaptive_tree *m = l;
    for (uint32_t r = 0; r < rows; r++) {
        if (!w || w[r] > 0) {
            tree_learn(m->tree, x + (size_t)r * m->columns, y[r], w ? w[r] : 1);
        }
    }
}

static int adaptive_io(void *l, struct snapshot *s)
{
    struct adaptive_tree *m = l;
    snapshot_version(s, 1);
    tree_random_io(&m->random, s);
    return tree_io(m->tree, s);
}

static uint64_t adaptive_size(const void *l)
{
    const struct adaptive_tree *m = l;
    return sizeof(*m) + tree_size(m->tree);
}

const struct learner_def learner_hoeffding_adaptive_tree = {
    .name = "hoeffding_adaptive_tree",
    .doc = "a Hoeffding tree that replaces branches whose errors rise",
    .tasks = LEARN_CLASSES | LEARN_VALUES,
    .takes_categories = true,
    .options = fields,
    .options_size = sizeof(struct options),
    .aliases = tree_aliases,
    .version = 1,
    .layout = adaptive_layout,
    .open = adaptive_open,
    .grow = adaptive_grow,
    .predict = adaptive_predict,
    .learn = adaptive_learn,
    .io = adaptive_io,
    .size = adaptive_size,
    .close = adaptive_close,
};
