/* Values of a column in a leaf, sorted, each with the moments of the target of its own rows.
 *
 * It answers what River's TEBSTSplitter answers (Ikonomovska, Gama and Dzeroski 2011, "Learning
 * model trees from evolving data streams": an extended binary search tree per column; truncated to
 * `digits` decimals by Mastelini), but a row costs one binary search and one update here, not one
 * update per level of the tree; sums over all rows to the left are made at an attempt to split:
 *
 *   left(v)   merge of the moments of all values <= v;   right(v) = all - left(v)
 *   best      the first v of the greatest variance reduction
 *   prune     after an attempt that failed, as River: in the search tree whose shape follows from
 *             the order in which values were first seen, a node whose both children are gone and
 *             whose merit is below the bar goes too. Its rows then count with the next greater value,
 *             which is the one node that has them to its left; the rows of the greatest value are
 *             forgotten, that is, they count as right of every candidate
 *
 * The shape is not stored: the search tree of values with ages is the Cartesian tree of the ages,
 * built with a stack when it is needed.
 *
 *   state     values, ages, moments
 *   bound     TREE_ORDER_MAX values (the bar above keeps it far lower): a new one is then counted
 *             with the next greater value, which keeps left() right for all that are there
 *   memory    36 bytes a value
 */
#include "ml/tree_order.h"

#include "engine/memory.h"

#include <math.h>
#include <string.h>

void tree_order_done(struct tree_order *q)
{
    mem_free(q->value);
    mem_free(q->at);
    mem_free(q->age);
    *q = (struct tree_order){0};
}

uint32_t tree_order_find(const struct tree_order *q, double v)
{
    const double *base = q->value;
    uint32_t n = q->n;
    if (n == 0) {
        return 0;
    }
    while (n > 1) {
        uint32_t half = n / 2;
        base = base[half - 1] < v ? base + half : base;
        n -= half;
    }
    return (uint32_t)(base - q->value) + (base[0] < v);
}

static void make_room(struct tree_order *q, uint32_t n)
{
    if (n <= q->room) {
        return;
    }
    q->room = n > 2 * q->room ? n : 2 * q->room;
    q->room = q->room < 8 ? 8 : q->room;
    q->value = mem_resize(q->value, q->room, sizeof(*q->value));
    q->at = mem_resize(q->at, q->room, sizeof(*q->at));
    q->age = mem_resize(q->age, q->room, sizeof(*q->age));
}

static void insert(struct tree_order *q, uint32_t i, double value)
{
    make_room(q, q->n + 1);
    size_t behind = q->n - i;
    memmove(q->value + i + 1, q->value + i, behind * sizeof(*q->value));
    memmove(q->at + i + 1, q->at + i, behind * sizeof(*q->at));
    memmove(q->age + i + 1, q->age + i, behind * sizeof(*q->age));
    q->value[i] = value;
    q->at[i] = (struct moments){0};
    q->age[i] = q->next++;
    q->n++;
}

bool tree_order_add(struct tree_order *q, double value, double y, double w, uint32_t most)
{
    uint32_t i = tree_order_find(q, value);
    bool is_new = (i == q->n || q->value[i] != value) && q->n < most;
    if (is_new) {
        insert(q, i, value);
    }
    if (i < q->n) {
        moments_add(&q->at[i], y, w);
    }
    return is_new;
}

struct moments tree_order_left(const struct tree_order *q, uint32_t last)
{
    struct moments left = {0};
    for (uint32_t i = 0; i <= last && i < q->n; i++) {
        left = moments_plus(left, &q->at[i]);
    }
    return left;
}

static double merit_at(const struct tree_options *o, const struct moments *all,
                       const struct moments *left)
{
    struct moments branch[2] = {*left, moments_minus(*all, left)};
    return tree_merit_values(o, all, branch, 2);
}

int32_t tree_order_best(const struct tree_order *q, const struct tree_options *o,
                        const struct moments *all, double *merit)
{
    struct moments left = {0};
    int32_t best = -1;
    *merit = -HUGE_VAL;
    for (uint32_t i = 0; i < q->n; i++) {
        left = moments_plus(left, &q->at[i]);
        double m = merit_at(o, all, &left);
        if (m > *merit) {
            *merit = m;
            best = (int32_t)i;
        }
    }
    return best;
}

/* The search tree: children of each position, -1 for none; returns the root. stack: n numbers. */
static int32_t build_shape(const struct tree_order *q, int32_t *left, int32_t *right,
                           int32_t *stack)
{
    int32_t depth = 0;
    for (int32_t i = 0; i < (int32_t)q->n; i++) {
        int32_t below = -1;
        while (depth > 0 && q->age[stack[depth - 1]] > q->age[i]) {
            below = stack[--depth];
        }
        left[i] = below;
        right[i] = -1;
        if (depth > 0) {
            right[stack[depth - 1]] = i;
        }
        stack[depth++] = i;
    }
    return depth > 0 ? stack[0] : -1;
}

