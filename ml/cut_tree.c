/* Random cut trees.
 *
 *   box      of a node: smallest and largest value of its points, per feature
 *   insert   at a node with box B, B' = B and the point: draw a cut uniformly over the sum of the extents
 *            of B'. If it parts the point from B, a new node takes this one's place, with the point
 *            on one side and this one on the other; else go down the node's own cut. Thus the tree is
 *            distributed as if it had been built of all its points at once
 *   remove   the leaf and its parent go, the sibling takes the parent's place
 *   score    the cut parts the point from B with probability q = (extents of B' - extents of B) / extents of
 *            B'; its codisp would then be max(points of the node, largest ratio on the way here). The
 *            mean over all cuts is one way down: sum of reach * q * that, reach *= 1 - q
 *   equal    points share a leaf
 *
 * Nodes are flat arrays, so a tree of 256 points and 9 features takes 90 KB.
 *
 *   state    the tree in preorder (feature + 1 and cut, or 0 and the point), then the leaf of each slot, in
 *            this order: version 1. Boxes and counts follow
 */
#include "ml/cut_tree.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

void cut_tree_init(struct cut_tree *t, uint32_t n, uint32_t room)
{
    uint32_t nodes = 2 * room - 1;
    *t = (struct cut_tree){.n = n, .room = room, .root = CUT_NONE};
    t->node = mem_array(nodes, sizeof(*t->node));
    t->low = mem_zalloc(((size_t)nodes * n + 1) * 2 * sizeof(double));
    t->high = t->low + (size_t)nodes * n;
    t->leaf = mem_array(room, sizeof(*t->leaf));
    t->unused = mem_array(nodes, sizeof(*t->unused));
    for (uint32_t i = 0; i < room; i++) {
        t->leaf[i] = CUT_NONE;
        t->unused[i] = room - 1 - i;
    }
    for (uint32_t i = 0; i < room - 1; i++) {
        t->unused[room + i] = nodes - 1 - i;
    }
}

void cut_tree_done(struct cut_tree *t)
{
    mem_free(t->node);
    mem_free(t->low);
    mem_free(t->leaf);
    mem_free(t->unused);
    *t = (struct cut_tree){0};
}

/* Unlike fmin() and fmax(), one instruction. */
static double lesser(double a, double b)
{
    return a < b ? a : b;
}

static double greater(double a, double b)
{
    return a > b ? a : b;
}

static double *low_of(const struct cut_tree *t, uint32_t node)
{
    return t->low + (size_t)node * t->n;
}

/* A leaf's box is its point. */
static double *high_of(const struct cut_tree *t, uint32_t node)
{
    return (node < t->room ? t->low : t->high) + (size_t)node * t->n;
}

static int is_leaf(const struct cut_tree *t, uint32_t node)
{
    return node < t->room;
}

static uint32_t child_towards(const struct cut_tree *t, uint32_t node, const double *point)
{
    const struct cut_node *v = &t->node[node];
    return point[v->feature] <= v->at ? v->left : v->right;
}

static uint32_t sibling_of(const struct cut_tree *t, uint32_t node)
{
    const struct cut_node *parent = &t->node[t->node[node].parent];
    return parent->left == node ? parent->right : parent->left;
}

static uint32_t new_leaf(struct cut_tree *t, const double *point)
{
    uint32_t leaf = t->unused[t->room - 1 - t->nleaves++];
    t->node[leaf] = (struct cut_node){CUT_NONE, CUT_NONE, CUT_NONE, 1, 0, 0};
    memcpy(low_of(t, leaf), point, t->n * sizeof(double));
    return leaf;
}

static uint32_t new_inner(struct cut_tree *t)
{
    return t->unused[2 * t->room - 2 - t->ninner++];
}

/* ---- insertion ------------------------------------------------------------------------------- */

