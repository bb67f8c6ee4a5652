/* Cut tree: its boxes and counts, its CoDisp against points really removed, its scores against
 * insertions really made.
 */
#include "ml/cut_tree.h"

#include "engine/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROOM 24

static int is_leaf(const struct cut_tree *t, uint32_t node)
{
    return node < t->room;
}

/* Points below a node; checks parents, counts, cuts and boxes on the way. low and high of n = 2. */
static uint32_t check_node(const struct cut_tree *t, uint32_t node, uint32_t parent, double *low,
                           double *high)
{
    const struct cut_node *v = &t->node[node];
    assert_int_equal(v->parent, parent);
    const double *box_low = t->low + node * t->n;
    if (is_leaf(t, node)) {
        memcpy(low, box_low, t->n * sizeof(double));
        memcpy(high, box_low, t->n * sizeof(double));
        return v->points;
    }
    double l[2], h[2];
    uint32_t points = check_node(t, v->left, node, low, high);
    assert_true(high[v->feature] <= v->at);
    points += check_node(t, v->right, node, l, h);
    assert_true(l[v->feature] > v->at);
    for (uint32_t i = 0; i < t->n; i++) {
        low[i] = fmin(low[i], l[i]);
        high[i] = fmax(high[i], h[i]);
    }
    assert_memory_equal(low, box_low, t->n * sizeof(double));
    assert_memory_equal(high, t->high + node * t->n, t->n * sizeof(double));
    assert_int_equal(v->points, points);
    return points;
}

static void check_tree(const struct cut_tree *t)
{
    double low[2], high[2];
    uint32_t points = t->root == CUT_NONE ? 0 : check_node(t, t->root, CUT_NONE, low, high);
    assert_int_equal(points, t->used);
    assert_int_equal(t->ninner + (t->nleaves > 0), t->nleaves);
}

static void draw_point(struct random *random, double *point)
{
    point[0] = random_below(random, 4) == 0 ? 3 : random_normal(random); /* equal ones too */
    point[1] = random_below(random, 3) == 0 ? -1 : 100 * random_normal(random);
}

static void keeps_boxes_and_counts(void **state)
{
    (void)state;
    struct random random;
    struct cut_tree t;
    double point[2];
    random_seed(&random, 1, 1);
    cut_tree_init(&t, 2, ROOM);
    for (int i = 0; i < 5000; i++) {
        uint32_t slot = random_below(&random, ROOM);
        if (t.leaf[slot] != CUT_NONE) {
            cut_tree_remove(&t, slot);
        } else {
            draw_point(&random, point);
            cut_tree_insert(&t, slot, point, &random);
        }
        check_tree(&t);
    }
    for (uint32_t slot = 0; slot < ROOM; slot++) {
        if (t.leaf[slot] != CUT_NONE) {
            cut_tree_remove(&t, slot);
        }
    }
    assert_int_equal(t.root, CUT_NONE);
    cut_tree_done(&t);
}

static uint32_t depth_of(const struct cut_tree *t, uint32_t node)
{
    uint32_t depth = 0;
    while (t->node[node].parent != CUT_NONE) {
        node = t->node[node].parent;
        depth++;
    }
    return depth;
}

static int is_below(const struct cut_tree *t, uint32_t node, uint32_t top)
{
    while (node != CUT_NONE && node != top) {
        node = t->node[node].parent;
    }
    return node == top;
}

static void fill(struct cut_tree *t, uint64_t seed, uint32_t n)
{
    struct random random, cuts;
    double point[2];
    random_seed(&random, 9, 1);
    random_seed(&cuts, seed, 2);
    cut_tree_init(t, 2, ROOM);
    for (uint32_t i = 0; i < n; i++) {
        draw_point(&random, point);
        cut_tree_insert(t, i, point, &cuts);
    }
}

