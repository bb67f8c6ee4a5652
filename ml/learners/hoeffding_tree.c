/* hoeffding_tree: a decision tree that grows with the stream and splits a leaf once the best split
 * is the best with probability 1 - delta (Domingos and Hulten, KDD 2000). Options, defaults and
 * splits are those of River 0.26's tree.HoeffdingTreeClassifier and tree.HoeffdingTreeRegressor.
 *
 *   how       ml/tree.c: nodes and leaves; ml/tree_attempt.c: when to split, and the bound on memory;
 *             ml/tree_classes.c, ml/tree_values.c: what leaves know
 *   classes   probabilities of the leaf; the same for all classes before the first row
 *   values    0 before the first row
 *   state     the tree from the root down (ml/tree_io.c): version 1
 *   cost      depth + columns * classes a row; attempts every grace_period rows of a leaf
 *   memory    max_size
 *   one class, constant columns   the root stays a leaf
 *   order     rows one by one: the same bits for any batch size. Nothing is random
 */
#include "engine/learner.h"
#include "engine/memory.h"
#include "ml/tree.h"

#include <string.h>

static const struct config_field fields[] = {TREE_FIELDS("200", "1e-7"), {0}};

static void hoeffding_layout(const void *options, struct buffer *words)
{
    tree_options_layout(options, words);
}

static void *hoeffding_open(const struct learner_setup *setup)
{
    const struct tree_setup s = {
        .options = setup->options,
        .column = setup->column,
        .ncolumns = setup->ncolumns,
        .task = setup->task,
    };
    return tree_new(&s);
}

static void hoeffding_close(void *l)
{
    tree_free(l);
}

static void hoeffding_grow(void *l, uint32_t classes)
{
    tree_grow(l, classes);
}

static void hoeffding_predict(void *l, const double *x, uint32_t rows, double *out, uint32_t stride)
{
    struct tree *t = l;
    for (uint32_t r = 0; r < rows; r++) {
        tree_predict(t, x + (size_t)r * t->setup.ncolumns, out + (size_t)r * stride);
    }
}

static void hoeffding_learn(void *l, const double *x, uint32_t rows, const double *y,
                            const double *w)
{
    struct tree *t = l;
    for (uint32_t r = 0; r < rows; r++) {
        if (!w || w[r] > 0) {
            tree_learn(t, x + (size_t)r * t->setup.ncolumns, y[r], w ? w[r] : 1);
        }
    }
}

static int hoeffding_io(void *l, struct snapshot *s)
{
    snapshot_version(s, 1);
    return tree_io(l, s);
}

static uint64_t hoeffding_size(const void *l)
{
    return tree_size(l);
}

const struct learner_def learner_hoeffding_tree = {
    .name = "hoeffding_tree",
    .doc = "a decision tree that grows with the stream; naive Bayes or linear models in its leaves",
    .tasks = LEARN_CLASSES | LEARN_VALUES,
    .takes_categories = true,
    .options = fields,
    .options_size = sizeof(struct tree_options),
    .aliases = tree_aliases,
    .version = 1,
    .layout = hoeffding_layout,
    .open = hoeffding_open,
    .grow = hoeffding_grow,
    .predict = hoeffding_predict,
    .learn = hoeffding_learn,
    .io = hoeffding_io,
    .size = hoeffding_size,
    .close = hoeffding_close,
};
