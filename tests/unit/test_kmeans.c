/* kmeans: River's steps by hand; centres found among the first rows; odd rows and options. */
#include "engine/arena.h"
#include "engine/config.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/learner_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_kmeans;
static const struct learner_def *const def = &learner_kmeans;

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

static void *begin(const char *text, uint32_t columns)
{
    const struct learner_data d = {.columns = columns};
    return learner_open(def, options(text), &d);
}

static int predict(void *l, double x, double y)
{
    double at[2] = {x, y}, out;
    def->predict(l, at, 1, &out, 1);
    return (int)out;
}

static void learn(void *l, double x, double y)
{
    double at[2] = {x, y};
    def->learn(l, at, 1, NULL, NULL);
}

/* Three places far from each other, a row near one of them. */
static const double place[3][2] = {{0, 0}, {10, 0}, {0, 10}};

static void learn_near(void *l, struct random *random, uint32_t which)
{
    learn(l, place[which][0] + 0.5 * random_normal(random),
          place[which][1] + 0.5 * random_normal(random));
}

static void steps_of_river_by_hand(void **state)
{
    (void)state;
    /* All centres begin at 1: the first of equals takes the row. */
    void *l = begin("{n_clusters: 3, init: normal, mu: 1, sigma: 0, halflife: 0.25}", 2);
    assert_int_equal(predict(l, 5, 5), 0);
    learn(l, 5, 9); /* centre 0: (2, 3) */
    assert_int_equal(predict(l, 2, 3), 0);
    assert_int_equal(predict(l, 1, 1), 1);
    assert_int_equal(predict(l, 1.49, 2), 1);
    assert_int_equal(predict(l, 1.51, 2), 0);
    learn(l, -3, 1); /* centre 1: (0, 1) */
    assert_int_equal(predict(l, 0.49, 1), 1);
    assert_int_equal(predict(l, 0.51, 1), 2);
    def->close(l);
}

static void other_powers_of_the_distance(void **state)
{
    (void)state;
    /* Centres (0, 0) and, after a row, (2.5, 3.5); (0.2, 3.4) is nearer to the first by no measure but
       the sum of the differences' hundredth powers, hence their greatest. */
    const char *text[] = {"{n_clusters: 2, init: normal, sigma: 0, p: 1}",
                          "{n_clusters: 2, init: normal, sigma: 0, p: 2}",
                          "{n_clusters: 2, init: normal, sigma: 0, p: 100}"};
    const int nearest[3][2] = {{0, 0}, {0, 1}, {0, 1}};
    for (int k = 0; k < 3; k++) {
        void *l = begin(text[k], 2);
        learn(l, 6, 2); /* centre 0: (3, 1) */
        assert_int_equal(predict(l, 2, 1), nearest[k][0]);
        /* (1.4, 1.2): to (3, 1) 1.8, 1.61, 1.6; to (0, 0) 2.6, 1.84, 1.4 */
        assert_int_equal(predict(l, 1.4, 1.2), k == 2 ? 1 : 0);
        def->close(l);
    }
}

static void halflife_0_is_the_mean_of_all_rows(void **state)
{
    (void)state;
    void *l = begin("{n_clusters: 1, init: normal, sigma: 0, halflife: 0}", 1);
    void *twice = begin("{n_clusters: 1, init: normal, sigma: 0, halflife: 0}", 1);
    struct buffer a, b;
    double x[] = {1, 2, 2, 7, -3}, w[] = {1, 2, 1, 1};
    double distinct[] = {1, 2, 7, -3};
    def->learn(l, x, 5, NULL, NULL);
    def->learn(twice, distinct, 4, NULL, w);
    buffer_init(&a);
    buffer_init(&b);
    struct snapshot s = snapshot_saver(&a), t = snapshot_saver(&b);
    assert_int_equal(def->io(l, &s), 0);
    assert_int_equal(def->io(twice, &t), 0);
    double mean, rows, other;
    memcpy(&mean, a.data + a.n - 16, 8); /* the last two: the centre and its rows */
    memcpy(&rows, a.data + a.n - 8, 8);
    memcpy(&other, b.data + b.n - 16, 8);
    assert_true(fabs(mean - 9.0 / 5) < 1e-15 && rows == 5);
    assert_true(fabs(other - mean) < 1e-15);
    buffer_done(&a);
    buffer_done(&b);
    def->close(l);
    def->close(twice);
}

