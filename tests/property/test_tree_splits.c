/* The best split of a leaf, kept up row by row, against the best one found by trying every value
 * over all rows again: numbers and categories, of values; categories, of classes. Seeds are printed
 * on failure by the row they give.
 */
#include "engine/random.h"
#include "ml/tree_classes.h"
#include "ml/tree_values.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ROWS  150
#define SEEDS 200

static const uint32_t columns[] = {0, 1};
static const struct tree_view view = {columns, 1, 1};

struct rows {
    double x[ROWS][2], y[ROWS], w[ROWS];
};

static struct rows draw(uint64_t seed, uint32_t classes)
{
    struct rows d;
    struct random r;
    random_seed(&r, seed, 1);
    double steps = 1 + random_below(&r, 60);
    uint32_t categories = 1 + random_below(&r, 6);
    for (int i = 0; i < ROWS; i++) {
        d.x[i][0] = tree_order_round(random_normal(&r) * steps, 10);
        d.x[i][1] = random_below(&r, categories);
        double y = d.x[i][0] / steps + d.x[i][1] + random_normal(&r);
        d.y[i] = classes > 0 ? fmin(fabs(floor(y)), classes - 1) : y;
        d.w[i] = 1 + random_below(&r, 4);
    }
    return d;
}

/* Merit of sending rows with x <= t (a category: x == t) one way. */
static double merit_of_values(const struct rows *d, const struct tree_options *o, int column,
                              double t)
{
    struct moments all = {.n = 0}, branch[2] = {{.n = 0}, {.n = 0}};
    for (int i = 0; i < ROWS; i++) {
        bool is_left = column == 0 ? d->x[i][0] <= t : d->x[i][1] == t;
        moments_add(&all, d->y[i], d->w[i]);
        moments_add(&branch[!is_left], d->y[i], d->w[i]);
    }
    return tree_merit_values(o, &all, branch, 2);
}

static void values(void **state)
{
    (void)state;
    const struct tree_options o = {.min_samples_split = 5, .binary_split = true};
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        struct rows d = draw(seed, 0);
        struct tree_values l = {0};
        for (int i = 0; i < ROWS; i++) {
            tree_values_learn(&l, &view, d.x[i], d.y[i], d.w[i], &o);
            tree_values_observe(&l, &view, d.x[i], d.y[i], d.w[i], 10);
        }
        for (int column = 0; column < 2; column++) {
            struct tree_split s = tree_values_best(&l, &view, (uint32_t)column, &o);
            double best = -HUGE_VAL;
            for (int i = 0; i < ROWS; i++) {
                best = fmax(best, merit_of_values(&d, &o, column, d.x[i][column]));
            }
            if (fabs(s.merit - best) > 1e-9 ||
                fabs(merit_of_values(&d, &o, column, s.threshold) - best) > 1e-9) {
                fail_msg("seed %llu, column %d: %.17g, not %.17g", (unsigned long long)seed, column,
                         s.merit, best);
            }
        }
        tree_values_done(&l, &view);
    }
}

static double merit_of_classes(const struct rows *d, const struct tree_options *o, double category)
{
    static const uint32_t class[] = {0, 1, 2};
    double w[6] = {0}, all[3] = {0};
    for (int i = 0; i < ROWS; i++) {
        w[(d->x[i][1] == category ? 0 : 3) + (int)d->y[i]] += d->w[i];
        all[(int)d->y[i]] += d->w[i];
    }
    struct tree_branches b = {w, 2, 3, 3, class};
    return tree_merit_classes(o, tree_entropy(all, 3), &b);
}

static void classes(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        const struct tree_options o = {.split_criterion = seed % 2 ? TREE_GINI : TREE_INFO_GAIN,
                                       .min_branch_fraction = 0.01,
                                       .binary_split = true,
                                       .n_splits = 10};
        struct rows d = draw(seed, 3);
        struct tree_classes l = {0};
        double scratch[8], best = -HUGE_VAL;
        for (int i = 0; i < ROWS; i++) {
            tree_classes_weigh(&l, (uint32_t)d.y[i], d.w[i]);
            tree_classes_observe(&l, &view, d.x[i], (uint32_t)d.y[i], d.w[i]);
            best = fmax(best, merit_of_classes(&d, &o, d.x[i][1]));
        }
        struct tree_split s = tree_classes_best(&l, &view, 1, &o, scratch);
        bool is_none = best == -HUGE_VAL && s.merit == -HUGE_VAL;
        if (!is_none && !(fabs(s.merit - best) < 1e-9)) {
            fail_msg("seed %llu: %.17g, not %.17g", (unsigned long long)seed, s.merit, best);
        }
        tree_classes_done(&l, &view);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values),
        cmocka_unit_test(classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
