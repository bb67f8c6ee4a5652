/* logistic_regression: its gradient is that of its loss, its numbers are those worked out by hand.
 */
#include "engine/arena.h"
#include "engine/config.h"
#include "engine/memory.h"
#include "tests/support/learner_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_logistic_regression;
static const struct learner_def *const def = &learner_logistic_regression;

static struct arena arena;
static struct diags diags;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    diags_init(&diags);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    diags_done(&diags);
    return 0;
}

static const void *options(const char *text)
{
    struct yaml *y;
    void *out = arena_zalloc(&arena, def->options_size);
    assert_int_equal(yaml_parse(&y, &arena, "options", text, strlen(text), &diags), 0);
    assert_int_equal(config_parse(def->options, out, y, "options", &arena, &diags), 0);
    return out;
}

static double probability(void *l, const double *x)
{
    double p[2];
    def->predict(l, x, 1, p, 2);
    assert_true(p[0] + p[1] == 1);
    return p[1];
}

static void first_steps_by_hand(void **state)
{
    (void)state;
    struct learner_data d = {.columns = 2};
    void *l = learner_open(def, options("{lr: 0.5, intercept_lr: 0.25}"), &d);
    double x[] = {1, -2}, yes = 1, no = 0;
    assert_true(probability(l, x) == 0.5);
    def->learn(l, x, 1, &yes, NULL); /* g = -1/2: w = (0.25, -0.5), b = 0.125 */
    double z = 0.25 + 1 + 0.125;
    assert_true(fabs(probability(l, x) - 1 / (1 + exp(-z))) < 1e-15);
    def->learn(l, x, 1, &no, NULL); /* g = sigma(z) */
    double g = 1 / (exp(-z) + 1);
    z = (0.25 - 0.5 * g) * 1 + (-0.5 + 0.5 * g * 2) * -2 + (0.125 - 0.25 * g);
    assert_true(fabs(probability(l, x) - 1 / (1 + exp(-z))) < 1e-15);
    def->close(l);
}

/* Loss of one row as a function of the weights (two of them, then the intercept). */
static double loss(const double *w, const double *x, double y)
{
    double z = w[0] * x[0] + w[1] * x[1] + w[2];
    return log1p(exp(-(y > 0 ? z : -z)));
}

/* The weights, found from outside: P at (0,0), (1,0), (0,1). */
static void read_weights(void *l, double *w)
{
    double probe[3][2] = {{0, 0}, {1, 0}, {0, 1}}, z[3];
    for (int i = 0; i < 3; i++) {
        double p = probability(l, probe[i]);
        z[i] = log(p / (1 - p));
    }
    w[0] = z[1] - z[0];
    w[1] = z[2] - z[0];
    w[2] = z[0];
}

static void step_is_the_gradient_by_finite_differences(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(50, 2, 2, 7);
    const double lr = 0.1, h = 1e-5;
    void *l = learner_open(def, options("{lr: 0.1, intercept_lr: 0.1}"), &d);
    for (uint32_t r = 0; r < d.rows; r++) {
        double before[3], after[3];
        const double *x = d.x + (size_t)r * 2;
        read_weights(l, before);
        def->learn(l, x, 1, &d.y[r], NULL);
        read_weights(l, after);
        for (int i = 0; i < 3; i++) {
            double up[3], down[3];
            memcpy(up, before, sizeof(up));
            memcpy(down, before, sizeof(down));
            up[i] += h;
            down[i] -= h;
            double slope = (loss(up, x, d.y[r]) - loss(down, x, d.y[r])) / (2 * h);
            assert_true(fabs((before[i] - after[i]) / lr - slope) < 1e-6);
        }
    }
    def->close(l);
    learner_data_free(&d);
}

