/* Hoeffding tree: nodes, and what its leaves predict and learn (Domingos and Hulten, "Mining
 * high-speed data streams", KDD 2000; values: FIMT-DD, see tree_order.c; defaults and details as
 * River 0.26).
 *
 *   pools     node[] (32 bytes each: a walk reads nothing else), leaf[], ways[] (children by
 *             category); a free list through each. In an adaptive tree watch[] lies beside node[]
 *
 *                 node 0 [x3 <= 0.5]  -> left 1, right 2
 *                 node 1 [leaf 0]        node 2 [x1: 0 -> 3, 4 -> 5, 7 -> 4]   ways 0
 *
 *   split     the leaf's node becomes the branch, its leaf goes back to the pool
 *   classes   a leaf that is nba takes naive Bayes when it was right at least as often as the
 *             majority (weights), which is counted for every row before it is learned
 *   unknown category   predicted the way most rows went; learned in a leaf of its own
 *   cost      a walk, a pass over the columns per class (naive Bayes), a pass to learn; an attempt to
 *             split every grace_period: columns * n_splits * classes
 *   memory    by content: nodes, leaves, statistics, against max_size (tree_attempt.c)
 *   order     rows one by one: the same bits for any batch size
 */
#include "ml/tree.h"

#include "engine/memory.h"
#include "ml/tree_internal.h"

#include <assert.h>
#include <math.h>
#include <string.h>

/* ---- pools ------------------------------------------------------------------------------------
 */

double *tree_scratch(struct tree *t, size_t n)
{
    if (n > t->scratch_room) {
        mem_free(t->scratch);
        t->scratch = mem_array(n, sizeof(*t->scratch));
        t->scratch_room = n;
    }
    return t->scratch;
}

static int32_t take_node(struct tree *t)
{
    int32_t i = t->free_node;
    if (i >= 0) {
        t->free_node = t->node[i].left;
        return i;
    }
    if (t->nodes == t->nodes_room) {
        t->nodes_room = t->nodes_room > 0 ? 2 * t->nodes_room : 4;
        t->node = mem_resize(t->node, t->nodes_room, sizeof(*t->node));
        if (t->setup.adaptive) {
            t->watch = mem_resize(t->watch, t->nodes_room, sizeof(*t->watch));
        }
    }
    return (int32_t)t->nodes++;
}

static int32_t take_leaf(struct tree *t)
{
    int32_t i = t->free_leaf;
    if (i >= 0) {
        t->free_leaf = t->leaf[i].next_free;
        return i;
    }
    if (t->leaves == t->leaves_room) {
        t->leaves_room = t->leaves_room > 0 ? 2 * t->leaves_room : 4;
        t->leaf = mem_resize(t->leaf, t->leaves_room, sizeof(*t->leaf));
    }
    return (int32_t)t->leaves++;
}

int32_t tree_add_leaf(struct tree *t, uint32_t depth)
{
    int32_t node = take_node(t), leaf = take_leaf(t);
    t->node[node] = (struct tree_node){.left = leaf, .depth = (uint16_t)depth, .kind = TREE_LEAF};
    if (t->watch) {
        t->watch[node] = (struct tree_watch){.alternate = -1};
    }
    struct tree_leaf *l = &t->leaf[leaf];
    *l = (struct tree_leaf){.view = t->whole,
                            .is_active = depth < (uint32_t)t->setup.options->max_depth};
    tree_count_bytes(t, l);
    return node;
}

int32_t tree_add_ways(struct tree *t, uint32_t n)
{
    int32_t i = t->free_ways;
    if (i >= 0) {
        t->free_ways = t->ways[i].next_free;
    } else {
        if (t->nways == t->ways_room) {
            t->ways_room = t->ways_room > 0 ? 2 * t->ways_room : 4;
            t->ways = mem_resize(t->ways, t->ways_room, sizeof(*t->ways));
        }
        i = (int32_t)t->nways++;
    }
    t->ways[i] = (struct tree_ways){.n = n, .way = mem_array(n + 1, sizeof(*t->ways[i].way))};
    return i;
}

