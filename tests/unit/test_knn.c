/* knn: votes and means by hand; against brute force over a window that wraps, for every distance.
 * Tests ml/nearest.c and ml/distance.c, too.
 */
#include "engine/random.h"
#include "ml/distance.h"
#include "ml/nearest.h"
#include "tests/unit/learner_harness.h"

#include <stdlib.h>

extern const struct learner_def learner_knn;
static const struct learner_def *const def = &learner_knn;

/* ---- brute force ---- */

struct candidate {
    double distance, y;
    int age; /* 0: the oldest */
};

static int compare_candidates(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->distance < y->distance || x->distance > y->distance) {
        return x->distance < y->distance ? -1 : 1;
    }
    return x->age - y->age;
}

/* All rows of [from, to) by distance. */
static void brute_force(const struct learner_data *d, uint32_t from, uint32_t to, const double *x,
                        double p, struct candidate *out)
{
    for (uint32_t r = from; r < to; r++) {
        double sum = 0;
        for (uint32_t c = 0; c < d->columns; c++) {
            double diff = fabs(d->x[(size_t)r * d->columns + c] - x[c]);
            sum += p == 2 ? diff * diff : pow(diff, p);
        }
        out[r - from] = (struct candidate){pow(sum, 1 / p), d->y[r], (int)(r - from)};
    }
    qsort(out, to - from, sizeof(*out), compare_candidates);
}

/* Values on a coarse grid, so that there are ties and equal rows. */
static struct learner_data coarse_data(uint32_t rows, uint32_t columns, double step)
{
    struct learner_data d = learner_values_new(rows, columns, 6);
    for (uint32_t i = 0; i < rows * columns; i++) {
        d.x[i] = floor(d.x[i] / step) * step;
    }
    return d;
}

static void nearest_are_those_of_brute_force(void **state)
{
    (void)state;
    static const uint32_t windows[] = {1, 7, 16, 50, 100, 333};
    static const double powers[] = {2, 1, 3};
    struct learner_data d = coarse_data(700, 3, 0.5);
    struct candidate expected[333];
    for (int w = 0; w < 6; w++) {
        for (int k = 1; k <= 12; k += 4) {
            struct nearest s;
            double p = powers[(w + k / 4) % 3];
            nearest_init(&s, 3, windows[w], (uint32_t)k, p);
            for (uint32_t r = 0; r < d.rows; r++) {
                const double *x = d.x + (size_t)r * 3;
                uint32_t from = r > windows[w] ? r - windows[w] : 0, rows = r - from;
                uint32_t found = nearest_find(&s, x),
                         most = (uint32_t)k < rows ? (uint32_t)k : rows;
                brute_force(&d, from, r, x, p, expected);
                assert_int_equal(found, most);
                for (uint32_t i = 0; i < found; i++) {
                    assert_true(fabs(s.near[i].distance - expected[i].distance) < 1e-12);
                    assert_true(p > 2 || s.near[i].y == expected[i].y);
                }
                nearest_add(&s, x, d.y[r]);
            }
            nearest_done(&s);
        }
    }
    learner_data_free(&d);
}

static void distances_are_sums_in_order(void **state)
{
    (void)state;
    struct random random;
    double x[5 * 48], q[5], out[48];
    random_seed(&random, 3, 3);
    for (int i = 0; i < 5 * 48; i++) {
        x[i] = random_normal(&random) * (i % 7 == 0 ? 1e8 : 1);
    }
    for (int c = 0; c < 5; c++) {
        q[c] = random_normal(&random);
    }
    for (uint32_t columns = 0; columns <= 5; columns++) {
        distance_squares(x, 48, 48, q, columns, out);
        for (int r = 0; r < 48; r++) {
            double sum = 0;
            for (uint32_t c = 0; c < columns; c++) {
                double d = x[c * 48 + (uint32_t)r] - q[c];
                sum += d * d;
            }
            assert_true(out[r] == sum); /* the same bits, however wide the vectors are */
        }
    }
}

/* ---- the learner ---- */