static void l2_shrinks_and_l1_zeroes(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(400, 3, 2, 3);
    for (uint32_t r = 0; r < d.rows; r++) {
        d.x[r * 3 + 2] = 0.001; /* tells nothing */
    }
    double origin[3] = {0}, axis[3] = {0, 0, 1e6};
    const char *text[] = {"{lr: 0.1, intercept_lr: 0}", "{lr: 0.1, intercept_lr: 0, l1: 0.01}"};
    double moved[2];
    for (int i = 0; i < 2; i++) {
        void *l = learner_open(def, options(text[i]), &d);
        learner_feed(def, l, &d, 0, d.rows);
        moved[i] = fabs(probability(l, axis) - probability(l, origin));
        def->close(l);
    }
    assert_true(moved[0] > 0.01);
    assert_true(moved[1] == 0); /* exactly: the penalty took the whole weight */
    double size[2];
    const char *l2[] = {"{lr: 0.1}", "{lr: 0.1, l2: 0.5}"};
    for (int i = 0; i < 2; i++) {
        void *l = learner_open(def, options(l2[i]), &d);
        learner_feed(def, l, &d, 0, d.rows);
        double at[3] = {1, 0, 0};
        size[i] = fabs(log(1 / probability(l, at) - 1) - log(1 / probability(l, origin) - 1));
        def->close(l);
    }
    assert_true(size[1] < 0.5 * size[0]);
    learner_data_free(&d);
}

static void gradient_is_clipped_and_weighted(void **state)
{
    (void)state;
    struct learner_data d = {.columns = 1};
    double x = 1, yes = 1, three = 3, zero = 0;
    void *a = learner_open(def, options("{lr: 1, intercept_lr: 0, clip_gradient: 0.125}"), &d);
    def->learn(a, &x, 1, &yes, NULL);
    assert_true(fabs(probability(a, &x) - 1 / (1 + exp(-0.125))) < 1e-15);
    def->close(a);
    void *b = learner_open(def, options("{lr: 1, intercept_lr: 0}"), &d);
    def->learn(b, &x, 1, &yes, &zero);
    assert_true(probability(b, &x) == 0.5);
    def->learn(b, &x, 1, &yes, &three);
    assert_true(fabs(probability(b, &x) - 1 / (1 + exp(-1.5))) < 1e-15);
    def->close(b);
}

static void far_scores_are_certain(void **state)
{
    (void)state;
    struct learner_data d = {.columns = 1};
    void *l = learner_open(def, options("{intercept_init: 31}"), &d);
    double x = 0;
    assert_true(probability(l, &x) == 1);
    def->close(l);
    l = learner_open(def, options("{intercept_init: -31}"), &d);
    assert_true(probability(l, &x) == 0);
    def->close(l);
}

static void l1_and_l2_exclude_each_other(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(def->check(options("{l1: 0.1, l2: 0.1}"), &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "l1"));
    assert_int_equal(def->check(options("{l1: 0.1}"), NULL), 0);
    err_clear(&e);
    assert_int_equal(def->check(options("{optimizer: sgb}"), &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "did you mean sgd"));
}

static void passes_what_every_learner_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(120, 5, 2, 11);
    check_learner(def, options("{lr: 0.1}"), &d);
    check_learner(def, options("{lr: 0.1, l1: 0.001}"), &d);
    learner_data_free(&d);
    d = learner_data_new(40, 64, 2, 12); /* a piece of the optimizer is 64 wide */
    check_learns_rows_one_by_one(def, options("{}"), &d);
    learner_data_free(&d);
}

static void refuses_a_snapshot_with_another_penalty(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(20, 3, 2, 5);
    struct buffer saved;
    void *a = learner_open(def, options("{l1: 0.001}"), &d),
         *b = learner_open(def, options("{}"), &d);
    learner_feed(def, a, &d, 0, d.rows);
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    def->io(a, &s);
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(def->io(b, &s), -ERR_DATA);
    buffer_done(&saved);
    def->close(a);
    def->close(b);
    learner_data_free(&d);
}

static void allocates_nothing_per_row(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(200, 20, 2, 5);
    void *l = learner_open(def, options("{}"), &d);
    double p[2];
    uint64_t before = mem_count();
    for (uint32_t r = 0; r < d.rows; r++) {
        def->predict(l, d.x + r * 20, 1, p, 2);
        def->learn(l, d.x + r * 20, 1, d.y + r, NULL);
    }
    assert_int_equal(mem_count(), before);
    def->close(l);
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_steps_by_hand),
        cmocka_unit_test(step_is_the_gradient_by_finite_differences),
        cmocka_unit_test(l2_shrinks_and_l1_zeroes),
        cmocka_unit_test(gradient_is_clipped_and_weighted),
        cmocka_unit_test(far_scores_are_certain),
        cmocka_unit_test(l1_and_l2_exclude_each_other),
        cmocka_unit_test(passes_what_every_learner_must),
        cmocka_unit_test(refuses_a_snapshot_with_another_penalty),
        cmocka_unit_test(allocates_nothing_per_row),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
