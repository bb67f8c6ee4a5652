/* Optimizers: read from a name or a map; each step is its formula; in pieces as in one. */
#include "engine/arena.h"
#include "ml/optimizer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

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

static int read_text(struct optimizer *o, const char *text, double lr, struct err *e)
{
    struct diags d;
    struct yaml *y;
    diags_init(&d);
    assert_int_equal(yaml_parse(&y, &arena, "optimizer", text, strlen(text), &d), 0);
    diags_done(&d);
    return optimizer_read(o, y, lr, "sgd", e);
}

static void are_read_from_a_name_or_a_map(void **state)
{
    (void)state;
    struct optimizer o;
    assert_int_equal(optimizer_read(&o, NULL, NAN, "adam", NULL), 0);
    assert_string_equal(o.def->name, "adam");
    assert_true(o.option[0] == 0.1 && o.option[1] == 0.9 && o.option[2] == 0.999);
    assert_int_equal(read_text(&o, "adagrad", 0.5, NULL), 0);
    assert_string_equal(o.def->name, "adagrad");
    assert_true(o.option[0] == 0.5 && o.option[1] == 1e-8);
    assert_int_equal(read_text(&o, "{name: ftrl, alpha: 0.3, l1: 2}", NAN, NULL), 0);
    assert_true(o.option[0] == 0.3 && o.option[1] == 1 && o.option[2] == 2 && o.option[3] == 1);
    assert_int_equal(read_text(&o, "sgd", NAN, NULL), 0);
    assert_true(o.option[0] == 0.01);
}

static void are_refused_with_a_hint(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"sdg", "did you mean sgd"},
        {"rmsprop_of_old", "there are sgd, adam, adagrad and ftrl"},
        {"{lr: 0.1}", "a map with one"},
        {"[sgd]", "a map with one"},
        {"{name: sgd, momentum: 0.9}", "sgd has no option 'momentum'"},
        {"{name: adam, beta_1: 1}", "beta_1 is a number from 0"},
        {"{name: adam, eps: tiny}", "eps is a number"},
        {"{name: adam, lr: -1}", "lr is a number"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct optimizer o;
        struct err e = {0};
        assert_int_equal(read_text(&o, cases[i][0], NAN, &e), -ERR_CONFIG);
        if (!strstr(e.text, cases[i][1])) {
            fail_msg("'%s' has no '%s'", e.text, cases[i][1]);
        }
    }
    struct optimizer o;
    struct err e = {0};
    assert_int_equal(read_text(&o, "{name: sgd, lr: 1}", 2, &e), -ERR_CONFIG);
    assert_non_null(strstr(e.text, "twice"));
    assert_int_equal(read_text(&o, "sgd", -2, NULL), -ERR_CONFIG);
}

/* Two steps of each, worked out here weight by weight. */
static void steps_are_their_formulas(void **state)
{
    (void)state;
    const double g[2][3] = {{0.5, -1, 0}, {0.25, 2, 0}};
    struct optimizer o;
    for (int k = 0; k < 4; k++) {
        static const char *const names[] = {"sgd", "adam", "adagrad", "ftrl"};
        assert_int_equal(read_text(&o, names[k], 0.1, NULL), 0);
        double w[3] = {1, 2, 3}, slot[6] = {0};
        for (int t = 0; t < 2; t++) {
            optimizer_step(&o, optimizer_rate(&o, t), w, g[t], slot, 3, 3);
        }
        for (int i = 0; i < 3; i++) {
            double v = i + 1, a = g[0][i], b = g[1][i];
            if (k == 0) {
                v -= 0.1 * a + 0.1 * b;
            } else if (k ==
                       1) { /* in the first step both corrections undo the weights of a and a^2 */
                v -= 0.1 * a / (fabs(a) + 1e-8 / sqrt(0.001));
                double mean = (0.09 * a + 0.1 * b) / (1 - 0.81);
                double square = (0.000999 * a * a + 0.001 * b * b) / (1 - 0.998001);
                v -= 0.1 * mean / (sqrt(square) + 1e-8 / sqrt(1 - 0.998001));
            } else if (k == 2) {
                v -= 0.1 * a / sqrt(a * a + 1e-8);
                v -= 0.1 * b / sqrt(a * a + b * b + 1e-8);
            } else { /* z of the first step moves w in the second */
                double z = a - fabs(a) / 0.1 * v;
                v = fabs(z) > 0 ? -z / ((1 + fabs(a)) / 0.1 + 1) : v;
            }
            assert_true(fabs(w[i] - v) < 1e-12);
        }
    }
}

static void pieces_are_the_whole(void **state)
{
    (void)state;
    static const char *const names[] = {"sgd", "adam", "adagrad", "ftrl"};
    for (int k = 0; k < 4; k++) {
        struct optimizer o;
        assert_int_equal(read_text(&o, names[k], NAN, NULL), 0);
        double w[5] = {1, 2, 3, 4, 5}, v[5] = {1, 2, 3, 4, 5}, one[10] = {0}, two[10] = {0};
        for (int t = 0; t < 5; t++) {
            const double g[5] = {0.5 * t, -1, 0, 3, 1e-3};
            double rate = optimizer_rate(&o, t);
            optimizer_step(&o, rate, w, g, one, 5, 5);
            optimizer_step(&o, rate, v, g, two, 5, 3);
            optimizer_step(&o, rate, v + 3, g + 3, two + 3, 5, 2);
        }
        assert_memory_equal(w, v, sizeof(w));
        assert_memory_equal(one, two, o.def->slots * 5 * sizeof(double));
    }
}

static void adam_has_its_full_rate_in_the_end(void **state)
{
    (void)state;
    struct optimizer o;
    assert_int_equal(read_text(&o, "adam", 0.1, NULL), 0);
    double just_before = optimizer_rate(&o, 39998), after = optimizer_rate(&o, 40001);
    assert_true(just_before == 0.1 && after == 0.1);
    assert_true(optimizer_rate(&o, INT64_C(1) << 62) == 0.1);
    assert_true(fabs(optimizer_rate(&o, 0) - 0.1 * sqrt(0.001) / 0.1) < 1e-15);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(are_read_from_a_name_or_a_map),
        cmocka_unit_test(are_refused_with_a_hint),
        cmocka_unit_test(steps_are_their_formulas),
        cmocka_unit_test(pieces_are_the_whole),
        cmocka_unit_test(adam_has_its_full_rate_in_the_end),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
