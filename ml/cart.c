/* Trees from all rows at once: exact best splits, as scikit-learn's DecisionTree grows them (best
 * splitter).
 *
 *   ranks     a column's values are replaced by their ranks once per forest; a node sorts the ranks of
 *             its rows, column by column, and tries every boundary between two
 *   columns   drawn without replacement until max_features were looked at, and one of them was not
 *             constant in the node
 *   merit     maximised, of left and right (W: weight, w_c: of class c, S: sum of the target):
 *                 gini           sum w_c^2 / W          squared_error  S^2 / W
 *                 entropy        sum w_c log2 w_c - W log2 W
 *   threshold halfway between the two values; a category: equal to it, or not
 *   leaf      pure, max_depth, fewer than min_samples_split rows, no split that leaves
 *             min_samples_leaf on both sides, or max_nodes reached (nodes are split in the order of
 *             their distance from the root, so that the bound cuts the deepest)
 *
 *   layout    nodes in that order: the k-th branch has its children at 1 + 2k and 2 + 2k, which the
 *             snapshot therefore leaves out
 *   cost      per tree and level: rows * columns looked at * log(rows)
 *   NaN       never comes here
 */
#include "ml/cart.h"

#include "engine/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- ranks ------------------------------------------------------------------------------------ */

/* Sorts keys that are all different: quicksort by the median of three, small pieces by insertion. */
static void sort_keys(uint64_t *key, size_t n)
{
    while (n > 24) {
        uint64_t a = key[0], b = key[n / 2], c = key[n - 1];
        uint64_t low = a < b ? a : b, high = a < b ? b : a;
        uint64_t pivot = c < low ? low : c > high ? high : c;
        size_t i = 0, j = n - 1;
        for (;;) {
            while (key[i] < pivot) {
                i++;
            }
            while (key[j] > pivot) {
                j--;
            }
            if (i >= j) {
                break;
            }
            uint64_t other = key[i];
            key[i++] = key[j];
            key[j--] = other;
        }
        size_t left = j + 1;
        if (left < n - left) {
            sort_keys(key, left);
            key += left;
            n -= left;
        } else {
            sort_keys(key + left, n - left);
            n = left;
        }
    }
    for (size_t i = 1; i < n; i++) {
        uint64_t k = key[i];
        size_t j = i;
        for (; j > 0 && key[j - 1] > k; j--) {
            key[j] = key[j - 1];
        }
        key[j] = k;
    }
}

struct ranked {
    double value;
    uint32_t row;
};

static int compare_values(const void *a, const void *b)
{
    const struct ranked *p = a, *q = b;
    if (p->value != q->value) {
        return p->value < q->value ? -1 : 1;
    }
    return p->row < q->row ? -1 : p->row > q->row;
}

void cart_table_init(struct cart_table *t, const double *x, const double *y, uint32_t rows,
                     const struct learner_column *column, uint32_t columns, uint32_t classes)
{
    *t = (struct cart_table){x, y, column, rows, columns, classes, NULL};
    t->rank = mem_array((size_t)rows * columns + 1, sizeof(*t->rank));
    struct ranked *sorted = mem_array((size_t)rows + 1, sizeof(*sorted));
    for (uint32_t c = 0; c < columns; c++) {
        for (uint32_t r = 0; r < rows; r++) {
            sorted[r] = (struct ranked){x[(size_t)r * columns + c], r};
        }
        qsort(sorted, rows, sizeof(*sorted), compare_values);
        uint32_t rank = 0;
        for (uint32_t r = 0; r < rows; r++) {
            rank += r > 0 && sorted[r].value > sorted[r - 1].value;
            t->rank[(size_t)c * rows + sorted[r].row] = rank;
        }
    }
    mem_free(sorted);
}

void cart_table_done(struct cart_table *t)
{
    mem_free(t->rank);
    t->rank = NULL;
}

/* ---- growing ---------------------------------------------------------------------------------- */

/* Rows of a node that is to be looked at: a range of `row`. */
struct range {
    uint32_t from, to, depth;
};