/* Draws a cut over the node's box and the point; whether it parts the two. */
static int draw_cut(const struct cut_tree *t, uint32_t node, const double *point,
                    struct random *random, uint32_t *feature, double *cut)
{
    const double *low = low_of(t, node), *high = high_of(t, node);
    double total = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        total += greater(high[i], point[i]) - lesser(low[i], point[i]);
    }
    double at = random_unit(random) * total;
    for (uint32_t i = 0; i < t->n; i++) {
        double from = lesser(low[i], point[i]), extent = greater(high[i], point[i]) - from;
        if (at >= extent) {
            at -= extent;
            continue;
        }
        *feature = i;
        if (point[i] < low[i] && at < low[i] - point[i]) {
            *cut = from + at < low[i] ? from + at : point[i]; /* rounding must not reach the box */
            return 1;
        }
        if (point[i] > high[i] && from + at >= high[i]) {
            *cut = from + at < point[i] ? from + at : high[i];
            return 1;
        }
        return 0;
    }
    return 0;
}

static void extend_box(struct cut_tree *t, uint32_t node, const double *point)
{
    double *low = low_of(t, node), *high = high_of(t, node);
    for (uint32_t i = 0; i < t->n; i++) {
        low[i] = lesser(low[i], point[i]);
        high[i] = greater(high[i], point[i]);
    }
}

static void replace_child(struct cut_tree *t, uint32_t parent, uint32_t old, uint32_t new)
{
    t->node[new].parent = parent;
    if (parent == CUT_NONE) {
        t->root = new;
    } else if (t->node[parent].left == old) {
        t->node[parent].left = new;
    } else {
        t->node[parent].right = new;
    }
}

/* A new node in the place of `node`, with it and the leaf below. */
static void part(struct cut_tree *t, uint32_t node, uint32_t leaf, uint32_t feature, double cut)
{
    uint32_t inner = new_inner(t);
    int goes_left = low_of(t, leaf)[feature] <= cut;
    replace_child(t, t->node[node].parent, node, inner);
    t->node[inner] = (struct cut_node){
        .parent = t->node[inner].parent,
        .left = goes_left ? leaf : node,
        .right = goes_left ? node : leaf,
        .points = t->node[node].points + 1,
        .feature = feature,
        .at = cut,
    };
    memcpy(low_of(t, inner), low_of(t, node), t->n * sizeof(double));
    memcpy(high_of(t, inner), high_of(t, node), t->n * sizeof(double));
    extend_box(t, inner, low_of(t, leaf));
    t->node[node].parent = t->node[leaf].parent = inner;
}

void cut_tree_insert(struct cut_tree *t, uint32_t slot, const double *point, struct random *random)
{
    t->used++;
    if (t->root == CUT_NONE) {
        t->root = t->leaf[slot] = new_leaf(t, point);
        return;
    }
    uint32_t node = t->root, feature = 0;
    double cut = 0;
    for (;;) {
        if (is_leaf(t, node) && memcmp(low_of(t, node), point, t->n * sizeof(double)) == 0) {
            t->node[node].points++;
            t->leaf[slot] = node;
            return;
        }
        int parts = draw_cut(t, node, point, random, &feature, &cut);
        if (parts) {
            t->leaf[slot] = new_leaf(t, point);
            part(t, node, t->leaf[slot], feature, cut);
            return;
        }
        if (is_leaf(t, node)) { /* -0 and 0, or extents that vanish beside others */
            t->node[node].points++;
            t->leaf[slot] = node;
            return;
        }
        extend_box(t, node, point);
        t->node[node].points++;
        node = child_towards(t, node, point);
    }
}

/* ---- deletion -------------------------------------------------------------------------------- */

/* The box of both children; 0 when it was so before. */
static int join_boxes(struct cut_tree *t, uint32_t node)
{
    double *low = low_of(t, node), *high = high_of(t, node);
    uint32_t a = t->node[node].left, b = t->node[node].right;
    int changes = 0;
    for (uint32_t i = 0; i < t->n; i++) {
        double l = lesser(low_of(t, a)[i], low_of(t, b)[i]);
        double h = greater(high_of(t, a)[i], high_of(t, b)[i]);
        changes |= l != low[i] || h != high[i];
        low[i] = l;
        high[i] = h;
    }
    return changes;
}

