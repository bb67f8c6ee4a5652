/* tree_order: sums to the left of every value against all rows anew; pruning against a search tree
 * of nodes, as River keeps it; rounding as decimals are rounded.
 */
#include "ml/tree_order.h"

#include "engine/memory.h"
#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct tree_options options = {.min_samples_split = 5};

static void rounds_halves_to_even(void **state)
{
    (void)state;
    assert_true(tree_order_round(0.25, 10) == 0.2);
    assert_true(tree_order_round(0.35, 10) == 0.3); /* 0.35 is a bit less than that */
    assert_true(tree_order_round(0.75, 10) == 0.8);
    assert_true(tree_order_round(-0.25, 10) == -0.2);
    assert_true(tree_order_round(-1.05, 10) == -1.1); /* and this a bit more */
    assert_true(tree_order_round(2.5, 1) == 2);
    assert_true(tree_order_round(1e300, 10) == 1e300);
    struct random r;
    random_seed(&r, 5, 1);
    for (int i = 0; i < 20000; i++) {
        char text[64];
        double x = (double)random_below(&r, 2000000) / 1000 - 1000;
        snprintf(text, sizeof(text), "%.1f", x); /* rounds the exact value, halves to even */
        assert_true(tree_order_round(x, 10) == strtod(text, NULL));
    }
}

struct row {
    double x, y, w;
};

static struct row draw(struct random *r)
{
    double x = tree_order_round(random_normal(r), 10);
    return (struct row){x, (x > 0.4 ? 3 : 0) + random_normal(r), 1 + random_below(r, 3)};
}

static void sums_equal_those_of_all_rows(void **state)
{
    (void)state;
    struct random r;
    struct tree_order q = {0};
    struct row row[400];
    random_seed(&r, 1, 1);
    for (int i = 0; i < 400; i++) {
        row[i] = draw(&r);
        tree_order_add(&q, row[i].x, row[i].y, row[i].w, TREE_ORDER_MAX);
    }
    double best = -HUGE_VAL, best_value = 0, merit;
    struct moments all = {0};
    for (int i = 0; i < 400; i++) {
        moments_add(&all, row[i].y, row[i].w);
    }
    for (uint32_t v = 0; v < q.n; v++) {
        struct moments branch[2] = {{.n = 0}, {.n = 0}}, left = tree_order_left(&q, v);
        for (int i = 0; i < 400; i++) {
            moments_add(&branch[row[i].x > q.value[v]], row[i].y, row[i].w);
        }
        assert_true(v == 0 || q.value[v] > q.value[v - 1]);
        assert_true(fabs(left.n - branch[0].n) < 1e-9);
        assert_true(fabs(left.mean - branch[0].mean) < 1e-9);
        assert_true(fabs(left.s - branch[0].s) < 1e-7);
        double m = tree_merit_values(&options, &all, branch, 2);
        best_value = m > best ? q.value[v] : best_value;
        best = m > best ? m : best;
    }
    int32_t at = tree_order_best(&q, &options, &all, &merit);
    assert_true(fabs(merit - best) < 1e-9);
    assert_true(q.value[at] == best_value);
    tree_order_done(&q);
}

/* ---- River's search tree: each node has the moments of all rows that went left at it, or ended
 * --- */

struct node {
    double value;
    struct moments left_sum;
    struct node *left, *right;
};

static void insert(struct node **at, const struct row *row)
{
    while (*at) {
        struct node *n = *at;
        if (row->x <= n->value) {
            moments_add(&n->left_sum, row->y, row->w);
        }
        if (row->x == n->value) {
            return;
        }
        at = row->x < n->value ? &n->left : &n->right;
    }
    *at = mem_zalloc(sizeof(struct node));
    (*at)->value = row->x;
    moments_add(&(*at)->left_sum, row->y, row->w);
}

static double merit_of(const struct node *n, const struct moments *before,
                       const struct moments *all)
{
    struct moments branch[2];
    branch[0] = moments_plus(n->left_sum, before);
    branch[1] = moments_minus(*all, &branch[0]);
    return tree_merit_values(&options, all, branch, 2);
}

/* True when the node went. */
static bool prune(struct node **at, struct moments before, const struct moments *all, double best,
                  double least)
{
    struct node *n = *at;
    struct moments here = moments_plus(n->left_sum, &before);
    if (n->left && !prune(&n->left, before, all, best, least)) {
        return false;
    }
    if (n->right && !prune(&n->right, here, all, best, least)) {
        return false;
    }
    if (!(merit_of(n, &before, all) / best < least)) {
        return false;
    }
    mem_free(n);
    *at = NULL;
    return true;
}

static void compare(const struct node *n, struct moments before, const struct tree_order *q,
                    uint32_t *at)
{
    if (!n) {
        return;
    }
    struct moments here = moments_plus(n->left_sum, &before);
    compare(n->left, before, q, at);
    assert_true(*at < q->n);
    assert_true(q->value[*at] == n->value);
    struct moments left = tree_order_left(q, *at);
    assert_true(fabs(left.n - here.n) < 1e-6);
    assert_true(fabs(left.mean - here.mean) < 1e-6);
    assert_true(fabs(left.s - here.s) < 1e-4);
    (*at)++;
    compare(n->right, here, q, at);
}

static void drop(struct node *n)
{
    if (n) {
        drop(n->left);
        drop(n->right);
        mem_free(n);
    }
}

static void prunes_what_a_search_tree_would(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 30; seed++) {
        struct random r;
        struct tree_order q = {0};
        struct node *root = NULL;
        struct moments all = {0};
        uint32_t gone = 0;
        random_seed(&r, seed, 1);
        for (int round = 0; round < 6; round++) {
            for (int i = 0; i < 60; i++) {
                struct row row = draw(&r);
                moments_add(&all, row.y, row.w);
                tree_order_add(&q, row.x, row.y, row.w, TREE_ORDER_MAX);
                insert(&root, &row);
            }
            double merit, least = 0.3 + 0.1 * (double)(seed % 5);
            assert_true(tree_order_best(&q, &options, &all, &merit) >= 0);
            uint32_t before = q.n, at = 0;
            tree_order_prune(&q, &options, &all, merit, least);
            gone += before - q.n;
            if (root) {
                prune(&root, (struct moments){0}, &all, merit, least);
            }
            compare(root, (struct moments){0}, &q, &at);
            assert_int_equal(at, q.n);
        }
        assert_true(gone > 0);
        drop(root);
        tree_order_done(&q);
    }
}

static void ascending_values_neither_hang_nor_bloat(void **state)
{
    (void)state;
    struct tree_order q = {0};
    struct moments all = {0};
    for (int i = 0; i < 20000; i++) {
        double x = i / 10.0;
        moments_add(&all, x, 1);
        tree_order_add(&q, x, x, 1, TREE_ORDER_MAX);
    }
    assert_int_equal(q.n, TREE_ORDER_MAX);
    tree_order_prune(&q, &options, &all, 1, HUGE_VAL); /* as deep as there are values */
    assert_int_equal(q.n, 0);
    tree_order_prune(&q, &options, &all, 1, HUGE_VAL);
    tree_order_done(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rounds_halves_to_even),
        cmocka_unit_test(sums_equal_those_of_all_rows),
        cmocka_unit_test(prunes_what_a_search_tree_would),
        cmocka_unit_test(ascending_values_neither_hang_nor_bloat),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