struct candidate {
    double merit, threshold;
    uint32_t column;
    uint32_t rank; /* rows up to this one go left; of a category: rows of this one */
};

struct growth {
    struct cart *cart;
    const struct cart_table *table;
    const struct cart_options *o;
    const double *weight;
    struct random *random;
    struct range *range; /* per node */
    uint32_t *row, *spare;
    uint64_t *key;              /* rank and row, of the node and column at hand */
    uint32_t *column;           /* in the order of the last draw */
    double *left, *right, *all; /* sums of a side: per class; or weight and sum of the target */
    uint32_t width, room, leaves_room;
};

/* Adds a row to the sums of a side. */
static void add_row(const struct growth *g, double *side, uint32_t row, double sign)
{
    double w = sign * g->weight[row];
    if (g->table->classes > 0) {
        side[(uint32_t)g->table->y[row]] += w;
    } else {
        side[0] += w;
        side[1] += w * g->table->y[row];
    }
}

static double side_weight(const struct growth *g, const double *side)
{
    double sum = side[0];
    for (uint32_t c = 1; c < g->table->classes; c++) {
        sum += side[c];
    }
    return sum;
}

static double side_merit(const struct growth *g, const double *side)
{
    double weight = side_weight(g, side), sum = 0;
    if (!(weight > 0)) {
        return 0;
    }
    if (g->o->criterion == CART_SQUARED_ERROR) {
        return side[1] * side[1] / weight;
    }
    for (uint32_t c = 0; c < g->table->classes; c++) {
        if (g->o->criterion == CART_GINI) {
            sum += side[c] * side[c];
        } else {
            sum += side[c] > 0 ? side[c] * log2(side[c]) : 0;
        }
    }
    return g->o->criterion == CART_GINI ? sum / weight : sum - weight * log2(weight);
}

static double split_merit(struct growth *g)
{
    for (uint32_t i = 0; i < g->width; i++) {
        g->right[i] = g->all[i] - g->left[i];
    }
    return side_merit(g, g->left) + side_merit(g, g->right);
}

static double value_of(const struct growth *g, uint64_t key, uint32_t column)
{
    return g->table->x[(size_t)(uint32_t)key * g->table->columns + column];
}

static double middle(double low, double high)
{
    double m = low / 2 + high / 2;
    return m >= high || !(m >= low) ? low : m;
}

/* Tries every boundary of a column; the keys are sorted. */
static void try_column(struct growth *g, uint32_t n, uint32_t column, struct candidate *best)
{
    bool is_category = g->table->column[column].is_category;
    memset(g->left, 0, g->width * sizeof(*g->left));
    uint32_t least = g->o->min_samples_leaf, group = 0;
    for (uint32_t i = 0; i < n; i++) {
        add_row(g, g->left, (uint32_t)g->key[i], 1);
        bool is_last = i + 1 == n;
        if (!is_last && g->key[i] >> 32 == g->key[i + 1] >> 32) {
            continue;
        }
        uint32_t there = is_category ? i + 1 - group : i + 1;
        group = i + 1;
        double merit =
            there >= least && n - there >= least && there < n ? split_merit(g) : -HUGE_VAL;
        if (merit > best->merit) {
            double value = value_of(g, g->key[i], column);
            best->merit = merit;
            best->column = is_category ? column | CART_CATEGORY : column;
            best->rank = (uint32_t)(g->key[i] >> 32);
            best->threshold =
                is_category ? value : middle(value, value_of(g, g->key[i + 1], column));
        }
        if (is_category) {
            memset(g->left, 0, g->width * sizeof(*g->left));
        }
    }
}

