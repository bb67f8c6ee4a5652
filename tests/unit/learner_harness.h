/* What the tests of learners share: options from YAML text, and learners that are asked for one
 * row. */
#ifndef KLAMM_TESTS_UNIT_LEARNER_HARNESS_H
#define KLAMM_TESTS_UNIT_LEARNER_HARNESS_H

#include "engine/arena.h"
#include "engine/config.h"
#include "engine/memory.h"
#include "tests/support/learner_check.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct arena harness_arena;
static struct diags harness_diags;

static inline int set_up(void **state)
{
    (void)state;
    arena_init(&harness_arena);
    diags_init(&harness_diags);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    arena_done(&harness_arena);
    diags_done(&harness_diags);
    return 0;
}

/* Options that the learner's table takes; they live until tear_down(). */
static inline const void *options_of(const struct learner_def *def, const char *text)
{
    struct yaml *y;
    void *out = arena_zalloc(&harness_arena, def->options_size + 1);
    assert_int_equal(yaml_parse(&y, &harness_arena, "options", text, strlen(text), &harness_diags),
                     0);
    assert_int_equal(config_parse(def->options, out, y, "options", &harness_arena, &harness_diags),
                     0);
    return out;
}

/* That check() refuses options with a message that has these words. */
static inline void assert_refused(const struct learner_def *def, const char *text,
                                  const char *words)
{
    struct err e = {0};
    assert_int_equal(def->check(options_of(def, text), &e), -ERR_CONFIG);
    if (!strstr(e.text, words)) {
        fail_msg("'%s' has no '%s'", e.text, words);
    }
}

static inline void *open_for(const struct learner_def *def, const char *text, uint32_t columns,
                             enum learner_task task)
{
    struct learner_data d = {.columns = columns, .task = task};
    return learner_open(def, options_of(def, text), &d);
}

/* What is predicted of values; of two classes, P of the second one. */
static inline double value_of(const struct learner_def *def, void *l, const double *x)
{
    double out;
    def->predict(l, x, 1, &out, 1);
    return out;
}

static inline double second_of(const struct learner_def *def, void *l, const double *x)
{
    double p[2];
    def->predict(l, x, 1, p, 2);
    assert_true(fabs(p[0] + p[1] - 1) < 1e-12);
    return p[1];
}

static inline void learn_one(const struct learner_def *def, void *l, const double *x, double y)
{
    def->learn(l, x, 1, &y, NULL);
}

/* What one learner saved, another one of other options does not take. */
static inline void assert_foreign(const struct learner_def *def, const struct learner_data *d,
                                  const char *one, const char *other)
{
    struct buffer saved;
    void *a = learner_open(def, options_of(def, one), d);
    void *b = learner_open(def, options_of(def, other), d);
    learner_feed(def, a, d, 0, d->rows);
    buffer_init(&saved);
    struct snapshot s = snapshot_saver(&saved);
    assert_int_equal(def->io(a, &s), 0);
    s = snapshot_loader(saved.data, saved.n);
    assert_int_equal(def->io(b, &s), -ERR_DATA);
    buffer_done(&saved);
    def->close(a);
    def->close(b);
}

/* Options under which features of 1e100 make weights overflow: predictions are not finite then, and
 * stay so. */
static inline void assert_diverges(const struct learner_def *def, const struct learner_data *d,
                                   const char *text)
{
    double out[CLASSES_MAX], x[64];
    void *l = learner_open(def, options_of(def, text), d);
    learner_feed(def, l, d, 0, d->rows);
    for (uint32_t r = 0; r < d->rows; r++) {
        for (uint32_t c = 0; c < d->columns; c++) {
            x[c] = 1e100 * d->x[(size_t)r * d->columns + c];
        }
        learn_one(def, l, x, d->y[r]);
    }
    for (uint32_t r = 0; r < 3; r++) {
        def->predict(l, d->x + (size_t)r * d->columns, 1, out, CLASSES_MAX);
        assert_true(!isfinite(out[0]));
        learn_one(def, l, d->x + (size_t)r * d->columns, d->y[r]);
    }
    def->close(l);
}

/* Nothing is allocated for a row, once there is room for all classes and rows. */
static inline void assert_no_allocation(const struct learner_def *def, const struct learner_data *d,
                                        const char *text)
{
    double out[CLASSES_MAX];
    void *l = learner_open(def, options_of(def, text), d);
    learner_feed(def, l, d, 0, d->rows);
    uint64_t before = mem_count();
    for (uint32_t r = 0; r < d->rows; r++) {
        def->predict(l, d->x + (size_t)r * d->columns, 1, out, CLASSES_MAX);
        def->learn(l, d->x + (size_t)r * d->columns, 1, d->y + r, NULL);
    }
    assert_int_equal(mem_count(), before);
    def->close(l);
}

#endif
