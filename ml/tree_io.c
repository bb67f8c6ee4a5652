/* Snapshot of a tree: the nodes from the root down, each before its children, so that no index is
 * saved and none can be wrong. Version 1 of the learners that are made of trees:
 *
 *   tree     number of classes, whether there is a root, node
 *   node     kind; of an adaptive tree: moments of the error, ADWIN, alternate (a node)
 *   leaf     active?, weight at the last attempt, columns drawn, statistics of its task
 *   branch   column, threshold; left, right; or the number of ways and per way its category and node
 *
 * What follows from the rest (scales of naive Bayes, bytes) is computed anew. Depth is bounded by
 * TREE_DEPTH_MAX, everything else by what the snapshot holds.
 */
#include "engine/memory.h"
#include "ml/tree.h"
#include "ml/tree_internal.h"

static int fault(struct snapshot *s)
{
    s->status = -ERR_DATA;
    return s->status;
}

static void flag_io(struct snapshot *s, bool *flag)
{
    uint32_t v = *flag;
    snapshot_u32(s, &v);
    if (v > 1) {
        fault(s);
    }
    *flag = v == 1;
}

static void moments_io(struct snapshot *s, struct moments *m)
{
    snapshot_double(s, &m->n);
    snapshot_double(s, &m->mean);
    snapshot_double(s, &m->s);
}

/* The columns that a leaf drew: all within the row, and numbers before categories. */
static int sampled_io(struct tree *t, struct tree_leaf *l, struct snapshot *s)
{
    uint32_t n = l->view.numbers + l->view.categories;
    bool is_sampled = l->sampled != NULL;
    flag_io(s, &is_sampled);
    if (!is_sampled || s->status < 0) {
        return s->status;
    }
    if (s->loading) {
        n = t->setup.max_features;
        if (n == 0) {
            return fault(s);
        }
        l->sampled = mem_array(n, sizeof(*l->sampled));
        l->view = (struct tree_view){.column = l->sampled};
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t column = s->loading ? 0 : l->sampled[i];
        snapshot_u32(s, &column);
        if (column >= t->setup.ncolumns) {
            return fault(s);
        }
        if (s->loading) {
            bool is_category = t->setup.column[column].is_category;
            if (!is_category && l->view.categories > 0) {
                return fault(s);
            }
            l->sampled[i] = column;
            *(is_category ? &l->view.categories : &l->view.numbers) += 1;
        }
    }
    return s->status;
}

static int leaf_io(struct tree *t, int32_t node, struct snapshot *s)
{
    struct tree_leaf *l = &t->leaf[t->node[node].left];
    flag_io(s, &l->is_active);
    snapshot_double(s, &l->last_attempt);
    if (sampled_io(t, l, s) < 0) {
        return s->status;
    }
    if (tree_is_classes(t)) {
        tree_classes_io(&l->classes, &l->view, t->classes, s);
    } else {
        tree_values_io(&l->values, &l->view, &t->whole, t->setup.options, s);
    }
    if (s->loading) {
        tree_count_bytes(t, l);
    }
    return s->status;
}

static int node_io(struct tree *t, int32_t *node, uint32_t depth, struct snapshot *s);

static int watch_io(struct tree *t, int32_t node, uint32_t depth, struct snapshot *s)
{
    bool has_adwin = t->watch[node].adwin != NULL, has_alternate = t->watch[node].alternate >= 0;
    moments_io(s, &t->watch[node].error);
    flag_io(s, &has_adwin);
    flag_io(s, &has_alternate);
    if (s->status == 0 && has_adwin) {
        if (s->loading) {
            t->watch[node].adwin = adwin_new(&t->setup.adaptive->adwin);
        }
        adwin_io(t->watch[node].adwin, s);
    }
    if (s->status == 0 && has_alternate) {
        int32_t alternate = t->watch[node].alternate;
        node_io(t, &alternate, depth, s);
        t->watch[node].alternate = alternate;
    }
    return s->status;
}

static int ways_io(struct tree *t, int32_t node, uint32_t depth, struct snapshot *s)
{
    uint32_t n = s->loading ? 0 : t->ways[t->node[node].left].n;
    snapshot_u32(s, &n);
    if (n == 0 || n > TREE_CATEGORIES_MAX) {
        return fault(s);
    }
    if (s->loading) {
        tree_drop_leaf(t, t->node[node].left);
        int32_t ways = tree_add_ways(t, n);
        t->ways[ways].n = 0;
        t->node[node].left = ways;
        t->node[node].kind = TREE_VALUES;
    }
    int32_t at = t->node[node].left;
    for (uint32_t i = 0; i < n; i++) {
        struct tree_way way = s->loading ? (struct tree_way){0, -1} : t->ways[at].way[i];
        uint32_t value = (uint32_t)way.value;
        snapshot_u32(s, &value);
        node_io(t, &way.node, depth + 1, s);
        if (s->loading && way.node >= 0) {
            t->ways[at].way[t->ways[at].n++] =
                (struct tree_way){(int32_t)(value & INT32_MAX), way.node};
        }
        if (s->status < 0) {
            return s->status;
        }
    }
    return s->status;
}

static int branch_io(struct tree *t, int32_t node, uint32_t kind, uint32_t depth,
                     struct snapshot *s)
{
    struct tree_node n = t->node[node];
    snapshot_u32(s, &n.column);
    snapshot_double(s, &n.threshold);
    if (n.column >= t->setup.ncolumns ||
        t->setup.column[n.column].is_category != (kind != TREE_NUMBER)) {
        return fault(s);
    }
    t->node[node].column = n.column;
    t->node[node].threshold = n.threshold;
    if (kind == TREE_VALUES) {
        return ways_io(t, node, depth, s);
    }
    if (s->loading) {
        tree_drop_leaf(t, n.left);
        n.left = n.right = -1;
    }
    node_io(t, &n.left, depth + 1, s);
    node_io(t, &n.right, depth + 1, s);
    n.kind = (uint16_t)kind;
    t->node[node] = n;
    return s->status;
}

/* Loads or saves a node and all below. A fault leaves what can be dropped: every child of a branch
 * is there, an empty leaf if need be. */
static int node_io(struct tree *t, int32_t *node, uint32_t depth, struct snapshot *s)
{
    uint32_t kind = s->loading ? 0 : t->node[*node].kind;
    if (s->loading) {
        *node = tree_add_leaf(t, depth);
    }
    snapshot_u32(s, &kind);
    if (s->status < 0 || kind < TREE_LEAF || kind > TREE_VALUES || depth > TREE_DEPTH_MAX) {
        return fault(s);
    }
    if (t->setup.adaptive && watch_io(t, *node, depth, s) < 0) {
        return s->status;
    }
    return kind == TREE_LEAF ? leaf_io(t, *node, s) : branch_io(t, *node, kind, depth, s);
}

void tree_random_io(struct random *r, struct snapshot *s)
{
    int64_t state = (int64_t)r->state, inc = (int64_t)r->inc;
    snapshot_long(s, &state);
    snapshot_long(s, &inc);
    r->state = (uint64_t)state;
    r->inc = (uint64_t)inc | 1;
}

int tree_io(struct tree *t, struct snapshot *s)
{
    uint32_t classes = t->classes;
    bool has_root = t->root >= 0;
    snapshot_u32(s, &classes);
    flag_io(s, &has_root);
    if (s->status < 0 || classes > CLASSES_MAX) {
        return fault(s);
    }
    if (s->loading) {
        tree_clear(t);
        tree_grow(t, classes);
    }
    if (has_root) {
        node_io(t, &t->root, 0, s);
    }
    return snapshot_status(s);
}
