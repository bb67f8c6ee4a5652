/* cart: its first split against all possible ones; pure leaves, categories, bounds, snapshots. */
#include "ml/cart.h"

#include "engine/memory.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROWS    60
#define COLUMNS 3

struct data {
    double x[ROWS * COLUMNS], y[ROWS], weight[ROWS];
    struct learner_column column[COLUMNS];
};

static struct data make(uint64_t seed, bool is_values)
{
    struct data d = {.column = {{"a", false}, {"b", false}, {"c", true}}};
    struct random r;
    random_seed(&r, seed, 1);
    for (int i = 0; i < ROWS; i++) {
        double *x = d.x + i * COLUMNS;
        x[0] = random_below(&r, 8);
        x[1] = random_normal(&r);
        x[2] = random_below(&r, 4);
        double score = x[0] + 3 * x[1] + (x[2] == 2 ? 5 : 0) + random_normal(&r);
        d.y[i] = is_values ? score : score > 8 ? 2 : score > 4;
        d.weight[i] = random_below(&r, 3);
    }
    return d;
}

static double impurity(const double *sum, const struct cart_options *o)
{
    double w = sum[0] + sum[1] + sum[2], out = 0;
    if (o->criterion == CART_SQUARED_ERROR) {
        return sum[0] > 0 ? sum[2] - sum[1] * sum[1] / sum[0] : 0;
    }
    for (int c = 0; c < 3 && w > 0; c++) {
        double p = sum[c] / w;
        out += o->criterion == CART_GINI ? p * (1 - p) : p > 0 ? -p * log2(p) : 0;
    }
    return w * out;
}

/* What is left of the impurity when rows with x <= t (== t) go left; HUGE_VAL where a side is
 * empty. */
static double rest(const struct data *d, const struct cart_options *o, int column, double t)
{
    double side[2][3] = {{0}}, n[2] = {0};
    for (int i = 0; i < ROWS; i++) {
        double x = d->x[i * COLUMNS + column], w = d->weight[i], y = d->y[i];
        int right = d->column[column].is_category ? x != t : x > t;
        n[right] += w > 0;
        if (o->criterion == CART_SQUARED_ERROR) {
            side[right][0] += w;
            side[right][1] += w * y;
            side[right][2] += w * y * y;
        } else {
            side[right][(int)y] += w;
        }
    }
    bool is_allowed = n[0] >= o->min_samples_leaf && n[1] >= o->min_samples_leaf;
    return is_allowed ? impurity(side[0], o) + impurity(side[1], o) : HUGE_VAL;
}

static void first_split_is_the_best_of_all(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < 60; seed++) {
        bool is_values = seed % 3 == 2;
        struct cart_options o = {.criterion = (enum cart_criterion)(seed % 3),
                                 .max_depth = 1,
                                 .min_samples_leaf = 1 + (uint32_t)seed % 5,
                                 .min_samples_split = 2,
                                 .max_features = COLUMNS,
                                 .max_nodes = 100};
        struct data d = make(seed, is_values);
        struct cart_table t;
        struct cart c;
        struct random r;
        random_seed(&r, seed, 2);
        cart_table_init(&t, d.x, d.y, ROWS, d.column, COLUMNS, is_values ? 0 : 3);
        cart_grow(&c, &t, &o, d.weight, &r);
        assert_int_equal(c.nodes, 3);
        int column = (int)(c.node[0].column & ~CART_CATEGORY);
        assert_int_equal((c.node[0].column & CART_CATEGORY) != 0, d.column[column].is_category);
        double ours = rest(&d, &o, column, c.node[0].threshold);
        for (int i = 0; i < ROWS * COLUMNS; i++) {
            assert_true(ours <= rest(&d, &o, i % COLUMNS, d.x[i]) + 1e-9);
        }
        cart_done(&c);
        cart_table_done(&t);
    }
}

