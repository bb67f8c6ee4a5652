/* Regressor: test, then train; intervals; saved and loaded it goes on bit for bit. */
#include "ml/regressor.h"

#include "engine/arena.h"
#include "engine/memory.h"
#include "engine/random.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

extern const struct learner_def learner_linear_regression;

enum { ROWS = 500 };
static struct arena arena;
static const struct learner_column column[] = {{"a", false}, {"b", false}};
static double x[ROWS][2], y[ROWS];

static struct model_config config_of(bool is_batch)
{
    const struct learner_def *def = &learner_linear_regression;
    struct diags d;
    struct yaml empty = {.kind = YAML_MAP};
    void *options = arena_zalloc(&arena, def->options_size + 1);
    diags_init(&d);
    assert_int_equal(config_parse(def->options, options, &empty, "", &arena, &d), 0);
    diags_done(&d);
    return (struct model_config){
        .def = def,
        .task = LEARN_VALUES,
        .options = options,
        .column = column,
        .ncolumns = 2,
        .is_scaled = true,
        .is_batch = is_batch,
        .batch = {.window_rows = 120, .every_rows = 40, .min_rows = 30},
    };
}

static void make(void)
{
    struct random random;
    random_seed(&random, 2, 0);
    for (int i = 0; i < ROWS; i++) {
        x[i][0] = random_normal(&random);
        x[i][1] = random_normal(&random);
        y[i] = 5 + 2 * x[i][0] - x[i][1] + 0.3 * random_normal(&random);
    }
}

/* The number of rows scored. */
static int run(struct regressor *r, int from, int to)
{
    struct model_scratch scratch;
    int scored = 0;
    model_scratch_init(&scratch, r->model.config);
    for (int i = from; i < to; i++) {
        struct regressor_prediction p;
        struct value_outcome outcome;
        bool is_predicted = regressor_predict(r, x[i], &scratch, &p);
        scored += regressor_teach(r, x[i], y[i], i, is_predicted ? &p : NULL, TEACH_LEARN, &scratch,
                                  &outcome);
    }
    model_scratch_done(&scratch);
    return scored;
}

static void save(struct regressor *r, struct buffer *out)
{
    buffer_init(out);
    struct snapshot s = snapshot_saver(out);
    assert_int_equal(regressor_io(r, &s), 0);
}

static void learns_and_covers(void **state)
{
    (void)state;
    struct model_config config = config_of(false);
    struct regressor *r = regressor_new(&config, 0.8, 1);
    make();
    assert_int_equal(run(r, 0, ROWS), ROWS - 1);
    const struct value_scores *s = &r->evaluation.scores;
    assert_true(value_scores_mae(s, VALUE_LEARNER) < value_scores_mae(s, VALUE_MEAN));
    assert_true(fabs(value_scores_coverage(s) - 0.8) < 0.06);
    assert_int_equal(s->intervals, r->conformal.intervals);
    assert_true(regressor_size(r) > sizeof(*r));
    regressor_free(r);
}

static void in_batches(void **state)
{
    (void)state;
    struct model_config config = config_of(true);
    struct regressor *r = regressor_new(&config, 0.9, 1);
    make();
    assert_int_equal(run(r, 0, ROWS), ROWS - 30);
    assert_int_equal(r->model.version, 1 + (ROWS - 30) / 40);
    assert_int_equal(r->model.recent.n, 120);
    regressor_free(r);
}

static void scoring_learns_nothing(void **state)
{
    (void)state;
    struct model_config config = config_of(false);
    struct regressor *r = regressor_new(&config, 0.9, 1);
    struct model_scratch scratch;
    struct regressor_prediction before, after;
    struct value_outcome outcome;
    make();
    run(r, 0, 50);
    model_scratch_init(&scratch, &config);
    assert_true(regressor_predict(r, x[50], &scratch, &before));
    assert_true(regressor_teach(r, x[50], 1000, 50, &before, TEACH_SCORE, &scratch, &outcome));
    assert_true(regressor_predict(r, x[50], &scratch, &after));
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(r->model.rows, 50);
    assert_int_equal(r->evaluation.scores.rows, 50);
    model_scratch_done(&scratch);
    regressor_free(r);
}

static void goes_on_bit_for_bit_after_load(void **state)
{
    (void)state;
    for (int is_batch = 0; is_batch < 2; is_batch++) {
        struct model_config config = config_of(is_batch);
        struct regressor *a = regressor_new(&config, 0.9, 1), *b = regressor_new(&config, 0.9, 1);
        struct buffer half, end_a, end_b;
        make();
        run(a, 0, 217);
        save(a, &half);
        struct snapshot s = snapshot_loader(half.data, half.n);
        assert_int_equal(regressor_io(b, &s), 0);
        assert_ptr_equal(s.p, s.end);
        run(a, 217, ROWS);
        run(b, 217, ROWS);
        save(a, &end_a);
        save(b, &end_b);
        assert_int_equal(end_a.n, end_b.n);
        assert_memory_equal(end_a.data, end_b.data, end_a.n);
        for (size_t n = 0; n < half.n; n += 7) {
            struct regressor *c = regressor_new(&config, 0.9, 1);
            s = snapshot_loader(half.data, n);
            assert_int_equal(regressor_io(c, &s), -ERR_DATA);
            regressor_free(c);
        }
        buffer_done(&half);
        buffer_done(&end_a);
        buffer_done(&end_b);
        regressor_free(a);
        regressor_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_and_covers),
        cmocka_unit_test(in_batches),
        cmocka_unit_test(scoring_learns_nothing),
        cmocka_unit_test(goes_on_bit_for_bit_after_load),
    };
    arena_init(&arena);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
