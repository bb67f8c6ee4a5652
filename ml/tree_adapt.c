/* Hoeffding adaptive tree (Bifet and Gavalda, "Adaptive learning from evolving data streams", IDA
 * 2009), as River 0.26's HoeffdingAdaptiveTreeClassifier and -Regressor do it.
 *
 *   watch      every node has an ADWIN over the errors of what it predicts (0 or 1; or the absolute
 *              error) and the mean of these errors
 *   branch     when its ADWIN sees a change for the worse, a new leaf, the alternate, begins to learn
 *              beside it (a change for the better only begins the mean anew)
 *   alternate  takes the branch's place when it is better, and goes when it is worse, both after
 *              drift_window_threshold rows:
 *                  classes  |e1 - e2| > sqrt(2 e1 (1 - e1) ln(2 / switch_significance) (1/n1 + 1/n2))
 *                  values   two-sided z test of the two means at switch_significance
 *              One that finds a split of its own takes the place at once. What goes learns the row
 *              before it does: it draws numbers as River's does, and the next rows get the same ones
 *   leaf       bootstrap_sampling: a row counts Poisson(1) times, and once when that is 0
 *   predict    classes: the leaf and the alternates of the branches above it, each weighted by
 *              1 / error^2; values: their mean
 */
#include "ml/tree.h"
#include "ml/tree_internal.h"

#include <math.h>

static double error_of(const struct tree *t, double predicted, double y)
{
    return tree_is_classes(t) ? predicted != y : fabs(y - predicted);
}

/* Adds an error to a watch; true when it tells of a change for the worse. */
static bool watch_error(struct tree *t, int32_t node, double error)
{
    struct tree_watch *w = &t->watch[node];
    if (!w->adwin) {
        w->adwin = adwin_new(&t->setup.adaptive->adwin);
    }
    double before = w->error.mean;
    bool has_changed = adwin_update(w->adwin, error);
    moments_add(&w->error, error, 1);
    if (has_changed && before > w->error.mean) {
        w->error = (struct moments){0};
        has_changed = false;
    }
    return has_changed;
}

static void learn_leaf(struct tree *t, int32_t node, const double *x, double y, double w,
                       double predicted)
{
    int times = t->setup.adaptive->bootstrap_sampling ? random_poisson(t->setup.random, 1) : 1;
    watch_error(t, node, error_of(t, predicted, y));
    tree_leaf_learn(t, node, x, y, times > 1 ? w * times : w);
}

/* Puts the alternate in place of its branch, which goes with all below it. */
static void take_place(struct tree *t, int32_t parent, int32_t node)
{
    int32_t alternate = t->watch[node].alternate;
    t->watch[node].alternate = -1;
    if (parent < 0) {
        t->root = alternate;
    } else if (t->node[parent].kind == TREE_VALUES) {
        struct tree_ways *w = &t->ways[t->node[parent].left];
        for (uint32_t i = 0; i < w->n; i++) {
            w->way[i].node = w->way[i].node == node ? alternate : w->way[i].node;
        }
    } else if (t->node[parent].left == node) {
        t->node[parent].left = alternate;
    } else {
        t->node[parent].right = alternate;
    }
    tree_drop(t, node);
}

static void drop_alternate(struct tree *t, int32_t node)
{
    tree_drop(t, t->watch[node].alternate);
    t->watch[node].alternate = -1;
}

/* Above 0: the alternate is better than its branch; below: worse; 0: cannot be told. */
static int compare(const struct tree *t, int32_t node)
{
    const struct tree_adaptive *o = t->setup.adaptive;
    const struct moments *a = &t->watch[node].error;
    const struct moments *b = &t->watch[t->watch[node].alternate].error;
    double least = (double)o->drift_window_threshold;
    if (!(a->n > least && b->n > least)) {
        return 0;
    }
    double d = a->mean - b->mean;
    bool differs;
    if (tree_is_classes(t)) {
        double n = 1 / a->n + 1 / b->n;
        double spread = 2 * a->mean * (1 - a->mean) * log(2 / o->switch_significance);
        differs = fabs(d) > sqrt(spread * n);
    } else {
        double deviation = sqrt(moments_variance(b) / b->n + moments_variance(a) / a->n);
        double p = erfc(fabs(d) / deviation / M_SQRT2);
        differs = deviation > 0 ? p <= o->switch_significance : d != 0;
    }
    return !differs ? 0 : d > 0 ? 1 : -1;
}

