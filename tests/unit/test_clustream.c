/* clustream: places found and followed, numbers that stay, summaries that age and merge. */
#include "engine/arena.h"
#include "engine/config.h"
#include "engine/memory.h"
#include "engine/random.h"
#include "tests/support/learner_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_clustream;
static const struct learner_def *const def = &learner_clustream;

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

static void finds_places_and_keeps_their_numbers(void **state)
{
    (void)state;
    for (int seed = 0; seed < 10; seed++) {
        char text[100];
        snprintf(text, sizeof(text),
                 "{n_macro_clusters: 3, max_micro_clusters: 30, time_gap: 50, seed: %d}", seed);
        void *l = begin(text, 2);
        struct random random;
        int number[3] = {-1, -1, -1};
        random_seed(&random, (uint64_t)seed, 1);
        for (int i = 0; i < 3000; i++) {
            assert_true(i >= 50 || predict(l, 0, 0) == -1);
            learn_near(l, &random, (uint32_t)i % 3);
            for (int k = 0; k < 3 && i % 100 == 99; k++) {
                int now = predict(l, place[k][0], place[k][1]);
                assert_true(number[k] == -1 || number[k] == now);
                number[k] = now;
            }
        }
        assert_true(number[0] != number[1] && number[0] != number[2] && number[1] != number[2]);
        def->close(l);
    }
}

static void a_new_place_is_found_and_an_old_one_forgotten(void **state)
{
    (void)state;
    void *l =
        begin("{n_macro_clusters: 2, max_micro_clusters: 10, time_gap: 20, time_window: 200}", 2);
    struct random random;
    random_seed(&random, 9, 1);
    for (int i = 0; i < 500; i++) {
        learn_near(l, &random, (uint32_t)i % 2);
    }
    int first = predict(l, 0, 0), second = predict(l, 10, 0);
    assert_true(first >= 0 && second >= 0 && first != second);
    for (int i = 0; i < 1500; i++) { /* place 2 comes in place of 0 */
        learn_near(l, &random, 1 + (uint32_t)i % 2);
    }
    assert_int_equal(predict(l, 10, 0), second);
    assert_int_equal(predict(l, 0, 10), first);
    def->close(l);
}

static void constant_rows_are_one_cluster(void **state)
{
    (void)state;
    void *l = begin("{n_macro_clusters: 3, max_micro_clusters: 5, time_gap: 4}", 2);
    for (int i = 0; i < 3; i++) {
        learn(l, 4, -4);
        assert_int_equal(predict(l, 4, -4), -1); /* fewer rows than clusters, or than time_gap */
    }
    for (int i = 0; i < 300; i++) {
        learn(l, 4, -4);
        assert_int_equal(predict(l, 4, -4), 0);
        assert_int_equal(predict(l, 1e9, 0), 0);
    }
    def->close(l);
}

static void a_row_within_the_radius_joins(void **state)
{
    (void)state;
    /* Summaries at 0 and 100; rows 1 and 99 are nearer than the other summary, so they join. With
       a deviation of 0.71 the radius is 1.41: 3 does not join, and 0 and 3 merge. */
    void *l = begin("{n_macro_clusters: 2, max_micro_clusters: 2, time_gap: 1}", 2);
    learn(l, 0, 0);
    learn(l, 100, 100);
    learn(l, 1, 1);
    learn(l, 99, 99);
    int low = predict(l, 0, 0), high = predict(l, 100, 100);
    assert_true(low != high);
    assert_int_equal(predict(l, 49, 49), low); /* 0.5 against 99.5 */
    assert_int_equal(predict(l, 51, 51), high);
    learn(l, 3, 3); /* both merge to (50, 50) of four rows, 3 is a summary of its own */
    assert_int_equal(predict(l, 26, 26), low);
    assert_int_equal(predict(l, 27, 27), high);
    def->close(l);
}

static void refuses_more_clusters_than_summaries(void **state)
{
    (void)state;
    struct err e = {0};
    assert_int_equal(def->check(options("{n_macro_clusters: 5, max_micro_clusters: 4}"), &e),
                     -ERR_CONFIG);
    assert_non_null(strstr(e.text, "max_micro_clusters"));
    assert_int_equal(def->check(options("{}"), NULL), 0);
}

static void passes_what_every_clusterer_must(void **state)
{
    (void)state;
    struct learner_data d = learner_data_new(240, 3, 4, 5);
    check_learns_rows_one_by_one(
        def,
        options("{n_macro_clusters: 3, max_micro_clusters: 12, time_gap: 10, time_window: 50}"),
        &d);
    check_continues_after_load(
        def,
        options("{n_macro_clusters: 3, max_micro_clusters: 12, time_gap: 10, time_window: 50}"),
        &d);
    check_learns_rows_one_by_one(def, options("{}"), &d);
    check_continues_after_load(def, options("{}"), &d);
    d.rows = 40;
    check_refuses_damage(def, options("{n_macro_clusters: 2, max_micro_clusters: 6, time_gap: 10}"),
                         &d);
    check_refuses_damage(def, options("{max_micro_clusters: 50}"), &d);
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
        cmocka_unit_test(finds_places_and_keeps_their_numbers),
        cmocka_unit_test(a_new_place_is_found_and_an_old_one_forgotten),
        cmocka_unit_test(constant_rows_are_one_cluster),
        cmocka_unit_test(a_row_within_the_radius_joins),
        cmocka_unit_test(refuses_more_clusters_than_summaries),
        cmocka_unit_test(passes_what_every_clusterer_must),
        cmocka_unit_test(allocates_nothing_per_row),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
