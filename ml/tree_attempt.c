/* An attempt to split a leaf, and the bound on what a tree holds.
 *
 *   candidates  the best split of every column the leaf looks at, and not to split (merit_preprune)
 *   classes     the best is taken when it leads the second by more than the Hoeffding bound of the
 *               leaf's weight, or when the bound is below tau: the two are as good as equal
 *   values      the same of their ratio; the best must reduce variance at all. After an attempt that
 *               failed, thresholds far from the best go (tree_order_prune)
 *   none        when the best is not to split, or one class has more than max_share_to_split of the
 *               leaf, it forgets what it saw and begins to look anew (so does River, by way of its
 *               memory management)
 *   bound       a tree over max_size takes from its leaves what splits need, those of least promise
 *               first, until nine tenths of max_size remain; promise: weight outside the majority
 *               class, or, for values, fewer levels above. Such a leaf goes on predicting and
 *               learning its class weights, mean and model, but is split no more; nor is any leaf while
 *               the tree is over
 */
#include "engine/memory.h"
#include "ml/tree.h"
#include "ml/tree_internal.h"

#include <math.h>

struct contest {
    struct tree_split best, second;
    uint32_t n;
};

static void enter(struct contest *c, struct tree_split s)
{
    s.merit = isnan(s.merit) ? -HUGE_VAL : s.merit;
    if (c->n == 0 || s.merit >= c->best.merit) {
        c->second = c->best;
        c->best = s;
    } else if (c->n == 1 || s.merit >= c->second.merit) {
        c->second = s;
    }
    c->n++;
}

static bool is_too_pure(const struct tree *t, const struct tree_classes *l)
{
    double most = l->slot[tree_classes_majority(l)].weight;
    return most / tree_classes_total(l) > t->setup.options->max_share_to_split;
}

static struct contest hold_contest(struct tree *t, const struct tree_leaf *l)
{
    const struct tree_options *o = t->setup.options;
    struct contest c = {.best.merit = -HUGE_VAL, .second.merit = -HUGE_VAL};
    if (o->merit_preprune) {
        enter(&c, (struct tree_split){.merit = -HUGE_VAL});
    }
    uint32_t places = l->view.numbers + l->view.categories;
    for (uint32_t i = 0; i < places; i++) {
        if (tree_is_classes(t)) {
            double *scratch = tree_scratch(t, 2 * (size_t)l->classes.n + 2);
            enter(&c, tree_classes_best(&l->classes, &l->view, i, o, scratch));
        } else {
            enter(&c, tree_values_best(&l->values, &l->view, i, o));
        }
    }
    return c;
}

static bool wins(const struct tree *t, const struct contest *c, double bound)
{
    const struct tree_options *o = t->setup.options;
    if (c->n < 2) {
        return c->n > 0;
    }
    if (tree_is_classes(t)) {
        return c->best.merit - c->second.merit > bound || bound < o->tau;
    }
    return c->best.merit > 0 && (c->second.merit / c->best.merit < 1 - bound || bound < o->tau);
}

static void forget(struct tree *t, struct tree_leaf *l)
{
    if (tree_is_classes(t)) {
        tree_classes_forget(&l->classes, &l->view);
    } else {
        tree_values_forget(&l->values, &l->view);
    }
    tree_count_bytes(t, l);
}

static uint32_t count_children(const struct tree *t, const struct tree_leaf *l,
                               const struct tree_split *s)
{
    if (s->kind != TREE_VALUES) {
        return 2;
    }
    return tree_is_classes(t) ? l->classes.counts[s->place - l->view.numbers].n
                              : l->values.order[s->place].n;
}

static int32_t category_at(const struct tree *t, const struct tree_leaf *l,
                           const struct tree_split *s, uint32_t i)
{
    return tree_is_classes(t) ? l->classes.counts[s->place - l->view.numbers].value[i]
                              : tree_category(l->values.order[s->place].value[i]);
}

/* What the children begin with, moved into leaves of their own. */
static int32_t plant(struct tree *t, uint32_t depth, const struct tree_leaf *content)
{
    int32_t node = tree_add_leaf(t, depth);
    struct tree_leaf *l = &t->leaf[t->node[node].left];
    if (tree_is_classes(t)) {
        l->classes = content->classes;
    } else {
        l->values = content->values;
    }
    l->last_attempt = tree_leaf_total(t, l);
    tree_count_bytes(t, l);
    return node;
}