static struct candidate find_split(struct growth *g, const struct range *at)
{
    struct candidate best = {.merit = -HUGE_VAL};
    const struct cart_table *t = g->table;
    uint32_t n = at->to - at->from, visited = 0;
    bool varies = false;
    while (visited < t->columns && (visited < g->o->max_features || !varies)) {
        uint32_t j = visited + random_below(g->random, t->columns - visited);
        uint32_t column = g->column[j];
        g->column[j] = g->column[visited];
        g->column[visited++] = column;
        const uint32_t *rank = t->rank + (size_t)column * t->rows;
        uint32_t first = rank[g->row[at->from]], differs = 0;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t row = g->row[at->from + i];
            g->key[i] = (uint64_t)rank[row] << 32 | row;
            differs |= rank[row] ^ first;
        }
        if (differs == 0) {
            continue;
        }
        varies = true;
        sort_keys(g->key, n);
        try_column(g, n, column, &best);
    }
    return best;
}

/* Rows that go left to the front, both parts in their order; returns where the right ones begin. */
static uint32_t part(struct growth *g, const struct range *at, const struct candidate *s)
{
    bool is_category = (s->column & CART_CATEGORY) != 0;
    const uint32_t *rank = g->table->rank + (size_t)(s->column & ~CART_CATEGORY) * g->table->rows;
    uint32_t left = at->from, right = 0;
    for (uint32_t i = at->from; i < at->to; i++) {
        uint32_t row = g->row[i];
        if (is_category ? rank[row] == s->rank : rank[row] <= s->rank) {
            g->row[left++] = row;
        } else {
            g->spare[right++] = row;
        }
    }
    memcpy(g->row + left, g->spare, right * sizeof(*g->row));
    return left;
}

static void add_node(struct growth *g, struct range range)
{
    struct cart *c = g->cart;
    if (c->nodes == g->room) {
        g->room = g->room > 0 ? 2 * g->room : 16;
        c->node = mem_resize(c->node, g->room, sizeof(*c->node));
        g->range = mem_resize(g->range, g->room, sizeof(*g->range));
    }
    g->range[c->nodes++] = range;
}

static void make_leaf(struct growth *g, uint32_t node)
{
    struct cart *c = g->cart;
    uint32_t width = g->table->classes > 0 ? g->table->classes : 1;
    if (c->leaves == g->leaves_room) {
        g->leaves_room = g->leaves_room > 0 ? 2 * g->leaves_room : 16;
        c->value = mem_resize(c->value, (size_t)g->leaves_room * width, sizeof(*c->value));
    }
    double *value = c->value + (size_t)c->leaves * width, weight = side_weight(g, g->all);
    for (uint32_t i = 0; i < width; i++) {
        value[i] = g->table->classes > 0 ? g->all[i] / weight : g->all[1] / g->all[0];
    }
    c->node[node] = (struct cart_node){.column = CART_LEAF, .left = c->leaves++};
}

/* True when all rows have the same target. */
static bool is_pure(const struct growth *g, const struct range *at)
{
    const double *y = g->table->y;
    for (uint32_t i = at->from; i < at->to; i++) {
        if (y[g->row[i]] != y[g->row[at->from]]) {
            return false;
        }
    }
    return true;
}

static void grow_node(struct growth *g, uint32_t node)
{
    const struct cart_options *o = g->o;
    struct range at = g->range[node];
    uint32_t n = at.to - at.from;
    struct candidate best = {.merit = -HUGE_VAL};
    memset(g->all, 0, g->width * sizeof(*g->all));
    for (uint32_t i = at.from; i < at.to; i++) {
        add_row(g, g->all, g->row[i], 1);
    }
    bool is_small = n < o->min_samples_split || n / 2 < o->min_samples_leaf;
    bool is_full = at.depth >= o->max_depth || g->cart->nodes + 2 > o->max_nodes;
    if (!is_small && !is_full && !is_pure(g, &at)) {
        best = find_split(g, &at);
    }
    if (!(best.merit > -HUGE_VAL)) {
        make_leaf(g, node);
        return;
    }
    uint32_t right = part(g, &at, &best);
    uint32_t left_child = g->cart->nodes;
    add_node(g, (struct range){at.from, right, at.depth + 1});
    add_node(g, (struct range){right, at.to, at.depth + 1});
    g->cart->node[node] = (struct cart_node){best.threshold, best.column, left_child};
}

