/* Models of klamm_ml.h for its tests: one of each algorithm, fed with rows or values that suit it.
 * cmocka assertions inside.
 */
#ifndef KLAMM_TESTS_UNIT_KLAMM_ML_HARNESS_H
#define KLAMM_TESTS_UNIT_KLAMM_ML_HARNESS_H

#include "engine/random.h"
#include "ml/klamm_ml.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define FEATURES  3
#define STRIDE    192
#define RIG_TASKS 6

static const char *const rig_tasks[RIG_TASKS] = {"classify", "regress",  "cluster",
                                                 "detect",   "forecast", "drift"};

/* What is given beside the name, small enough for the sanitizers. */
static inline const char *rig_options(const char *algorithm)
{
    static const char *const given[][2] = {
        {"residual", "{forecaster: naive}"},
        {"adaptive_random_forest", "{n_models: 3, grace_period: 20}"},
        {"random_forest", "{n_models: 3}"},
        {"mlp", "{hidden_layer_sizes: [4]}"},
        {"lstm", "{hidden: 4, window: 12, epochs: 2}"},
        {"random_cut_forest", "{n_trees: 5}"},
        {"half_space_trees", "{window_size: 50}"},
    };
    for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
        if (strcmp(given[i][0], algorithm) == 0) {
            return given[i][1];
        }
    }
    return NULL;
}

static inline const char *rig_settings(const char *task, const char *algorithm)
{
    if (strcmp(task, "forecast") == 0) {
        return "{horizons: [1, 3], season: 12, every: 1m}";
    }
    if (strcmp(task, "drift") == 0) {
        return NULL;
    }
    if (strcmp(algorithm, "random_forest") == 0 || strcmp(algorithm, "isolation_forest") == 0) {
        return "{learn: {batch: {window: 60, every: 40, min_rows: 40}}}";
    }
    if (strcmp(task, "regress") == 0) {
        return "{coverage: 0.8, scale: standard}";
    }
    return strcmp(task, "detect") == 0 ? "{warm_up: 20}" : "{scale: standard}";
}

static inline struct klamm_ml_setup rig_setup(const char *task, const char *algorithm)
{
    bool has_rows = strcmp(task, "forecast") != 0 && strcmp(task, "drift") != 0;
    return (struct klamm_ml_setup){
        .task = task,
        .algorithm = algorithm,
        .options = rig_options(algorithm),
        .settings = rig_settings(task, algorithm),
        .features = has_rows ? FEATURES : 0,
        .seed = 7,
    };
}

static inline struct klamm_ml *rig_new(const struct klamm_ml_setup *setup)
{
    struct klamm_ml *m;
    struct klamm_ml_error e = {0};
    int status = klamm_ml_new(&m, setup, &e);
    if (status < 0) {
        fail_msg("%s %s: %s", setup->task, setup->algorithm, e.text);
    }
    return m;
}

/* Row i of classes 0 and 1 around two centres; of a value; of a series with a season of 12. */
static inline double rig_row(int i, double *x)
{
    struct random r;
    random_seed(&r, (uint64_t)i, 1);
    int class = random_unit(&r) < 0.4;
    for (int c = 0; c < FEATURES; c++) {
        x[c] = 3 * class + c + random_unit(&r);
    }
    return class;
}

static inline double rig_value(int i)
{
    double x[FEATURES];
    rig_row(i, x);
    return 10 + 3 * sin(i * 6.283185307179586 / 12) + x[0] / 10;
}

/* One row or value; out has STRIDE doubles. */
static inline void rig_step(struct klamm_ml *m, const char *task, int i, double *out)
{
    double x[FEATURES], y = rig_row(i, x);
    struct klamm_ml_error e = {0};
    int status = 0;
    if (strcmp(task, "regress") == 0) {
        y = x[0] - 2 * x[1];
    }
    if (strcmp(task, "forecast") == 0) {
        status = klamm_ml_add(m, i * 60000, rig_value(i), &e);
        assert_true(status == 1);
        status = klamm_ml_forecast(m, out, STRIDE, &e);
    } else if (strcmp(task, "drift") == 0) {
        status = klamm_ml_watch(m, i < 60 ? 0 : y, &e);
        out[0] = status;
    } else {
        bool has_target = strcmp(task, "classify") == 0 || strcmp(task, "regress") == 0;
        status = klamm_ml_predict_learn(m, x, has_target ? &y : NULL, 1, out, STRIDE, &e);
    }
    if (status < 0) {
        fail_msg("%s: %s", task, e.text);
    }
}

static inline void rig_feed(struct klamm_ml *m, const char *task, int from, int to)
{
    double out[STRIDE];
    for (int i = from; i < to; i++) {
        rig_step(m, task, i, out);
    }
}

/* They say the same, bit for bit. */
static inline void rig_assert_same(struct klamm_ml *a, struct klamm_ml *b)
{
    void *p, *q;
    size_t n, k;
    assert_int_equal(klamm_ml_save(a, &p, &n, NULL), 0);
    assert_int_equal(klamm_ml_save(b, &q, &k, NULL), 0);
    assert_int_equal(n, k);
    assert_memory_equal(p, q, n);
    klamm_ml_release(p);
    klamm_ml_release(q);
}

#endif
