/* dbstream: leaders, what joins them, numbers over meetings and partings, fading, its bound. */
#include "engine/arena.h"
#include "engine/config.h"
#include "engine/random.h"
#include "tests/support/learner_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_dbstream;
static const struct learner_def *const def = &learner_dbstream;

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

/* Three places far from each other. */
static const double place[3][2] = {{0, 0}, {10, 0}, {0, 10}};

static void a_row_far_from_all_is_a_cluster(void **state)
{
    (void)state;
    void *l = begin("{}", 2);
    assert_int_equal(predict(l, 0, 0), -1);
    learn(l, 0, 0);
    assert_int_equal(predict(l, 50, 50), 0);
    learn(l, 5, 0);
    assert_int_equal(predict(l, 2.4, 0), 0);
    assert_int_equal(predict(l, 2.6, 0), 1);
    def->close(l);
}

static void noise_is_no_cluster(void **state)
{
    (void)state;
    void *l = begin("{minimum_weight: 3, fading_factor: 0.001}", 2);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(predict(l, 0, 0), -1);
        learn(l, 0, 0);
    }
    assert_int_equal(predict(l, 0, 0), -1); /* 1 + 1 + 1, faded a little */
    learn(l, 0, 0);
    assert_int_equal(predict(l, 0, 0), 0);
    learn(l, 9, 9);
    assert_int_equal(predict(l, 9, 9), 0); /* the nearest strong one */
    def->close(l);
}

static void rows_between_join_and_the_heavier_number_stays(void **state)
{
    (void)state;
    /* Leaders at 0 and 1.5 of radius 1; rows at 0.75 fall to both. */
    void *l = begin("{fading_factor: 0.0001, cleanup_interval: 1000}", 2);
    for (int i = 0; i < 20; i++) {
        learn(l, 0, 0);
    }
    for (int i = 0; i < 40; i++) {
        learn(l, 1.5, 0);
    }
    assert_int_equal(predict(l, 0, 0), 0);
    assert_int_equal(predict(l, 1.5, 0), 1);
    for (int i = 0; i < 40; i++) {
        learn(l, 0.75, i % 2 ? 0.3 : -0.3);
    }
    assert_int_equal(predict(l, 0, 0), 1);
    assert_int_equal(predict(l, 1.5, 0), 1);
    /* A hundred rows of their own part them again: the heavier keeps 1, the other gets 0. */
    for (int i = 0; i < 300; i++) {
        learn(l, i % 3 ? 1.8 : -0.3, 0);
    }
    assert_int_equal(predict(l, -0.3, 0), 0);
    assert_int_equal(predict(l, 1.8, 0), 1);
    def->close(l);
}

static void joins_over_others(void **state)
{
    (void)state;
    /* A chain of leaders with rows between all of them: one cluster, however long. */
    void *l = begin("{fading_factor: 0.0001, intersection_factor: 0.1}", 2);
    struct random random;
    random_seed(&random, 2, 1);
    for (int i = 0; i < 5000; i++) {
        learn(l, 12 * random_unit(&random), 0);
        learn(l, 30 + 3 * random_unit(&random), 0);
    }
    int number = predict(l, 0, 0), other = predict(l, 31, 0);
    assert_true(number >= 0 && other >= 0 && number != other);
    for (double x = 0; x <= 12; x += 0.5) {
        assert_int_equal(predict(l, x, 0), number);
    }
    def->close(l);
}

static void what_gets_no_rows_goes(void **state)
{
    (void)state;
    void *l = begin("{fading_factor: 0.1, cleanup_interval: 5}", 2);
    for (int i = 0; i < 10; i++) {
        learn(l, 0, 0);
        learn(l, 20, 0);
    }
    assert_true(predict(l, 0, 0) != predict(l, 20, 0));
    uint64_t size = def->size(l);
    for (int i = 0; i < 200; i++) {
        learn(l, 20, 0);
    }
    assert_int_equal(predict(l, 0, 0), predict(l, 20, 0));
    assert_true(def->size(l) == size);
    def->close(l);
}