static void votes_by_hand(void **state)
{
    (void)state;
    const double rows[] = {0, 1, 3, 10}, y[] = {0, 1, 1, 0}, at = 2, on = 3;
    double p[2];
    void *l = open_for(def, "{n_neighbors: 3}", 1, LEARN_CLASSES);
    def->grow(l, 2);
    def->predict(l, &at, 1, p, 2);
    assert_true(p[0] == 0.5 && p[1] == 0.5);
    def->learn(l, rows, 4, y, NULL);
    def->predict(l, &at, 1, p, 2); /* distances 2, 1, 1: votes 1/2 against 2 */
    assert_true(fabs(p[1] - 2 / 2.5) < 1e-15);
    def->predict(l, &on, 1, p, 2);
    assert_true(p[1] == 1 && p[0] == 0);
    def->grow(l, 3); /* a class of which there is no row */
    double three[3];
    def->predict(l, &at, 1, three, 3);
    assert_true(three[2] == 0);
    def->close(l);
    l = open_for(def, "{n_neighbors: 3, weighted: false, softmax: true}", 1, LEARN_CLASSES);
    def->grow(l, 2);
    def->learn(l, rows, 4, y, NULL);
    def->predict(l, &at, 1, p, 2);
    assert_true(fabs(p[1] - exp(2) / (exp(2) + exp(1))) < 1e-15);
    def->close(l);
}

static void values_by_hand(void **state)
{
    (void)state;
    static const char *const text[] = {"{n_neighbors: 3}",
                                       "{n_neighbors: 3, aggregation_method: median}",
                                       "{n_neighbors: 3, aggregation_method: weighted_mean}",
                                       "{n_neighbors: 4, aggregation_method: median}"};
    const double rows[] = {0, 1, 3, 10}, y[] = {5, 1, 9, 100}, at = 2, on = 10;
    const double expected[] = {5, 5, (2.5 + 1 + 9) / 2.5, 7};
    for (int i = 0; i < 4; i++) {
        void *l = open_for(def, text[i], 1, LEARN_VALUES);
        assert_true(value_of(def, l, &at) == 0);
        def->learn(l, rows, 4, y, NULL);
        assert_true(fabs(value_of(def, l, &at) - expected[i]) < 1e-14);
        assert_true(value_of(def, l, &on) == 100);
        def->close(l);
    }
}

static void what_leaves_the_window_is_forgotten(void **state)
{
    (void)state;
    const double x[] = {1, 2, 3}, y[] = {10, 20, 30}, one = 1, none = 0;
    void *l = open_for(def, "{n_neighbors: 1, window_size: 2}", 1, LEARN_VALUES);
    def->learn(l, x, 3, y, NULL);
    assert_true(value_of(def, l, &one) == 20);
    def->learn(l, &one, 1, &one, &none); /* a row of weight 0 is not kept */
    assert_true(value_of(def, l, &one) == 20);
    def->close(l);
}

static void far_rows_are_not_finite(void **state)
{
    (void)state;
    const double far = 1e150, near = -1e150;
    double p[2];
    void *l = open_for(def, "{p: 4}", 1, LEARN_CLASSES);
    def->grow(l, 1);
    learn_one(def, l, &far, 0);
    def->predict(l, &near, 1, p, 2);
    assert_true(!isfinite(p[0]));
    def->close(l);
}

/* A window of 3 rows takes the last 3 of 10. */
static void a_smaller_window_keeps_the_last_rows(void **state)
{
    (void)state;
    struct learner_data d = coarse_data(10, 1, 0.01);
    struct buffer saved;
    void *a = open_for(def, "{window_size: 10}", 1, LEARN_VALUES);
    void *b = open_for(def, "{window_size: 3}", 1, LEARN_VALUES);
    void *c = open_for(def, "{window_size: 3}", 1, LEARN_VALUES);
    learner_feed(def, a, &d, 0, 10);
    learner_feed(def, c, &d, 0, 10);
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    assert_int_equal(def->io(a, &s), 0);
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(def->io(b, &s), 0);
    for (uint32_t r = 0; r < 10; r++) {
        assert_true(value_of(def, b, d.x + r) == value_of(def, c, d.x + r));
    }
    buffer_done(&saved);
    def->close(a);
    def->close(b);
    def->close(c);
    learner_data_free(&d);
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(60, 3, 3, 2);
    check_learner(def, options_of(def, "{window_size: 20}"), &d);
    check_learner(def, options_of(def, "{softmax: true}"), &d);
    assert_no_allocation(def, &d, "{window_size: 16}");
    learner_data_free(&d);
    d = learner_values_new(60, 3, 2);
    check_learner(def, options_of(def, "{window_size: 20, p: 1}"), &d);
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_are_those_of_brute_force),
        cmocka_unit_test(distances_are_sums_in_order),
        cmocka_unit_test(votes_by_hand),
        cmocka_unit_test(values_by_hand),
        cmocka_unit_test(what_leaves_the_window_is_forgotten),
        cmocka_unit_test(far_rows_are_not_finite),
        cmocka_unit_test(a_smaller_window_keeps_the_last_rows),
        cmocka_unit_test(passes_what_every_learner_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