static struct cart grow(const struct data *d, const struct cart_options *o, uint32_t classes)
{
    struct cart_table t;
    struct cart c;
    struct random r;
    random_seed(&r, 1, 1);
    cart_table_init(&t, d->x, d->y, ROWS, d->column, COLUMNS, classes);
    cart_grow(&c, &t, o, d->weight, &r);
    cart_table_done(&t);
    return c;
}

static const struct cart_options unbounded = {.criterion = CART_GINI,
                                              .max_depth = 1000,
                                              .min_samples_leaf = 1,
                                              .min_samples_split = 2,
                                              .max_features = 1,
                                              .max_nodes = 100000};

static void grows_until_leaves_are_pure(void **state)
{
    (void)state;
    struct data d = make(5, false);
    struct cart c = grow(&d, &unbounded, 3);
    for (int i = 0; i < ROWS; i++) {
        if (d.weight[i] > 0) {
            assert_true(cart_walk(&c, d.x + i * COLUMNS, 3)[(int)d.y[i]] == 1);
        }
    }
    double unknown[COLUMNS] = {0, 0, -1};
    const double *p = cart_walk(&c, unknown, 3);
    assert_true(fabs(p[0] + p[1] + p[2] - 1) < 1e-12);
    cart_done(&c);
}

static void bounds_hold(void **state)
{
    (void)state;
    struct data d = make(6, false);
    struct cart_options o = unbounded;
    o.max_nodes = 9;
    struct cart c = grow(&d, &o, 3);
    assert_true(c.nodes <= 9 && c.nodes > 5);
    cart_done(&c);
    memset(d.weight, 0, sizeof(d.weight));
    c = grow(&d, &unbounded, 3);
    assert_int_equal(c.nodes, 0);
    cart_done(&c);
    d = make(6, false);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        d.x[i] = 7; /* nothing to tell rows apart by */
    }
    c = grow(&d, &unbounded, 3);
    assert_int_equal(c.nodes, 1);
    cart_done(&c);
}

static void neighbouring_doubles_are_told_apart(void **state)
{
    (void)state;
    struct data d = make(7, false);
    for (int i = 0; i < ROWS; i++) {
        d.x[i * COLUMNS] = i % 2 ? 1e308 : nextafter(1e308, HUGE_VAL);
        d.x[i * COLUMNS + 1] = d.x[i * COLUMNS + 2] = 0;
        d.y[i] = i % 2;
        d.weight[i] = 1;
    }
    struct cart c = grow(&d, &unbounded, 2);
    assert_int_equal(c.nodes, 3);
    assert_true(cart_walk(&c, d.x, 2)[0] == 1);
    assert_true(cart_walk(&c, d.x + COLUMNS, 2)[1] == 1);
    cart_done(&c);
}

static void damaged_snapshots_give_walkable_trees(void **state)
{
    (void)state;
    struct data d = make(8, false);
    struct cart c = grow(&d, &unbounded, 3);
    struct buffer saved;
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    assert_int_equal(cart_io(&c, COLUMNS, 3, &s), 0);
    for (size_t i = 0; i < saved.n * 8; i++) {
        struct cart other = {0};
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
        s = snapshot_loader(saved.data, saved.n);
        if (cart_io(&other, COLUMNS, 3, &s) == 0 && other.nodes > 0) {
            cart_walk(&other, d.x, 3);
        }
        cart_done(&other);
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
    }
    for (size_t n = 0; n < saved.n; n++) {
        struct cart other = {0};
        s = snapshot_loader(saved.data, n);
        assert_int_equal(cart_io(&other, COLUMNS, 3, &s), -ERR_DATA);
        cart_done(&other);
    }
    buffer_done(&saved);
    cart_done(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_split_is_the_best_of_all),
        cmocka_unit_test(grows_until_leaves_are_pure),
        cmocka_unit_test(bounds_hold),
        cmocka_unit_test(neighbouring_doubles_are_told_apart),
        cmocka_unit_test(damaged_snapshots_give_walkable_trees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
