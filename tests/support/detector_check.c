/* Checks that every detector passes; see the header. */
#include "tests/support/detector_check.h"

#include "engine/arena.h"
#include "engine/memory.h"
#include "tests/support/learner_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena arena;
static struct diags diags;

int detector_set_up(void **state)
{
    (void)state;
    arena_init(&arena);
    diags_init(&diags);
    return 0;
}

int detector_tear_down(void **state)
{
    (void)state;
    arena_done(&arena);
    diags_done(&diags);
    return 0;
}

const void *detector_options(const struct learner_def *def, const char *text)
{
    struct yaml *y;
    void *out = arena_zalloc(&arena, def->options_size);
    assert_int_equal(yaml_parse(&y, &arena, "options", text, strlen(text), &diags), 0);
    assert_int_equal(config_parse(def->options, out, y, "options", &arena, &diags), 0);
    return out;
}

const char *detector_refusal(const struct learner_def *def, const char *text)
{
    static struct err e;
    err_clear(&e);
    int status = def->check(detector_options(def, text), &e);
    assert_true(status == 0 || status == -ERR_CONFIG);
    return status == 0 ? NULL : e.text;
}

void *detector_open(const struct learner_def *def, const char *options, uint32_t columns)
{
    struct learner_column *column = arena_zalloc(&arena, columns * sizeof(*column));
    for (uint32_t i = 0; i < columns; i++) {
        char *name = arena_zalloc(&arena, 12);
        snprintf(name, 12, "f%u", i);
        column[i].name = name;
    }
    struct learner_setup setup = {
        .task = LEARN_SCORES,
        .options = detector_options(def, options),
        .column = column,
        .ncolumns = columns,
        .seed = 42,
    };
    void *l = def->open(&setup);
    assert_non_null(l);
    return l;
}

double detector_score(const struct learner_def *def, void *l, const double *x)
{
    double score;
    def->predict(l, x, 1, &score, 1);
    return score;
}

void detector_repeat(const struct learner_def *def, void *l, double x, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        def->learn(l, &x, 1, NULL, NULL);
    }
}

/* Whatever the rows: scores are finite, or NaN at first; once there, they stay. */
static void check_odd_rows(const struct learner_def *def, const char *options)
{
    const double odd[] = {0, 1e150, -1e150, 1e-300, -0.0, 1, 1e15, -1e149};
    void *l = detector_open(def, options, 2);
    double score = NAN;
    for (uint32_t i = 0; i < 2000; i++) {
        double x[2] = {i < 500 ? 3 : odd[i * 7 % 8], i < 1000 ? -2 : odd[i / 3 % 8]};
        double before = score;
        score = detector_score(def, l, x);
        assert_true(isnan(score) ? isnan(before) : isfinite(score));
        assert_true(memcmp(&score, &(double){detector_score(def, l, x)}, sizeof(score)) == 0);
        def->learn(l, x, 1, NULL, NULL);
    }
    assert_true(isfinite(score));
    def->close(l);
}

/* Nothing is allocated per row: what there is grows by steps, if at all. */
static void check_memory(const struct learner_def *def, const char *options,
                         const struct learner_data *d)
{
    void *l = detector_open(def, options, d->columns);
    uint64_t before = 0;
    for (uint32_t r = 0; r < 2 * d->rows; r++) {
        const double *x = d->x + (size_t)(r % d->rows) * d->columns;
        before = r == d->rows ? mem_count() : before;
        detector_score(def, l, x);
        def->learn(l, x, 1, NULL, NULL);
    }
    assert_true(mem_count() - before < d->rows / 2);
    assert_true(!def->size || (def->size(l) > 0 && def->size(l) < 100000000));
    def->close(l);
}

void check_detector(const struct learner_def *def, const char *options)
{
    const void *parsed = detector_options(def, options);
    struct learner_data d = learner_data_new(150, 3, 2, 17);
    d.x[20 * 3] = d.x[21 * 3] = 1e150;
    memcpy(d.x + 40 * 3, d.x + 39 * 3, 3 * sizeof(double));
    check_learns_rows_one_by_one(def, parsed, &d);
    check_continues_after_load(def, parsed, &d);
    check_memory(def, options, &d);
    d.rows = 60;
    check_refuses_damage(def, parsed, &d);
    learner_data_free(&d);
    check_odd_rows(def, options);
}
