/* random_forest: fitted on a window it tells classes apart and follows values; saves, loads,
 * bounds. */
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/learner_check.h"
#include "tests/support/learner_options.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_random_forest;
static const struct learner_def *const def = &learner_random_forest;
static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    return 0;
}

static void *fitted(const char *text, const struct learner_data *d, uint32_t rows)
{
    void *l = learner_open(def, learner_options(def, &arena, text), d);
    if (d->classes > 0) {
        def->grow(l, d->classes);
    }
    def->fit(l, d->x, rows, d->y, NULL, NULL);
    return l;
}

static double accuracy(const char *text, const struct learner_data *d, uint32_t rows)
{
    double hits = 0, p[8];
    void *l = fitted(text, d, rows);
    for (uint32_t r = rows; r < d->rows; r++) {
        uint32_t best = 0;
        def->predict(l, d->x + (size_t)r * d->columns, 1, p, 8);
        for (uint32_t c = 1; c < d->classes; c++) {
            best = p[c] > p[best] ? c : best;
        }
        hits += best == d->y[r];
    }
    def->close(l);
    return hits / (d->rows - rows);
}

static void tells_classes_apart(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(2000, 4, 3, 41);
    const char *const text[] = {"{n_models: 20}", "{n_models: 20, criterion: entropy}",
                                "{n_models: 20, criterion: squared_error, bootstrap: false}",
                                "{n_models: 20, max_depth: 4, min_samples_leaf: 5}"};
    for (int i = 0; i < 4; i++) {
        assert_true(accuracy(text[i], &d, 1000) > 0.8);
    }
    learner_data_free(&d);
}

/* Classes that alternate along the only column: each split takes off a row, as deep as it may go.
 */
static void a_column_that_tells_nothing_costs_no_square(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(4000, 1, 2, 43);
    for (uint32_t r = 0; r < d.rows; r++) {
        d.x[r] = r;
        d.y[r] = r % 2;
    }
    void *some = fitted("{n_models: 1, bootstrap: false}", &d, d.rows);
    void *all = fitted("{n_models: 1, bootstrap: false, max_depth: 100000}", &d, d.rows);
    assert_true(def->size(all) > 8000 * 16); /* 7999 nodes */
    assert_true(def->size(some) < def->size(all) / 4);
    def->close(some);
    def->close(all);
    learner_data_free(&d);
}

static void many_trees_are_better_than_one(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(3000, 8, 4, 42);
    for (uint32_t r = 0; r < d.rows; r += 5) {
        d.y[r] = r % 4; /* noise */
    }
    double one = accuracy("{n_models: 1}", &d, 1500), many = accuracy("{n_models: 60}", &d, 1500);
    assert_true(many > one + 0.03);
    learner_data_free(&d);
}

static void follows_values(void **state)
{
    (void)state;
    struct learner_data d = learner_values_new(2000, 3, 43);
    for (uint32_t r = 0; r < d.rows; r++) {
        d.y[r] += 1e6; /* far from 0: sums of squares must keep their digits */
    }
    double error = 0, y;
    void *l = fitted("{n_models: 30}", &d, 1000);
    for (uint32_t r = 1000; r < d.rows; r++) {
        def->predict(l, d.x + (size_t)r * 3, 1, &y, 1);
        error += fabs(y - d.y[r]) / 1000;
    }
    assert_true(error < 0.2);
    def->close(l);
    learner_data_free(&d);
}

static void the_same_rows_give_the_same_forest(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(300, 4, 3, 44);
    struct buffer saved[2];
    for (int i = 0; i < 2; i++) {
        void *l = fitted("{n_models: 5}", &d, 300);
        buffer_init(&saved[i]);
        struct snapshot s = snapshot_saver(&saved[i]);
        assert_int_equal(def->io(l, &s), 0);
        def->close(l);
    }
    assert_int_equal(saved[0].n, saved[1].n);
    assert_memory_equal(saved[0].data, saved[1].data, saved[0].n);
    buffer_done(&saved[0]);
    buffer_done(&saved[1]);
    learner_data_free(&d);
}