static void a_weight_counts_as_so_many_rows(void **state)
{
    (void)state;
    void *one = begin("{n_clusters: 1, init: normal, halflife: 0.3}", 1);
    void *many = begin("{n_clusters: 1, init: normal, halflife: 0.3}", 1);
    double x[] = {4, 4, 4}, w[] = {3, 0};
    struct buffer a, b;
    def->learn(one, x, 2, NULL, w);
    def->learn(many, x, 3, NULL, NULL);
    buffer_init(&a);
    buffer_init(&b);
    struct snapshot s = snapshot_saver(&a), t = snapshot_saver(&b);
    assert_int_equal(def->io(one, &s), 0);
    assert_int_equal(def->io(many, &t), 0);
    double left, right;
    memcpy(&left, a.data + a.n - 16, 8);
    memcpy(&right, b.data + b.n - 16, 8);
    assert_true(fabs(left - right) < 1e-14);
    buffer_done(&a);
    buffer_done(&b);
    def->close(one);
    def->close(many);
}

static void finds_clusters_among_the_first_rows(void **state)
{
    (void)state;
    for (int seed = 0; seed < 20; seed++) {
        char text[100];
        snprintf(text, sizeof(text), "{n_clusters: 3, init_size: 60, seed: %d}", seed);
        void *l = begin(text, 2);
        struct random random;
        random_seed(&random, (uint64_t)seed, 1);
        for (int i = 0; i < 60; i++) {
            assert_int_equal(predict(l, 0, 0), -1);
            learn_near(l, &random, (uint32_t)i % 3);
        }
        int number[3], moved[3];
        for (int k = 0; k < 3; k++) {
            number[k] = predict(l, place[k][0], place[k][1]);
            assert_in_range(number[k], 0, 2);
        }
        assert_true(number[0] != number[1] && number[0] != number[2] && number[1] != number[2]);
        for (int i = 0; i < 3000; i++) { /* numbers stay */
            learn_near(l, &random, random_below(&random, 3));
        }
        for (int k = 0; k < 3; k++) {
            moved[k] = predict(l, place[k][0], place[k][1]);
        }
        assert_memory_equal(number, moved, sizeof(number));
        def->close(l);
    }
}

static void fewer_rows_and_values_than_clusters(void **state)
{
    (void)state;
    void *l = begin("{n_clusters: 7, init_size: 3}", 2);
    for (int i = 0; i < 6; i++) {
        learn(l, 2, 2);
        assert_int_equal(predict(l, 2, 2), -1); /* n_clusters rows are kept at least */
    }
    for (int i = 0; i < 100; i++) {
        learn(l, 2, 2);
        assert_int_equal(predict(l, 2, 2), 0);
    }
    learn(l, 8, 8);
    assert_int_equal(predict(l, 2, 2), 1); /* the first one has moved away */
    def->close(l);
}

static void passes_what_every_clusterer_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(240, 3, 4, 5);
    check_learns_rows_one_by_one(def, options("{n_clusters: 3, init_size: 50}"), &d);
    check_continues_after_load(def, options("{n_clusters: 3, init_size: 50}"), &d);
    check_learns_rows_one_by_one(def, options("{init: normal, p: 1.5}"), &d);
    check_continues_after_load(def, options("{init: normal, p: 1.5}"), &d);
    check_learns_rows_one_by_one(def, options("{init_size: 200}"), &d);
    check_continues_after_load(def, options("{init_size: 200}"), &d);
    check_learns_rows_one_by_one(def, options("{halflife: 0}"), &d);
    check_continues_after_load(def, options("{halflife: 0}"), &d);
    d.rows = 40;
    check_refuses_damage(def, options("{n_clusters: 3, init_size: 30}"), &d);
    check_refuses_damage(def, options("{n_clusters: 3, init_size: 90}"), &d);
    learner_data_free(&d);
}

static void allocates_nothing_per_row(void **state)
{
    (void)state;
    void *l = begin("{}", 2);
    struct random random;
    random_seed(&random, 3, 1);
    for (int i = 0; i < 200; i++) {
        learn_near(l, &random, random_below(&random, 3));
    }
    uint64_t before = mem_count();
    for (int i = 0; i < 2000; i++) {
        learn_near(l, &random, random_below(&random, 3));
        predict(l, i % 10, 3);
    }
    assert_int_equal(mem_count(), before);
    assert_true(def->size(l) > 100);
    def->close(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_of_river_by_hand),
        cmocka_unit_test(other_powers_of_the_distance),
        cmocka_unit_test(halflife_0_is_the_mean_of_all_rows),
        cmocka_unit_test(a_weight_counts_as_so_many_rows),
        cmocka_unit_test(finds_clusters_among_the_first_rows),
        cmocka_unit_test(fewer_rows_and_values_than_clusters),
        cmocka_unit_test(passes_what_every_clusterer_must),
        cmocka_unit_test(allocates_nothing_per_row),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