/* Learns the row; true when it found a split, which makes it a branch. */
static bool learn_alternate(struct tree *t, int32_t node, const double *x, double y, double w)
{
    int32_t alternate = t->watch[node].alternate;
    learn_leaf(t, alternate, x, y, w, tree_leaf_predict(t, alternate, x, NULL));
    return t->node[alternate].kind != TREE_LEAF;
}

/* What a branch does with a row before its child does; true when its alternate is to take its
 * place. One that is better does not learn this row, unless the branch is the root. */
static bool learn_branch(struct tree *t, int32_t node, const double *x, double y, double w,
                         double predicted)
{
    bool is_worse = watch_error(t, node, error_of(t, predicted, y));
    bool has_alternate = t->watch[node].alternate >= 0;
    int better = 0;
    if (is_worse && (tree_is_classes(t) || !has_alternate)) {
        if (has_alternate) {
            drop_alternate(t, node);
        }
        t->watch[node].error = (struct moments){0};
        int32_t alternate = tree_add_leaf(t, t->node[node].depth);
        t->watch[node].alternate = alternate;
    } else if (has_alternate) {
        better = compare(t, node);
        if (better < 0) {
            drop_alternate(t, node);
        }
    }
    if (better > 0 && node != t->root) {
        return true;
    }
    bool has_split = t->watch[node].alternate >= 0 && learn_alternate(t, node, x, y, w);
    return better > 0 || has_split;
}

double tree_adapt_learn(struct tree *t, const double *x, double y, double w)
{
    int32_t at = t->root, parent = -1;
    int32_t replaced = -1, above = -1; /* the highest branch whose alternate takes its place */
    double predicted = tree_leaf_predict(t, tree_find(t, at, x), x, NULL), here = predicted;
    if (!(w > 0)) {
        return predicted;
    }
    while (t->node[at].kind != TREE_LEAF) {
        if (learn_branch(t, at, x, y, w, predicted) && replaced < 0) {
            replaced = at;
            above = parent;
        }
        int32_t child = tree_child(t, at, x);
        if (child < 0) {
            child = tree_branch_out(t, at, x);
            here = child >= 0 ? tree_leaf_predict(t, child, x, NULL) : predicted;
            child = child >= 0 ? child : tree_common_child(t, at);
        }
        parent = at;
        at = child;
    }
    learn_leaf(t, at, x, y, w, here);
    if (replaced >= 0) {
        take_place(t, above, replaced);
    }
    return predicted;
}

/* Adds what a leaf predicts; returns whether it has anything to say. */
static bool add_leaf(struct tree *t, int32_t node, const double *x, double *out)
{
    double predicted = tree_leaf_predict(t, node, x, t->mix);
    if (predicted < 0) {
        return false;
    }
    double error = t->watch[node].error.mean, weight = 1 / (error * error);
    for (uint32_t c = 0; c < t->classes; c++) {
        out[c] += t->mix[c] * (error * error > 0 ? weight : 1);
    }
    return true;
}

static void predict_classes(struct tree *t, const double *x, double *out)
{
    int32_t at = t->root;
    double sum = 0;
    for (uint32_t c = 0; c < t->classes; c++) {
        out[c] = 0;
    }
    for (; t->node[at].kind != TREE_LEAF;) {
        if (t->watch[at].alternate >= 0) {
            add_leaf(t, t->watch[at].alternate, x, out);
        }
        int32_t child = tree_child(t, at, x);
        at = child >= 0 ? child : tree_common_child(t, at);
    }
    add_leaf(t, at, x, out);
    for (uint32_t c = 0; c < t->classes; c++) {
        sum += out[c];
    }
    if (!(sum > 0 && isfinite(sum))) {
        tree_leaf_predict(t, at, x, out);
        return;
    }
    for (uint32_t c = 0; c < t->classes; c++) {
        out[c] /= sum;
    }
}

void tree_adapt_predict(struct tree *t, const double *x, double *out)
{
    if (tree_is_classes(t)) {
        predict_classes(t, x, out);
        return;
    }
    int32_t at = t->root;
    double sum = 0, n = 1;
    while (t->node[at].kind != TREE_LEAF) {
        if (t->watch[at].alternate >= 0) {
            sum += tree_leaf_predict(t, t->watch[at].alternate, x, NULL);
            n++;
        }
        int32_t child = tree_child(t, at, x);
        at = child >= 0 ? child : tree_common_child(t, at);
    }
    *out = (sum + tree_leaf_predict(t, at, x, NULL)) / n;
}