static void comes_back_and_refuses_damage(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(60, 3, 3, 45);
    const char *text = "{n_models: 2}";
    void *a = fitted(text, &d, 60), *b = learner_open(def, learner_options(def, &arena, text), &d);
    struct buffer saved;
    double p[3], q[3];
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    def->io(a, &s);
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(def->io(b, &s), 0);
    for (uint32_t r = 0; r < d.rows; r++) {
        def->predict(a, d.x + r * 3, 1, p, 3);
        def->predict(b, d.x + r * 3, 1, q, 3);
        assert_memory_equal(p, q, sizeof(p));
        assert_true(fabs(p[0] + p[1] + p[2] - 1) < 1e-12);
    }
    def->close(a);
    def->close(b);
    for (size_t i = 0; i < saved.n * 8; i++) {
        static double out[CLASSES_MAX];
        void *l = learner_open(def, learner_options(def, &arena, text), &d);
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
        s = snapshot_loader(saved.data, saved.n);
        if (def->io(l, &s) == 0) {
            def->predict(l, d.x, 1, out, CLASSES_MAX);
        }
        saved.data[i / 8] = (char)(saved.data[i / 8] ^ (1 << i % 8));
        def->close(l);
    }
    for (size_t n = 0; n < saved.n; n++) {
        void *l = learner_open(def, learner_options(def, &arena, text), &d);
        s = snapshot_loader(saved.data, n);
        assert_int_equal(def->io(l, &s), -ERR_DATA);
        def->close(l);
    }
    buffer_done(&saved);
    learner_data_free(&d);
}

static void stays_within_max_size(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(4000, 3, 2, 46);
    for (uint32_t r = 0; r < d.rows; r++) {
        d.y[r] = r % 2; /* nothing to learn: trees as large as can be */
    }
    void *l = fitted("{n_models: 10, max_size: 0.1}", &d, d.rows);
    assert_true((double)def->size(l) < 0.11 * 0x1p20);
    def->close(l);
    learner_data_free(&d);
}

static void before_it_is_fitted(void **state)
{
    (void)state;
    struct learner_data d = {.columns = 2};
    double x[2] = {1, 2}, p[3] = {9, 9, 9};
    void *l = learner_open(def, learner_options(def, &arena, "{n_models: 3}"), &d);
    def->grow(l, 2);
    def->predict(l, x, 1, p, 2);
    assert_true(p[0] == 0.5 && p[1] == 0.5);
    double one = 1;
    def->fit(l, x, 1, &one, NULL, NULL);
    def->grow(l, 3); /* a class that was not there to be learned */
    def->predict(l, x, 1, p, 3);
    assert_true(p[1] == 1 && p[0] == 0 && p[2] == 0);
    def->close(l);
}

static void weights_of_zero_leave_rows_out(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(400, 2, 2, 47);
    double *w = mem_array(d.rows, sizeof(*w)), p[2];
    for (uint32_t r = 0; r < d.rows; r++) {
        w[r] = d.y[r] > 0 ? 2 : 0;
    }
    void *l = learner_open(def, learner_options(def, &arena, "{n_models: 5}"), &d);
    def->grow(l, 2);
    def->fit(l, d.x, d.rows, d.y, w, NULL);
    for (uint32_t r = 0; r < 50; r++) {
        def->predict(l, d.x + r * 2, 1, p, 2);
        assert_true(p[1] == 1);
    }
    def->close(l);
    mem_free(w);
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_classes_apart),
        cmocka_unit_test(a_column_that_tells_nothing_costs_no_square),
        cmocka_unit_test(many_trees_are_better_than_one),
        cmocka_unit_test(follows_values),
        cmocka_unit_test(the_same_rows_give_the_same_forest),
        cmocka_unit_test(comes_back_and_refuses_damage),
        cmocka_unit_test(stays_within_max_size),
        cmocka_unit_test(before_it_is_fitted),
        cmocka_unit_test(weights_of_zero_leave_rows_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