static void divide(struct tree *t, const struct tree_leaf *l, const struct tree_split *s,
                   struct tree_leaf *child, uint32_t n)
{
    struct tree_classes *classes = mem_zalloc(n * sizeof(*classes));
    struct tree_values *values = mem_zalloc(n * sizeof(*values));
    if (tree_is_classes(t)) {
        double *scratch = tree_scratch(t, 2 * (size_t)l->classes.n + 2);
        tree_classes_divide(&l->classes, &l->view, s, classes, scratch);
    } else {
        tree_values_divide(&l->values, &l->view, s, &t->whole, values);
    }
    for (uint32_t i = 0; i < n; i++) {
        if (tree_is_classes(t)) {
            child[i].classes = classes[i];
        } else {
            child[i].values = values[i];
        }
    }
    mem_free(classes);
    mem_free(values);
}

static void split(struct tree *t, int32_t node, const struct tree_split *s)
{
    int32_t leaf = t->node[node].left, left = -1, right = -1;
    const struct tree_leaf *l = &t->leaf[leaf];
    uint32_t n = count_children(t, l, s), depth = t->node[node].depth + 1U;
    struct tree_node branch = {.threshold = s->threshold,
                               .column = l->view.column[s->place],
                               .depth = t->node[node].depth,
                               .kind = (uint16_t)s->kind};
    struct tree_leaf *child = mem_zalloc(n * sizeof(*child));
    divide(t, l, s, child, n);
    if (s->kind == TREE_VALUES) {
        left = tree_add_ways(t, n);
        for (uint32_t i = 0; i < n; i++) {
            int32_t value = category_at(t, &t->leaf[leaf], s, i);
            t->ways[left].way[i] = (struct tree_way){value, plant(t, depth, &child[i])};
        }
    } else {
        left = plant(t, depth, &child[0]);
        right = plant(t, depth, &child[1]);
    }
    mem_free(child);
    tree_drop_leaf(t, leaf);
    branch.left = left;
    branch.right = right;
    t->node[node] = branch;
    if (t->watch) {
        adwin_free(t->watch[node].adwin);
        t->watch[node] = (struct tree_watch){.alternate = -1};
    }
}

void tree_attempt(struct tree *t, int32_t node)
{
    const struct tree_options *o = t->setup.options;
    struct tree_leaf *l = &t->leaf[t->node[node].left];
    bool is_over = (double)t->bytes > o->max_size * 0x1p20;
    struct contest c = {0};
    double range = 1;
    if (is_over || (tree_is_classes(t) && tree_classes_is_pure(&l->classes))) {
        return;
    }
    if (tree_is_classes(t)) {
        range = tree_merit_range(o, l->classes.n);
        if (is_too_pure(t, &l->classes)) {
            forget(t, l);
            return;
        }
    }
    c = hold_contest(t, l);
    double bound = tree_hoeffding_bound(range, o->delta, tree_leaf_total(t, l));
    if (wins(t, &c, bound)) {
        if (c.best.merit > -HUGE_VAL) {
            split(t, node, &c.best);
        } else {
            forget(t, l);
        }
    } else if (!tree_is_classes(t) && c.n >= 2 && c.second.merit > 0) {
        tree_values_prune(&l->values, &l->view, o, c.best.merit,
                          c.second.merit / c.best.merit - 2 * bound);
        tree_count_bytes(t, l);
    }
}

static double promise(const struct tree *t, int32_t node)
{
    const struct tree_leaf *l = &t->leaf[t->node[node].left];
    if (!tree_is_classes(t)) {
        return -(double)t->node[node].depth;
    }
    int32_t most = tree_classes_majority(&l->classes);
    return most < 0 ? 0 : tree_classes_total(&l->classes) - l->classes.slot[most].weight;
}

struct weakest {
    int32_t node;
    double promise;
};

/* The active leaf of least promise from here down, the first of equals in the order of branches. */
static void find_weakest(const struct tree *t, int32_t node, struct weakest *w)
{
    const struct tree_node *n = &t->node[node];
    if (t->watch && t->watch[node].alternate >= 0) {
        find_weakest(t, t->watch[node].alternate, w);
    }
    if (n->kind == TREE_LEAF) {
        double p = promise(t, node);
        if (t->leaf[n->left].is_active && (w->node < 0 || p < w->promise)) {
            *w = (struct weakest){node, p};
        }
    } else if (n->kind == TREE_VALUES) {
        for (uint32_t i = 0; i < t->ways[n->left].n; i++) {
            find_weakest(t, t->ways[n->left].way[i].node, w);
        }
    } else {
        find_weakest(t, n->left, w);
        find_weakest(t, n->right, w);
    }
}

void tree_shrink(struct tree *t)
{
    double enough = 0.9 * t->setup.options->max_size * 0x1p20;
    while ((double)t->bytes > enough) {
        struct weakest w = {.node = -1};
        find_weakest(t, t->root, &w);
        if (w.node < 0) {
            return;
        }
        struct tree_leaf *l = &t->leaf[t->node[w.node].left];
        l->is_active = false;
        forget(t, l);
    }
}