static void numbers_stay_while_places_move(void **state)
{
    (void)state;
    void *l = begin("{clustering_threshold: 1.5}", 2);
    struct random random;
    random_seed(&random, 4, 1);
    int number[3] = {0};
    for (int i = 0; i < 6000; i++) {
        uint32_t k = random_below(&random, 3);
        double shift = i * 0.001;
        learn(l, place[k][0] + shift + 0.4 * random_normal(&random),
              place[k][1] + shift + 0.4 * random_normal(&random));
        for (int j = 0; j < 3 && i >= 500; j++) {
            int now = predict(l, place[j][0] + shift, place[j][1] + shift);
            assert_true(i == 500 || now == number[j]);
            number[j] = now;
        }
    }
    assert_true(number[0] != number[1] && number[0] != number[2] && number[1] != number[2]);
    def->close(l);
}

static void has_no_more_leaders_than_told(void **state)
{
    (void)state;
    void *l = begin("{max_micro_clusters: 8, fading_factor: 0.0001, cleanup_interval: 100000}", 2);
    for (int i = 0; i < 2000; i++) {
        learn(l, 3 * i, 0);
        assert_in_range(predict(l, 3 * i, 0), 0, 7);
    }
    assert_true(def->size(l) < 5000);
    def->close(l);
}

static void constant_rows_are_one_cluster(void **state)
{
    (void)state;
    void *l = begin("{}", 2);
    for (int i = 0; i < 1000; i++) {
        learn(l, 4, -4);
        assert_int_equal(predict(l, 4, -4), 0);
    }
    def->close(l);
}

static void another_minimum_weight_applies_after_a_load(void **state)
{
    (void)state;
    void *a = begin("{minimum_weight: 5}", 2), *b = begin("{minimum_weight: 1}", 2);
    struct buffer saved;
    learn(a, 0, 0);
    assert_int_equal(predict(a, 0, 0), -1);
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    assert_int_equal(def->io(a, &s), 0);
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(def->io(b, &s), 0);
    assert_int_equal(predict(b, 0, 0), 0);
    buffer_done(&saved);
    def->close(a);
    def->close(b);
}

static void passes_what_every_clusterer_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(240, 3, 4, 5);
    check_learns_rows_one_by_one(def, options("{}"), &d);
    check_continues_after_load(def, options("{}"), &d);
    check_learns_rows_one_by_one(def,
                                 options("{clustering_threshold: 1.5, fading_factor: 0.02, "
                                         "cleanup_interval: 7, minimum_weight: 2}"),
                                 &d);
    check_continues_after_load(def,
                               options("{clustering_threshold: 1.5, fading_factor: 0.02, "
                                       "cleanup_interval: 7, minimum_weight: 2}"),
                               &d);
    check_learns_rows_one_by_one(
        def, options("{clustering_threshold: 0.5, max_micro_clusters: 20}"), &d);
    check_continues_after_load(def, options("{clustering_threshold: 0.5, max_micro_clusters: 20}"),
                               &d);
    d.rows = 40;
    check_refuses_damage(def, options("{clustering_threshold: 1.5, fading_factor: 0.02}"), &d);
    learner_data_free(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_far_from_all_is_a_cluster),
        cmocka_unit_test(noise_is_no_cluster),
        cmocka_unit_test(rows_between_join_and_the_heavier_number_stays),
        cmocka_unit_test(joins_over_others),
        cmocka_unit_test(what_gets_no_rows_goes),
        cmocka_unit_test(numbers_stay_while_places_move),
        cmocka_unit_test(has_no_more_leaders_than_told),
        cmocka_unit_test(constant_rows_are_one_cluster),
        cmocka_unit_test(another_minimum_weight_applies_after_a_load),
        cmocka_unit_test(passes_what_every_clusterer_must),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