/* Displacement of removing all points below `top`: by how much the depths of the others fall. */
static double displacement(uint64_t seed, uint32_t n, uint32_t top)
{
    struct cut_tree before, after;
    double sum = 0;
    fill(&before, seed, n);
    fill(&after, seed, n);
    for (uint32_t slot = 0; slot < n; slot++) {
        if (is_below(&before, before.leaf[slot], top)) {
            cut_tree_remove(&after, slot);
        }
    }
    for (uint32_t slot = 0; slot < n; slot++) {
        if (after.leaf[slot] != CUT_NONE) {
            sum += (double)depth_of(&before, before.leaf[slot]) -
                   (double)depth_of(&after, after.leaf[slot]);
        }
    }
    cut_tree_done(&before);
    cut_tree_done(&after);
    return sum;
}

static void codisp_is_the_largest_displacement(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct cut_tree t;
        const uint32_t n = 12;
        fill(&t, seed, n);
        for (uint32_t slot = 0; slot < n; slot++) {
            double most = 0;
            for (uint32_t top = t.leaf[slot]; t.node[top].parent != CUT_NONE;
                 top = t.node[top].parent) {
                double each = displacement(seed, n, top) / t.node[top].points;
                most = fmax(most, each);
            }
            assert_true(fabs(cut_tree_codisp(&t, slot) - most) < 1e-12);
        }
        cut_tree_done(&t);
    }
}

static void score_is_the_mean_of_insertions(void **state)
{
    (void)state;
    const double points[][2] = {{0, 0}, {8, 50}, {3, -1}, {3, 7}, {-2, 400}};
    struct cut_tree t;
    struct random random;
    fill(&t, 4, 15);
    random_seed(&random, 77, 1);
    for (int i = 0; i < 5; i++) {
        double sum = 0, squares = 0, runs = 20000;
        for (int k = 0; k < (int)runs; k++) {
            cut_tree_insert(&t, 15, points[i], &random);
            double codisp = cut_tree_codisp(&t, 15);
            sum += codisp;
            squares += codisp * codisp;
            cut_tree_remove(&t, 15);
        }
        check_tree(&t);
        double mean = sum / runs, deviation = sqrt(fmax(squares / runs - mean * mean, 0) / runs);
        assert_true(fabs(cut_tree_score(&t, points[i]) - mean) < 5 * deviation + 1e-9);
    }
    cut_tree_done(&t);
}

static void equal_points_share_a_leaf(void **state)
{
    (void)state;
    struct cut_tree t;
    struct random random;
    double point[2] = {1, 2}, other[2] = {1, 3};
    random_seed(&random, 1, 1);
    cut_tree_init(&t, 2, ROOM);
    assert_true(cut_tree_score(&t, point) == 0);
    for (uint32_t slot = 0; slot < 9; slot++) {
        cut_tree_insert(&t, slot, point, &random);
    }
    assert_int_equal(t.nleaves, 1);
    assert_true(cut_tree_codisp(&t, 4) == 0);
    assert_true(cut_tree_score(&t, point) == 0);
    assert_true(cut_tree_score(&t, other) == 9);
    cut_tree_insert(&t, 9, other, &random);
    assert_true(cut_tree_codisp(&t, 9) == 9);
    assert_true(fabs(cut_tree_codisp(&t, 3) - 1.0 / 9) < 1e-15);
    cut_tree_remove(&t, 2);
    assert_true(cut_tree_codisp(&t, 9) == 8);
    check_tree(&t);
    cut_tree_done(&t);
}