void cut_tree_remove(struct cut_tree *t, uint32_t slot)
{
    uint32_t leaf = t->leaf[slot], from = t->node[leaf].parent;
    int changes = 0;
    t->leaf[slot] = CUT_NONE;
    t->used--;
    if (--t->node[leaf].points == 0) {
        t->unused[t->room - 1 - --t->nleaves] = leaf;
        if (from == CUT_NONE) {
            t->root = CUT_NONE;
            return;
        }
        uint32_t sibling = sibling_of(t, leaf), inner = from;
        from = t->node[inner].parent;
        replace_child(t, from, inner, sibling);
        t->unused[2 * t->room - 2 - --t->ninner] = inner;
        changes = 1;
    }
    for (uint32_t node = from; node != CUT_NONE; node = t->node[node].parent) {
        t->node[node].points--;
        changes = changes && join_boxes(t, node);
    }
}

/* ---- scores ---------------------------------------------------------------------------------- */

double cut_tree_codisp(const struct cut_tree *t, uint32_t slot)
{
    double codisp = 0;
    for (uint32_t node = t->leaf[slot]; t->node[node].parent != CUT_NONE;
         node = t->node[node].parent) {
        double sibling = t->node[sibling_of(t, node)].points;
        codisp = greater(codisp, sibling / t->node[node].points);
    }
    return codisp;
}

double cut_tree_score(const struct cut_tree *t, const double *point)
{
    double score = 0, reach = 1, ratio = 0;
    uint32_t node = t->root;
    if (node == CUT_NONE) {
        return 0;
    }
    for (;;) {
        const double *low = low_of(t, node), *high = high_of(t, node);
        double outside = 0, inside = 0;
        for (uint32_t i = 0; i < t->n; i++) {
            double below = low[i] - point[i], above = point[i] - high[i];
            outside += (below > 0 ? below : 0) + (above > 0 ? above : 0);
            inside += high[i] - low[i];
        }
        double total = inside + outside;
        double q = total > 0 ? outside / total : 0;
        score += reach * q * greater(ratio, t->node[node].points);
        reach *= 1 - q;
        if (is_leaf(t, node) || reach <= 0) {
            return score + reach * ratio;
        }
        node = child_towards(t, node, point);
        double sibling = t->node[sibling_of(t, node)].points;
        ratio = greater(ratio, sibling / (t->node[node].points + 1));
    }
}

/* ---- snapshot -------------------------------------------------------------------------------- */

/* The next node in preorder, or CUT_NONE. */
static uint32_t next_of(const struct cut_tree *t, uint32_t node)
{
    if (!is_leaf(t, node)) {
        return t->node[node].left;
    }
    while (t->node[node].parent != CUT_NONE) {
        uint32_t parent = t->node[node].parent;
        if (t->node[parent].left == node) {
            return t->node[parent].right;
        }
        node = parent;
    }
    return CUT_NONE;
}

static void save_nodes(struct cut_tree *t, struct snapshot *s, uint32_t *number)
{
    uint32_t leaves = 0;
    snapshot_u32(s, &t->nleaves);
    for (uint32_t node = t->root; node != CUT_NONE; node = next_of(t, node)) {
        uint32_t mark = is_leaf(t, node) ? 0 : t->node[node].feature + 1;
        snapshot_u32(s, &mark);
        if (mark == 0) {
            number[node] = leaves++;
            snapshot_array(s, low_of(t, node), t->n);
        } else {
            snapshot_double(s, &t->node[node].at);
        }
    }
}

/* Where the next node in preorder belongs: below the last node if that has room, else below the
 * nearest one that has. CUT_NONE: the tree is complete. */
static uint32_t open_parent(const struct cut_tree *t, uint32_t node)
{
    while (node != CUT_NONE && (is_leaf(t, node) || t->node[node].right != CUT_NONE)) {
        node = t->node[node].parent;
    }
    return node;
}