/* Removes marked positions; what they counted goes to the next one that stays. */
static void drop_marked(struct tree_order *q, const unsigned char *is_gone)
{
    struct moments carried = {0};
    uint32_t n = 0;
    for (uint32_t i = 0; i < q->n; i++) {
        struct moments sum = moments_plus(carried, &q->at[i]);
        if (is_gone[i]) {
            carried = sum;
            continue;
        }
        q->at[n] = carried.n > 0 ? sum : q->at[i];
        q->value[n] = q->value[i];
        q->age[n++] = q->age[i];
        carried = (struct moments){0};
    }
    q->n = n;
}

/* What is to be done next at a node of the walk. */
enum walk { WALK_LEFT, WALK_RIGHT, WALK_SELF };

struct shape {
    int32_t *left, *right, *stack; /* one block, three numbers per value */
    unsigned char *step, *is_gone;
    double *merit;
};

/* Children first: marks a node when both of its children are gone and its own merit is low. The
 * right child is looked at only when the left one is gone. */
static void mark(struct shape *p, int32_t root, double least)
{
    int32_t depth = 0;
    bool is_bad = true; /* of the node just left, or of a child that is not there */
    p->stack[depth++] = root;
    while (depth > 0) {
        int32_t at = p->stack[depth - 1], below = -1;
        if (p->step[at] == WALK_LEFT) {
            below = p->left[at];
            is_bad = true;
            p->step[at] = WALK_RIGHT;
        } else if (p->step[at] == WALK_RIGHT && is_bad) {
            below = p->right[at];
            p->step[at] = WALK_SELF;
        } else {
            is_bad = is_bad && p->merit[at] < least;
            p->is_gone[at] = is_bad;
            depth--;
        }
        if (below >= 0) {
            p->stack[depth++] = below;
        }
    }
}

void tree_order_prune(struct tree_order *q, const struct tree_options *o, const struct moments *all,
                      double best, double least)
{
    if (q->n == 0) {
        return;
    }
    struct shape p = {.left = mem_array(3 * (size_t)q->n, sizeof(*p.left)),
                      .step = mem_zalloc(2 * (size_t)q->n),
                      .merit = mem_array(q->n, sizeof(*p.merit))};
    struct moments left = {0};
    p.right = p.left + q->n;
    p.stack = p.right + q->n;
    p.is_gone = p.step + q->n;
    for (uint32_t i = 0; i < q->n; i++) {
        left = moments_plus(left, &q->at[i]);
        p.merit[i] = merit_at(o, all, &left) / best;
    }
    int32_t root = build_shape(q, p.left, p.right, p.stack);
    mark(&p, root, least);
    drop_marked(q, p.is_gone);
    mem_free(p.left);
    mem_free(p.step);
    mem_free(p.merit);
}

double tree_order_round(double x, double power_of_ten)
{
    double scaled = x * power_of_ten;
    if (!(fabs(scaled) < 0x1p52)) {
        return x;
    }
    double below = floor(scaled), rest = scaled - below;
    if (fabs(rest - 0.5) < 1e-6) {
        /* Which side of the half the exact product is on; a tie goes to the even neighbour. */
        double exact = rest - 0.5 + fma(x, power_of_ten, -scaled);
        bool is_up = exact > 0 || (exact == 0 && fmod(below, 2) != 0);
        return (below + (is_up ? 1 : 0)) / power_of_ten;
    }
    return rint(scaled) / power_of_ten;
}

int tree_order_io(struct tree_order *q, struct snapshot *s)
{
    uint32_t n = q->n;
    snapshot_u32(s, &n);
    snapshot_u32(s, &q->next);
    if (s->loading) {
        size_t left = (size_t)(s->end - s->p);
        if (snapshot_status(s) < 0 || n > TREE_ORDER_MAX || n > left / 33) {
            s->status = -ERR_DATA;
            return s->status;
        }
        make_room(q, n);
        q->n = n;
    }
    snapshot_array(s, q->value, n);
    for (uint32_t i = 0; i < n; i++) {
        snapshot_u32(s, &q->age[i]);
        snapshot_array(s, &q->at[i].n, 1);
        snapshot_array(s, &q->at[i].mean, 1);
        snapshot_array(s, &q->at[i].s, 1);
    }
    return snapshot_status(s);
}

uint64_t tree_order_size(const struct tree_order *q)
{
    return q->n * (sizeof(*q->value) + sizeof(*q->at) + sizeof(*q->age));
}
