/* half_space_trees: against trees walked node by node as in the paper; limits; windows. */
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/detector_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_half_space_trees;
static const struct learner_def *const def = &learner_half_space_trees;

#define TREES  9 /* more than one group of trees, and one that is left */
#define HEIGHT 4
#define WINDOW 40
#define NODES  ((1 << (HEIGHT + 1)) - 1)

struct node {
    uint32_t feature;
    double at;
    int left_mass, right_mass; /* as the paper calls them: of this window, of the last one */
};

static struct node tree[TREES][NODES];
static int next_node;

/* Draws as the detector does, from the same numbers; nodes in preorder: children of i are i + 1 and
 * i + 2^(levels below). */
static void grow(struct random *random, struct node *nodes, int depth, double *low, double *high)
{
    struct node *node = &nodes[next_node++];
    memset(node, 0, sizeof(*node));
    if (depth == HEIGHT) {
        return;
    }
    double total = high[0] - low[0] + high[1] - low[1], drawn = random_unit(random) * total;
    uint32_t f = drawn < high[0] - low[0] ? 0 : 1;
    double a = low[f], b = high[f];
    node->feature = f;
    node->at = a + (b - a) * (0.15 + 0.7 * random_unit(random));
    high[f] = node->at;
    grow(random, nodes, depth + 1, low, high);
    high[f] = b;
    low[f] = node->at;
    grow(random, nodes, depth + 1, low, high);
    low[f] = a;
}

static int child(const struct node *nodes, int at, int depth, const double *x)
{
    int left = x[nodes[at].feature] < nodes[at].at;
    return left ? at + 1 : at + (1 << (HEIGHT - depth));
}

static double brute_score(const double *x)
{
    double sum = 0;
    for (int t = 0; t < TREES; t++) {
        int at = 0;
        for (int depth = 0;; depth++) {
            sum += tree[t][at].right_mass * exp2(depth);
            if (depth == HEIGHT || tree[t][at].right_mass < 0.1 * WINDOW) {
                break;
            }
            at = child(tree[t], at, depth, x);
        }
    }
    return 1 - sum / ((double)TREES * WINDOW * NODES);
}

static void brute_learn(const double *x, int row)
{
    for (int t = 0; t < TREES; t++) {
        for (int at = 0, depth = 0;; depth++) {
            tree[t][at].left_mass++;
            if (depth == HEIGHT) {
                break;
            }
            at = child(tree[t], at, depth, x);
        }
        for (int i = 0; (row + 1) % WINDOW == 0 && i < NODES; i++) {
            tree[t][i].right_mass = tree[t][i].left_mass;
            tree[t][i].left_mass = 0;
        }
    }
}

static void scores_as_trees_walked_node_by_node(void **state)
{
    (void)state;
    struct random random;
    double low[2] = {0, 0}, high[2] = {1, 1};
    random_seed(&random, 42, 31); /* the seed of detector_open(), the detector's stream */
    for (int t = 0; t < TREES; t++) {
        next_node = 0;
        grow(&random, tree[t], 0, low, high);
    }
    void *l = detector_open(
        def, "{n_trees: 9, height: 4, window_size: 40, limits: {f0: 0 to 1, f1: 0 to 1}}", 2);
    for (int row = 0; row < 500; row++) {
        double x[2] = {random_unit(&random), pow(random_unit(&random), 3)};
        double score = detector_score(def, l, x);
        if (row < WINDOW) {
            assert_true(isnan(score));
        } else {
            assert_true(fabs(score - brute_score(x)) < 1e-14);
        }
        def->learn(l, x, 1, NULL, NULL);
        brute_learn(x, row);
    }
    def->close(l);
}

/* Running limits scale as given ones do, once the extremes were there. */
static void scales_by_what_it_has_seen(void **state)
{
    (void)state;
    struct random random;
    void *given = detector_open(def, "{window_size: 50, limits: {f0: -10 to 30}}", 1);
    void *found = detector_open(def, "{window_size: 50}", 1);
    random_seed(&random, 8, 1);
    for (int i = 0; i < 300; i++) {
        double x = i == 0 ? -10 : i == 1 ? 30 : 20 * random_unit(&random);
        double a = detector_score(def, given, &x), b = detector_score(def, found, &x);
        assert_true(i < 100 ? 1 : a == b);
        def->learn(given, &x, 1, NULL, NULL);
        def->learn(found, &x, 1, NULL, NULL);
    }
    def->close(given);
    def->close(found);
}

/* What never changed stays in its place when it does, whether up or down. */
static void a_change_of_what_never_changed_moves_nothing(void **state)
{
    (void)state;
    for (int down = 0; down < 2; down++) {
        void *l = detector_open(def, "{window_size: 50}", 1);
        double x = 5, other = down ? 1 : 9;
        for (int i = 0; i < 75; i++) {
            def->learn(l, &x, 1, NULL, NULL);
        }
        double usual = detector_score(def, l, &x);
        assert_true(usual < 1e-12 && detector_score(def, l, &other) > 0.99);
        def->learn(l, &other, 1, NULL, NULL);
        struct buffer saved;
        buffer_init(&saved);
        struct snapshot s = snapshot_saver(&saved);
        assert_int_equal(def->io(l, &s), 0);
        def->close(l);
        l = detector_open(def, "{window_size: 50}", 1);
        s = snapshot_loader(saved.data, saved.n);
        assert_int_equal(def->io(l, &s), 0);
        assert_true(detector_score(def, l, &x) == usual);
        assert_true(detector_score(def, l, &other) > 0.9);
        buffer_done(&saved);
        def->close(l);
    }
}

static void rare_places_are_odd(void **state)
{
    (void)state;
    struct random random;
    void *l = detector_open(def, "{n_trees: 25}", 2);
    random_seed(&random, 2, 1);
    for (int i = 0; i < 2000; i++) {
        double x[2] = {random_normal(&random), random_normal(&random)};
        def->learn(l, x, 1, NULL, NULL);
    }
    double middle[2] = {0, 0}, far[2] = {4, -4};
    assert_true(detector_score(def, l, middle) < 0.95);
    assert_true(detector_score(def, l, far) > 0.98);
    def->close(l);
}

static void refuses_what_it_cannot_hold(void **state)
{
    (void)state;
    assert_null(detector_refusal(def, "{n_trees: 25, height: 15, limits: {f0: 0 to 1e3}}"));
    assert_non_null(strstr(detector_refusal(def, "{n_trees: 1000, height: 20}"), "height"));
    assert_non_null(strstr(detector_refusal(def, "{limits: {f0: \"3\"}}"), "f0"));
    assert_non_null(strstr(detector_refusal(def, "{limits: {f0: 3 to 1}}"), "low to high"));
    assert_non_null(strstr(detector_refusal(def, "{limits: {f0: 3 to nan}}"), "low to high"));
}

static void passes_what_every_detector_must(void **state)
{
    (void)state;
    check_detector(def, "{n_trees: 3, height: 3, window_size: 20}");
    check_detector(def, "{n_trees: 9, height: 2, window_size: 7}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_as_trees_walked_node_by_node),
        cmocka_unit_test(scales_by_what_it_has_seen),
        cmocka_unit_test(a_change_of_what_never_changed_moves_nothing),
        cmocka_unit_test(rare_places_are_odd),
        cmocka_unit_test(refuses_what_it_cannot_hold),
        cmocka_unit_test(passes_what_every_detector_must),
    };
    return cmocka_run_group_tests(tests, detector_set_up, detector_tear_down);
}
