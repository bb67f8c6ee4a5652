/* isolation_forest: lengths by formula on small cases, outliers, windows, odd data. */
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/detector_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_isolation_forest;
static const struct learner_def *const def = &learner_isolation_forest;

/* c(n) = 2 H(n - 1) - 2 (n - 1) / n, with H(i) = ln(i) + 0.5772156649 */
static double usual_length(double n)
{
    return 2 * (log(n - 1) + 0.5772156649015329) - 2 * (n - 1) / n;
}

static void two_rows_are_parted_at_once(void **state)
{
    (void)state;
    double x[] = {0, 1, 7}, score;
    void *l = detector_open(def, "{}", 1);
    assert_true(isnan(detector_score(def, l, x)));
    def->fit(l, x, 2, NULL, NULL, NULL); /* each tree is one cut; c(2) = 1, so every length is 1 */
    for (int i = 0; i < 3; i++) {
        score = detector_score(def, l, &x[i]);
        assert_true(score == 0.5);
    }
    def->close(l);
}

static void equal_rows_make_one_leaf(void **state)
{
    (void)state;
    double x[200];
    void *l = detector_open(def, "{max_samples: 100}", 2);
    for (int i = 0; i < 200; i++) {
        x[i] = i % 2;
    }
    def->fit(l, x, 100, NULL, NULL, NULL);
    assert_true(fabs(detector_score(def, l, x) - 0.5) < 1e-15); /* length c(100) of c(100) */
    def->close(l);
}

/* Cuts that leave a row alone since it is off an only value: here one of two of each way. */
static void a_row_off_an_only_value_is_left_alone_soon(void **state)
{
    (void)state;
    double x[20], same = 3, other = 4, off[] = {0, 9}, on[] = {0, 3};
    for (int i = 0; i < 20; i++) {
        x[i] = 3;
    }
    void *l = detector_open(def, "{}", 1);
    def->fit(l, x, 20, NULL, NULL, NULL);
    assert_true(detector_score(def, l, &same) == 0.5);
    assert_true(fabs(detector_score(def, l, &other) - exp2(-1 / usual_length(20))) < 1e-15);
    def->close(l);
    l = detector_open(def, "{max_samples: 4, n_estimators: 1}", 2);
    for (int i = 0; i < 4; i++) {
        x[2 * i] = i;
    }
    def->fit(l, x, 4, NULL, NULL, NULL);
    double usual = usual_length(4), way = -log2(detector_score(def, l, on)) * usual;
    double found = -log2(detector_score(def, l, off)) * usual;
    assert_true(way > 0.99);
    assert_true(fabs(found - (1 - pow(0.5, way)) / 0.5) < 1e-12);
    def->close(l);
}

/* Three rows, one far off: the first cut isolates it with probability (10 - 1) / 10, then it has
 * length 1 and the others 2; else it has length 2, one of the others 1. */
static void lengths_follow_the_gaps(void **state)
{
    (void)state;
    double x[] = {0, 1, 10};
    void *l = detector_open(def, "{n_estimators: 10000, max_samples: 3}", 1);
    def->fit(l, x, 3, NULL, NULL, NULL);
    double expected[] = {2 - 0.1, 2, 2 - 0.9}; /* the row at 1 always has 2 */
    for (int i = 0; i < 3; i++) {
        double length = -log2(detector_score(def, l, &x[i])) * fmax(usual_length(3), 1);
        assert_true(fabs(length - expected[i]) < 0.02);
    }
    def->close(l);
}

static double *cloud(uint32_t rows, uint64_t seed)
{
    struct random random;
    double *x = mem_array((size_t)rows * 2, sizeof(double));
    random_seed(&random, seed, 1);
    for (uint32_t i = 0; i < 2 * rows; i++) {
        x[i] = random_normal(&random);
    }
    return x;
}

static void outliers_are_isolated_soon(void **state)
{
    (void)state;
    const char *options[] = {"{}", "{bootstrap: true}", "{max_samples: 64, max_features: 0.5}"};
    double *x = cloud(1000, 4), middle[] = {0, 0}, far[] = {6, -6};
    for (int k = 0; k < 3; k++) {
        void *l = detector_open(def, options[k], 2);
        def->fit(l, x, 1000, NULL, NULL, NULL);
        assert_true(detector_score(def, l, middle) < 0.47);
        assert_true(detector_score(def, l, far) > 0.7);
        def->close(l);
    }
    mem_free(x);
}