void cart_grow(struct cart *c, const struct cart_table *t, const struct cart_options *o,
               const double *weight, struct random *r)
{
    uint32_t width = t->classes > 0 ? t->classes : 2, rows = 0;
    double *sums = mem_zalloc(3 * (size_t)width * sizeof(*sums));
    struct growth g = {
        .cart = c,
        .table = t,
        .o = o,
        .weight = weight,
        .random = r,
        .row = mem_array((size_t)t->rows + 1, sizeof(*g.row)),
        .spare = mem_array((size_t)t->rows + 1, sizeof(*g.spare)),
        .key = mem_array((size_t)t->rows + 1, sizeof(*g.key)),
        .column = mem_array((size_t)t->columns + 1, sizeof(*g.column)),
        .left = sums,
        .right = sums + width,
        .all = sums + 2 * (size_t)width,
        .width = width,
    };
    *c = (struct cart){0};
    for (uint32_t i = 0; i < t->columns; i++) {
        g.column[i] = i;
    }
    for (uint32_t i = 0; i < t->rows; i++) {
        if (weight[i] > 0) {
            g.row[rows++] = i;
        }
    }
    if (rows > 0) {
        add_node(&g, (struct range){0, rows, 0});
    }
    for (uint32_t node = 0; node < c->nodes; node++) {
        grow_node(&g, node);
    }
    mem_free(g.row);
    mem_free(g.spare);
    mem_free(g.key);
    mem_free(g.column);
    mem_free(g.range);
    mem_free(sums);
}

void cart_done(struct cart *c)
{
    mem_free(c->node);
    mem_free(c->value);
    *c = (struct cart){0};
}

const double *cart_walk(const struct cart *c, const double *x, uint32_t width)
{
    const struct cart_node *n = c->node;
    while (n->column != CART_LEAF) {
        double value = x[n->column & ~CART_CATEGORY];
        bool is_left = n->column & CART_CATEGORY ? value == n->threshold : value <= n->threshold;
        n = c->node + n->left + !is_left;
    }
    return c->value + (size_t)n->left * width;
}

/* ---- snapshot --------------------------------------------------------------------------------- */

static int fault(struct snapshot *s)
{
    s->status = -ERR_DATA;
    return s->status;
}

int cart_io(struct cart *c, uint32_t columns, uint32_t width, struct snapshot *s)
{
    uint32_t nodes = c->nodes, branches = 0, leaves = 0;
    snapshot_u32(s, &nodes);
    if (s->loading) {
        if (s->status < 0 || nodes > (size_t)(s->end - s->p)) {
            return fault(s);
        }
        cart_done(c);
        c->node = mem_array((size_t)nodes + 1, sizeof(*c->node));
        c->nodes = nodes;
    }
    for (uint32_t i = 0; i < nodes && s->status == 0; i++) {
        struct cart_node *n = &c->node[i];
        uint32_t code = s->loading ? 0 : n->column + 1; /* 0: a leaf */
        snapshot_u32(s, &code);
        n->column = code - 1;
        if (i >= 1 + 2 * branches || (code > 0 && (n->column & ~CART_CATEGORY) >= columns)) {
            return fault(s);
        }
        n->left = code > 0 ? 1 + 2 * branches++ : leaves++;
        if (code > 0) {
            snapshot_double(s, &n->threshold);
        }
    }
    if (nodes > 0 && (s->status < 0 || nodes != 1 + 2 * branches)) {
        return fault(s);
    }
    if (s->loading) {
        if ((size_t)leaves * width > (size_t)(s->end - s->p) / sizeof(double)) {
            return fault(s);
        }
        c->leaves = leaves;
        c->value = mem_array((size_t)leaves * width + 1, sizeof(*c->value));
    }
    snapshot_array(s, c->value, (size_t)c->leaves * width);
    return snapshot_status(s);
}

uint64_t cart_size(const struct cart *c, uint32_t width)
{
    return c->nodes * sizeof(*c->node) + (uint64_t)c->leaves * width * sizeof(*c->value);
}