void tree_drop_leaf(struct tree *t, int32_t leaf)
{
    struct tree_leaf *l = &t->leaf[leaf];
    if (tree_is_classes(t)) {
        tree_classes_done(&l->classes, &l->view);
    } else {
        tree_values_done(&l->values, &l->view);
    }
    t->bytes -= l->bytes;
    mem_free(l->sampled);
    *l = (struct tree_leaf){.next_free = t->free_leaf};
    t->free_leaf = leaf;
}

void tree_drop(struct tree *t, int32_t i)
{
    struct tree_node *n = &t->node[i];
    if (t->watch) {
        if (t->watch[i].alternate >= 0) {
            tree_drop(t, t->watch[i].alternate);
        }
        adwin_free(t->watch[i].adwin);
        t->watch[i] = (struct tree_watch){.alternate = -1};
    }
    if (n->kind == TREE_LEAF) {
        tree_drop_leaf(t, n->left);
    } else if (n->kind == TREE_VALUES) {
        struct tree_ways *w = &t->ways[n->left];
        for (uint32_t k = 0; k < w->n; k++) {
            tree_drop(t, w->way[k].node);
        }
        mem_free(w->way);
        *w = (struct tree_ways){.next_free = t->free_ways};
        t->free_ways = n->left;
    } else {
        tree_drop(t, n->left);
        tree_drop(t, n->right);
    }
    *n = (struct tree_node){.kind = TREE_FREE, .left = t->free_node};
    t->free_node = i;
}

static void set_columns(struct tree *t)
{
    const struct tree_setup *s = &t->setup;
    uint32_t n = 0;
    t->columns = mem_array(s->ncolumns + 1, sizeof(*t->columns));
    for (int is_category = 0; is_category < 2; is_category++) {
        for (uint32_t i = 0; i < s->ncolumns; i++) {
            if (s->column[i].is_category == (is_category != 0)) {
                t->columns[n++] = i;
            }
        }
        t->whole.numbers = is_category ? t->whole.numbers : n;
    }
    t->whole.categories = n - t->whole.numbers;
    t->whole.column = t->columns;
}

struct tree *tree_new(const struct tree_setup *setup)
{
    struct tree *t = mem_zalloc(sizeof(*t));
    t->setup = *setup;
    t->power_of_ten = 1;
    for (int64_t i = 0; i < setup->options->digits; i++) {
        t->power_of_ten *= 10;
    }
    t->root = t->free_node = t->free_leaf = t->free_ways = -1;
    set_columns(t);
    return t;
}

void tree_clear(struct tree *t)
{
    if (t->root >= 0) {
        tree_drop(t, t->root);
    }
    t->root = -1;
}

void tree_free(struct tree *t)
{
    if (!t) {
        return;
    }
    tree_clear(t);
    mem_free(t->node);
    mem_free(t->watch);
    mem_free(t->leaf);
    mem_free(t->ways);
    mem_free(t->columns);
    mem_free(t->scratch);
    mem_free(t->mix);
    mem_free(t);
}

void tree_grow(struct tree *t, uint32_t classes)
{
    if (classes <= t->classes) {
        return;
    }
    t->classes = classes;
    if (t->setup.adaptive) {
        t->mix = mem_resize(t->mix, classes, sizeof(*t->mix));
    }
}

/* ---- ways down --------------------------------------------------------------------------------
 */