static void a_new_window_replaces_the_old(void **state)
{
    (void)state;
    double *x = cloud(300, 5), home[] = {100, 100};
    void *l = detector_open(def, "{n_estimators: 30}", 2);
    def->fit(l, x, 300, NULL, NULL, NULL);
    assert_true(detector_score(def, l, home) > 0.6);
    for (int i = 0; i < 600; i++) {
        x[i] += 100;
    }
    def->fit(l, x, 300, NULL, NULL, NULL);
    assert_true(detector_score(def, l, home) < 0.5);
    def->fit(l, x, 0, NULL, NULL, NULL); /* an empty window changes nothing */
    assert_true(detector_score(def, l, home) < 0.5);
    def->close(l);
    mem_free(x);
}

static void save(void *l, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(def->io(l, &s), 0);
}

static void goes_on_after_a_load_and_refuses_damage(void **state)
{
    (void)state;
    const char *options = "{n_estimators: 4, max_samples: 16}";
    double *x = cloud(100, 6);
    struct buffer good, ends[2];
    void *a = detector_open(def, options, 2), *b = detector_open(def, options, 2);
    def->fit(a, x, 50, NULL, NULL, NULL);
    save(a, &good);
    struct snapshot s = snapshot_loader(good.data, good.n);
    assert_int_equal(def->io(b, &s), 0);
    for (uint32_t i = 0; i < 100; i++) {
        assert_true(detector_score(def, a, x + 2 * i) == detector_score(def, b, x + 2 * i));
    }
    def->fit(a, x, 100, NULL, NULL, NULL);
    def->fit(b, x, 100, NULL, NULL, NULL);
    save(a, &ends[0]);
    save(b, &ends[1]);
    assert_int_equal(ends[0].n, ends[1].n);
    assert_memory_equal(ends[0].data, ends[1].data, ends[0].n);
    def->close(b);
    for (size_t i = 0; i < good.n * 9; i++) {
        size_t n = i < good.n ? i : good.n, at = i / 9;
        char bit = (char)(i < good.n ? 0 : 1 << i % 8);
        good.data[at] = (char)(good.data[at] ^ bit);
        b = detector_open(def, options, 2);
        s = snapshot_loader(good.data, n);
        int status = def->io(b, &s);
        assert_true(i < good.n ? status == -ERR_DATA : status == 0 || status == -ERR_DATA);
        detector_score(def, b, x);
        def->fit(b, x, 20, NULL, NULL, NULL);
        def->close(b);
        good.data[at] = (char)(good.data[at] ^ bit);
    }
    buffer_done(&good);
    buffer_done(&ends[0]);
    buffer_done(&ends[1]);
    def->close(a);
    mem_free(x);
}

static void takes_extreme_values(void **state)
{
    (void)state;
    const double odd[] = {0, -0.0, 1e150, -1e150, 1e-300, 1};
    double x[400];
    void *l = detector_open(def, "{n_estimators: 20}", 2);
    for (uint32_t i = 0; i < 400; i++) {
        x[i] = odd[i * 7 / 3 % 6];
    }
    def->fit(l, x, 200, NULL, NULL, NULL);
    for (uint32_t i = 0; i < 200; i++) {
        double score = detector_score(def, l, x + 2 * i);
        assert_true(score > 0 && score < 1);
    }
    assert_true(def->size(l) > 0);
    assert_non_null(
        strstr(detector_refusal(def, "{n_estimators: 9000, max_samples: 9000}"), "max_samples"));
    def->close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_rows_are_parted_at_once),
        cmocka_unit_test(equal_rows_make_one_leaf),
        cmocka_unit_test(a_row_off_an_only_value_is_left_alone_soon),
        cmocka_unit_test(lengths_follow_the_gaps),
        cmocka_unit_test(outliers_are_isolated_soon),
        cmocka_unit_test(a_new_window_replaces_the_old),
        cmocka_unit_test(goes_on_after_a_load_and_refuses_damage),
        cmocka_unit_test(takes_extreme_values),
    };
    return cmocka_run_group_tests(tests, detector_set_up, detector_tear_down);
}