static void takes_extreme_values(void **state)
{
    (void)state;
    const double odd[] = {0, -0.0, 1e150, -1e150, 1e-300, 1, 1.0000000000000002, 1e149};
    struct cut_tree t;
    struct random random;
    random_seed(&random, 6, 1);
    cut_tree_init(&t, 2, ROOM);
    for (int i = 0; i < 5000; i++) {
        double point[2] = {odd[random_below(&random, 8)], odd[random_below(&random, 8)]};
        uint32_t slot = random_below(&random, ROOM);
        if (t.leaf[slot] != CUT_NONE) {
            cut_tree_remove(&t, slot);
        }
        double score = cut_tree_score(&t, point);
        assert_true(isfinite(score) && score >= 0 && score <= ROOM);
        cut_tree_insert(&t, slot, point, &random);
        assert_true(isfinite(cut_tree_codisp(&t, slot)));
    }
    cut_tree_done(&t);
}

static void save(struct cut_tree *t, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(cut_tree_io(t, &s), 0);
}

static void goes_on_after_a_load(void **state)
{
    (void)state;
    struct cut_tree a, b;
    struct random random;
    struct buffer first, second, ends[2];
    double point[2] = {0.5, 1};
    fill(&a, 3, 20);
    for (uint32_t slot = 2; slot < 20; slot += 3) {
        cut_tree_remove(&a, slot);
    }
    save(&a, &first);
    cut_tree_init(&b, 2, ROOM);
    struct snapshot s = snapshot_loader(first.data, first.n);
    assert_int_equal(cut_tree_io(&b, &s), 0);
    assert_ptr_equal(s.p, s.end);
    check_tree(&b);
    assert_false(cut_tree_is_dense(&b));
    save(&b, &second);
    assert_int_equal(first.n, second.n);
    assert_memory_equal(first.data, second.data, first.n);
    struct cut_tree *both[] = {&a, &b};
    for (int k = 0; k < 2; k++) {
        random_seed(&random, 12, 1);
        for (int i = 0; i < 200; i++) {
            uint32_t slot = random_below(&random, ROOM);
            if (both[k]->leaf[slot] != CUT_NONE) {
                cut_tree_remove(both[k], slot);
            }
            draw_point(&random, point);
            cut_tree_insert(both[k], slot, point, &random);
        }
        save(both[k], &ends[k]);
    }
    assert_int_equal(ends[0].n, ends[1].n);
    assert_memory_equal(ends[0].data, ends[1].data, ends[0].n);
    buffer_done(&first);
    buffer_done(&second);
    buffer_done(&ends[0]);
    buffer_done(&ends[1]);
    cut_tree_done(&a);
    cut_tree_done(&b);
}

static void refuses_damage(void **state)
{
    (void)state;
    struct cut_tree t;
    struct buffer good;
    struct random random;
    double point[2] = {0.5, 1};
    random_seed(&random, 1, 1);
    fill(&t, 3, 20);
    save(&t, &good);
    cut_tree_done(&t);
    for (size_t i = 0; i < good.n * 9; i++) {
        size_t n = i < good.n ? i : good.n, at = i / 9;
        char bit = (char)(i < good.n ? 0 : 1 << i % 8);
        good.data[at] = (char)(good.data[at] ^ bit);
        cut_tree_init(&t, 2, ROOM);
        struct snapshot s = snapshot_loader(good.data, n);
        int status = cut_tree_io(&t, &s);
        assert_true(status == 0 || status == -ERR_DATA);
        assert_true(i >= good.n || status == -ERR_DATA);
        for (uint32_t slot = 0; slot < ROOM; slot++) { /* whatever came of it can be used */
            if (t.leaf[slot] != CUT_NONE) {
                cut_tree_remove(&t, slot);
            }
            cut_tree_insert(&t, slot, point, &random);
        }
        cut_tree_done(&t);
        good.data[at] = (char)(good.data[at] ^ bit);
    }
    buffer_done(&good);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_boxes_and_counts),
        cmocka_unit_test(codisp_is_the_largest_displacement),
        cmocka_unit_test(score_is_the_mean_of_insertions),
        cmocka_unit_test(equal_points_share_a_leaf),
        cmocka_unit_test(takes_extreme_values),
        cmocka_unit_test(goes_on_after_a_load),
        cmocka_unit_test(refuses_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