static uint32_t find_way(const struct tree_ways *w, int32_t value)
{
    uint32_t low = 0, high = w->n;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (w->way[middle].value < value) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

int32_t tree_child(const struct tree *t, int32_t node, const double *x)
{
    const struct tree_node *n = &t->node[node];
    double value = x[n->column];
    if (n->kind == TREE_NUMBER) {
        return value <= n->threshold ? n->left : n->right;
    }
    if (n->kind == TREE_VALUE) {
        return value == n->threshold ? n->left : n->right;
    }
    const struct tree_ways *w = &t->ways[n->left];
    uint32_t at = find_way(w, tree_category(value));
    return at < w->n && w->way[at].value == tree_category(value) ? w->way[at].node : -1;
}

double tree_leaf_total(const struct tree *t, const struct tree_leaf *l)
{
    return tree_is_classes(t) ? tree_classes_total(&l->classes) : l->values.all.n;
}

static double weight_below(const struct tree *t, int32_t node)
{
    const struct tree_node *n = &t->node[node];
    double sum = 0;
    if (n->kind == TREE_LEAF) {
        return tree_leaf_total(t, &t->leaf[n->left]);
    }
    if (n->kind != TREE_VALUES) {
        return weight_below(t, n->left) + weight_below(t, n->right);
    }
    const struct tree_ways *w = &t->ways[n->left];
    for (uint32_t i = 0; i < w->n; i++) {
        sum += weight_below(t, w->way[i].node);
    }
    return sum;
}

int32_t tree_common_child(const struct tree *t, int32_t node)
{
    const struct tree_ways *w = &t->ways[t->node[node].left];
    int32_t best = w->way[0].node;
    double most = weight_below(t, best);
    for (uint32_t i = 1; i < w->n; i++) {
        double weight = weight_below(t, w->way[i].node);
        if (weight > most) {
            most = weight;
            best = w->way[i].node;
        }
    }
    return best;
}

int32_t tree_find(const struct tree *t, int32_t node, const double *x)
{
    while (t->node[node].kind != TREE_LEAF) {
        int32_t child = tree_child(t, node, x);
        node = child >= 0 ? child : tree_common_child(t, node);
    }
    return node;
}

int32_t tree_branch_out(struct tree *t, int32_t node, const double *x)
{
    int32_t value = tree_category(x[t->node[node].column]), i = t->node[node].left;
    bool is_full = t->ways[i].n >= TREE_CATEGORIES_MAX ||
                   (double)t->bytes > t->setup.options->max_size * 0x1p20;
    if (value < 0 || is_full) {
        return -1;
    }
    int32_t leaf = tree_add_leaf(t, t->node[node].depth + 1U);
    struct tree_ways *w = &t->ways[i];
    uint32_t at = find_way(w, value);
    w->way = mem_resize(w->way, w->n + 1, sizeof(*w->way));
    memmove(w->way + at + 1, w->way + at, (w->n - at) * sizeof(*w->way));
    w->way[at] = (struct tree_way){value, leaf};
    w->n++;
    return leaf;
}

/* ---- leaves -----------------------------------------------------------------------------------
 */

void tree_count_bytes(struct tree *t, struct tree_leaf *l)
{
    uint64_t bytes = sizeof(*l) + sizeof(struct tree_node);
    bytes += t->setup.adaptive ? sizeof(struct tree_watch) + 1024 : 0; /* a window of values */
    bytes += l->sampled ? t->setup.max_features * sizeof(*l->sampled) : 0;
    bytes += tree_is_classes(t) ? tree_classes_size(&l->classes, &l->view)
                                : tree_values_size(&l->values, &l->view, &t->whole);
    t->bytes += bytes - l->bytes;
    l->bytes = bytes;
}

static bool uses_bayes(const struct tree *t, const struct tree_leaf *l)
{
    const struct tree_options *o = t->setup.options;
    switch (tree_leaf_kind(o)) {
    case TREE_LEAF_ADAPTIVE:
        return l->is_active && l->classes.nb_right >= l->classes.mc_right;
    case TREE_LEAF_MODEL:
        return l->is_active && tree_classes_total(&l->classes) >= o->nb_threshold;
    case TREE_LEAF_CONSTANT:
        break;
    }
    return false;
}

static void spread(const struct tree *t, double *out)
{
    for (uint32_t c = 0; c < t->classes; c++) {
        out[c] = 1.0 / t->classes;
    }
}

/* Log votes, or weights, as probabilities. */
static void normalise(const struct tree *t, const struct tree_classes *l, const double *votes,
                      double most, double *out)
{
    double sum = 0;
    memset(out, 0, t->classes * sizeof(*out));
    for (uint32_t i = 0; i < l->n; i++) {
        double p = votes ? exp(votes[i] - most) : l->slot[i].weight;
        out[l->slot[i].class] = p;
        sum += p;
    }
    if (!(sum > 0)) {
        spread(t, out);
        return;
    }
    for (uint32_t c = 0; c < t->classes; c++) {
        out[c] /= sum;
    }
}

/* What the leaf says by these votes (NULL: by weight): of equal classes the first one known,
 * whichever of them the leaf has seen first; an adaptive tree judges its leaves by the first that
 * they have seen, both as River's do. -1: nothing. */
static double told_class(const struct tree *t, const struct tree_classes *c, const double *votes)
{
    const struct class_slot *best = c->n > 0 ? c->slot : NULL;
    double most = !best ? 0 : votes ? votes[0] : best->weight;
    for (uint32_t i = 1; i < c->n; i++) {
        double vote = votes ? votes[i] : c->slot[i].weight;
        bool is_first = !t->watch && c->slot[i].class < best->class;
        if (vote > most || (vote >= most && is_first)) {
            most = vote;
            best = &c->slot[i];
        }
    }
    return best ? (double)best->class : -1;
}

static double predict_classes(struct tree *t, const struct tree_leaf *l, const double *x,
                              double *out)
{
    const struct tree_classes *c = &l->classes;
    const double *votes = NULL;
    double most = 0;
    if (c->n > 0 && uses_bayes(t, l)) {
        double *scratch = tree_scratch(t, c->n);
        int32_t bayes = tree_classes_bayes(c, &l->view, x, scratch);
        if (bayes >= 0 && isfinite(scratch[bayes])) {
            most = scratch[bayes];
            votes = scratch;
        }
    }
    if (out) {
        normalise(t, c, votes, most, out);
    }
    return told_class(t, c, votes);
}

double tree_leaf_predict(struct tree *t, int32_t node, const double *x, double *out)
{
    const struct tree_leaf *l = &t->leaf[t->node[node].left];
    if (tree_is_classes(t)) {
        return predict_classes(t, l, x, out);
    }
    double y = tree_values_predict(&l->values, &t->whole, x, t->setup.options);
    if (out) {
        *out = y;
    }
    return y;
}

/* Draws the columns of a leaf that is about to see its first row: numbers first, in random order.
 */
static void sample_columns(struct tree *t, struct tree_leaf *l)
{
    uint32_t n = t->setup.ncolumns, k = t->setup.max_features;
    uint32_t *all = mem_array(n, sizeof(*all));
    l->sampled = mem_array(k, sizeof(*l->sampled));
    l->view = (struct tree_view){.column = l->sampled};
    memcpy(all, t->columns, n * sizeof(*all));
    for (uint32_t i = 0; i < k; i++) {
        uint32_t j = i + random_below(t->setup.random, n - i), column = all[j];
        all[j] = all[i];
        all[i] = column;
    }
    for (int is_category = 0; is_category < 2; is_category++) {
        for (uint32_t i = 0; i < k; i++) {
            if (t->setup.column[all[i]].is_category == (is_category != 0)) {
                l->sampled[l->view.numbers + l->view.categories] = all[i];
                *(is_category ? &l->view.categories : &l->view.numbers) += 1;
            }
        }
    }
    mem_free(all);
}

/* Learns a row; returns the class predicted before. */
static double learn_classes(struct tree *t, struct tree_leaf *l, const double *x, uint32_t class,
                            double w)
{
    struct tree_classes *c = &l->classes;
    int32_t majority = tree_classes_majority(c);
    bool is_judged = l->is_active && tree_leaf_kind(t->setup.options) == TREE_LEAF_ADAPTIVE;
    const double *told = NULL;
    if (majority >= 0 && (is_judged || uses_bayes(t, l))) {
        double *votes = tree_scratch(t, c->n);
        int32_t bayes = tree_classes_bayes(c, &l->view, x, votes);
        told = uses_bayes(t, l) && bayes >= 0 && isfinite(votes[bayes]) ? votes : NULL;
        c->nb_right += is_judged && bayes >= 0 && c->slot[bayes].class == class ? w : 0;
    }
    double predicted = told_class(t, c, told);
    if (is_judged && (majority < 0 || c->slot[majority].class == class)) {
        c->mc_right += w;
    }
    if (w > 0) {
        uint32_t before = c->n;
        tree_classes_weigh(c, class, w);
        bool has_grown = c->n != before;
        if (l->is_active) {
            has_grown |= tree_classes_observe(c, &l->view, x, class, w);
        }
        if (has_grown) {
            tree_count_bytes(t, l);
        }
    }
    return predicted;
}

static double learn_values(struct tree *t, struct tree_leaf *l, const double *x, double y, double w)
{
    const struct tree_options *o = t->setup.options;
    double predicted = tree_values_predict(&l->values, &t->whole, x, o);
    if (w > 0) {
        bool has_model = l->values.model != NULL;
        tree_values_learn(&l->values, &t->whole, x, y, w, o);
        bool has_grown = has_model != (l->values.model != NULL);
        if (l->is_active) {
            has_grown |= tree_values_observe(&l->values, &l->view, x, y, w, t->power_of_ten);
        }
        if (has_grown) {
            tree_count_bytes(t, l);
        }
    }
    return predicted;
}

double tree_leaf_learn(struct tree *t, int32_t node, const double *x, double y, double w)
{
    struct tree_leaf *l = &t->leaf[t->node[node].left];
    uint64_t before = t->bytes;
    if (t->setup.max_features > 0 && !l->sampled && w > 0) {
        sample_columns(t, l);
    }
    double predicted =
        tree_is_classes(t) ? learn_classes(t, l, x, (uint32_t)y, w) : learn_values(t, l, x, y, w);
    if (w > 0 && l->is_active) {
        double total = tree_leaf_total(t, l);
        if (total - l->last_attempt >= (double)t->setup.options->grace_period) {
            l->last_attempt = total;
            tree_attempt(t, node);
        }
    }
    if (t->bytes > before && (double)t->bytes > t->setup.options->max_size * 0x1p20) {
        tree_shrink(t);
    }
    return predicted;
}

/* ---- rows -------------------------------------------------------------------------------------
 */

void tree_predict(struct tree *t, const double *x, double *out)
{
    if (t->root < 0) {
        if (tree_is_classes(t)) {
            spread(t, out);
        } else {
            *out = 0;
        }
    } else if (t->setup.adaptive) {
        tree_adapt_predict(t, x, out);
    } else {
        tree_leaf_predict(t, tree_find(t, t->root, x), x, out);
    }
}

double tree_learn(struct tree *t, const double *x, double y, double w)
{
    if (tree_is_classes(t)) {
        tree_grow(t, (uint32_t)y + 1);
    }
    if (t->root < 0) {
        if (!(w > 0)) {
            return tree_is_classes(t) ? -1 : 0;
        }
        t->root = tree_add_leaf(t, 0);
    }
    if (t->setup.adaptive) {
        return tree_adapt_learn(t, x, y, w);
    }
    int32_t at = t->root;
    while (t->node[at].kind != TREE_LEAF) {
        int32_t child = tree_child(t, at, x), known;
        if (child < 0 && w > 0) {
            known = tree_find(t, at, x);
            child = tree_branch_out(t, at, x);
            if (child >= 0) {
                double predicted = tree_leaf_predict(t, known, x, NULL);
                tree_leaf_learn(t, child, x, y, w);
                return predicted;
            }
        }
        at = child >= 0 ? child : tree_common_child(t, at);
    }
    return tree_leaf_learn(t, at, x, y, w);
}

uint64_t tree_size(const struct tree *t)
{
    uint64_t watches = t->watch ? t->nodes * sizeof(*t->watch) : 0;
    return sizeof(*t) + t->bytes + t->nodes * sizeof(*t->node) + watches;
}

uint32_t tree_leaf_count(const struct tree *t)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < t->nodes; i++) {
        n += t->node[i].kind == TREE_LEAF;
    }
    return n;
}