static int load_nodes(struct cut_tree *t, struct snapshot *s)
{
    uint32_t leaves = 0, parent = CUT_NONE;
    double *point = mem_array((size_t)t->n + 1, sizeof(double));
    snapshot_u32(s, &leaves);
    int is_good = leaves <= t->room && s->status == 0;
    for (uint32_t i = 0; is_good && i + 1 < 2 * leaves; i++) {
        uint32_t mark = 0, node;
        snapshot_u32(s, &mark);
        is_good = s->status == 0 && mark <= t->n && (i == 0 || parent != CUT_NONE);
        if (!is_good || (mark > 0 ? t->ninner + 1 >= leaves : t->nleaves >= leaves)) {
            is_good = 0;
            break;
        }
        if (mark == 0) {
            snapshot_array(s, point, t->n);
            for (uint32_t k = 0; k < t->n; k++) {
                is_good = is_good && fabs(point[k]) <= 1e150;
            }
            node = new_leaf(t, point);
            t->node[node].points = 0;
        } else {
            node = new_inner(t);
            t->node[node] = (struct cut_node){CUT_NONE, CUT_NONE, CUT_NONE, 0, mark - 1, 0};
            snapshot_double(s, &t->node[node].at);
        }
        t->node[node].parent = parent;
        if (parent == CUT_NONE) {
            t->root = node;
        } else if (t->node[parent].left == CUT_NONE) {
            t->node[parent].left = node;
        } else {
            t->node[parent].right = node;
        }
        parent = open_parent(t, node);
    }
    mem_free(point);
    return is_good && s->status == 0 && parent == CUT_NONE && t->nleaves == leaves;
}

/* Boxes of the inner nodes: every leaf's point extends those of its ancestors. */
static void find_boxes(struct cut_tree *t)
{
    for (uint32_t node = t->root; node != CUT_NONE; node = next_of(t, node)) {
        for (uint32_t i = 0; !is_leaf(t, node) && i < t->n; i++) {
            low_of(t, node)[i] = INFINITY;
            high_of(t, node)[i] = -INFINITY;
        }
    }
    for (uint32_t leaf = 0; leaf < t->nleaves; leaf++) {
        for (uint32_t node = t->node[leaf].parent; node != CUT_NONE; node = t->node[node].parent) {
            extend_box(t, node, low_of(t, leaf));
        }
    }
}

/* Slots hold the numbers of their leaves, which are those in preorder after a load; 1 more, 0:
 * empty. */
static int slots_io(struct cut_tree *t, struct snapshot *s, const uint32_t *number)
{
    for (uint32_t slot = 0; slot < t->room; slot++) {
        uint32_t mark = 0;
        if (!s->loading) {
            mark = t->leaf[slot] == CUT_NONE ? 0 : number[t->leaf[slot]] + 1;
        }
        snapshot_u32(s, &mark);
        if (!s->loading) {
            continue;
        }
        if (s->status < 0 || mark > t->nleaves) {
            return 0;
        }
        t->leaf[slot] = mark == 0 ? CUT_NONE : mark - 1;
        t->used += mark > 0;
        for (uint32_t node = t->leaf[slot]; node != CUT_NONE; node = t->node[node].parent) {
            t->node[node].points++;
        }
    }
    for (uint32_t leaf = 0; s->loading && leaf < t->nleaves; leaf++) {
        if (t->node[leaf].points == 0) {
            return 0;
        }
    }
    return 1;
}

int cut_tree_io(struct cut_tree *t, struct snapshot *s)
{
    snapshot_version(s, 1);
    if (!s->loading) {
        uint32_t *number = mem_array(t->room, sizeof(*number));
        save_nodes(t, s, number);
        slots_io(t, s, number);
        mem_free(number);
        return snapshot_status(s);
    }
    int is_good = load_nodes(t, s) && slots_io(t, s, NULL);
    if (is_good) {
        find_boxes(t);
        return 0;
    }
    uint32_t n = t->n, room = t->room;
    cut_tree_done(t);
    cut_tree_init(t, n, room);
    s->status = -ERR_DATA;
    return s->status;
}

int cut_tree_is_dense(const struct cut_tree *t)
{
    for (uint32_t slot = 0; slot < t->used; slot++) {
        if (t->leaf[slot] == CUT_NONE) {
            return 0;
        }
    }
    return 1;
}

uint64_t cut_tree_size(const struct cut_tree *t)
{
    uint64_t nodes = 2 * (uint64_t)t->room - 1;
    return nodes * (sizeof(*t->node) + sizeof(*t->unused) + 2 * t->n * sizeof(double)) +
           t->room * sizeof(*t->leaf);
}
